"""One initiator in the scheduler's queue: how far it is, when it is due, and what becomes of the times that have come."""

from __future__ import annotations

from datetime import tzinfo

from adyton.domain import fires, schedule
from adyton.domain.jobs import Initiator, Job
from adyton.domain.runs import Run
from adyton.domain.schedule import Schedule


class Entry:
    """A cron or runat initiator of a live job. Times are microseconds since the epoch.

    ``cursor`` is the time from which on nothing has been decided, ``stored`` the newest time decided about as the database has
    it (None: none yet), ``due`` when somebody is to look at it (None: never again).
    """

    __slots__ = ("_created", "_ends", "_schedule", "cursor", "due", "initiator", "job_id", "stored")

    def __init__(self, job: Job, initiator: Initiator, timing: Schedule | None, cursor: int, due: int | None) -> None:
        self.stored: int | None = None
        self.job_id = job.id
        self.initiator = initiator
        self._created = job.created_at
        self._ends = job.end_at
        self._schedule = timing
        self.cursor = cursor
        self.due = due if due is not None and self._is_open(due) else None

    @classmethod
    def of(cls, job: Job, initiator: Initiator, fired_at: int | None, zone: tzinfo) -> Entry:
        """The entry of an initiator that has got as far as ``fired_at``. Nothing is due before the job's start, nor behind its
        end. Raises ValueError when its line cannot be read."""
        starts = job.created_at if job.start_at is None else max(job.start_at, job.created_at)
        if initiator.schedule is None:
            # A time in the past is due at once.
            return cls(job, initiator, None, starts, None if initiator.run_at is None else max(initiator.run_at, starts))
        timing = schedule.parse(initiator.schedule, zone, anchor=job.created_at)
        cursor = max(job.created_at if fired_at is None else fired_at, (job.start_at or 0) - 1)
        entry = cls(job, initiator, timing, cursor, timing.next(cursor))
        entry.stored = fired_at
        return entry

    @property
    def began(self) -> int:
        """The newest time decided about, else that of the job's creation: nothing can be due before it."""
        return self._created if self.stored is None else self.stored

    def is_behind(self, away: int) -> bool:
        """Whether a time up to ``away`` has not been decided about."""
        following = None if self._schedule is None else self._schedule.next(self.cursor)
        return following is not None and following <= away

    def decide(self, *, away: int, now: int, policy: str, one: bool) -> Move | None:
        """What becomes of the times up to ``now``; None when none has come. ``one`` takes no more than the oldest of them."""
        if self.due is not None and self._schedule is None:
            return Move(self, [self.due], self.due)
        if self._schedule is None:
            return None
        until = now if self._ends is None else min(now, self._ends)
        found = fires.decide(self._schedule, self.cursor, away=away, now=until, policy=policy)
        if found is None:
            self.due = self._next()
            return None
        if one and found.times:
            return Move(self, found.times[:1], found.times[0])
        return Move(self, found.times, found.decided, missed=found.missed, late=found.late)

    def moved(self, decided: int) -> None:
        """Take note that everything up to ``decided`` has been decided about, durably."""
        self.cursor = self.stored = decided
        self.due = self._next()

    def _next(self) -> int | None:
        following = None if self._schedule is None else self._schedule.next(self.cursor)
        return following if following is not None and self._is_open(following) else None

    def _is_open(self, time: int) -> bool:
        return self._ends is None or time <= self._ends


class Move:
    """What becomes of an entry in one write: the ``times`` that start a run, how many are ``skipped`` and why, and the newest
    time ``decided`` about."""

    __slots__ = ("decided", "entry", "runs", "skipped", "times")

    def __init__(self, entry: Entry, times: list[int], decided: int, *, missed: int = 0, late: int = 0) -> None:
        self.entry = entry
        self.times = times
        self.decided = decided
        self.runs: list[Run] = []
        self.skipped = {"missed": missed, "late": late}

    def skip(self, why: str, *, but: int = 0) -> None:
        """Start a run for the newest ``but`` times only."""
        kept = self.times[len(self.times) - but :] if but else []
        self.skipped[why] = len(self.times) - len(kept)
        self.times = kept
