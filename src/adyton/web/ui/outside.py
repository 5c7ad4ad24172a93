"""Texts from outside, bounded and harmless: what turns or hides the text around it is made visible."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class Shown(NamedTuple):
    """The beginning of a text; ``left`` characters more are there."""

    text: str
    left: int


def visible(text: str) -> str:
    """The text with control characters, and those that turn the direction of others or have no width, as JSON writes them."""
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\r\n", "\n"))


def beginning(text: str, most: int) -> Shown:
    """The first ``most`` characters, made visible."""
    return Shown(visible(text[:most]), max(0, len(text) - most))


def pretty_json(raw: bytes | memoryview, most: int) -> Shown:
    """A JSON text, indented for people. Numbers keep their digits. One that is nested too deep for that stays as it is."""
    try:
        text = msgspec.json.format(bytes(raw), indent=2).decode()
    except RecursionError:
        text = bytes(raw).decode()
    return beginning(text, most)
