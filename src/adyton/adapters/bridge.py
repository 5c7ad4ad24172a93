"""A bridge: a task that another program does, asked by HTTP.

The program gets the run's id, the data, and the address for a late answer; what it answers is read by
``domain.bridge_answers``. One question may reach it several times, always with the same id: when there was no answer, or one of
500 and above, it is asked again as a source of ``httpget`` is (as from v0.8.0; v0.6.2 asked once), and after a crash between
the question and the moment its answer is stored.
"""

from __future__ import annotations

import msgspec

from adyton.adapters import attempts
from adyton.adapters.base import AdapterSettings, Question, TaskContext
from adyton.adapters.exchanges import NotingTransport, shown_url
from adyton.adapters.params import field
from adyton.domain import data
from adyton.domain.bridge_answers import at_once, read_response
from adyton.domain.bridges import Bridge, response_url, token_spellings
from adyton.domain.errors import Invalid
from adyton.domain.exchanges import LONGEST_ERROR, Exchange, Failure
from adyton.domain.runs import Data, Errored, Outcome, RunStatus, Waits
from adyton.domain.secrets import fill_url, names, redact, redact_all_with, redact_with, spellings
from adyton.ports import NO_SECRETS, Clock, HttpFailure, HttpRequest, HttpResponse, HttpTransport, Secrets
from adyton.storage.bridges import Bridges

_ERROR = 400
_POST = "ExternalBridge post to external adapter: "
_READ = "ExternalBridge unmarshaling JSON: "


class BridgeAdapter:
    """Asks one bridge. It may be at any address, because an operator said where it is."""

    pure = False

    def __init__(
        self, bridge: Bridge, *, http: HttpTransport, clock: Clock, settings: AdapterSettings, secrets: Secrets = NO_SECRETS
    ) -> None:
        self.name = bridge.name
        self.bridge = bridge
        self._http = http
        self._clock = clock
        self._settings = settings
        self._secrets = secrets

    def check(self, params: Data) -> None:
        """Any params will do: they are the bridge's to understand."""

    async def perform(self, params: Data, data: Data, context: TaskContext) -> Outcome:
        """What the bridge answers. Raises Invalid when its URL names a secret that cannot be read."""
        if context.status is RunStatus.PENDING_BRIDGE:
            return Waits(RunStatus.PENDING_BRIDGE, data)  # it has been asked; only a callback or the deadline ends the waiting
        # As v0.6.2: a `result` that came with the run is a param too, and hides that of the task before.
        asked = {**data, **params}
        secrets = await self._secrets.values(named) if (named := names(self.bridge.url)) else {}
        request = self._request(asked, params, context.run_id, secrets)
        # Never the token that the bridge is shown, even if it says it back.
        known = token_spellings(self.bridge.outgoing_token) + (spellings(secrets) if secrets else ())
        try:
            http = self._noting(context, known)
            response = await attempts.answer(http, self._clock, request, attempts=self._settings.http_attempts)
        except HttpFailure as failure:
            return Errored(f"{_POST}POST request: {redact(str(failure), secrets)}", asked)
        return _redacted(_outcome(response, asked, context.exchanges), known)

    def _noting(self, context: TaskContext, known: tuple[str, ...]) -> HttpTransport:
        """The transport, which notes exchanges if somebody wants to know of them."""
        if context.exchanges is None:
            return self._http
        return NotingTransport(self._http, self._clock, context.exchanges, url=shown_url(self.bridge.url), known=known)

    def question(self, params: Data, data: Data, context: TaskContext) -> Question:
        """What the bridge would be asked."""
        body = self._body({**data, **params}, params, context.run_id)
        return Question(f"bridge {self.name}", "POST", self.bridge.url, body.decode())

    def _body(self, asked: Data, params: Data, run_id: str) -> bytes:
        return body_of(run_id, asked, response_url(self._settings.bridge_response_url, run_id), field(params, "meta"))

    def _request(self, asked: Data, params: Data, run_id: str, secrets: dict[str, str]) -> HttpRequest:
        return HttpRequest(
            method="POST",
            url=fill_url(self.bridge.url, secrets),
            headers=(
                ("Content-Type", "application/json"),
                ("Authorization", f"Bearer {self.bridge.outgoing_token}"),
            ),
            body=self._body(asked, params, run_id),
            timeout=self._settings.http_timeout,
            limit=self._settings.http_limit,
            unrestricted=True,
            secret_headers=frozenset({"authorization"}),
            shown=f"bridge {self.name}",
        )


class BridgeAdapters:
    """The adapter of every bridge that there is."""

    def __init__(
        self,
        *,
        http: HttpTransport,
        clock: Clock,
        settings: AdapterSettings,
        bridges: Bridges | None = None,
        secrets: Secrets = NO_SECRETS,
    ) -> None:
        self._http = http
        self._clock = clock
        self._settings = settings
        self._bridges = bridges or Bridges()
        self._secrets = secrets

    @property
    def version(self) -> int:
        """Grows with every change of a bridge."""
        return self._bridges.version

    def find(self, name: str) -> BridgeAdapter | None:
        """The adapter of the bridge of that name, as the bridge is now; None when there is none."""
        bridge = self._bridges.get(name)
        if bridge is None:
            return None
        return BridgeAdapter(bridge, http=self._http, clock=self._clock, settings=self._settings, secrets=self._secrets)


def body_of(run_id: str, asked: Data, late_answers: str | None, meta: object) -> bytes:
    """What a bridge is sent, in the key order of v0.6.2. ``meta`` is the task's param of that name: an object stands beside the
    data as well, where adapters of later versions look for it."""
    members: list[tuple[str, object]] = [("id", run_id), ("data", asked)]
    if late_answers is not None:
        members.append(("responseURL", late_answers))
    if isinstance(meta, dict):
        members.append(("meta", meta))
    return b"{" + b",".join(data.encode_bytes(key) + b":" + data.encode_bytes(value) for key, value in members) + b"}"


def _outcome(response: HttpResponse, asked: Data, exchanges: list[Exchange] | None) -> Outcome:
    if response.status >= _ERROR:
        return Errored(f"{_POST}POST response: {response.status} {response.body.decode(errors='replace')}", asked)
    try:
        answer = read_response(response.body)
    except Invalid as wrong:
        if exchanges:
            exchanges[-1] = msgspec.structs.replace(exchanges[-1], failure=Failure.NOT_JSON, error=str(wrong)[:LONGEST_ERROR])
        return Errored(f"{_READ}{wrong}", asked)
    return at_once(answer, asked)


def _redacted(outcome: Outcome, known: tuple[str, ...]) -> Outcome:
    """The outcome without the secrets, should the bridge have sent them back."""
    left = redact_all_with(known, outcome.data)
    if isinstance(outcome, Errored):
        return Errored(redact_with(known, outcome.error), left)
    return msgspec.structs.replace(outcome, data=left)
