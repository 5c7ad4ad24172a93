"""The JSON that runs carry: exact numbers, one spelling.

Values are ``dict``, ``list``, ``str``, ``int``, ``Decimal``, ``bool`` and ``None``; never ``float``. v0.6.2 passed every number
through a 64-bit float at each merge and escaped ``<``, ``>`` and ``&``; here numbers keep their digits and text its characters
(the same JSON values wherever v0.6.2's were exact). Keys are sorted, without blanks, as there.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from adyton.domain.runs import Data

LARGEST_EXPONENT = 1000
"""Numbers stay below ten to this power: far beyond a word of the EVM, and a bound, so that the eleven characters of
1e999999999 cannot ask for a gigabyte of digits."""

LONGEST_NUMBER = 2400
"""Characters of a number's text; longer ones are not read."""

DEEPEST = 512
"""Objects and lists may stand this deep in one another. The bound is ours and not the interpreter's: a library may raise its
recursion limit (py_ecc does, which reads key files), and then deep nesting does not raise, it ends the process."""
DEEPEST_OF_A_SOURCE = 256
"""The same for documents that come in, so that what tasks make of them can still be read from the database."""


def _number(text: str) -> Decimal:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} characters is too long")
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent that even Decimal has no room for
        number = Decimal(0) if "-" in text[1:] else Decimal("Infinity")
    return in_range(number)


def in_range(number: Decimal) -> Decimal:
    """The number, or zero if it is too small to matter (as v0.6.2). Raises ValueError for one that is too large."""
    if not number or number.adjusted() < -LARGEST_EXPONENT:
        return Decimal(0).copy_sign(number)
    if number.is_infinite() or number.adjusted() >= LARGEST_EXPONENT:
        raise ValueError(f"the number {str(number)[:40]} is out of range")
    return number


_decoder = msgspec.json.Decoder(float_hook=_number)
_encoder = msgspec.json.Encoder(order="sorted", decimal_format="number")
# The string is possessive and may lack its end, so that no text is scanned twice, however many quotes it has.
_MARK = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}

NOT_AN_OBJECT = "Cannot merge, expected object '{}'"


class MergeError(ValueError):
    """Data that must be an object are something else."""


def parse(text: str | bytes, *, deepest: int = DEEPEST) -> Any:
    """The value of a JSON text. Raises ValueError, whose message says what is wrong and where.

    NaN, half surrogates, numbers of more than about a thousand digits and nesting beyond ``deepest`` are refused. Of a key that
    stands twice the last counts.
    """
    try:
        text = text if isinstance(text, str) else text.decode()
        if text.count("[") + text.count("{") > deepest:
            first_value(text, deepest=deepest)
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError) as fault:
        raise ValueError(str(fault)) from None
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def first_value(text: str, *, deepest: int = DEEPEST) -> str:
    """The text of the first object or list, which begins the text; all of it when that has no end. What is inside is not looked
    at. Raises ValueError when it is nested beyond ``deepest``."""
    depth = 0
    for mark in _MARK.finditer(text):
        depth += _STEP.get(mark[0], 0)
        if depth > deepest:
            raise ValueError("JSON is nested too deeply")
        if depth <= 0:
            return text[: mark.end()]
    return text


def encode(value: object) -> str:
    """The JSON text of a value: keys sorted, no blanks, numbers with all their digits."""
    return _encoder.encode(value).decode()


def encode_bytes(value: object) -> bytes:
    """As ``encode``, in UTF-8."""
    return _encoder.encode(value)


def merge(left: object, right: object) -> Data:
    """A shallow merge: keys of ``right`` win, null values too. What is not an object on the right counts as empty; on the left
    only an object or null will do, else MergeError (as v0.6.2)."""
    if left is None:
        left = {}
    elif not isinstance(left, dict):
        raise MergeError(NOT_AN_OBJECT)
    return {**left, **right} if isinstance(right, dict) else dict(left)


def with_result(data: Data, result: object) -> Data:
    """The data with another ``result``; every other key is kept (as v0.6.2)."""
    return {**data, "result": result}


def as_text(value: object) -> str:
    """A value as adapters read it when they want text: a string as it is, numbers in plain decimal notation, null as nothing,
    objects and lists as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return plain(value)
    return encode(value)


def plain(number: Decimal) -> str:
    """A decimal number without exponent and without trailing zeros of its fraction. One that ``parse`` would refuse keeps its
    exponent."""
    if abs(number.adjusted()) > 2 * LARGEST_EXPONENT:  # a product of two numbers in range is still written out
        return str(number)
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
