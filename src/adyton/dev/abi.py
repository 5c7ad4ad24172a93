"""Calldata for the few functions of the official contracts that this world calls.

The node itself never builds calldata from a signature; only somebody who asks it something does.
"""

from __future__ import annotations

from adyton.domain import evm

Argument = int | bytes | str
WORD = 32


def address_word(address: str) -> bytes:
    """An address as a word."""
    return bytes.fromhex(address.removeprefix("0x")).rjust(WORD, b"\0")


def encode(types: list[str], values: list[Argument]) -> bytes:
    """ABI encoding of ``values``: static types in place, ``bytes`` and ``string`` behind the words, with an offset to each."""
    heads: list[bytes] = []
    tails: list[bytes] = []
    for kind, value in zip(types, values, strict=True):
        if kind in ("bytes", "string"):
            heads.append(evm.unsigned_word(len(types) * WORD + sum(map(len, tails))))
            tails.append(evm.dynamic_bytes(_raw(value)))
        else:
            heads.append(_static(kind, value))
    return b"".join(heads + tails)


def call(signature: str, *values: Argument) -> str:
    """Calldata, ``0x`` hex: the selector of ``signature`` such as ``transfer(address,uint256)`` and its arguments."""
    types = [kind for kind in signature[signature.index("(") + 1 : -1].split(",") if kind]
    return "0x" + (evm.selector(signature) + encode(types, list(values))).hex()


def _static(kind: str, value: Argument) -> bytes:
    if isinstance(value, int):
        return evm.unsigned_word(value)
    if kind == "address":
        return address_word(str(value))
    return _raw(value).ljust(WORD, b"\0")  # bytes4, bytes32: to the left


def _raw(value: Argument) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
