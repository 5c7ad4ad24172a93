"""How the node is at a glance: what became of today's requests, the queue, the head, and what was done lately.

Nothing is decided here: requests have the fates that ``domain.fates`` gives them, the rest is what ``health`` and
``statistics`` say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from adyton.domain.fates import Kind
from adyton.domain.statistics import Step, together
from adyton.services import statistics
from adyton.services.parts import Parts
from adyton.services.recent import Recent
from adyton.services.requests import chain_time
from adyton.services.statistics import Stretch
from adyton.storage import fates

HOURS, DAYS = 24, 30
KEPT = 1.0
"""Seconds for which an answer about today's requests serves whoever asks: it costs more with each request of the day."""
PATIENCE = 1.0
"""Seconds that they may take to be counted."""


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The node now. ``today`` is when the day began (UTC, microseconds), ``requests`` what became of those seen since, None
    while they are counted. ``head`` is the newest block's height, ``head_age`` in seconds. ``day`` and ``month`` begin with a
    whole hour or day, and include the one that is under way."""

    today: int
    requests: Mapping[Kind, int] | None
    queue: int
    behind: bool
    head: int | None
    head_age: int
    jobs: int
    day: Stretch
    month: Stretch


class Overseer:
    """Asks for everybody who looks: what costs more is asked once for all of them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._requests = Recent(self._count, clock=parts.clock, seconds=KEPT)

    async def overview(self) -> Overview:
        """The node now. Raises StorageUnavailable."""
        parts, now = self._parts, self._parts.clock.now()
        queue, head = parts.engine.queue, parts.chain.state.head
        today, requests = await self._today(now)
        return Overview(
            today=today,
            requests=requests,
            queue=queue.depth,
            behind=queue.behind,
            head=None if head is None else head.number,
            head_age=0 if head is None else max(0, now // 1_000_000 - head.timestamp),
            jobs=len(parts.jobs.jobs),
            day=await self._total(Step.HOUR, HOURS, now),
            month=await self._total(Step.DAY, DAYS, now),
        )

    async def _total(self, step: Step, count: int, now: int) -> Stretch:
        begin = step.floor(now) - (count - 1) * step.micros
        found = await statistics.series(self._parts, step, begin, now + 1)
        return Stretch(begin, together(each.tally for each in found))

    async def _today(self, now: int) -> tuple[int, Mapping[Kind, int] | None]:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._requests.value()
        except TimeoutError:
            return Step.DAY.floor(now), None

    async def _count(self) -> tuple[int, Mapping[Kind, int]]:
        today = Step.DAY.floor(self._parts.clock.now())
        return today, await fates.seen_since(self._parts.db, today, now=chain_time(self._parts))
