"""What an HTTP task is to ask for, read from its params, with the secrets in place."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from adyton.adapters.http_url import build, check_url
from adyton.adapters.params import field, present
from adyton.domain import secrets, urls
from adyton.domain.errors import Invalid
from adyton.domain.runs import Data

Headers = tuple[tuple[str, str], ...]
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "trailer"})
"""They say where a request goes and where it ends. As in v0.6.2 a job, or whoever starts its run, cannot set them: with a false
length a second request could be hidden in the body of the first."""


class HttpParams(msgspec.Struct, frozen=True):
    """What to ask for: the URL with path and query in place, the job's headers, and its body, None when it names none.

    ``secret_headers`` are those with a secret in them, in small letters; ``shown`` is what messages call the URL if it holds a
    secret, else empty.
    """

    url: str
    headers: Headers = ()
    body: bytes | None = None
    secret_headers: frozenset[str] = frozenset()
    secret_body: bool = False
    shown: str = ""


def read(params: Data, spec: Data, own: str, values: Mapping[str, str]) -> HttpParams:
    """Read a task's params; ``own`` is the param that holds the URL, ``spec`` are the job's own params, ``values`` the secrets
    that they name. Raises Invalid, whose message shows nothing of URLs, headers and queries."""
    url, shown = _url(params, own, values)
    headers, secret_headers = _headers(field(params, "headers"), values)
    # Only the job's: v0.6.2 had no such param, and a run whose input has that key sent it as a part of the data.
    body = field(spec, "body") if own == "post" else None
    if body is not None and not isinstance(body, str):
        raise Invalid("body must be a text", code="ADY-0276")
    return HttpParams(
        url=build(url, field(params, "extPath"), field(params, "queryParams"), values),
        headers=headers,
        body=None if body is None else secrets.fill(body, values).encode(errors="replace"),
        secret_headers=secret_headers,
        secret_body=body is not None and _holds(body, values),
        shown=shown,
    )


def _url(params: Data, own: str, values: Mapping[str, str]) -> tuple[str, str]:
    """The URL, and what messages call it if it holds a secret. Empty when there is none."""
    name = next((name for name in (own, "url") if present(params, name)), None)
    if name is None:
        return "", ""
    text = field(params, name)
    if not isinstance(text, str) or not _holds(text, values):
        return check_url(text, name), ""
    shown = urls.redact(text)  # of the name's text: a secret in the user, the path or the query leaves the host to be shown
    return check_url(secrets.fill_url(text, values), name), f"the URL in {name}" if shown == urls.UNREADABLE else shown


def _holds(text: str, values: Mapping[str, str]) -> bool:
    return any(name in values for name in secrets.names(text))


def _headers(value: object, values: Mapping[str, str]) -> tuple[Headers, frozenset[str]]:
    """The headers as they are sent, and which of them hold a secret. What is wrong with a value is said without showing it:
    sources take keys in headers."""
    if value is None:
        return (), frozenset()
    if not isinstance(value, dict):
        raise Invalid("headers must be an object of lists of texts", code="ADY-0276")
    pairs: list[tuple[str, str]] = []
    secret: set[str] = set()
    for name, texts in value.items():
        if not _HEADER_NAME.fullmatch(name):
            raise Invalid(f"headers: {name[:80]!r} is not the name of a header", code="ADY-0276")
        if not (isinstance(texts, list) and all(isinstance(item, str) for item in texts)):
            raise Invalid(f"headers.{name} must be a list of texts", code="ADY-0276")
        filled = [secrets.fill(item, values) for item in texts]
        if any(_UNPRINTABLE.search(item) for item in filled):
            raise Invalid(f"headers.{name} must not hold line breaks or control characters", code="ADY-0276")
        if name.lower() not in _OURS:
            pairs += [(name, item) for item in filled]
        if filled != texts:
            secret.add(name.lower())
    return tuple(pairs), frozenset(secret)
