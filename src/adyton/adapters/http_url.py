"""The URL that an HTTP task asks for, built as v0.6.2 built it.

The path is cleaned always (doubled slashes, dots, a trailing slash), ``extPath`` is put behind it, ``queryParams`` fill up what
the URL's own query does not have, and the query is written anew with its keys sorted.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from adyton.domain import secrets
from adyton.domain.errors import Invalid

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
_SAFE_IN_PATH = "/$&+,:;=@!~*'()"
_BYTES_KEPT = "surrogateescape"


def check_url(text: object, name: str = "url") -> str:
    """A URL that is absolute, or an absolute path; ``name`` is the param that holds it.

    Raises Invalid. The message shows nothing of the URL: keys and passwords can be anywhere in it.
    """
    fault = _fault(text)
    if fault is not None:
        raise Invalid(f"{name} {fault}; write it like https://example.com/price", code="ADY-0274")
    return str(text)


def _fault(text: object) -> str | None:
    """What is wrong with a URL."""
    if not isinstance(text, str):
        return "must be a text"
    if not text:
        return "must not be empty"
    if not (text.startswith("/") or _SCHEME.match(text)):
        return "must begin with a scheme"
    if _CONTROL.search(text) or _BAD_ESCAPE.search(text.split("?", 1)[0]):
        return "has a line break, a control character, or a % that no two hex digits follow"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return "has a host or a port that cannot be read"
    no_host = not text.startswith("/") and not parts.netloc and parts.path.startswith("//")
    return "has no host" if no_host else None


def build(url: str, ext_path: object, query_params: object, values: Mapping[str, str] | None = None) -> str:
    """The URL to ask for, with the ``values`` of secrets in ``extPath`` and ``queryParams`` (after these are cut, so that no
    ``=`` or ``&`` of a value counts). Raises Invalid for an ``extPath`` or ``queryParams`` that cannot be read."""
    parts, known = urlsplit(url), values or {}
    extension = [secrets.fill(element, known) for element in _elements(ext_path)]
    path = _cleaned([unquote(parts.path, errors=_BYTES_KEPT), *extension])
    query = _query(parts, [(secrets.fill(key, known), secrets.fill(value, known)) for key, value in _pairs(query_params)])
    return SplitResult(
        parts.scheme, parts.netloc, quote(path, safe=_SAFE_IN_PATH, errors=_BYTES_KEPT), query, parts.fragment
    ).geturl()


def _elements(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return value.split("/")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    raise Invalid("extPath must be a text or a list of texts", code="ADY-0275")


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
        # v0.6.2 shows the value here; queries are where sources want their keys.
        raise Invalid(
            f"unable to build query parameters: queryParams has {len(pieces)} parts, which make no pairs", code="ADY-0275"
        )
    return list(zip(pieces[::2], pieces[1::2], strict=True))


def _query(parts: SplitResult, extra: list[tuple[str, str]]) -> str:
    given: dict[str, list[str]] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        given.setdefault(key, []).append(value)
    for key, value in extra:
        given.setdefault(key, [value])
    return urlencode([(key, value) for key in sorted(given) for value in given[key]])
