"""One run, from its next task to the next thing it has to wait for.

Tasks that only compute are executed one after the other and saved together; before a task that touches the world, and
before the run waits or ends, everything so far is durable. So a crash repeats at most computations and the one request to
the world that was under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

import msgspec
import structlog

from adyton.domain import confirmations
from adyton.domain.errors import Conflict, StorageUnavailable
from adyton.domain.exchanges import Exchange
from adyton.domain.runs import (
    Errored,
    Outcome,
    Run,
    RunStatus,
    Sends,
    TaskRun,
    after,
    given_up,
    moved,
    waits_as_before,
    woken,
)
from adyton.domain.transactions import TransactionRequest
from adyton.engine.deadlines import Deadlines
from adyton.engine.news import NO_NEWS, RunNews
from adyton.engine.perform import Adapters, Performer
from adyton.engine.standing import ChainSight, Standing
from adyton.metrics import Metrics
from adyton.ports import Clock
from adyton.storage import exchanges as stored_exchanges
from adyton.storage import runs as stored
from adyton.storage import statistics
from adyton.storage import transactions as stored_transactions
from adyton.storage.database import Database, Statement
from adyton.storage.logs import Cursor

_NO_LIMIT = 2**62

log = structlog.get_logger(__name__)


class Outbox(Protocol):
    """Where tasks leave the transactions they want sent."""

    def insert(self, request: TransactionRequest, *, run_id: str, task_position: int, now: int) -> Statement:
        """The statement that leaves it; part of the write that says that the run waits for it."""
        ...

    def wake(self) -> None:
        """Say that such a write is durable."""
        ...


class Executor:
    """Advances runs. Holds no run between calls; two calls for the same run at once are the caller's fault, and the second
    save fails on the version.

    ``taken_in`` tells the block through which log intake has read the chain, None when it cannot tell. ``data_limit`` is the
    most bytes of data that a task may leave. ``news`` is told of what is saved.
    """

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        adapters: Adapters,
        chain: ChainSight,
        outbox: Outbox,
        finality_depth: int,
        metrics: Metrics,
        taken_in: Callable[[], Cursor | None],
        requester_wins: bool = False,
        deadlines: Deadlines | None = None,
        data_limit: int = _NO_LIMIT,
        news: RunNews = NO_NEWS,
    ) -> None:
        self._db = db
        self._clock = clock
        self._outbox = outbox
        self.performer = Performer(
            adapters=adapters, clock=clock, metrics=metrics, requester_wins=requester_wins, data_limit=data_limit
        )
        self._standing = Standing(db=db, clock=clock, chain=chain, finality_depth=finality_depth, taken_in=taken_in)
        self.deadlines = deadlines or Deadlines()
        self._news = news

    @property
    def height(self) -> int | None:
        """The number of the newest head; None before the first."""
        return self._standing.height

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the chain."""
        return self._standing.connected

    async def advance(self, run: Run) -> Run:
        """Execute until the run waits or ends; returns it as stored.

        Raises Conflict when somebody else changed the run meanwhile: nothing of the last step was written, so the caller
        reads it again.
        """
        current = await self._resumed(run)
        changed = {task.position: task for task in current.tasks if task is not run.tasks[task.position]}
        sends: Sends | None = None
        made: list[tuple[int, Exchange]] = []
        began = self._clock.now()
        while current.status is RunStatus.IN_PROGRESS and sends is None:
            task = current.next_task()
            if task is None:
                current = moved(current, RunStatus.COMPLETED, self._clock.now())
                break
            current = self._gated(current, task)
            if current.status is not RunStatus.IN_PROGRESS:
                break
            task = current.tasks[task.position]
            if changed and not self.performer.is_pure(task):
                current = await self._save(current, changed.values(), made)
                changed, made = {}, []
                began = self._clock.now()
            outcome = await self._perform(current, task, made)
            if isinstance(outcome, Errored) and (height := await self._standing.homeless(current, task)) is not None:
                current = moved(current, RunStatus.PENDING_CONFIRMATIONS, self._clock.now(), wake_height=height + 1)
                break
            if isinstance(outcome, Sends) and (height := await self._standing.astray(current, task)) is not None:
                current = moved(current, RunStatus.PENDING_CONFIRMATIONS, self._clock.now(), wake_height=height)
                break
            if isinstance(outcome, Sends):
                sends = outcome
            ended = self._clock.now()
            current = after(current, task.position, outcome, ended, began=began)
            began = ended
            changed[task.position] = current.tasks[task.position]
        current = self._last_seen(run, current)
        if sends is None:
            current = await self._dated(run, current)
            if not made and msgspec.structs.replace(current, updated_at=run.updated_at) == run:
                return run  # it waits on, and nothing is new
        done = await self._save(current, changed.values(), made, sends)
        return done if done.left_chain is None else await self._reconsidered(done)

    async def answer(self, run: Run, outcome: Outcome, *, with_input: bool = False) -> Run:
        """The outcome of the bridge that a run waits for, however late, saved in one write; ``with_input`` stores the run's
        input too. Returns the run as stored. Raises Conflict when the run waits for no bridge, or is not as it was read any
        more; StorageUnavailable.

        A run in progress may be answered as well, while its bridge is being asked (the caller knows that): who asks loses the
        race, and what the bridge says to the question itself does not count any more.
        """
        task, now = run.next_task(), self._clock.now()
        if run.status not in {RunStatus.PENDING_BRIDGE, RunStatus.IN_PROGRESS} or task is None:
            raise Conflict(f"run {run.id} does not wait for a bridge: it is {run.status or 'unstarted'}", code="ADY-0458")
        outcome = self.performer.bounded(outcome, given=task.data or {}, task_type=task.spec.type)
        done = after(moved(run, RunStatus.IN_PROGRESS, now), task.position, outcome, now)
        done = await self._dated(run, done)
        # A crash before the write leaves the run waiting, and its bridge without our thanks: it may answer again.
        saved = stored.save(done, [done.tasks[task.position]], with_input=with_input)
        await self._db.write(*saved, *self._news.saved([done]))
        return msgspec.structs.replace(done, version=done.version + 1)

    # --- before a task -----------------------------------------------------------------------------------------------

    async def _resumed(self, run: Run) -> Run:
        """A waiting run, in progress again if what it waited for is there, given up if its deadline has passed before that.
        Survives a crash: nothing is written here."""
        now = self._clock.now()
        due = run.due_at is not None and run.due_at <= now
        if run.status is RunStatus.PENDING_SLEEP:
            return woken(run, now) if due else run
        going = await self._there(run, now)
        if due and going.status.pending:
            return given_up(going, self.deadlines.complaint(run), now)
        return going

    async def _there(self, run: Run, now: int) -> Run:
        """A waiting run, in progress again if what it waited for is there. A bridge answers only through ``answer``; of the
        waits for confirmations that end with a deadline, only those for a request's ever end otherwise."""
        match run.status:
            case RunStatus.PENDING_CONFIRMATIONS if run.wake_height is not None:
                too_early = self.height is None or self.height < run.wake_height
                return run if too_early else await self._standing.confirmed(run)
            case RunStatus.PENDING_CONFIRMATIONS if run.due_at is None:
                return moved(run, RunStatus.IN_PROGRESS, now)
            case RunStatus.PENDING_CONNECTION if self.connected:
                return moved(run, RunStatus.IN_PROGRESS, now)
            case _:
                return run

    async def _reconsidered(self, run: Run) -> Run:
        """A run that has just been stored as cancelled, going on if its request's block is back already: then log intake may
        have read it before the cancellation was durable. After a crash in between, log intake finds it when it looks back."""
        if not await self._standing.is_back(run):
            return run
        back = moved(run, RunStatus.PENDING_CONFIRMATIONS, self._clock.now(), wake_height=run.creation_height)
        return await self._save(back, (), (), before=statistics.forgotten([run.id]))

    def _last_seen(self, before: Run, run: Run) -> Run:
        """A run that has waited and is over, with the newest height: what a client saw while it waited does not go back."""
        waited = before.status is RunStatus.PENDING_CONFIRMATIONS and run.observed_height is not None
        if not waited or not run.status.finished:
            return run
        return msgspec.structs.replace(run, observed_height=max(run.observed_height or 0, self.height or 0))

    def _gated(self, run: Run, task: TaskRun) -> Run:
        """The confirmation gate of a task that has not begun."""
        if task.minimum_confirmations is None or task.status is not RunStatus.UNSTARTED:
            return run
        depth = confirmations.depth(run, task, max(self.height or 0, run.observed_height or 0) or None)
        seen = msgspec.structs.replace(task, confirmations=depth.confirmations)
        run = msgspec.structs.replace(run, tasks=(*run.tasks[: task.position], seen, *run.tasks[task.position + 1 :]))
        if depth.wake_height is None:
            return run
        return moved(run, RunStatus.PENDING_CONFIRMATIONS, self._clock.now(), wake_height=depth.wake_height)

    # --- a task ------------------------------------------------------------------------------------------------------

    async def _perform(self, run: Run, task: TaskRun, made: list[tuple[int, Exchange]]) -> Outcome:
        """What the task answers; its HTTP exchanges are added to ``made``. Raises StorageUnavailable."""
        exchanges: list[Exchange] = []
        answer = partial(self._standing.answer, run, task)
        outcome = await self.performer.perform(run, task, transaction=answer, connected=self.connected, exchanges=exchanges)
        if exchanges:
            made += [(task.position, each) for each in exchanges]
        return outcome

    # --- after -------------------------------------------------------------------------------------------------------

    async def _dated(self, before: Run, run: Run) -> Run:
        """A waiting run with the time at which its wait ends: the one it has had since the wait began (``before``), what the
        task says, or the node's deadline. A run that has asked for a transaction has none: the chain decides."""
        if not run.status.pending:
            return run
        due_at = before.due_at if waits_as_before(before, run) and before.due_at is not None else run.due_at
        if due_at is None and (run.status is RunStatus.PENDING_BRIDGE or not await stored.has_asked(self._db, run.id)):
            due_at = self.deadlines.due_at(run.status, self._clock.now())
        return msgspec.structs.replace(run, due_at=due_at)

    async def _save(
        self,
        run: Run,
        changed: Iterable[TaskRun],
        made: Sequence[tuple[int, Exchange]],
        sends: Sends | None = None,
        before: Sequence[Statement] = (),
    ) -> Run:
        """Write the run's new state, the task runs that changed, the HTTP exchanges that they made and the transaction that a
        task asked for, at once, behind ``before``. A crash before it loses the exchanges with the outcome: the task is executed
        again.

        A database that cannot write now is asked again: the outcome of a request to the world is not thrown away.
        """
        tasks = list(changed)
        statements = [*before, *stored.save(run, tasks), *self._news.saved([run])]
        if made:
            statements.append(stored_exchanges.insert(run.id, made))
        if sends is not None:
            statements.append(stored_transactions.detached(run.id, tasks[-1].position))
            statements.append(
                self._outbox.insert(sends.request, run_id=run.id, task_position=tasks[-1].position, now=run.updated_at)
            )
        pause = 0.1
        while True:
            try:
                await self._db.write(*statements)
                break
            except StorageUnavailable as fault:
                log.error("a run's state cannot be stored; trying again", run=run.id, seconds=pause, because=str(fault))
                await self._clock.sleep(pause)
                pause = min(pause * 2, 10)
        if sends is not None:
            self._outbox.wake()
        return msgspec.structs.replace(run, version=run.version + 1)
