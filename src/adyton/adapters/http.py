"""httpget and httppost: the body that a URL answers with becomes the result."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import msgspec

from adyton.adapters.base import AdapterSettings, TaskContext
from adyton.adapters.http_url import build, check_url
from adyton.adapters.params import field, present
from adyton.domain.data import encode_bytes, with_result
from adyton.domain.errors import Invalid
from adyton.domain.runs import Completed, Data, Errored, Outcome
from adyton.ports import Clock, HttpFailure, HttpRequest, HttpResponse, HttpTransport

_FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds."""
_SERVER_ERROR = 500
_ERROR = 400
Headers = tuple[tuple[str, str], ...]
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_OURS = frozenset({"host", "content-length", "transfer-encoding", "trailer"})
"""They say where a request goes and where it ends. As in v0.6.2 a job, or whoever starts its run, cannot set them: with a false
length a second request could be hidden in the body of the first."""


class HttpParams(msgspec.Struct, frozen=True):
    """What to ask for: the URL with path and query in place, and the job's headers."""

    url: str
    headers: Headers


class HttpAdapter:
    """Asks a URL; ``own`` is the param that holds it (``get`` or ``post``), ``url`` is the fallback.

    One task makes several attempts when there is no answer, or one of 500 and above: ``http_attempts`` in all, each bounded by
    ``http_timeout``, with pauses between them that grow to ``LONGEST_PAUSE``. Nothing survives a crash; the request is made
    again.
    """

    pure = False

    def __init__(self, name: str, own: str, *, http: HttpTransport, clock: Clock, settings: AdapterSettings) -> None:
        self.name = name
        self._own = own
        self._http = http
        self._clock = clock
        self._settings = settings

    def check(self, params: Data) -> None:
        """Raises Invalid when the params cannot be read. A task without a URL passes: the run may bring one."""
        self._read(params)

    async def perform(self, params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG002 - an adapter's signature
        """The outcome; on any error the data stay as they are."""
        asked = self._read(params)
        scheme = urlsplit(asked.url).scheme
        if scheme not in ("http", "https"):
            return Errored(f'unsupported protocol scheme "{scheme}"', data)
        try:
            response = await self._answer(self._request(asked, data))
        except HttpFailure as failure:
            return Errored(str(failure), data)
        body = response.body.decode(errors="replace")
        if response.status >= _ERROR:
            return Errored(body.replace("\0", "\ufffd"), data)  # NUL has no place in an error: PostgreSQL cannot store it
        return Completed(with_result(data, body))

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        """What the source answers; the last attempt counts, whatever comes of it. Raises HttpFailure."""
        pause = _FIRST_PAUSE
        for _ in range(self._settings.http_attempts - 1):
            try:
                response = await self._http.request(request)
                if response.status < _SERVER_ERROR:
                    return response
            except HttpFailure as failure:
                if not failure.retriable:
                    raise
            await self._clock.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return await self._http.request(request)

    def _request(self, asked: HttpParams, data: Data) -> HttpRequest:
        headers, body = asked.headers, None
        if self._own == "post":
            # As v0.6.2: the whole of the data, and this content type whatever the job's headers say.
            headers = (*(pair for pair in headers if pair[0].lower() != "content-type"), ("Content-Type", "application/json"))
            body = encode_bytes(data) if data else b""
        return HttpRequest(
            method="POST" if self._own == "post" else "GET",
            url=asked.url,
            headers=headers,
            body=body,
            timeout=self._settings.http_timeout,
            limit=self._settings.http_limit,
            unrestricted=self._settings.http_unrestricted,
        )

    def _read(self, params: Data) -> HttpParams:
        url = next((check_url(field(params, name), name) for name in (self._own, "url") if present(params, name)), "")
        return HttpParams(
            build(url, field(params, "extPath"), field(params, "queryParams")), _headers(field(params, "headers"))
        )


def _headers(value: object) -> Headers:
    """The headers as they are sent. What is wrong with a value is said without showing it: sources take keys in headers."""
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise Invalid("headers must be an object of lists of texts")
    pairs: list[tuple[str, str]] = []
    for name, values in value.items():
        if not _HEADER_NAME.fullmatch(name):
            raise Invalid(f"headers: {name[:80]!r} is not the name of a header")
        if not (isinstance(values, list) and all(isinstance(item, str) for item in values)):
            raise Invalid(f"headers.{name} must be a list of texts")
        if any(_UNPRINTABLE.search(item) for item in values):
            raise Invalid(f"headers.{name} must not hold line breaks or control characters")
        if name.lower() not in _OURS:
            pairs += [(name, item) for item in values]
    return tuple(pairs)
