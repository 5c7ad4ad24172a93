"""How often an endpoint is asked: calls wait their turn, and an endpoint that wants rest gets it.

Two limits meet here. The operator's, which is kept exactly: in no second do more calls begin. And the provider's own, which
nobody tells: when it refuses a call the pace is halved and a rest begins; afterwards the pace grows back, one call a second
each second. A refused call was not done, so it may always be made again.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import math
from collections import deque

import msgspec

from adyton.ethereum.errors import Throttled
from adyton.ports import Clock

FIRST_REST, LONGEST_REST = 1.0, 30.0
"""Seconds of rest after the first refusal in a row; each further one doubles them."""
SLOWEST = 0.2
"""Calls a second, below which the pace is not halved any more."""
GROWTH = 1.0
"""Calls a second that are added each second."""
EXHAUSTED = 3
"""Refusals in a row after which another endpoint had better be asked."""
LONG_REST = 4.0
"""Seconds of rest after which the same holds."""


class Moved(Exception):
    """Another endpoint is asked from now on: a call that waits for its turn here should go there."""


class _Turn(msgspec.Struct, order=True, frozen=True):
    """A call that waits: urgent ones first, then the oldest."""

    rank: tuple[bool, int]

    @property
    def number(self) -> int:
        """Its place in the order of arrival."""
        return self.rank[1]


class Budget:
    """The calls of one endpoint. ``limit`` is calls a second, 0 for none."""

    def __init__(self, *, clock: Clock, limit: int = 0) -> None:
        self._clock = clock
        self._limit = float(limit) if limit else math.inf
        self._pace = self._limit
        self._refused_at = math.inf
        self._grown = 0.0
        self._rest_until = 0.0
        self._refusals = 0
        self._started: deque[tuple[float, int]] = deque()
        self._running = 0
        self._queue: list[_Turn] = []
        self._wakes: dict[int, asyncio.Event] = {}
        self._numbers = itertools.count()
        self._moves = 0

    @property
    def pace(self) -> float:
        """Calls a second that may begin now; infinite while nobody limits them."""
        return self._pace

    @property
    def slowed(self) -> bool:
        """Whether the endpoint wants to be asked less often than we would."""
        return self._pace < self._limit

    @property
    def exhausted(self) -> bool:
        """Whether it refuses so steadily, or wants so long a rest, that another endpoint had better be asked."""
        return self._refusals >= EXHAUSTED or self._rest_until - self._clock.monotonic() > LONG_REST

    def piece(self, calls: int) -> int:
        """How many of ``calls`` go into one frame: no more than a second's; two always stay together."""
        return calls if self._pace >= calls else max(2, int(self._pace))

    async def turn(self, calls: int, *, until: float, urgent: bool = False) -> None:
        """Wait until ``calls`` may begin. ``until`` is the moment (monotonic seconds) at which Throttled is raised instead;
        Moved is raised when ``release`` is called. Urgent ones go before all others."""
        if not self._queue and self._delay(calls) <= 0:
            self._begin(calls)
            return
        turn = _Turn((not urgent, next(self._numbers)))
        self._wakes[turn.number] = asyncio.Event()
        heapq.heappush(self._queue, turn)
        try:
            await self._wait(turn, calls, until)
        finally:
            del self._wakes[turn.number]
            self._queue.remove(turn)
            heapq.heapify(self._queue)
            if self._queue:
                self._wakes[self._queue[0].number].set()

    async def _wait(self, turn: _Turn, calls: int, until: float) -> None:
        wake, moves = self._wakes[turn.number], self._moves
        while True:
            left = until - self._clock.monotonic()
            first = self._queue[0] is turn
            delay = self._delay(calls) if first else left
            if first and delay <= 0:
                self._begin(calls)
                return
            if left <= 0:
                raise Throttled("the Ethereum node is asked as often as it allows; the call's turn did not come in time")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(delay, left)):
                    await wake.wait()
            wake.clear()
            if self._moves != moves:
                raise Moved

    def release(self) -> None:
        """Let every call that waits go elsewhere."""
        self._moves += 1
        for wake in self._wakes.values():
            wake.set()

    def refused(self, rest: float | None = None) -> None:
        """The endpoint refused a call for having been asked too often; ``rest`` is how many seconds it wants, if it says."""
        now = self._clock.monotonic()
        if now >= self._rest_until:  # else the call began before the refusal that is already heeded
            self._refusals += 1
            self._refused_at = self._observed(now)
            self._pace = max(SLOWEST, min(self._pace, self._refused_at) / 2)
            self._rest_until = now + min(FIRST_REST * 2 ** (self._refusals - 1), LONGEST_REST)
        if rest is not None:
            self._rest_until = max(self._rest_until, now + rest)
        self._grown = self._rest_until

    def answered(self) -> None:
        """The endpoint did as it was asked."""
        if self._refusals and self._clock.monotonic() >= self._rest_until:
            self._refusals = 0

    def _begin(self, calls: int) -> None:
        lasts = max(1.0, calls / self._pace)
        self._started.append((self._clock.monotonic() + lasts, calls))
        self._running += calls
        if self._pace == math.inf:
            self._expire(self._clock.monotonic())

    def _delay(self, calls: int) -> float:
        """Seconds until so many calls may begin, as far as can be told now."""
        now = self._clock.monotonic()
        if now < self._rest_until:
            return self._rest_until - now
        if self._pace < self._limit:
            self._grow(now)
        if self._pace == math.inf:
            return 0.0
        self._expire(now)
        if not self._started or self._running + calls <= self._pace:
            return 0.0
        return self._started[0][0] - now

    def _grow(self, now: float) -> None:
        self._pace = min(self._limit, self._pace + GROWTH * (now - self._grown))
        self._grown = now
        if self._pace >= 2 * self._refused_at:
            self._pace = self._limit

    def _observed(self, now: float) -> float:
        """Calls that began within the last second."""
        self._expire(now)
        return float(max(1, self._running))

    def _expire(self, now: float) -> None:
        while self._started and self._started[0][0] <= now:
            self._running -= self._started.popleft()[1]
