"""ABI encoding of JSON values: the types of a function's arguments, and the bytes of a call.

The types and the texts of the errors are those of later versions' ``ethtxabiencode``. A type is static (its bytes stand in its
place) or dynamic (an offset stands there, the bytes follow behind all others).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from adyton.domain import evm
from adyton.domain.data import LARGEST_EXPONENT, encode
from adyton.domain.numbers import short

_WORD = evm.WORD
_TYPE = re.compile(
    r"(address|bool|string|bytes(?P<size>\d{1,2})?|(?P<sign>u?int)(?P<bits>\d{1,3}))(?P<arrays>(\[\d{0,9}\])*)", re.ASCII
)
_LONGEST_TYPE = 100
_HEX = re.compile(r"0x([0-9a-fA-F]{2})*", re.ASCII)
_HEX_NUMBER = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_DECIMAL_NUMBER = re.compile(r"-?\d+", re.ASCII)
_ADDRESS_BYTES = 20
_JSON_NUMBER_BITS = 48
"""Wider integers are texts only: not every writer of JSON keeps the digits of a larger number."""


class AbiError(ValueError):
    """A type that is not supported, or a value that its type cannot hold."""


class AbiType(msgspec.Struct, frozen=True, kw_only=True):
    """A type: ``kind`` is address, bool, string, bytes (``size`` None: dynamic), int, uint, or array (``length`` None: any).
    ``size`` is in bytes."""

    name: str
    kind: str
    size: int | None = None
    item: AbiType | None = None
    length: int | None = None

    @property
    def dynamic(self) -> bool:
        """Whether it is encoded behind the static parts."""
        return (
            self.kind == "string"
            or (self.kind == "bytes" and self.size is None)
            or (self.kind == "array" and self.length is None)
        )


def parse_type(name: str) -> AbiType:
    """The type of that name. Raises AbiError for one that is not supported: ``int`` without bits, arrays of dynamic items,
    tuples."""
    match = _TYPE.fullmatch(name) if len(name) <= _LONGEST_TYPE else None
    if match is None:
        raise AbiError(f"type {short(name)} is not supported")
    found = _elementary(name, match)
    for text in re.findall(r"\[(\d*)\]", match["arrays"]):
        if found.dynamic or text == "0":
            raise AbiError(f"type {name} is not supported: an array has at least one item, and none of its items is dynamic")
        inner = f"{found.name}[{text}]"
        found = AbiType(name=inner, kind="array", item=found, length=int(text) if text else None)
    return found


def _elementary(name: str, match: re.Match[str]) -> AbiType:
    base = match[1]
    if match["bits"] is not None:
        bits = int(match["bits"])
        if not 8 <= bits <= 256 or bits % 8 or match["bits"].startswith("0"):
            raise AbiError(f"type {name} is not supported: an integer has 8 to 256 bits in steps of 8")
        return AbiType(name=base, kind=match["sign"], size=bits // 8)
    if match["size"] is not None:
        size = int(match["size"])
        if not 1 <= size <= _WORD or match["size"].startswith("0"):
            raise AbiError(f"type {name} is not supported: fixed bytes are 1 to 32")
        return AbiType(name=base, kind="bytes", size=size)
    return AbiType(name=base, kind=base)


def signature(name: str, types: Sequence[AbiType]) -> str:
    """What a function's selector is the hash of."""
    return f"{name}({','.join(each.name for each in types)})"


def encode_arguments(inputs: Mapping[str, AbiType], values: object) -> bytes:
    """The arguments of a call, in the order of ``inputs``; ``values`` is an object that holds exactly one for each, by name.
    Raises AbiError."""
    if not isinstance(values, dict):
        raise AbiError("json result is not an object")
    if len(values) != len(inputs):
        raise AbiError(f"json result has wrong length. should have {len(inputs)} entries, one for each argument")
    missing = next((name for name in inputs if name not in values), None)
    if missing is not None:
        raise AbiError(f"entry for argument {missing} is missing")
    return join([(each.dynamic, encode_value(each, values[name], f"argument {name}")) for name, each in inputs.items()])


