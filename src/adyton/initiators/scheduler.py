"""The scheduler: starts the runs of cron and runat initiators.

One timer for all of them. When times have come, the runs of many initiators are written in one go, each with the fact that
caused it: ``fired_at`` of its initiator, which only grows, or ``ran``, which becomes 1 once. So a time starts its run once,
whatever crashes: before the write it is as if the time had not come, and the next start finds it again, as missed.

While the node is there every time starts its run, however slow the database: what could not be written is decided about again,
by its own time. Only a pile of more than ten of one initiator is cut. Times that came while the node was away (stopped, or the
machine suspended: its clock has then gone further than the time that passed) go by the policy for missed ones. Clocks that
go back repeat nothing.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Sequence
from contextlib import suppress
from datetime import tzinfo
from typing import NamedTuple

import msgspec
import structlog

from adyton.domain.errors import Conflict, StorageUnavailable
from adyton.domain.fires import ALL, SKIP
from adyton.domain.jobs import Initiator, Job
from adyton.domain.schedule_requests import CRON, RUN_AT
from adyton.domain.times import rfc3339
from adyton.engine.create import OutsideWindow, RunMaker, RunSource
from adyton.engine.engine import Engine
from adyton.engine.jobs import JobRegistry
from adyton.initiators.entries import Entry, Move
from adyton.metrics import Metrics
from adyton.ports import Clock
from adyton.storage import schedules
from adyton.storage.database import Database, Statement

log = structlog.get_logger(__name__)

_SECOND = 1_000_000
JUMP = 10.0
"""Seconds that the machine's clock may be set by without the node having been away."""
PATIENCE = 5.0
"""Seconds after which the clock is looked at in any case: it may have been set."""
RETRY = 1.0
TOGETHER = 500
"""Runs of one write, about."""
ENOUGH = 2_000
"""Runs under way above which missed times wait: they must not displace what is due now."""
_REFUSED = 60 * _SECOND
_FAR_AHEAD = 3600 * _SECOND


_WHY: dict[str, str] = {
    "missed": "the node was away",
    "late": "more than ten of this job had piled up",
    "overlap": "the run before is not finished",
    "window": "the job has ended",
}


class Policies(NamedTuple):
    """What initiators do that do not say it: about missed times (skip, latest, all), and while the run before is not finished
    (allow, skip)."""

    missed: str = SKIP
    overlap: str = "allow"


