"""JSON in the one spelling in which service agreements are signed (as v0.6.2).

Compact, keys sorted by their bytes, numbers as C's ``%e`` writes a 64-bit float, the whole in Unicode's composed form. Here a
float is right: whoever signs has the same rounding.
"""

from __future__ import annotations

import json
import math
import unicodedata

from adyton.domain import data

_ESCAPES = {
    **{code: f"\\u{code:04x}" for code in range(0x20)},
    ord('"'): '\\"',
    ord("\\"): "\\\\",
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    **{ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"},
}


def normalise(text: bytes) -> str:
    """The spelling. Of a key that stands twice the last counts.

    Raises ValueError for what is not JSON, and for a number beyond 64-bit floats.
    """
    data.parse(text)  # refuses what the next line lets through: NaN, half surrogates, nesting without a bound
    return unicodedata.normalize("NFC", _spelled(json.loads(text, parse_int=_number, parse_float=_number)))


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text[:40]} is out of range")
    return number


def _spelled(value: object) -> str:
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode())
        return "{" + ",".join(f"{_text(key)}:{_spelled(each)}" for key, each in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_spelled(each) for each in value) + "]"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return f"{value:e}"
    return "null" if value is None else "true" if value is True else "false"


def _text(value: str) -> str:
    return f'"{value.translate(_ESCAPES)}"'
