"""The URL that an HTTP task asks for, built as v0.6.2 built it.

The path is cleaned always (doubled slashes, dots, a trailing slash), ``extPath`` is put behind it, ``queryParams`` fill up what
the URL's own query does not have, and the query is written anew with its keys sorted.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from adyton.domain.data import as_text, encode
from adyton.domain.errors import Invalid

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
_SAFE_IN_PATH = "/$&+,:;=@!~*'()"


def check_url(text: object) -> str:
    """A URL that is absolute, or an absolute path. Raises Invalid."""
    if not isinstance(text, str):
        raise Invalid(f"a URL must be a text, not {as_text(text)[:80]}")
    if not text:
        raise Invalid('a URL must not be empty: write it like "https://example.com/price"')
    if not (text.startswith("/") or _SCHEME.match(text)) or _CONTROL.search(text) or _BAD_ESCAPE.search(_before_query(text)):
        raise Invalid(f"{_shown(text)} is not a URL; write it like https://example.com/price")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as fault:
        raise Invalid(f"{_shown(text)} is not a URL: {fault}") from None
    if not text.startswith("/") and not parts.netloc and parts.path.startswith("//"):
        raise Invalid(f"{_shown(text)} is not a URL: it has no host")
    return text


def build(url: str, ext_path: object, query_params: object) -> str:
    """The URL to ask for. Raises Invalid for an ``extPath`` or ``queryParams`` that cannot be read."""
    parts = urlsplit(url)
    extension = _elements(ext_path)
    path = _cleaned([unquote(parts.path), *extension])
    query = _query(parts, _pairs(query_params))
    return SplitResult(parts.scheme, parts.netloc, quote(path, safe=_SAFE_IN_PATH), query, parts.fragment).geturl()


def _before_query(text: str) -> str:
    return text.split("?", 1)[0]


def _shown(text: str) -> str:
    """What a message shows of a URL: nothing that could be a secret."""
    return repr(_before_query(text)[:80]) if "@" not in text else "the URL"


def _elements(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return value.split("/")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise Invalid(f"extPath must be a text or a list of texts, not {as_text(value)[:80]}")


def _cleaned(elements: list[str]) -> str:
    joined = "/".join(element for element in elements if element)
    if not joined:
        return ""
    cleaned = posixpath.normpath(joined)
    if cleaned.startswith("//"):
        cleaned = cleaned[1:]
    return "" if cleaned == "." else cleaned


def _pairs(value: object) -> list[tuple[str, str]]:
    """Key and value pairs of ``queryParams``: a list of texts taken two by two, or a text cut at every ``=`` and ``&``."""
    if isinstance(value, str):
        pieces = [piece for piece in re.split("[=&]", value.replace("?", "")) if piece]
    elif isinstance(value, list):
        pieces = [item if isinstance(item, str) else "" for item in value]
    else:
        return []
    if len(pieces) % 2:
        raise Invalid(f"unable to build query parameters: {encode(value)}")
    return list(zip(pieces[::2], pieces[1::2], strict=True))


def _query(parts: SplitResult, extra: list[tuple[str, str]]) -> str:
    given: dict[str, list[str]] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        given.setdefault(key, []).append(value)
    for key, value in extra:
        given.setdefault(key, [value])
    return urlencode([(key, value) for key in sorted(given) for value in given[key]])
