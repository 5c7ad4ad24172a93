"""What is counted about the calls to one endpoint, and how long the oldest of them has waited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum

import prometheus_client

from adyton.ethereum.connection import Answer, Call
from adyton.ethereum.errors import RpcError
from adyton.ethereum.recent import Recent, Recently
from adyton.metrics import Metrics
from adyton.ports import Clock


class Outcome(Enum):
    """How a call ended, as metrics say it."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    LOST = "lost"


class Frame:
    """A frame on its way. ``outcome`` holds for every call of it, unless there are ``answers``."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = calls
        self.outcome = Outcome.TIMEOUT
        self.answers: Sequence[Answer] = ()

    def outcomes(self) -> Mapping[tuple[str, Outcome], int]:
        """How many calls of each method ended in which way."""
        if not self.answers:
            return Counter((method, self.outcome) for method, _ in self.calls)
        ends = [Outcome.ERROR if isinstance(answer, RpcError) else Outcome.OK for answer in self.answers]
        if len(ends) == 1:
            return {(self.calls[0][0], ends[0]): 1}
        return Counter((method, end) for (method, _), end in zip(self.calls, ends, strict=True))


class Tally:
    """Counts the calls to the endpoint called ``name``."""

    def __init__(self, name: str, metrics: Metrics, clock: Clock) -> None:
        self._name = name
        self._calls = metrics.rpc_calls
        self._seconds = metrics.rpc_seconds.labels(name)
        self._throttled = metrics.rpc_throttled.labels(name)
        self._clock = clock
        self._bound: dict[tuple[str, Outcome], prometheus_client.Counter] = {}
        self._waiting: dict[Frame, float] = {}
        self._answered_at = 0.0
        self._recent = Recent()

    @property
    def unanswered(self) -> float:
        """Seconds for which calls have waited while no call was answered; 0 if none waits."""
        if not self._waiting:
            return 0.0
        return self._clock.monotonic() - max(next(iter(self._waiting.values())), self._answered_at)

    def recently(self) -> Recently:
        """What was counted in the last hour."""
        return self._recent.view(self._clock.now())

    def throttled(self) -> None:
        """The endpoint was asked too often."""
        self._throttled.inc()

    @contextmanager
    def frame(self, calls: Sequence[Call]) -> Iterator[Frame]:
        """Count a frame from sending to its end; given up by its caller, it counts as a timeout."""
        frame = Frame(calls)
        began = self._waiting[frame] = self._clock.monotonic()
        try:
            yield frame
        finally:
            del self._waiting[frame]
            seconds = None
            if frame.answers:
                self._answered_at = self._clock.monotonic()
                seconds = self._answered_at - began
                self._seconds.observe(seconds)
            errors = 0
            for what, number in frame.outcomes().items():
                self._counter(what).inc(number)
                errors += 0 if what[1] is Outcome.OK else number
            self._recent.count(self._clock.now(), calls=len(calls), errors=errors, seconds=seconds)

    def _counter(self, what: tuple[str, Outcome]) -> prometheus_client.Counter:
        counter = self._bound.get(what)
        if counter is None:
            method, outcome = what
            counter = self._bound[what] = self._calls.labels(self._name, method, outcome.value)
        return counter