def join(parts: Sequence[tuple[bool, bytes]]) -> bytes:
    """Encoded parts, each dynamic or not, as one tuple: static parts and offsets, then the dynamic parts."""
    offset = sum(_WORD if dynamic else len(part) for dynamic, part in parts)
    head, tail = bytearray(), bytearray()
    for dynamic, part in parts:
        head += evm.unsigned_word(offset + len(tail)) if dynamic else part
        tail += part if dynamic else b""
    return bytes(head + tail)


def encode_value(kind: AbiType, value: object, where: str) -> bytes:
    """One value. ``where`` names it in errors. Raises AbiError."""
    if kind.kind == "array":
        return _array(kind, value, where)
    if kind.kind in ("int", "uint"):
        return _integer(kind, value, where)
    if kind.kind == "bool":
        if not isinstance(value, bool):
            raise AbiError(f"{where} is not a boolean")
        return evm.unsigned_word(int(value))
    if kind.kind == "string":
        if not isinstance(value, str):
            raise AbiError(f"{where} is not a string")
        return evm.dynamic_bytes(value.encode())
    if kind.kind == "address":
        return _address(value, where)
    return _bytes(kind, value, where)


def _array(kind: AbiType, value: object, where: str) -> bytes:
    assert kind.item is not None, "an array has items"
    if not isinstance(value, list):
        raise AbiError(f"{where} is not an array")
    if kind.length is not None and len(value) != kind.length:
        raise AbiError(f"{where} has the wrong length: {kind.name} takes {kind.length} items, not {len(value)}")
    items = b"".join(encode_value(kind.item, item, f"{where}[{n}]") for n, item in enumerate(value))
    return items if kind.length is not None else evm.unsigned_word(len(value)) + items


def _address(value: object, where: str) -> bytes:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise AbiError(f"{where} is not a hexstring")
    content = bytes.fromhex(value[2:])
    if len(content) > _ADDRESS_BYTES:
        raise AbiError(f"{where} is too long for an address ({_ADDRESS_BYTES} bytes)")
    return content.rjust(_WORD, b"\0")


def _bytes(kind: AbiType, value: object, where: str) -> bytes:
    content = _byte_list(value, where) if isinstance(value, list) else _hex_bytes(value, where)
    if kind.size is None:
        return evm.dynamic_bytes(content)
    if len(content) != kind.size:
        raise AbiError(f"{where} doesn't have exactly {kind.size} bytes")
    return content.ljust(_WORD, b"\0")


def _hex_bytes(value: object, where: str) -> bytes:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise AbiError(f"{where} is not a hexstring")
    return bytes.fromhex(value[2:])


def _byte_list(values: list[object], where: str) -> bytes:
    content = bytearray()
    for n, value in enumerate(values):
        number = _whole(value)
        if number is None or not 0 <= number <= 255:
            raise AbiError(f"{where}[{n}] is not a byte")
        content.append(number)
    return bytes(content)


