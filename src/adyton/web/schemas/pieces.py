"""The small schemas that jobs and bridges are made of. Each takes what the node takes, in the canonical spelling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
_WHOLE = r"^[0-9]{1,78}$"


class Named(dict[str, Any]):
    """A schema that stands once in a document, under its name."""

    def __init__(self, name: str, schema: Schema) -> None:
        super().__init__(schema)
        self.name = name


def text(about: str, **more: object) -> Schema:
    """A text."""
    return {"type": "string", "description": about, **more}


def nullable(schema: Schema) -> Schema:
    """The same, or null, which is as if it was left out."""
    kind = schema.get("type")
    if isinstance(kind, str):
        kinds = [kind, "null"]
        return {**schema, "type": kinds, **({"enum": [*schema["enum"], None]} if "enum" in schema else {})}
    return {"anyOf": [schema, {"type": "null"}], **({"description": schema["description"]} if "description" in schema else {})}


def several(about: str, *schemas: Schema, **more: object) -> Schema:
    """Any of several forms."""
    return {"description": about, "anyOf": list(schemas), **more}


def thing(about: str, properties: Mapping[str, Schema], *, required: tuple[str, ...] = (), **more: object) -> Schema:
    """An object. Other keys are ignored by the node, so they are allowed."""
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "description": about, "properties": dict(properties), **needed, **more}


def rfc3339(about: str) -> Schema:
    """A time as RFC 3339 has it."""
    return {
        "type": "string",
        "format": "date-time",
        "pattern": _TIME,
        "description": about,
        "examples": ["2030-01-01T00:00:00Z"],
    }


def address(about: str) -> Schema:
    """An address, whose capitals do not count."""
    shown = "0x356a04bce728ba4c62a30294a55e6a8600a320b3"
    return {"type": "string", "pattern": "^0[xX][0-9a-fA-F]{40}$", "description": about, "examples": [shown]}


def whole(about: str, least: int, most: int, **more: object) -> Schema:
    """A whole number."""
    return {"type": "integer", "minimum": least, "maximum": most, "description": about, **more}


def digits(about: str, example: str) -> Schema:
    """A whole number that may be too large for other programs, as digits in a text."""
    return {"type": "string", "pattern": _WHOLE, "description": about, "examples": [example]}


def number(about: str) -> Schema:
    """A number, or a text with one."""
    decimal = {"type": "string", "pattern": r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,9})?$"}
    return several(about, {"type": "number"}, decimal, {"type": "null"})


def listed(about: str, items: Schema, **more: object) -> Schema:
    """A list."""
    return {"type": "array", "items": dict(items), "description": about, **more}


ANY_TIME = several(
    "A time: RFC 3339, nearly any other way to write a date, or seconds or milliseconds since 1970.",
    {"type": "string"},
    {"type": "integer", "minimum": 1000},
    {"type": "null"},
    examples=["2030-01-01T00:00:00Z"],
)
