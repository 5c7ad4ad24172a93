"""The loop that counts what has ended, for ``services.statistics``.

It goes by rows and keeps nothing: a crash at any await leaves whole writes, each of which has counted something and says so;
the next start goes on there. After an upgrade it works off the history, a small part at a time, so that others get their
turn."""

from __future__ import annotations

import structlog

from adyton.domain.errors import Conflict, StorageUnavailable
from adyton.domain.statistics import Step
from adyton.services.parts import Parts
from adyton.storage import statistics, statistics_money

EVERY = 10.0
"""Seconds between two looks. Who asks for statistics has what ended since then counted first."""
BREATH = 0.02
"""Seconds between two parts."""
PATIENCE = 30.0
"""Seconds until a look that failed is tried again."""
HOURS_KEPT = 62
"""Days for which hours are kept; the days themselves stay for good."""

log = structlog.get_logger(__name__)


class Statistician:
    """Counts, for ever."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._commits = -1
        self._cleaned = -1

    async def run(self) -> None:
        """Look now and then whether anything has ended."""
        while True:
            pause = EVERY
            try:
                if await self._look():
                    pause = BREATH
            except Conflict:
                pause = BREATH  # somebody who asked was quicker
            except StorageUnavailable as fault:
                log.warning("what has ended cannot be counted now", because=str(fault))
                pause = PATIENCE
            except Exception:
                log.exception("what has ended cannot be counted, in a way that must not be")
                pause = PATIENCE
            await self._parts.clock.sleep(pause)

    async def _look(self) -> bool:
        """Count a part; whether there is more. Raises Conflict, StorageUnavailable."""
        db, commits = self._parts.db, self._parts.db.commits  # before the look: what is committed during it is looked for again
        if self._commits == commits:
            return False
        runs = await statistics.count(db)
        money = await statistics_money.count(db)
        if runs or money or await self._clean():
            return True
        self._commits = commits
        return False

    async def _clean(self) -> bool:
        """Delete old hours, once an hour; whether there are more."""
        hour = Step.HOUR.floor(self._parts.clock.now())
        if hour == self._cleaned:
            return False
        if await statistics.delete_hours(self._parts.db, hour - HOURS_KEPT * Step.DAY.micros):
            return True
        self._cleaned = hour
        return False
