"""What a node has done in a stretch of time: runs that ended, how long they took, what was earned and spent.

How long runs took is kept as how many took up to each of a few bounds, so that stretches can be added to one another; from that
a quantile is told to within its two bounds.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from itertools import accumulate

import msgspec

SECOND = 1_000_000
"""Microseconds."""
BOUNDS = (
    *(20_000, 50_000, 100_000, 200_000, 500_000),
    *(seconds * SECOND for seconds in (1, 2, 5, 10, 15, 30, 45, 60, 90, 120, 300, 600, 1800, 3600)),
)
"""Microseconds: how long a run took is counted at the first that it does not exceed. A schema holds as many columns, and
one more for what took longer than all: they never change."""
BUCKETS = len(BOUNDS) + 1


class Step(Enum):
    """Stretches of time that are counted; the value is their length in seconds."""

    HOUR = 3600
    DAY = 86_400

    @property
    def micros(self) -> int:
        """Microseconds."""
        return self.value * SECOND

    def floor(self, time: int) -> int:
        """When the stretch began that a time (microseconds) is in, in UTC."""
        return time - time % self.micros


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted. ``runs`` ended; ``duration`` is what the completed ones took all together (microseconds), ``took`` how
    many of them took up to each of ``BOUNDS``, and longer. ``last_at`` is when the newest began (microseconds; 0: none).
    ``link_earned`` is in juels, ``gas_spent`` in wei."""

    runs: int = 0
    completed: int = 0
    errored: int = 0
    cancelled: int = 0
    duration: int = 0
    took: tuple[int, ...] = (0,) * BUCKETS
    last_at: int = 0
    link_earned: int = 0
    gas_spent: int = 0

    @property
    def average(self) -> float | None:
        """Seconds that a completed run took; None when none completed."""
        return self.duration / self.completed / SECOND if self.completed else None

    def quantile(self, share: float) -> float | None:
        """Seconds in which that share of the completed runs was done, between the bounds in proportion; None when none
        completed. Of what took longer than every bound only that is known."""
        total = sum(self.took)
        if total <= 0:
            return None
        wanted = share * total
        below = list(accumulate(self.took, initial=0))
        place = next(index for index in range(BUCKETS) if below[index + 1] >= wanted and self.took[index])
        if place == len(BOUNDS):
            return BOUNDS[-1] / SECOND
        low = BOUNDS[place - 1] if place else 0
        part = (wanted - below[place]) / self.took[place]
        return (low + (BOUNDS[place] - low) * part) / SECOND


NOTHING = Tally()


def together(tallies: Iterable[Tally]) -> Tally:
    """All of it added up."""
    found = list(tallies)
    return Tally(
        runs=sum(each.runs for each in found),
        completed=sum(each.completed for each in found),
        errored=sum(each.errored for each in found),
        cancelled=sum(each.cancelled for each in found),
        duration=sum(each.duration for each in found),
        took=tuple(map(sum, zip(*(each.took for each in found), strict=True))) if found else NOTHING.took,
        last_at=max((each.last_at for each in found), default=0),
        link_earned=sum(each.link_earned for each in found),
        gas_spent=sum(each.gas_spent for each in found),
    )
