"""Notes the HTTP exchanges of a task, for people who look at its run: bounded, and without what could be a secret.

Headers are not kept at all: sources take keys in them, and give sessions. Bodies lose the secrets that the job or the bridge
names before they are cut, so that no piece of one is left at the end.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_plus, urlsplit

from adyton.config.redact import HIDDEN, secret_name
from adyton.domain import secrets
from adyton.domain.exchanges import LONGEST_BODY, LONGEST_ERROR, LONGEST_URL, Exchange, Failure
from adyton.domain.urls import UNREADABLE
from adyton.ports import Clock, HttpFailure, HttpRequest, HttpResponse, HttpTransport

_MICROS = 1_000_000
_ERROR = 400
_LONGEST_TYPE = 100
_SECRET_PARAM = re.compile(
    r"key$|(^|[_.-])(auth|sig|sign|signature|pass|pwd|pin|jwt|sid|session|user|user_?name|email|login|client_?id|app_?id)$",
    re.IGNORECASE,
)
"""Names of parameters by which sources know who asks, beside those that ``secret_name`` knows."""
_KEYLIKE = re.compile(r"(?=[^/]*[0-9])[A-Za-z0-9_-]{16,}")
"""What looks like a key in a path or a query."""


class NotingTransport:
    """An ``HttpTransport`` that notes each exchange in ``kept``. ``url`` is what is noted as its URL; ``known`` are the
    spellings of values that a body may repeat and nobody may see. Nothing survives a crash before the task's outcome is
    written."""

    def __init__(
        self, http: HttpTransport, clock: Clock, kept: list[Exchange], *, url: str, known: tuple[str, ...] = ()
    ) -> None:
        self._http = http
        self._clock = clock
        self._kept = kept
        self._url = url
        self._known = known

    async def request(self, request: HttpRequest) -> HttpResponse:
        """Make the exchange. Raises HttpFailure."""
        began, start = self._clock.now(), self._clock.monotonic()
        try:
            response = await self._http.request(request)
        except HttpFailure as failure:
            error = secrets.redact_with(self._known, str(failure))[:LONGEST_ERROR]
            self._note(request, began, start, failure=failure.kind, error=error)
            raise
        failed = Failure.STATUS if response.status >= _ERROR else None
        media_type = response.headers.get("content-type", "")[:_LONGEST_TYPE] or None
        body, size = self._beginning(response.body), len(response.body)
        self._note(request, began, start, status=response.status, size=size, media_type=media_type, body=body, failure=failed)
        return response

    def _note(self, request: HttpRequest, began: int, start: float, **known: object) -> None:
        duration = max(0, round((self._clock.monotonic() - start) * _MICROS))
        exchange = Exchange(method=request.method, url=self._url, started_at=began, duration=duration, **known)  # type: ignore[arg-type]
        self._kept.append(exchange)

    def _beginning(self, body: bytes) -> str:
        if not self._known:
            return body[:LONGEST_BODY].decode(errors="replace")
        text = secrets.redact_with(self._known, body.decode(errors="replace"))
        return text.encode()[:LONGEST_BODY].decode(errors="replace")


def shown_url(url: str) -> str:
    """A URL as it may be kept: without its user and its fragment, without what looks like a key in its path, and without the
    values of parameters that say who is asking, or look like a key."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return UNREADABLE
    if not parts.scheme or not host:
        return UNREADABLE
    user = f"{HIDDEN}@" if parts.username or parts.password else ""
    where = f"[{host}]" if ":" in host else host
    port_text = "" if port is None else f":{port}"
    query = "&".join(map(_shown_pair, parts.query.split("&"))) if parts.query else ""
    shown = f"{parts.scheme}://{user}{where}{port_text}{_KEYLIKE.sub(HIDDEN, parts.path)}{'?' if query else ''}{query}"
    return shown if len(shown) <= LONGEST_URL else f"{shown[:LONGEST_URL]}…"


def _shown_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if not equals:
        return HIDDEN if _KEYLIKE.search(unquote_plus(name)) else name
    known = unquote_plus(name)
    if secret_name(known) or _SECRET_PARAM.search(known) or _KEYLIKE.search(unquote_plus(value)):
        return f"{name}={HIDDEN}"
    return pair
