"""Why a contract refused: from the bytes that a revert leaves, and from the forms in which nodes hand them over."""

from __future__ import annotations

import re
from typing import Any

from adyton.domain.chain import Hex
from adyton.ethereum.errors import RpcError

ERROR = "08c379a0"
"""Selector of Error(string)."""
PANIC = "4e487b71"
"""Selector of Panic(uint256)."""
LONGEST = 500
"""Characters of a reason that are kept: it is a stranger's text and ends up in the database and in front of people."""
PANICS = {
    0x00: "generic",
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division by zero",
    0x21: "value outside an enum",
    0x22: "badly encoded storage byte array",
    0x31: "pop from an empty array",
    0x32: "index out of bounds",
    0x41: "too much memory",
    0x51: "call of an uninitialised function",
}

_HEX = re.compile(r"0x(?:[0-9a-f]{2})*", re.IGNORECASE)
_HASH_LENGTH = 66


def revert_reason(data: Hex) -> str:
    """The reason inside the bytes of a revert: the text of Error(string), a Panic with its meaning, a custom error's selector;
    "" if there are no bytes, the bytes themselves (cut) if they are of no known form."""
    try:
        body = bytes.fromhex(data.removeprefix("0x"))
    except ValueError:
        return _shown(data)
    selector, rest = body[:4].hex(), body[4:]
    text = _text(rest) if selector == ERROR else None
    if text is not None:
        return _shown(text)
    if selector == PANIC and len(rest) >= 32:
        return _panic(int.from_bytes(rest[:32], "big"))
    if len(body) >= 4 and len(rest) % 32 == 0:
        return _shown(f"custom error 0x{selector}" + (f" with data 0x{rest.hex()}" if rest else ""))
    return _shown(f"0x{body.hex()}") if body else ""


def revert_data(error: RpcError) -> Hex | None:
    """The revert's bytes in an error answer, None if it holds none (then it may not be a revert at all).

    geth, Erigon, Besu, Reth and anvil put the bytes into ``data``; Nethermind and OpenEthereum write ``Reverted 0x...`` there;
    Hardhat and Ganache nest them in objects.
    """
    found = _search(error.data, depth=3)
    return None if found is None else found.lower()


def revert_text(error: RpcError) -> str:
    """The best that an error answer says about why: its revert's reason, otherwise the node's own words."""
    data = revert_data(error)
    return (revert_reason(data) if data is not None else "") or _shown(error.message)


def _text(body: bytes) -> str | None:
    """A string encoded as the only argument; None if offset or length lie outside."""
    offset = int.from_bytes(body[:32], "big")
    start = offset + 32
    if len(body) < 64 or start > len(body):
        return None
    length = int.from_bytes(body[offset:start], "big")
    return body[start : start + length].decode(errors="replace") if start + length <= len(body) else None


def _panic(code: int) -> str:
    return f"panic 0x{code:02x}: {PANICS.get(code, 'unknown')}" if code < 2**16 else f"panic 0x{code:x}"


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in text[:LONGEST])


def _search(data: Any, depth: int) -> str | None:
    if isinstance(data, str):
        found = _HEX.search(data)
        return found.group() if found and data.endswith(found.group()) else None
    if not isinstance(data, dict) or depth == 0:
        return None
    inner = [data[key] for key in ("data", "result", "return", "originalError") if key in data]
    inner += [value for key, value in data.items() if isinstance(key, str) and len(key) == _HASH_LENGTH]
    return next((text for value in inner if (text := _search(value, depth - 1)) is not None), None)
