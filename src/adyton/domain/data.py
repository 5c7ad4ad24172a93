"""The JSON that runs carry: exact numbers, one spelling.

Values are ``dict``, ``list``, ``str``, ``int``, ``Decimal``, ``bool`` and ``None``; never ``float``. v0.6.2 passed every number
through a 64-bit float at each merge and escaped ``<``, ``>`` and ``&``; here numbers keep their digits and text its characters
(the same JSON values wherever v0.6.2's were exact). Keys are sorted, without blanks, as there.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec

from adyton.domain.runs import Data

LARGEST_EXPONENT = 1000
"""Numbers stay below ten to this power: far beyond a word of the EVM, and a bound, so that the eleven characters of
1e999999999 cannot ask for a gigabyte of digits."""


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if not number or number.adjusted() < -LARGEST_EXPONENT:
        return Decimal(0).copy_sign(number)  # as v0.6.2: what is too small to matter is zero
    if number.adjusted() >= LARGEST_EXPONENT:
        raise ValueError(f"the number {text[:40]} is out of range")
    return number


_decoder = msgspec.json.Decoder(float_hook=_number)
_encoder = msgspec.json.Encoder(order="sorted", decimal_format="number")
_PLAIN = re.compile(r"-?\d+")

NOT_AN_OBJECT = "Cannot merge, expected object '{}'"


class MergeError(ValueError):
    """Data that must be an object are something else."""


def parse(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError, whose message says what is wrong and where.

    NaN, half surrogates and numbers of more than about a thousand digits are refused. Of a key that stands twice the last
    counts.
    """
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError) as fault:
        raise ValueError(str(fault)) from None
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


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


def is_plain_integer(text: str) -> bool:
    """Whether a text is digits only, perhaps behind a minus."""
    return _PLAIN.fullmatch(text) is not None
