"""The loop that deletes finished transactions when they are old. A crash costs one pass."""

from __future__ import annotations

from typing import NamedTuple

import structlog

from adyton.domain.errors import Broken, Disconnected, Refused, TryAgain
from adyton.storage import finished_transactions
from adyton.transactions.parts import Parts

BATCH = 1000
"""Rows deleted in one write: others wait for it."""
BREATH = 0.1
"""Seconds between two writes of one pass."""
PATIENCE = 60.0
"""Seconds until a pass that could not be made is tried again."""

log = structlog.get_logger(__name__)


class ReaperRules(NamedTuple):
    """ETH_TX_REAPER_INTERVAL and ETH_TX_REAPER_THRESHOLD, seconds; 0 of either: nothing is ever deleted."""

    interval: float = 0.0
    threshold: float = 0.0


class Reaper:
    """Deletes what is finished, older than the threshold, and deeper in the chain than finality."""

    def __init__(self, parts: Parts, rules: ReaperRules) -> None:
        self._parts = parts
        self._rules = rules

    async def run(self) -> None:
        """One pass now and one each interval, for ever; returns at once when there is nothing to do ever."""
        if self._rules.interval <= 0 or self._rules.threshold <= 0:
            return
        while True:
            pause = self._rules.interval
            try:
                await self._pass()
            except Disconnected as fault:
                log.debug("old transactions cannot be deleted now", because=str(fault))  # at each start; others say it louder
                pause = min(PATIENCE, self._rules.interval)
            except (TryAgain, Refused, Broken) as fault:
                log.warning("old transactions cannot be deleted now", because=str(fault))
                pause = min(PATIENCE, self._rules.interval)
            except Exception:
                log.exception("old transactions cannot be deleted, in a way that must not be")
            await self._parts.clock.sleep(pause)

    async def _pass(self) -> None:
        """Delete batch after batch. Raises Disconnected while no head is known, StorageUnavailable."""
        below = self._parts.head().number - self._parts.finality_depth
        before = self._parts.clock.now() - round(self._rules.threshold * 1_000_000)
        deleted = BATCH
        while deleted == BATCH:
            deleted = await finished_transactions.reap(self._parts.db, before=before, below=below, limit=BATCH)
            if deleted:
                log.info("old transactions deleted", transactions=deleted)
                await self._parts.clock.sleep(BREATH)
