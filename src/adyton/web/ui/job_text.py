"""A job as a text that is good to read and to write: what is short stands on one line, what one looks for first comes first."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw

_ONE_LINE = 100
"""The longest line that a list's entry is put on."""
_FIRST = ("name", "initiators", "tasks")
_FIRST_OF_ENTRY = ("type", "confirmations", "params")


def laid_out(spec: bytes) -> str:
    """The JSON of a job, laid out. Numbers and texts stay as they are written. ``spec`` is JSON of an object without keys that
    stand twice."""
    members = msgspec.json.decode(spec, type=dict[str, Raw])
    lines = [f"  {_text(key)}: {_member(bytes(value))}" for key, value in _ordered(members, _FIRST)]
    return "{\n" + ",\n".join(lines) + "\n}\n" if lines else "{}\n"


def _member(value: bytes) -> str:
    try:
        entries = msgspec.json.decode(value, type=list[dict[str, Raw]])
    except msgspec.ValidationError:
        return _indented(msgspec.json.format(value, indent=2).decode(), "  ")
    return "[\n" + ",\n".join(f"    {_entry(each)}" for each in entries) + "\n  ]" if entries else "[]"


def _entry(members: Mapping[str, Raw]) -> str:
    whole = msgspec.json.encode(dict(_ordered(members, _FIRST_OF_ENTRY)))
    line = msgspec.json.format(whole, indent=0).decode()
    return line if len(line) <= _ONE_LINE else _indented(msgspec.json.format(whole, indent=2).decode(), "    ")


def _ordered(members: Mapping[str, Raw], first: tuple[str, ...]) -> list[tuple[str, Raw]]:
    return sorted(members.items(), key=lambda each: first.index(each[0]) if each[0] in first else len(first))


def _indented(text: str, by: str) -> str:
    return text.replace("\n", f"\n{by}")


def _text(key: str) -> str:
    return msgspec.json.encode(key).decode()
