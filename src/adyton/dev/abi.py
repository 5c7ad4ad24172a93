"""Calldata for the few functions of the official contracts that this world calls.

The node itself never builds calldata from a signature; only somebody who asks it something does.
"""

from __future__ import annotations

from sha3 import keccak_256

Argument = int | bytes | str
WORD = 32


def keccak(data: bytes) -> bytes:
    """Ethereum's Keccak-256."""
    digest: bytes = keccak_256(data).digest()
    return digest


def address_word(address: str) -> bytes:
    """An address as a word."""
    return bytes.fromhex(address.removeprefix("0x")).rjust(WORD, b"\0")


def encode(types: list[str], values: list[Argument]) -> bytes:
    """ABI encoding of ``values``: static types in place, ``bytes`` and ``string`` behind the words, with an offset to each."""
    heads: list[bytes] = []
    tails: list[bytes] = []
    for kind, value in zip(types, values, strict=True):
        if kind in ("bytes", "string"):
            heads.append((len(types) * WORD + sum(map(len, tails))).to_bytes(WORD, "big"))
            tails.append(_dynamic(value))
        else:
            heads.append(_static(kind, value))
    return b"".join(heads + tails)


def call(signature: str, *values: Argument) -> str:
    """Calldata, ``0x`` hex: the selector of ``signature`` such as ``transfer(address,uint256)`` and its arguments."""
    types = [kind for kind in signature[signature.index("(") + 1 : -1].split(",") if kind]
    return "0x" + (keccak(signature.encode())[:4] + encode(types, list(values))).hex()


def _static(kind: str, value: Argument) -> bytes:
    if isinstance(value, int):
        return value.to_bytes(WORD, "big")
    if kind == "address":
        return address_word(str(value))
    return _raw(value).ljust(WORD, b"\0")  # bytes4, bytes32: to the left


def _dynamic(value: Argument) -> bytes:
    raw = _raw(value)
    return len(raw).to_bytes(WORD, "big") + raw + b"\0" * (-len(raw) % WORD)


def _raw(value: Argument) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
