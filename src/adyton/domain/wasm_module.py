"""What a WebAssembly module asks for and offers, read from its bytes without compiling it."""

from __future__ import annotations

import base64
import binascii

import msgspec

LARGEST = 1 << 20
"""Bytes of a module."""
ENTRY = "perform"
_MAGIC = b"\0asm\1\0\0\0"
_TYPES, _IMPORTS, _FUNCTIONS, _EXPORTS = 1, 2, 3, 7
_FUNCTION_TYPE = 0x60
_VALUE_TYPES = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64"}


class Signature(msgspec.Struct, frozen=True):
    """Types of a function's parameters and results: i32, i64, f32, f64."""

    params: tuple[str, ...]
    results: tuple[str, ...]


class BadModule(ValueError):
    """Not a module, or one that the node does not run."""


def spelled(text: str) -> bytes | str:
    """The bytes of a module from base64, or from hex behind ``0x``. A text that begins with ``(`` is the text form, and
    returned as it is. Raises BadModule."""
    if len(text) > 3 * LARGEST:
        raise BadModule(f"is too long: a module may have {LARGEST} bytes")
    if text.lstrip().startswith("("):
        return text
    try:
        content = bytes.fromhex(text[2:]) if text.startswith("0x") else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadModule("must be a WebAssembly module in base64, in hex behind 0x, or in the text form") from None
    return content


def entry(module: bytes) -> Signature:
    """The signature of the function ``perform`` that a module exports. Raises BadModule, also for one that imports anything,
    for the node gives it nothing."""
    if len(module) > LARGEST:
        raise BadModule(f"the module has {len(module)} bytes; {LARGEST} are allowed")
    if not module.startswith(_MAGIC):
        raise BadModule("is no WebAssembly module: it does not begin with \\0asm and version 1")
    try:
        return _entry(_sections(module))
    except IndexError:
        raise BadModule("is no WebAssembly module: it ends too early") from None


def _entry(sections: dict[int, bytes]) -> Signature:
    if _IMPORTS in sections and (wanted := _first_import(_Reader(sections[_IMPORTS]))):
        raise BadModule(f"imports {wanted}; a module gets nothing from the node, so it may import nothing")
    index = _exported(_Reader(sections.get(_EXPORTS, b"\0")))
    types = _types(_Reader(sections.get(_TYPES, b"\0")))
    functions = _Reader(sections.get(_FUNCTIONS, b"\0"))
    return types[[functions.number() for _ in range(functions.number())][index]]


def _sections(module: bytes) -> dict[int, bytes]:
    reader, found = _Reader(module[len(_MAGIC) :]), dict[int, bytes]()
    while reader.left:
        kind = reader.byte()
        found[kind] = reader.bytes()
    return found


def _first_import(reader: _Reader) -> str | None:
    return f"{reader.text()}.{reader.text()}" if reader.number() else None


def _exported(reader: _Reader) -> int:
    """The index of the function that is exported as ``perform``."""
    for _ in range(reader.number()):
        name, kind, index = reader.text(), reader.byte(), reader.number()
        if name == ENTRY and kind == 0:
            return index
    raise BadModule(f"exports no function {ENTRY}")


def _types(reader: _Reader) -> list[Signature]:
    return [_signature(reader) for _ in range(reader.number())]


def _signature(reader: _Reader) -> Signature:
    if reader.byte() != _FUNCTION_TYPE:
        raise BadModule("has types other than functions, which the node does not run")
    return Signature(_value_types(reader), _value_types(reader))


def _value_types(reader: _Reader) -> tuple[str, ...]:
    return tuple(_VALUE_TYPES.get(reader.byte(), "other") for _ in range(reader.number()))


class _Reader:
    """Reads a section from its beginning. Raises IndexError at its end."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    @property
    def left(self) -> bool:
        return self._at < len(self._content)

    def byte(self) -> int:
        self._at += 1
        return self._content[self._at - 1]

    def number(self) -> int:
        """Seven bits a byte, the lowest first; at most 32 in all."""
        value = 0
        for shift in range(0, 35, 7):
            part = self.byte()
            value |= (part & 0x7F) << shift
            if part < 0x80:
                return value
        raise BadModule("is no WebAssembly module: a number has more than 32 bits")

    def bytes(self) -> bytes:
        """Bytes behind their count."""
        size = self.number()
        if self._at + size > len(self._content):
            raise IndexError
        self._at += size
        return self._content[self._at - size : self._at]

    def text(self) -> str:
        """A name, made fit for a message."""
        return self.bytes()[:80].decode(errors="replace").replace("\0", "\ufffd")
