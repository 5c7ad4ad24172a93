"""How an endpoint did lately: calls, errors and times of the last hour, by the minute, in a few kilobytes.

Times are counted in steps that grow by a tenth, so a quantile is right to within that.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable

import msgspec

MINUTES = 60
_MINUTE = 60_000_000
_SHORTEST = 0.0005
"""Seconds; what is faster counts as this."""
_GROWTH = 1.1
_STEPS = 120
"""Up to 46 seconds; an endpoint has ten."""


class Minute(msgspec.Struct, frozen=True):
    """One minute. ``at`` (microseconds) is its beginning; ``median`` is of the seconds until an answer, None without any."""

    at: int
    calls: int
    errors: int
    median: float | None


class Recently(msgspec.Struct, frozen=True):
    """The last hour: minutes in which something was asked, the oldest first, and the quantiles of all of them in seconds."""

    minutes: tuple[Minute, ...] = ()
    median: float | None = None
    slowest_twentieth: float | None = None

    @property
    def calls(self) -> int:
        """Calls in the last hour."""
        return sum(each.calls for each in self.minutes)

    @property
    def errors(self) -> int:
        """Those of them that failed."""
        return sum(each.errors for each in self.minutes)


class _Counted:
    """A minute that is counted into."""

    __slots__ = ("at", "calls", "errors", "steps")

    def __init__(self, at: int) -> None:
        self.at = at
        self.calls = 0
        self.errors = 0
        self.steps: Counter[int] = Counter()


class Recent:
    """Counts for one endpoint. Nothing of it survives a restart."""

    def __init__(self) -> None:
        self._minutes: deque[_Counted] = deque(maxlen=MINUTES)

    def count(self, now: int, *, calls: int, errors: int, seconds: float | None) -> None:
        """Calls that have just ended (``now`` in microseconds); ``seconds`` until they were answered, None: they were not."""
        minute = self._minute(now - now % _MINUTE)
        minute.calls += calls
        minute.errors += errors
        if seconds is not None:
            minute.steps[_step(seconds)] += 1

    def view(self, now: int) -> Recently:
        """The last hour before ``now``."""
        kept = [each for each in self._minutes if now - each.at < MINUTES * _MINUTE]
        every = sum((each.steps for each in kept), Counter[int]())
        minutes = tuple(Minute(each.at, each.calls, each.errors, _quantile(each.steps, 0.5)) for each in kept)
        return Recently(minutes, _quantile(every, 0.5), _quantile(every, 0.95))

    def _minute(self, at: int) -> _Counted:
        # A clock that was set back counts into the newest minute until it has caught up.
        if not self._minutes or self._minutes[-1].at < at:
            self._minutes.append(_Counted(at))
        return self._minutes[-1]


def _step(seconds: float) -> int:
    return 0 if seconds <= _SHORTEST else min(_STEPS, math.ceil(math.log(seconds / _SHORTEST, _GROWTH)))


def _quantile(steps: Counter[int], share: float) -> float | None:
    """The seconds that so large a share did not take longer than; None of nothing."""
    left = share * _total(steps.values())
    for step in sorted(steps):
        left -= steps[step]
        if left <= 0:
            return float(_SHORTEST * _GROWTH**step)
    return None


def _total(counts: Iterable[int]) -> int:
    return sum(counts)
