"""What the data of a transaction says, where it calls a function of the official contracts that a node calls.

The functions are those of Oracle, Operator, Coordinator and LinkToken as they were published; a selector is worked out from the
signature. Pure.
"""

from __future__ import annotations

from functools import cache

import msgspec

from adyton.domain import evm
from adyton.domain.chain import Hex

WORD = 32
_ASKED = "bytes32 requestId,uint256 payment,address callback,bytes4 callbackFunction,uint256 expiration"
_SIGNATURES = (
    f"fulfillOracleRequest({_ASKED},bytes32 data)",
    f"fulfillOracleRequest2({_ASKED},bytes data)",
    "fulfillOracleRequest(bytes32 requestId,bytes32 data)",
    "fulfillData(uint256 internalId,bytes32 data)",
    "withdraw(address recipient,uint256 amount)",
    "transfer(address to,uint256 value)",
    "submit(uint256 roundId,int256 submission)",
)


class Argument(msgspec.Struct, frozen=True):
    """An argument of a call: its name, its type, and its value as text (digits, or 0x and hex digits)."""

    name: str
    type: str
    value: str


class Call(msgspec.Struct, frozen=True):
    """A call of a known function, as ``transfer(address,uint256)``; no arguments where the data is too short for them."""

    function: str
    arguments: tuple[Argument, ...]


class _Function(msgspec.Struct, frozen=True):
    signature: str
    inputs: tuple[tuple[str, str], ...]
    """(type, name) of each."""


def read_call(data: Hex) -> Call | None:
    """What the data of a transaction calls; None for a function that is not known, and for no data at all."""
    function = _functions().get(data[:10].lower())
    if function is None:
        return None
    try:
        words = bytes.fromhex(data[10:])
        arguments = tuple(
            Argument(name, kind, _value(kind, words, index * WORD)) for index, (kind, name) in enumerate(function.inputs)
        )
    except ValueError:
        arguments = ()
    return Call(function.signature, arguments)


@cache
def _functions() -> dict[str, _Function]:
    found = {}
    for text in _SIGNATURES:
        name, _, rest = text.removesuffix(")").partition("(")
        inputs = tuple((kind, what) for kind, _, what in (each.partition(" ") for each in rest.split(",")))
        signature = f"{name}({','.join(kind for kind, _ in inputs)})"
        found[f"0x{evm.selector(signature).hex()}"] = _Function(signature, inputs)
    return found


def _value(kind: str, words: bytes, at: int) -> str:
    """The value at a place. Raises ValueError when the data ends before it does."""
    word = _piece(words, at, WORD)
    if kind == "address":
        return evm.checksum(f"0x{word[12:].hex()}")
    if kind == "bytes":
        begin = int.from_bytes(word)
        size = int.from_bytes(_piece(words, begin, WORD))
        return f"0x{_piece(words, begin + WORD, size).hex()}"
    if kind.startswith("bytes"):
        return f"0x{word[: int(kind[5:])].hex()}"
    return str(int.from_bytes(word, signed=kind.startswith("int")))


def _piece(words: bytes, at: int, size: int) -> bytes:
    found = words[at : at + size]
    if len(found) < size:
        raise ValueError("the data ends before its arguments do")
    return found
