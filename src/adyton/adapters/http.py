"""httpget and httppost: the body that a URL answers with becomes the result."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from adyton.adapters import attempts
from adyton.adapters.base import AdapterSettings, Question, TaskContext
from adyton.adapters.exchanges import NotingTransport, shown_url
from adyton.adapters.http_params import HttpParams, read
from adyton.adapters.params import field, present
from adyton.domain import secrets as named
from adyton.domain.data import encode_bytes, with_result
from adyton.domain.errors import Invalid
from adyton.domain.runs import Completed, Data, Errored, Outcome
from adyton.ports import NO_SECRETS, Clock, HttpFailure, HttpRequest, HttpTransport, Secrets

_ERROR = 400
_QUOTED = quote(named.HIDDEN, safe="")


class HttpAdapter:
    """Asks a URL; ``own`` is the param that holds it (``get`` or ``post``), ``url`` is the fallback.

    One task makes several attempts when there is no answer, or one of 500 and above: ``http_attempts`` in all, each bounded by
    ``http_timeout``, with growing pauses between them (``attempts``). Nothing survives a crash; the request is made
    again, with its body. An ``unrestricted`` one reaches addresses that are not public; its URL must be the job's, so that a
    stranger's request cannot point it at the operator's network.
    """

    pure = False
    takes_secrets = True

    def __init__(
        self,
        name: str,
        own: str,
        *,
        http: HttpTransport,
        clock: Clock,
        settings: AdapterSettings,
        secrets: Secrets = NO_SECRETS,
        unrestricted: bool = False,
    ) -> None:
        self.name = name
        self._own = own
        self._http = http
        self._clock = clock
        self._settings = settings
        self._secrets = secrets
        self._unrestricted = unrestricted

    def check(self, params: Data) -> None:
        """Raises Invalid when the params cannot be read. A task without a URL passes, if it is not an unrestricted one: the run
        may bring one."""
        read(params, params, self._own, dict.fromkeys(named.named_in(params), "https://secret"))
        if self._unrestricted and not any(present(params, name) for name in (self._own, "url")):
            raise Invalid(
                f"{self.name} reaches local and private addresses, so the job must say which: put the URL into {self._own}",
                code="ADY-0277",
            )

    async def perform(self, params: Data, data: Data, context: TaskContext) -> Outcome:
        """The outcome; on any error the data stay as they are. What the source echoes of a secret is hidden in it."""
        names = named.named_in(context.spec) if context.spec is not None else []
        values = await self._secrets.values(names) if names else {}
        asked = read(params, params if context.spec is None else context.spec, self._own, values)
        scheme = urlsplit(asked.url).scheme
        if scheme not in ("http", "https"):
            return Errored(f'unsupported protocol scheme "{"***" if asked.shown else scheme}"', data)
        try:
            request = self._request(asked, data)
            http = self._noting(context, asked, params, values)
            response = await attempts.answer(http, self._clock, request, attempts=self._settings.http_attempts)
        except HttpFailure as failure:
            return Errored(named.redact(str(failure), values), data)
        body = named.redact(response.body.decode(errors="replace"), values)
        if response.status >= _ERROR:
            return Errored(body.replace("\0", "\ufffd"), data)  # NUL has no place in an error: PostgreSQL cannot store it
        return Completed(with_result(data, body))

    def question(self, params: Data, data: Data, context: TaskContext) -> Question | None:
        """What would be posted; None when it only gets. URL and body stand as the job writes them, with names of secrets."""
        if self._own != "post":
            return None
        spec = params if context.spec is None else context.spec
        asked = read(params, spec, self._own, dict.fromkeys(named.named_in(spec), "https://secret"))
        text = field(spec, "body")
        body = text.encode() if asked.body is not None and isinstance(text, str) else _posted(asked, data)
        url = field(params, self._own) if present(params, self._own) else field(params, "url")
        return Question(self.name, "POST", str(url), body.decode(errors="replace"))

    def _noting(self, context: TaskContext, asked: HttpParams, params: Data, values: Mapping[str, str]) -> HttpTransport:
        """The transport, which notes exchanges if somebody wants to know of them."""
        if context.exchanges is None:
            return self._http
        url = shown_url(asked.url) if not values else self._without(asked, params, context.spec or {}, values)
        return NotingTransport(
            self._http, self._clock, context.exchanges, url=url, known=named.spellings(values) if values else ()
        )

    def _without(self, asked: HttpParams, params: Data, spec: Data, values: Mapping[str, str]) -> str:
        """The URL as it may be kept, made without the values of its secrets, so that none can be left in it in some other
        spelling; or what messages call it, when they are where its host stands."""
        if asked.shown and "://" not in asked.shown:
            return asked.shown
        return shown_url(read(params, spec, self._own, dict.fromkeys(values, named.HIDDEN)).url).replace(_QUOTED, named.HIDDEN)

    def _request(self, asked: HttpParams, data: Data) -> HttpRequest:
        headers, body = asked.headers, None
        if self._own == "post":
            # As v0.6.2: this content type, whatever the job's headers say.
            headers = (*(pair for pair in headers if pair[0].lower() != "content-type"), ("Content-Type", "application/json"))
            body = _posted(asked, data)
        return HttpRequest(
            method="POST" if self._own == "post" else "GET",
            url=asked.url,
            headers=headers,
            body=body,
            timeout=self._settings.http_timeout,
            limit=self._settings.http_limit,
            unrestricted=self._unrestricted or self._settings.http_unrestricted,
            secret_headers=asked.secret_headers,
            secret_body=asked.secret_body,
            shown=asked.shown,
        )


def _posted(asked: HttpParams, data: Data) -> bytes:
    """As v0.6.2 the whole of the data, unless the job says what else."""
    if asked.body is not None:
        return asked.body
    return encode_bytes(data) if data else b""
