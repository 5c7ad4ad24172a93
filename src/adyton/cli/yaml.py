"""JSON as YAML that every reader of YAML 1.1 and 1.2 reads as the same values.

A small part of YAML is enough for that: blocks for objects and lists, and every text between double quotes, so that no text can
be taken for something else (``no``, ``1e3``, ``2019-06-27`` and ``0o17`` are texts here, and stay so). Numbers keep their
digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from adyton.cli.cells import escaped
from adyton.cli.tree import Failure

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Keys that YAML 1.1 would read as a truth or as nothing."""
_LONGEST_KEY = 900
"""A key that is longer must be marked as one."""
_UNPRINTABLE = re.compile("[\ufffe\uffff]")
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


def from_json(raw: bytes) -> str:
    """The same as YAML, with an end of line. Raises Failure for what is no JSON, or is nested too deeply."""
    try:
        return "".join(f"{line}\n" for line in _lines(_decode(raw)))
    except (msgspec.DecodeError, UnicodeError) as problem:
        raise Failure(f"The answer is not JSON: {problem}", code="ADY-1160") from None
    except RecursionError:
        raise Failure("The answer is nested too deeply for YAML.", "--json prints it as it is.", code="ADY-1111") from None


def _lines(value: Any) -> Iterator[str]:
    match value:
        case dict() if value:
            for key, item in value.items():
                yield from _pair(_key(key), item)
        case list() if value:
            for item in value:
                yield from _hung("- ", _lines(item))
        case _:
            yield _scalar(value)


def _pair(key: str, item: Any) -> Iterator[str]:
    if len(key) > _LONGEST_KEY:
        yield f"? {key}"
        yield from _hung(": ", _lines(item))
    elif isinstance(item, (dict, list)) and item:
        yield f"{key}:"
        yield from (f"  {line}" for line in _lines(item))
    else:
        yield f"{key}: {_scalar(item)}"


def _hung(mark: str, lines: Iterator[str]) -> Iterator[str]:
    """Lines behind a mark, the others below the first."""
    for number, line in enumerate(lines):
        yield f"{mark if number == 0 else '  '}{line}"


def _scalar(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            return _fraction(value)
        case str():
            return _quoted(value)
        case _:
            return "[]" if isinstance(value, list) else "{}"


def _fraction(value: Decimal) -> str:
    """With a point, and a sign before its exponent, as YAML 1.1 wants them; every digit is kept."""
    digits, mark, exponent = str(value).partition("E")
    return (digits if "." in digits else f"{digits}.0") + mark + exponent


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS else _quoted(key)


def _quoted(text: str) -> str:
    """JSON's quotes are YAML's, for signs that both take as they are."""
    quoted = escaped(msgspec.json.encode(text).decode(), yaml=True)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
