"""Secrets that a job names: ``$(secret:NAME)`` inside a text of a task's params, or of a bridge's URL.

The name is stored and shown; the value is read where the request is made, and is taken out again of whatever comes back.
Only a job's author and a bridge's names a secret: what a run brings along keeps the same words as plain text, so callers pass
nothing here that came with a run.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "***"
SHORTEST = 4
"""Characters of a value. One that is shorter would be found, and hidden, in ordinary numbers and words."""

_NAMED = re.compile(r"\$\(secret:([^()]*)\)")  # also what is no name, so that a slip of the pen is refused and not sent
_ESCAPE = re.compile("%[0-9A-F]{2}")
_URL_SAFE = str.maketrans("+/", "-_")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", re.ASCII)


def is_name(text: str) -> bool:
    """Whether a secret can have that name: letters, digits, ``_``, ``-`` and dots, no dot or dash at its beginning."""
    return _NAME.fullmatch(text) is not None


def names(text: str) -> list[str]:
    """The names in a text, each once, in their order; also those that no secret can have."""
    return list(dict.fromkeys(_NAMED.findall(text)))


def named_in(value: object) -> list[str]:
    """The names in all texts of a JSON value, each once, in their order. Keys of objects name none."""
    return list(dict.fromkeys(name for text in _texts(value) for name in _NAMED.findall(text)))


def _texts(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:  # no recursion: the value may be nested as deep as JSON may be
        match waiting.pop():
            case str(text):
                yield text
            case dict(fields):
                waiting.extend(reversed(fields.values()))
            case list(items):
                waiting.extend(reversed(items))


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with the values in place; a name without a value stays as it is. A value that looks like a name is not looked at
    again."""
    return _NAMED.sub(lambda found: values.get(found[1], found[0]), text)


def fill_url(url: str, values: Mapping[str, str]) -> str:
    """A URL with the values in place: one at its beginning as it is (it is a URL, or the beginning of one), any other
    percent-encoded, so that no character of it ends the part of the URL where it stands."""

    def value(found: re.Match[str]) -> str:
        text = values.get(found[1])
        if text is None:
            return found[0]
        return text if found.start() == 0 else quote(text, safe="")

    return _NAMED.sub(value, url)


def fill_all(value: Any, values: Mapping[str, str]) -> Any:
    """A JSON value with the values in place in each of its texts, but for the keys of objects."""
    match value:
        case str(text):
            return fill(text, values)
        case dict(fields):
            return {key: fill_all(inner, values) for key, inner in fields.items()}
        case list(items):
            return [fill_all(item, values) for item in items]
        case _:
            return value


def redact(text: str, values: Mapping[str, str] | Iterable[str]) -> str:
    """A text without the values, as they are and as JSON, URLs, HTML, hexadecimal and base64 write them. What a source encodes
    in another way is not known again."""
    return redact_with(spellings(values), text)


def redact_all(value: Any, values: Mapping[str, str] | Iterable[str]) -> Any:
    """A JSON value without the values in any of its texts and keys; a number is hidden if its digits are one of them."""
    return redact_all_with(spellings(values), value)


def redact_all_with(known: tuple[str, ...], value: Any) -> Any:
    """The JSON value without any of ``known``, which ``spellings`` made."""
    return _redacted(value, known) if known else value


def _redacted(value: Any, known: tuple[str, ...]) -> Any:
    match value:
        case str(text):
            return redact_with(known, text)
        case dict(fields):
            return {redact_with(known, key): _redacted(inner, known) for key, inner in fields.items()}
        case list(items):
            return [_redacted(item, known) for item in items]
        case int() | Decimal() if _digits(value) in known:
            return HIDDEN
        case _:
            return value


def _digits(number: int | Decimal) -> str:
    return f"{number:f}" if isinstance(number, Decimal) else str(number)


def redact_with(known: Iterable[str], text: str) -> str:
    """The text without any of ``known``, which ``spellings`` made."""
    for spelling in known:
        if spelling in text:
            text = text.replace(spelling, HIDDEN)
    return text


def spellings(values: Mapping[str, str] | Iterable[str]) -> tuple[str, ...]:
    """Every form in which one of the values is looked for, the longest first."""
    given = values.values() if isinstance(values, Mapping) else values
    return tuple(sorted({form for value in given if value for form in _forms(value)}, key=lambda form: (-len(form), form)))


def _forms(value: str) -> Iterator[str]:
    raw = value.encode(errors="surrogateescape")
    yield value
    yield value.lower()  # as a host is written
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    for text in (*(quote(raw, safe=safe) for safe in ("", "/", "/$&+,:;=@!~*'()")), quote_plus(raw)):
        yield text
        yield _ESCAPE.sub(lambda found: found[0].lower(), text)
    yield html.escape(value)
    yield raw.hex()
    yield raw.hex().upper()
    for before in range(3):
        core = _base64(raw, before)
        if len(core) >= SHORTEST:
            yield core
            yield core.translate(_URL_SAFE)


def _base64(raw: bytes, before: int) -> str:
    """The characters of a base64 text that stand for these bytes alone, when that many bytes (modulo 3) stand before them: a
    password behind a user and a colon, for example."""
    text = base64.b64encode(bytes(before) + raw).decode()
    return text[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6]
