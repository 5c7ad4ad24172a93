"""A simulated web: answers by address, with delays and failures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from adyton.domain.exchanges import Failure
from adyton.ports import HttpFailure, HttpRequest, HttpResponse
from adyton.sim.entropy import stream
from adyton.sim.faults import SourceFaults
from adyton.sim.trace import Gate, Trace

LATENCY = (0.005, 0.080)
"""The seconds that an ordinary exchange takes, drawn anew for each."""


class Slow(msgspec.Struct, frozen=True):
    """An answer after ``seconds`` instead of the ordinary latency."""

    seconds: float
    then: HttpResponse | HttpFailure


GARBAGE = (b"<html><body>Bad gateway</body></html>", b'{"USD": 165.', b'{"error": "try later"}', b"", b"\xff\xfe\x00")
"""What a source says when it does not say what was asked for."""

Answer: TypeAlias = HttpResponse | HttpFailure | Slow
Route: TypeAlias = Callable[[HttpRequest], Answer]


def ok(body: str | bytes, *, status: int = 200) -> HttpResponse:
    """A response with a JSON body."""
    return HttpResponse(status, {"content-type": "application/json"}, body.encode() if isinstance(body, str) else body)


class SimulatedHttp:
    """Implements ``HttpTransport`` over a table of routes.

    A route is the beginning of a URL with a function of the request, or a fixed answer; the longest that fits is taken. An
    address without a route refuses the connection.
    """

    def __init__(self, seed: int | str, trace: Trace, gate: Gate, faults: SourceFaults | None = None) -> None:
        self.faults = faults or SourceFaults(seed)
        self._random = stream(seed, "http")
        self._trace = trace
        self._gate = gate
        self._routes: dict[str, Route] = {}
        self.requests: list[HttpRequest] = []

    def route(self, prefix: str, answer: Answer | Route) -> None:
        """Answer requests whose URL begins with ``prefix``; a second call replaces the first."""
        self._routes[prefix] = answer if callable(answer) else lambda _: answer

    async def request(self, request: HttpRequest) -> HttpResponse:
        """One exchange. Raises HttpFailure as the real transport does: refused, timed out, too large."""
        await self._gate.before(f"http {request.url}")
        self._trace.note("http>", f"{request.method} {request.url} {(request.body or b'').decode(errors='replace')}")
        self.requests.append(request)
        try:
            response = await self._exchange(request)
        except HttpFailure as failure:
            self._trace.note("http<", f"failed: {failure}")
            raise
        self._trace.note("http<", f"{response.status} {response.body[:200].decode(errors='replace')}")
        await self._gate.after(f"http {request.url}")
        return response

    async def _exchange(self, request: HttpRequest) -> HttpResponse:
        answer = self._spoilt() or self._find(request.url)(request)
        seconds = self._random.uniform(*LATENCY)
        if isinstance(answer, Slow):
            seconds, answer = answer.seconds, answer.then
        if self.faults.strikes("slow"):
            seconds = self.faults.draw(self.faults.slow_seconds)
        await asyncio.sleep(min(seconds, request.timeout))
        if seconds > request.timeout:
            raise HttpFailure(f"timed out after {request.timeout:g} s", retriable=True, kind=Failure.TIMEOUT)
        if isinstance(answer, HttpFailure):
            raise HttpFailure(str(answer), retriable=answer.retriable, kind=answer.kind)
        if len(answer.body) > request.limit:
            words = f"the response is larger than {request.limit} bytes"
            raise HttpFailure(words, retriable=False, kind=Failure.TOO_LARGE)
        return answer

    def _spoilt(self) -> Answer | None:
        """What comes instead of the answer, if a fault strikes."""
        if self.faults.strikes("refused"):
            return HttpFailure("connection refused", retriable=True, kind=Failure.REFUSED)
        if self.faults.strikes("errors"):
            return ok('{"error": "overloaded"}', status=self._random.choice((500, 502, 503, 429)))
        return ok(self._random.choice(GARBAGE)) if self.faults.strikes("garbage") else None

    def _find(self, url: str) -> Route:
        fitting = [prefix for prefix in self._routes if url.startswith(prefix)]
        return self._routes[max(fitting, key=len)] if fitting else _refused


def _refused(request: HttpRequest) -> HttpFailure:
    return HttpFailure("connection refused", retriable=True, kind=Failure.REFUSED)
