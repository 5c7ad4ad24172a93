"""Which times of a schedule start a run now, and which are passed over.

A time that came while the node was away (stopped, or the machine suspended) is *missed*, and the initiator's policy says what
becomes of it: nothing (``skip``), one run for the newest (``latest``), or a run for each (``all``). A time that came while the
node was there always starts its run, late if the database was slow; only when more than ``LATE_MOST`` of one initiator have
piled up are the oldest passed over, unless the policy is ``all``.
"""

from __future__ import annotations

from itertools import islice, takewhile
from typing import NamedTuple

from adyton.domain.schedule import Schedule, fires, latest

SKIP, LATEST, ALL = "skip", "latest", "all"
LATE_MOST = 10
CHUNK = 100
"""How many times of an initiator with the policy ``all`` are taken at once."""


class Decision(NamedTuple):
    """What becomes of the times that have come. Times are microseconds since the epoch.

    ``times`` start a run each; ``missed`` and ``late`` say how many are passed over, and why; ``decided`` is the newest time
    that has been decided about.
    """

    times: list[int]
    missed: int
    late: int
    decided: int


def decide(schedule: Schedule, cursor: int, *, away: int, now: int, policy: str) -> Decision | None:
    """The decision about the times behind ``cursor`` up to ``now``; None when there are none. The node was away until
    ``away``."""
    first = schedule.next(cursor)
    if first is None or first > now:
        return None
    if policy == ALL:
        times = list(islice(takewhile(lambda time: time <= now, fires(schedule, cursor)), CHUNK))
        return Decision(times, 0, 0, times[-1])
    there = max(cursor, min(away, now))
    second = schedule.next(first)
    if first > there and (second is None or second > now):
        return Decision([first], 0, 0, first)  # as nearly always
    missed, times = 0, []
    if first <= there:
        missed = schedule.count(cursor, there)
        times = latest(schedule, cursor, there)
    decided = times[-1] if times else cursor
    if policy == LATEST:
        missed -= len(times)
    else:
        times = []
    came = latest(schedule, there, now, LATE_MOST)
    late = schedule.count(there, now) - len(came) if len(came) == LATE_MOST else 0
    return Decision(times + came, missed, late, came[-1] if came else decided)
