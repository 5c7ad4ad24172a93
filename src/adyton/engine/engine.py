"""The engine: starts runs, advances them, and takes up those that wait when what they wait for is there.

Who owns a run that is not finished, and what ends its waiting:

======================  ===========================  ================================================================
status                  owner                        it goes on
======================  ===========================  ================================================================
in_progress             the queue                    at once; after a crash at the next start
pending_confirmations   ``_heads`` (incoming)        at the head that completes the confirmations (``wake_height``);
                                                     at once if log intake moved it to where they are complete;
                                                     cancelled when its request left the chain, until that is back
pending_confirmations   the transaction manager      when its transaction is safe or failed; swept at start and each
                        (outgoing)                   minute, should the hint be lost
pending_connection      ``_heads``                   when there is a connection to the chain
pending_bridge          the bridge                   when it answers (``answered``); never by itself
pending_sleep           ``timers``                   when its time has come (``due_at``)
======================  ===========================  ================================================================

Every wait but that for an own transaction has an end: at ``due_at`` ``timers`` hands the run to the queue, and the executor
gives it up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

import msgspec
import structlog
from structlog.contextvars import bind_contextvars

from adyton.domain.errors import Conflict, StorageUnavailable
from adyton.domain.jobs import Initiator, Job
from adyton.domain.requests import RESERVED
from adyton.domain.run_errors import code_of
from adyton.domain.runs import Data, Outcome, Run, RunStatus, called_off, moved
from adyton.engine.create import RunMaker, RunSource
from adyton.engine.execute import Executor
from adyton.engine.jobs import JobRegistry
from adyton.engine.news import NO_NEWS, RunNews
from adyton.engine.queue import RunQueue
from adyton.engine.timers import Timers
from adyton.ethereum.head_tracker import ChainState
from adyton.metrics import Metrics
from adyton.ports import Clock
from adyton.storage import runs as stored
from adyton.storage import statistics
from adyton.storage import transactions as stored_transactions
from adyton.storage.database import Database, Statement

log = structlog.get_logger(__name__)

_CHUNK = 1000
_SWEEP_SECONDS = 60.0


class Heads(Protocol):
    """Where new heads come from."""

    def updates(self) -> AsyncIterator[ChainState]:
        """The newest state of the chain, then each change; states may be skipped."""
        ...


class Settlements(Protocol):
    """Where it is said that transactions have come to their end."""

    def settled(self) -> AsyncIterator[list[str]]:
        """Ids of runs whose transaction is safe or failed."""
        ...


Refresh = Callable[[], Awaitable[None]]
"""Holds what is kept in memory against its rows. Raises StorageUnavailable."""


class Engine:
    """Runs, from created to finished. ``mirrors`` are refreshed each minute, ``news`` is told of what is stored."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        jobs: JobRegistry,
        maker: RunMaker,
        executor: Executor,
        heads: Heads,
        settlements: Settlements,
        metrics: Metrics,
        mirrors: Sequence[Refresh] = (),
        news: RunNews = NO_NEWS,
        workers: int = 1000,
        queue_keeps: int = 20_000,
    ) -> None:
        self._db = db
        self._clock = clock
        self._jobs = jobs
        self._maker = maker
        self.executor = executor
        self._heads = heads
        self._settlements = settlements
        self._mirrors = mirrors
        self.news = news
        self._finished = {status: metrics.runs_finished.labels(status.value) for status in RunStatus if status.finished}
        self.queue = RunQueue(work=self._advance, leftovers=self._leftovers, workers=workers, keeps=queue_keeps)
        self.timers = Timers(db=db, clock=clock, push=self._push, behind=lambda: self.queue.behind)

    async def start(
        self, job: Job, initiator: Initiator, given: object, *, text: str | None = None, also: Sequence[Statement] = ()
    ) -> Run:
        """Create, store and queue a run that no log asked for. It is durable when this returns.

        ``text`` is the input as it came, kept when it is not an object. ``also`` are statements of the same write: the fact
        that caused the run. Raises OutsideWindow, StorageUnavailable, and Conflict when one of ``also`` does: then there is no
        run.
        """
        run = self._maker.new_run(job, initiator, RunSource(given=given, text=text))
        await self._db.write(*self.statements([run]), *also)
        self.accept([run])
        return run

    async def answered(self, run: Run, outcome: Outcome, *, input: Data | None = None) -> Run:  # noqa: A002 - the run's own word
        """Give a run that waits for a bridge, or whose bridge is being asked, the bridge's late answer. It is durable when this
        returns; a run that goes on is queued. An errored answer ends the run (v0.6.2 went on with the next task).

        ``input`` takes the place of the run's input; what a request on chain says of where the answer goes stays. Raises
        Conflict when the run changed since it was read, or waits for no bridge: of two answers one counts; StorageUnavailable.
        """
        if input is not None:
            place = {name: run.input[name] for name in RESERVED if run.request and run.input and name in run.input}
            run = msgspec.structs.replace(run, input={**input, **place}, input_text=None)
        done = await self.executor.answer(run, outcome, with_input=input is not None)
        self._stored(done)
        if done.status is RunStatus.IN_PROGRESS:
            self.queue.push(done.id, done)
        return done

    async def cancel(self, run: Run, why: str, also: Sequence[Statement] = ()) -> Run:
        """Cancel a run for good, in one write with ``also``; whoever works on it loses the race and finds it ended. Returns it
        as stored. Raises IllegalMove, and Conflict when it changed since it was read; StorageUnavailable."""
        ended = called_off(run, why, self._clock.now())
        changed = [task for task in ended.tasks if task is not run.tasks[task.position]]
        # One that ended because its request had left the chain is counted already.
        again = statistics.forgotten([run.id]) if run.status.finished else ()
        await self._db.write(*again, *stored.save(ended, changed), *self.news.saved([ended]), *also)
        self._stored(ended)
        return msgspec.structs.replace(ended, version=ended.version + 1)

    def statements(self, runs: list[Run]) -> tuple[Statement, ...]:
        """The statements that store new runs, for a write that says more than that."""
        return (stored.insert(runs), *self.news.saved(runs)) if runs else ()

    def accept(self, runs: list[Run]) -> None:
        """Queue runs whose rows are durable; also those whose last confirmation came while the row was written, when the engine
        had looked at that head already."""
        for run in runs:
            if run.status is RunStatus.IN_PROGRESS or self._is_due(run):
                self.queue.push(run.id, run)
            self._stored(run)

    async def take_up(self) -> None:
        """Queue the runs that wait for a head that is already there: log intake has just put them there, after the engine has
        looked at that head. A crash or a failing database before it leaves them to the next head."""
        height = self.executor.height
        if height is None:
            return
        try:
            await self._confirmed_at(height)
        except StorageUnavailable as fault:
            log.error("waiting runs cannot be read now; the next head asks again", head=height, because=str(fault))

    async def run(self) -> None:
        """Work, for ever. What was unfinished at the last stop is taken up first, before anything else moves a run."""
        await self._recover()
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self.queue.run())
            loops.create_task(self._follow_heads())
            loops.create_task(self._follow_settlements())
            loops.create_task(self._sweep())
            loops.create_task(self.timers.run())

    # --- what makes a run due ----------------------------------------------------------------------------------------

    async def _recover(self) -> None:
        """Runs that a stop interrupted are executed again from the task that had no outcome."""
        while True:
            try:
                found = await self._due(RunStatus.IN_PROGRESS)
                await self._date()
                break
            except StorageUnavailable as fault:
                log.error("unfinished runs cannot be read; trying again", because=str(fault))
                await self._clock.sleep(1)
        if found:
            log.info("runs that were under way go on", runs=len(found))

    async def _date(self) -> None:
        """Look at the runs that wait without a deadline where there is one now: when they began to wait there was none."""
        for status in (RunStatus.PENDING_BRIDGE, RunStatus.PENDING_CONNECTION, RunStatus.PENDING_CONFIRMATIONS):
            if self.executor.deadlines.due_at(status, self._clock.now()) is not None:
                await self._due(status, dated=False)

    async def _follow_heads(self) -> None:
        connection = 0
        async for state in self._heads.updates():
            if state.head is None or not state.connected:
                continue
            try:
                await self._confirmed_at(state.head.number)
                if state.connection != connection:
                    await self._due(RunStatus.PENDING_CONNECTION)
                    connection = state.connection
            except StorageUnavailable as fault:
                # The rows still say what is due: the next head asks again.
                log.error("waiting runs cannot be read at this head", head=state.head.number, because=str(fault))

    async def _confirmed_at(self, height: int) -> None:
        """Queue the runs that this head completes. Those that wait for a later one are not even read."""
        await self._push(await stored.due_at(self._db, height, limit=_CHUNK * 20))

    async def _follow_settlements(self) -> None:
        async for run_ids in self._settlements.settled():
            while not await self._pushed(run_ids):
                await self._clock.sleep(1)

    async def _pushed(self, run_ids: list[str]) -> bool:
        """Whether they could be read. In a crash the rows still say it: the sweep finds them."""
        try:
            await self._push(run_ids)
        except StorageUnavailable as fault:
            log.error("runs whose transaction is settled cannot be read; trying again", because=str(fault))
            return False
        return True

    async def _push(self, run_ids: list[str]) -> None:
        """Queue many runs, read in one go; one that changes before its turn is caught by its version."""
        for start in range(0, len(run_ids), 200):
            for run in await stored.many(self._db, run_ids[start : start + 200], self._jobs):
                self.queue.push(run.id, run)

    async def _sweep(self) -> None:
        """Should a hint have been lost, the rows still say it: at the start and each minute, settled runs and those without an
        owner are taken up, and what is kept in memory is held against its rows."""
        while True:
            try:
                await self._push(await stored_transactions.settled_runs(self._db))
                if self.queue.depth == 0:
                    await self._due(RunStatus.IN_PROGRESS)
                if self.executor.connected:
                    await self._due(RunStatus.PENDING_CONNECTION)
                for refresh in self._mirrors:
                    await refresh()
            except StorageUnavailable as fault:
                log.error("the sweep cannot read; it comes again", because=str(fault))
            await self._clock.sleep(_SWEEP_SECONDS)

    async def _due(self, status: RunStatus, *, dated: bool = True) -> list[str]:
        """Queue every run of that status (not ``dated``: those that wait without a deadline), oldest first, as far as the queue
        keeps them."""
        find = stored.unfinished if dated else stored.undated
        found: list[str] = []
        last = ""
        while not self.queue.behind:
            chunk = await find(self._db, status, after=last, limit=_CHUNK)
            for run_id in chunk:
                self.queue.push(run_id)
            found += chunk
            if len(chunk) < _CHUNK:
                break
            last = chunk[-1]
        return found

    async def _leftovers(self, owned: frozenset[str]) -> list[str]:
        """What the queue had no room for: in progress, due, or waiting for a head that is already there."""
        while True:
            try:
                found = await stored.unfinished(self._db, RunStatus.IN_PROGRESS, limit=_CHUNK * 10)
                if self.executor.connected:
                    found += await stored.unfinished(self._db, RunStatus.PENDING_CONNECTION, limit=_CHUNK * 10)
                height = self.executor.height
                if height is not None:
                    found += await stored.due_at(self._db, height, limit=_CHUNK * 10)
                found += await stored_transactions.settled_runs(self._db)
                found += [run_id for _, run_id in await stored.overdue(self._db, self._clock.now(), limit=_CHUNK * 10)]
                return [run_id for run_id in found if run_id not in owned]
            except StorageUnavailable as fault:
                log.error("runs that are due cannot be read; trying again", because=str(fault))
                await self._clock.sleep(1)

    # --- one run -----------------------------------------------------------------------------------------------------

    async def _advance(self, run_id: str, run: Run | None) -> None:
        """Advance one run as far as it goes. A lost race or a failing database leaves it as its row says."""
        try:
            if run is None:
                run = await stored.get(self._db, run_id, self._jobs)
            if run is None or run.status.finished:
                return
            # Each worker is a task with a context of its own: every line that is logged on behalf of this run names it.
            request = None if run.request is None else run.request.request_id
            bind_contextvars(run=run.id, job=run.job_id, **({} if request is None else {"request": request}))
            done = await self.executor.advance(run)
            self._stored(done)
            if self._is_due(done):
                # What it waits for came between the last look and the moment its row was durable: nobody else saw both.
                self.queue.push(run_id)
            if done.status is RunStatus.ERRORED:
                told = {"run": done.id, "job": done.job_id, "request": request}
                log.warning("run errored", **told, error=done.error, code=code_of(done))
            elif done.request is not None:
                log.info("run moved on", run=done.id, job=done.job_id, request=request, status=done.status.value)
        except Conflict:
            # Log intake moved the run to another block, or an operator cancelled it, while it was worked on: read it again.
            self.queue.push(run_id)
        except StorageUnavailable as fault:
            log.error("a run cannot be read now; trying again", run=run_id, because=str(fault))
            await self._clock.sleep(1)
            self.queue.push(run_id)
        except Exception:
            # A defect of ours must cost one run, visibly, and neither the node nor the other runs.
            log.exception("a run could not be advanced", run=run_id)
            await self._give_up(run_id)

    def _stored(self, run: Run) -> None:
        """Take note of a run whose row is durable."""
        self.timers.note(run)
        if run.status.finished:
            self._finished[run.status].inc()

    def _is_due(self, run: Run) -> bool:
        """Whether a run that has just been stored as waiting has nothing to wait for any more."""
        if run.due_at is not None and run.due_at <= self._clock.now():
            return True
        if run.status is RunStatus.PENDING_CONNECTION:
            return self.executor.connected
        height = self.executor.height
        return run.wake_height is not None and height is not None and run.wake_height <= height

    async def _give_up(self, run_id: str) -> None:
        """End a run that cannot be worked on. If even that fails the row stays as it is, and the sweep comes back to it."""
        try:
            run = await stored.get(self._db, run_id, self._jobs)
            if run is not None and not run.status.finished:
                now = self._clock.now()
                going = run if run.status is RunStatus.IN_PROGRESS else moved(run, RunStatus.IN_PROGRESS, now)
                ended = moved(going, RunStatus.ERRORED, now, error="internal error")
                await self._db.write(*stored.save(ended, ()), *self.news.saved([ended]))
                self._stored(ended)
        except Exception:
            log.exception("a run that cannot be advanced cannot be ended either", run=run_id)
