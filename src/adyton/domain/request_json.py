"""JSON that an operator sends, read as leniently as v0.6.2 read it.

The first value of a body counts and what follows it is ignored; ``null`` is an empty object; keys match in any case, and of
several keys that match the last one wins; unknown keys are ignored. Numbers stay exact (``data.parse``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from msgspec import UNSET

from adyton.domain import data
from adyton.domain.errors import Fault, Invalid

_TRUNCATED = "unexpected EOF"
# Finds the end of a value; the value itself is read by ``data.parse``, so numbers may stay texts here.
_SCANNER = json.JSONDecoder(parse_int=str, parse_float=str)


def first_object(body: bytes) -> Mapping[str, object]:
    """The object at the start of a body. Raises Invalid: no JSON (``EOF``, ``unexpected EOF``), or not an object."""
    value = first_value(body)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"the body must be a JSON object, not {kind_of(value)}", code="ADY-0020")
    return value


def first_value(body: bytes) -> object:
    """The first JSON value of a body. Raises Invalid."""
    try:
        text = body.decode().lstrip(" \t\r\n")
    except UnicodeDecodeError:
        raise Invalid("the body is not UTF-8 text", code="ADY-0020") from None
    if not text:
        raise Invalid("EOF", code="ADY-0020")
    try:
        return data.parse(text[: _end_of_first(text)], deepest=data.DEEPEST_OF_A_SOURCE)
    except ValueError as wrong:
        raise Invalid(f"the body is not JSON: {wrong}", code="ADY-0020") from None


def _end_of_first(text: str) -> int:
    if text.startswith(("{", "[")):
        # Before the scanner, whose recursion ends with the process where the interpreter's limit is a high one.
        text = data.first_value(text, deepest=data.DEEPEST_OF_A_SOURCE)
    try:
        return _SCANNER.raw_decode(text)[1]
    except json.JSONDecodeError as wrong:
        if wrong.pos >= len(text) or wrong.msg.startswith("Unterminated string"):
            raise Invalid(_TRUNCATED, code="ADY-0020") from None
        raise


def field(source: Mapping[str, object], name: str) -> object:
    """The value under a key in any case, the last one of several; UNSET when there is none."""
    found: object = UNSET
    for key, value in source.items():
        if key == name or key.casefold() == name.casefold():
            found = value
    return found


def kind_of(value: object) -> str:
    """What a JSON value is, for a message."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case list():
            return "an array"
        case dict():
            return "an object"
        case _:
            return "a number"


def object_at(value: object, pointer: str, faults: list[Fault]) -> Mapping[str, object]:
    """The object at a pointer; absent and null are an empty one, anything else adds to ``faults``."""
    if value is UNSET or value is None:
        return {}
    if not isinstance(value, dict):
        faults.append(Fault(f"{written(pointer)} must be an object, not {kind_of(value)}", pointer, code="ADY-0021"))
        return {}
    return value


def text_at(source: Mapping[str, object], name: str, pointer: str, faults: list[Fault]) -> str:
    """The text under a key of the object at ``pointer``; absent and null are empty, anything else adds to ``faults``."""
    value = field(source, name)
    if isinstance(value, str):
        return value
    if value is not UNSET and value is not None:
        faults.append(
            Fault(
                f"{written(f'{pointer}/{name}')} must be a string, not {kind_of(value)}", f"{pointer}/{name}", code="ADY-0021"
            )
        )
    return ""


def written(pointer: str) -> str:
    """How a person writes a pointer: ``/tasks/0/type`` is ``tasks[0].type``."""
    parts = pointer.strip("/").split("/")
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts).removeprefix(".")