class Scheduler:
    """Every live cron and runat initiator, and when it is due."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        jobs: JobRegistry,
        maker: RunMaker,
        engine: Engine,
        metrics: Metrics,
        zone: tzinfo,
        policies: Policies,
    ) -> None:
        self._db = db
        self._clock = clock
        self._jobs = jobs
        self._maker = maker
        self._engine = engine
        self._zone = zone
        self._policies = policies
        self._fires = {kind: metrics.schedule_fires.labels(kind) for kind in (CRON, RUN_AT)}
        self._skips = {why: metrics.schedule_skips.labels(why) for why in ("missed", "late", "overlap", "window")}
        self._lateness = metrics.schedule_lateness
        self._entries: dict[int, Entry] = {}
        self._known: dict[tuple[str, int], list[int]] = {}
        self._seen = -1
        self._queue: list[tuple[int, int]] = []
        self._stirred = asyncio.Event()
        self._away = 0
        self._looked: tuple[int, float] | None = None
        jobs.listen(self._stirred.set)

    async def run(self) -> None:
        """Wait for the next time, start its runs, and so on, for ever. A crash leaves each time either decided about or not."""
        log.info("cron lines that name no time zone are read in this one", zone=str(self._zone))
        while True:
            self._stirred.clear()
            try:
                await self.look()
            except StorageUnavailable as fault:
                log.error("scheduled runs cannot be started now; trying again", because=str(fault))
                await self._clock.sleep(RETRY)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._rest()):
                    await self._stirred.wait()

    async def look(self) -> None:
        """Start what is due now. Raises StorageUnavailable: then what was not written is still due."""
        now = self._now()
        await self._follow_jobs(now)
        while batch := self._due(now):
            try:
                await self._start(batch, now)
            finally:
                for entry in batch:
                    self._put(entry)
            now = self._now()

    # --- time --------------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        """The time. Notices when the clock has gone further than the time that passed since the last look."""
        now, passed = self._clock.now(), self._clock.monotonic()
        before = now if self._looked is None else now - round((passed - self._looked[1]) * _SECOND)
        jump = 0.0 if self._looked is None else (before - self._looked[0]) / _SECOND
        # Never in the future, to which a wrong clock may have put it: what comes while the node is there is not missed.
        self._away = now if self._looked is None else min(self._away, before)
        if jump > JUMP:
            log.warning("the clock has gone forward: what was due in between counts as missed", seconds=round(jump, 1))
            self._away = now
        elif jump < -JUMP:
            log.warning("the clock has gone back: what was due is not repeated", seconds=round(-jump, 1))
            for entry in self._entries.values():
                _tell_if_far_ahead(entry, now)
        self._looked = (now, passed)
        return now

    def _rest(self) -> float | None:
        """Seconds until somebody must look again; None: until jobs change."""
        if not self._queue:
            return None
        return min(PATIENCE, max(0.0, (self._queue[0][0] - self._clock.now()) / _SECOND))

    def _due(self, now: int) -> list[Entry]:
        """Some of the entries whose time has come, earliest first; the caller puts them back."""
        batch: list[Entry] = []
        while self._queue and self._queue[0][0] <= now and len(batch) < TOGETHER:
            due, number = heapq.heappop(self._queue)
            entry = self._entries.get(number)
            if entry is not None and entry.due == due:
                batch.append(entry)
        return batch

    def _put(self, entry: Entry) -> None:
        if entry.due is None:
            self._entries.pop(entry.initiator.id, None)
        elif entry.initiator.id in self._entries:
            heapq.heappush(self._queue, (entry.due, entry.initiator.id))

    # --- jobs --------------------------------------------------------------------------------------------------------

    async def _follow_jobs(self, now: int) -> None:
        """Take up the initiators of new jobs, and drop those of archived ones; of a job that was changed in place, whose times
        may be others, both."""
        version = self._jobs.version
        if version == self._seen:
            return
        live = {(job_id, job.version): job for job_id, job in self._jobs.jobs.items()}
        gone = [known for known in self._known if known not in live]
        for known in gone:
            for number in self._known.pop(known):
                self._entries.pop(number, None)
        if gone:
            self._queue = [waiting for waiting in self._queue if waiting[1] in self._entries]
            heapq.heapify(self._queue)
        fresh = [job for key, job in live.items() if key not in self._known]
        timed = [(job, item) for job in fresh for item in job.initiators if item.type in {CRON, RUN_AT}]
        at = await schedules.positions(self._db, [item.id for _, item in timed])
        for job, item in timed:
            self._add(job, item, at.get(item.id), now)
        for job in fresh:
            self._known[job.id, job.version] = [item.id for item in job.initiators]
        self._seen = version

    def _add(self, job: Job, item: Initiator, at: schedules.Position | None, now: int) -> None:
        if at is None or (item.type == RUN_AT and at.ran):
            return
        try:
            entry = Entry.of(job, item, at.fired_at, self._zone)
        except ValueError as wrong:
            log.error("a job's schedule cannot be read any more: it starts nothing", job=job.id, because=str(wrong))
            return
        _tell_if_far_ahead(entry, now)
        self._entries[item.id] = entry
        self._put(entry)

    # --- one write ---------------------------------------------------------------------------------------------------

    async def _start(self, batch: Sequence[Entry], now: int) -> None:
        """Decide about the entries that are due, and write what follows. Raises StorageUnavailable: nothing is decided then."""
        busy = await self._busy(batch)
        under_way, together = self._engine.queue.depth, 0
        moves: list[Move] = []
        for entry in batch:
            move = self._move(entry, busy, now, may_catch_up=under_way <= ENOUGH)
            if move is None:
                continue
            moves.append(move)
            under_way += len(move.runs)
            together += len(move.runs)
            if together >= TOGETHER:
                await self._write(moves)
                moves, together = [], 0
        if moves:
            await self._write(moves)

    async def _busy(self, batch: Sequence[Entry]) -> set[int]:
        """Those that may not start a run while the one before is not finished, and it is not."""
        asked = [entry.initiator.id for entry in batch if self._overlap(entry) == SKIP]
        return await schedules.busy(self._db, asked)

    def _overlap(self, entry: Entry) -> str:
        return entry.initiator.overlap or self._policies.overlap

    def _missed(self, entry: Entry) -> str:
        return entry.initiator.missed or self._policies.missed

    def _move(self, entry: Entry, busy: set[int], now: int, *, may_catch_up: bool) -> Move | None:
        """What becomes of an entry; None when it waits, or its job is gone."""
        job = self._jobs.jobs.get(entry.job_id)
        if job is None:
            entry.due = None
            return None
        is_busy, one_by_one = entry.initiator.id in busy, self._overlap(entry) == SKIP
        behind = self._is_behind(entry)
        if behind and (is_busy or not may_catch_up):
            entry.due = now + _SECOND
            return None
        move = entry.decide(away=self._away, now=now, policy=self._missed(entry), one=one_by_one and behind)
        if move is None:
            return None
        if one_by_one and move.times:
            move.skip("overlap", but=0 if is_busy else 1)
        return self._with_runs(job, move)

    def _is_behind(self, entry: Entry) -> bool:
        """Whether it has missed times to make up for."""
        return self._missed(entry) == ALL and entry.is_behind(self._away)

    def _with_runs(self, job: Job, move: Move) -> Move | None:
        """The move with its runs made; without them when the job's time is over. A one-time run is not marked then."""
        initiator = move.entry.initiator
        try:
            move.runs = [self._maker.new_run(job, initiator, RunSource(given={})) for _ in move.times]
        except OutsideWindow as closed:
            log.info("a scheduled run was not started", job=job.id, because=str(closed))
            if initiator.type == RUN_AT:
                move.entry.due = None
                return None
            move.skip("window")
        return move

    async def _write(self, moves: Sequence[Move]) -> None:
        """Store runs and what they are decided by, then let them go. Raises StorageUnavailable."""
        try:
            await self._db.write(*self._statements(moves))
        except Conflict as conflict:
            await self._find_out(moves, conflict)
            return
        for move in moves:
            self._done(move)
        # A crash before this line loses nothing: runs in progress are queued at the next start.
        self._engine.accept([run for move in moves for run in move.runs])

    def _statements(self, moves: Sequence[Move]) -> list[Statement]:
        runs = [run for move in moves for run in move.runs]
        crons = [
            schedules.Decided(move.entry.initiator.id, move.decided, move.entry.stored)
            for move in moves
            if move.entry.initiator.type == CRON
        ]
        once = [(move.entry.initiator.id, move.decided) for move in moves if move.entry.initiator.type == RUN_AT]
        statements = [*self._engine.statements(runs)]
        statements += [schedules.fired(crons)] if crons else []
        return statements + ([schedules.ran(once)] if once else [])

    async def _find_out(self, moves: Sequence[Move], conflict: Conflict) -> None:
        """Nothing was written, because some of it had been decided about already: the answer to an earlier commit was lost. Its
        runs have rows, and are queued; the others stay due. Raises StorageUnavailable."""
        numbers = [move.entry.initiator.id for move in moves]
        at = await schedules.positions(self._db, numbers)
        open_moves = [move for move in moves if not self._was_decided(move.entry, at.get(move.entry.initiator.id))]
        for run_id in await schedules.in_progress(self._db, numbers):
            self._engine.queue.push(run_id)
        if len(open_moves) < len(moves):
            return
        if len(moves) > 1:
            for move in moves:
                await self._write([move])
            return
        # Not ours to understand: one initiator must not keep the others from their runs.
        log.error("a scheduled run cannot be stored; trying again", job=moves[0].entry.job_id, because=str(conflict))
        moves[0].entry.due = self._clock.now() + _REFUSED

    def _was_decided(self, entry: Entry, at: schedules.Position | None) -> bool:
        """Whether an entry has got further in the database than it knows of; it knows then."""
        if at is None or at.fired_at is None or (at.fired_at == entry.stored and not at.ran):
            return False
        entry.moved(at.fired_at)
        self._tell_job(entry)
        return True

    def _done(self, move: Move) -> None:
        """Count and tell what a write has made of an entry, and wait for its next time."""
        entry, now = move.entry, self._clock.now()
        for time in move.times:
            self._lateness.observe((now - time) / _SECOND)
        self._fires[entry.initiator.type].inc(len(move.times))
        for why, count in move.skipped.items():
            if count:
                self._skips[why].inc(count)
                tell = log.info if why == "overlap" else log.warning  # an operator asked for that, perhaps each second
                tell("scheduled runs were skipped", job=entry.job_id, skipped=count, because=_WHY[why])
        entry.moved(move.decided)
        if self._is_behind(entry):
            entry.due = now + _SECOND
        self._tell_job(entry)

    def _tell_job(self, entry: Entry) -> None:
        """Let the job say that its one-time run has been started."""
        job = self._jobs.jobs.get(entry.job_id)
        if job is None or entry.initiator.type != RUN_AT:
            return
        changed = tuple(
            msgspec.structs.replace(item, ran=True) if item.id == entry.initiator.id else item for item in job.initiators
        )
        self._jobs.add(msgspec.structs.replace(job, initiators=changed))


def _tell_if_far_ahead(entry: Entry, now: int) -> None:
    """Name a job that waits for a time which only a wrong clock can have made it wait for."""
    if entry.began > now + _FAR_AHEAD:
        log.error(
            "a job was created or last started at a time that is still to come, because the clock was wrong: it starts nothing "
            "until then; archive it and create it again",
            job=entry.job_id,
            until=rfc3339(entry.began),
        )