def _whole(value: object) -> int | None:
    """The integer that a JSON number is; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value != int(value):
        return None
    return int(value)


def _integer(kind: AbiType, value: object, where: str) -> bytes:
    assert kind.size is not None, "an integer has a size"
    number = _number_from_text(value, where) if isinstance(value, str) else _number_from_json(kind.size, value, where)
    signed = kind.kind == "int"
    low, high = (-(1 << 8 * kind.size - 1), 1 << 8 * kind.size - 1) if signed else (0, 1 << 8 * kind.size)
    if not low <= number < high:
        what = "signed" if signed else "unsigned"
        raise AbiError(f"{where} out of valid range for {what} integer with {kind.size} bytes")
    return number.to_bytes(_WORD, "big", signed=signed)


def _number_from_text(text: str, where: str) -> int:
    if text.startswith("0x"):
        if not _HEX_NUMBER.fullmatch(text) or len(text) > LARGEST_EXPONENT:
            raise AbiError(f"{where} starts with '0x', but doesn't encode valid hex number")
        return int(text, 16)
    if not _DECIMAL_NUMBER.fullmatch(text) or len(text) > LARGEST_EXPONENT:
        raise AbiError(f"{where} doesn't encode valid decimal number")
    return int(text)


def _number_from_json(size: int, value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise AbiError(f"{where} is neither a number nor a text with one")
    if 8 * size > _JSON_NUMBER_BITS:
        raise AbiError(f"{where} is a json number which isn't suitable for storing integers greater than 2**53")
    number = _whole(value)
    if number is None:
        raise AbiError(f"{where} isn't a whole number")
    return number


# --- a list of values by type (abiEncoding) --------------------------------------------------------------------------

LISTED = ("uint256", "int256", "bool", "bytes32", "bytes4", "bytes", "address")
"""The types that ``abiEncoding`` of ethtx knows."""
_JSON_KINDS = {bool: "True", str: "String", int: "Number", Decimal: "Number", dict: "JSON", list: "JSON", type(None): "Null"}


def encode_list(types: Sequence[str], values: Sequence[object]) -> bytes:
    """The ABI encoding of values, one for each of ``types``. Raises AbiError."""
    if len(types) != len(values):
        raise AbiError(f"number of collectors {len(values)} != number of types in ABI encoding {len(types)}")
    return join([(name == "bytes", listed_value(name, value)) for name, value in zip(types, values, strict=True)])


def check_listed(name: str) -> None:
    """Raises AbiError for a type that ``encode_list`` does not know."""
    if name not in LISTED:
        raise AbiError(f"{short(name)} is unsupported, supported types are [{' '.join(LISTED)}]: invalid abi encoding")


def listed_value(name: str, value: object) -> bytes:
    """One value. Integers are exact up to a word; later versions took 64 bits of them (a defect)."""
    check_listed(name)
    kind = parse_type(name)
    if kind.kind == "bool" and isinstance(value, bool):
        return evm.unsigned_word(int(value))
    if kind.kind in ("int", "uint"):
        return _listed_integer(kind, value)
    if kind.kind in ("bytes", "address") and isinstance(value, str):
        return _listed_bytes(kind, value)
    raise _mismatch(name, value)


def _listed_integer(kind: AbiType, value: Any) -> bytes:
    """A number is cut toward zero; a text is decimal."""
    if isinstance(value, str):
        readable = len(value) <= LARGEST_EXPONENT and _DECIMAL_NUMBER.fullmatch(value) is not None
    else:
        readable = isinstance(value, int | Decimal) and not isinstance(value, bool)
    if not readable:
        raise _mismatch(kind.name, value)
    number = int(value)
    try:
        return evm.signed_word(number) if kind.kind == "int" else evm.unsigned_word(number)
    except evm.WordOverflow as fault:
        raise AbiError(f"{fault}: invalid abi encoding") from None


def _listed_bytes(kind: AbiType, value: str) -> bytes:
    if not _HEX.fullmatch(value):
        raise AbiError(f"{kind.name}: {_shown(value)}: bytes should be 0x-prefixed hex strings: invalid abi encoding")
    content = bytes.fromhex(value[2:])
    if kind.kind == "address":
        if len(content) != _ADDRESS_BYTES:
            raise AbiError(f"invalid address {_shown(value)}: invalid abi encoding")
        return content.rjust(_WORD, b"\0")
    if kind.size is None:
        return evm.dynamic_bytes(content)
    if len(content) != kind.size:
        raise _mismatch(kind.name, value)
    return content.ljust(_WORD, b"\0")


def _mismatch(name: str, value: object) -> AbiError:
    kind = "False" if value is False else _JSON_KINDS[type(value)]
    return AbiError(f"can't convert {_shown(value)} ({kind}) to {name}: invalid abi encoding")


def _shown(value: object) -> str:
    return short(value if isinstance(value, str) else encode(value))
