"""One run, from its next task to the next thing it has to wait for.

Tasks that only compute are executed one after the other and saved together; before a task that touches the world, and
before the run waits or ends, everything so far is durable. So a crash repeats at most computations and the one request to
the world that was under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, cast

import msgspec
import structlog

from adyton.adapters.base import ActiveAdapter, Adapter, PureAdapter, TaskContext
from adyton.adapters.params import task_params
from adyton.domain import confirmations, data
from adyton.domain.chain import Hash
from adyton.domain.data import MergeError
from adyton.domain.errors import Invalid, StorageUnavailable, TryAgain
from adyton.domain.requests import RESERVED
from adyton.domain.runs import Data, Errored, Outcome, Run, RunStatus, Sends, TaskRun, after, moved, strayed
from adyton.domain.transactions import Transaction, TransactionRequest
from adyton.ethereum.errors import RpcError
from adyton.ethereum.head_tracker import ChainState
from adyton.metrics import Metrics
from adyton.ports import Clock
from adyton.storage import runs as stored
from adyton.storage import transactions as stored_transactions
from adyton.storage.database import Database, Statement
from adyton.storage.logs import Cursor

log = structlog.get_logger(__name__)


class ChainSight(Protocol):
    """What the engine sees of the chain."""

    @property
    def state(self) -> ChainState:
        """Whether there is a connection, and the newest head."""
        ...

    async def canonical_hash(self, number: int) -> Hash | None:
        """The hash of the canonical block at a height; None above the head. Raises RpcError, TryAgain."""
        ...


class Outbox(Protocol):
    """Where tasks leave the transactions they want sent."""

    def insert(self, request: TransactionRequest, *, run_id: str, task_position: int, now: int) -> Statement:
        """The statement that leaves it; part of the write that says that the run waits for it."""
        ...

    def wake(self) -> None:
        """Say that such a write is durable."""
        ...


class Adapters(Protocol):
    """Finds the adapter of a task type."""

    def find(self, task_type: str) -> Adapter:
        """Raises Invalid when there is none."""
        ...


class Executor:
    """Advances runs. Holds no run between calls; two calls for the same run at once are the caller's fault, and the second
    save fails on the version.

    ``taken_in`` tells the block through which log intake has read the chain, None when it cannot tell.
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
    ) -> None:
        self._db = db
        self._clock = clock
        self._adapters = adapters
        self._chain = chain
        self._outbox = outbox
        self._finality_depth = finality_depth
        self._task_seconds = metrics.task_seconds
        self._taken_in = taken_in
        self._requester_wins = requester_wins

    @property
    def height(self) -> int | None:
        """The number of the newest head; None before the first."""
        head = self._chain.state.head
        return None if head is None else head.number

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the chain."""
        return self._chain.state.connected

    async def advance(self, run: Run) -> Run:
        """Execute until the run waits or ends; returns it as stored.

        Raises Conflict when somebody else changed the run meanwhile: nothing of the last step was written, so the caller
        reads it again.
        """
        resumed = await self._resumed(run)
        changed: dict[int, TaskRun] = {}
        sends: Sends | None = None
        current = resumed
        while current.status is RunStatus.IN_PROGRESS and sends is None:
            task = current.next_task()
            if task is None:
                current = moved(current, RunStatus.COMPLETED, self._clock.now())
                break
            current = self._gated(current, task)
            if current.status is not RunStatus.IN_PROGRESS:
                break
            task = current.tasks[task.position]
            if changed and not self._is_pure(task):
                current = await self._save(current, changed.values())
                changed = {}
            outcome = await self._perform(current, task)
            if isinstance(outcome, Errored) and (height := await self._homeless(current, task)) is not None:
                current = moved(current, RunStatus.PENDING_CONFIRMATIONS, self._clock.now(), wake_height=height + 1)
                break
            if isinstance(outcome, Sends) and (height := await self._astray(current, task)) is not None:
                current = moved(current, RunStatus.PENDING_CONFIRMATIONS, self._clock.now(), wake_height=height)
                break
            if isinstance(outcome, Sends):
                sends = outcome
            current = after(current, task.position, outcome, self._clock.now())
            changed[task.position] = current.tasks[task.position]
        if current is run:
            return run
        done = await self._save(current, changed.values(), sends)
        return done if done.left_chain is None else await self._reconsidered(done)

    # --- before a task -----------------------------------------------------------------------------------------------

    async def _resumed(self, run: Run) -> Run:
        """A waiting run, in progress again if what it waited for is there. Survives a crash: nothing is written here."""
        now = self._clock.now()
        if run.status is RunStatus.PENDING_CONFIRMATIONS and run.wake_height is not None:
            return await self._confirmed(run)
        if run.status is RunStatus.PENDING_CONNECTION and not self.connected:
            return run
        if run.status.pending:
            return moved(run, RunStatus.IN_PROGRESS, now)
        return run

    async def _confirmed(self, run: Run) -> Run:
        """A run whose request has enough confirmations goes on, if the request's block is still on the chain.

        v0.6.2 asked for the receipt before every task and failed the run on any error; here the block's hash is compared
        once, when the confirmations are complete, and again before a transaction is asked for. An answer that the chain cannot
        give now is asked for again at the next head.
        """
        height, request, created = self.height, run.request, run.creation_height
        if height is None or request is None or created is None:
            return run
        canonical = await self._canonical(created)
        now = self._clock.now()
        if canonical == request.block_hash:
            observed = msgspec.structs.replace(run, observed_height=height)
            return moved(observed, RunStatus.IN_PROGRESS, now)
        if canonical is not None and await stored.has_asked(self._db, run.id):
            return self._in_suspense(run, height, created)
        if canonical is not None and await self._read_again(created):
            return strayed(run, height, self._clock.now())
        return moved(run, RunStatus.PENDING_CONFIRMATIONS, now, wake_height=height + 1)

    async def _read_again(self, created: int) -> bool:
        """Whether log intake has read this height again on the chain as it is now. Until then it may be about to move a run
        whose request is in another block."""
        cursor = self._taken_in()
        if cursor is None or cursor.block_hash is None or cursor.block_number < created:
            return False
        return await self._canonical(cursor.block_number) == cursor.block_hash

    async def _reconsidered(self, run: Run) -> Run:
        """A run that has just been stored as cancelled, going on if its request's block is back already: then log intake may
        have read it before the cancellation was durable. After a crash in between, log intake finds it when it looks back."""
        assert run.creation_height is not None, "only a run that a log started strays"
        if run.request is None or await self._canonical(run.creation_height) != run.request.block_hash:
            return run
        return await self._save(
            moved(run, RunStatus.PENDING_CONFIRMATIONS, self._clock.now(), wake_height=run.creation_height), ()
        )

    def _in_suspense(self, run: Run, height: int, created: int) -> Run:
        """A run whose answer is out already while its request is off the chain: it has until finality to come back."""
        now = self._clock.now()
        if height < created + self._finality_depth:
            return moved(run, RunStatus.PENDING_CONFIRMATIONS, now, wake_height=height + 1)
        where = run.request.transaction_hash if run.request is not None else None
        error = f"TxHash {where} initiating run {run.id} not on main chain; presumably has been uncled"
        return moved(moved(run, RunStatus.IN_PROGRESS, now), RunStatus.ERRORED, now, error=error)

    async def _astray(self, run: Run, task: TaskRun) -> int | None:
        """The height now, if the task is about to ask for a transaction for a request whose block is not canonical any more. It
        matters most to runs that did not wait for confirmations: nothing has looked at their request's block before."""
        height, request, created = self.height, run.request, run.creation_height
        if task.status is RunStatus.PENDING_CONFIRMATIONS or height is None or request is None or created is None:
            return None
        canonical = await self._canonical(created)
        return None if canonical is None or canonical == request.block_hash else height

    async def _canonical(self, number: int) -> Hash | None:
        """The hash of the canonical block at a height; None when the chain cannot tell now."""
        try:
            return await self._chain.canonical_hash(number)
        except (RpcError, TryAgain) as fault:
            log.warning("a block cannot be looked up now; asked again at the next head", block=number, because=str(fault))
            return None

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

    def _is_pure(self, task: TaskRun) -> bool:
        try:
            return self._adapters.find(task.spec.type).pure
        except Invalid:
            return True

    async def _perform(self, run: Run, task: TaskRun) -> Outcome:
        """What the task answers. Never raises for what a job or a source can do wrong; the data are kept with an error."""
        before: Data = {}
        try:
            adapter = self._adapters.find(task.spec.type)
            given = _input(run)
            before = _task_input(run, task, given)
            reserved = RESERVED if run.request is not None else ()
            params = task_params(task.spec.params, given, reserved, requester_wins=self._requester_wins)
            context = TaskContext(
                run_id=run.id,
                position=task.position,
                status=task.status,
                transaction=await self._answer(run, task),
                connected=self.connected,
            )
            if adapter.pure:
                return cast("PureAdapter", adapter).perform(params, before, context)
            began = self._clock.monotonic()
            try:
                return await cast("ActiveAdapter", adapter).perform(params, before, context)
            finally:
                self._task_seconds.labels(adapter.name).observe(self._clock.monotonic() - began)
        except (Invalid, MergeError) as fault:
            return Errored(str(fault), before)
        except StorageUnavailable:
            raise
        except Exception:
            # A defect of ours in an adapter must fail its run, visibly, and nothing else.
            log.exception("a task failed in a way that it must not", run=run.id, job=run.job_id, task=task.spec.type)
            return Errored(f"{task.spec.type} failed: internal error", before)

    async def _answer(self, run: Run, task: TaskRun) -> Transaction | None:
        """The task's transaction; None too when it was in vain, because a reorganisation moved the request it answers: then the
        task asks for another one."""
        transaction = await self._transaction(run, task)
        return None if transaction is not None and _in_vain(run, transaction) else transaction

    async def _homeless(self, run: Run, task: TaskRun) -> int | None:
        """The height now, if the task failed only because its request has left the chain and may still come back."""
        height, request, created = self.height, run.request, run.creation_height
        if task.status is not RunStatus.PENDING_CONFIRMATIONS or height is None or request is None or created is None:
            return None
        if height >= created + self._finality_depth or await self._canonical(created) == request.block_hash:
            return None
        transaction = await self._transaction(run, task)
        return height if transaction is not None and transaction.reverted else None

    async def _transaction(self, run: Run, task: TaskRun) -> Transaction | None:
        if task.status is not RunStatus.PENDING_CONFIRMATIONS:
            return None
        return await stored_transactions.of_task(self._db, run.id, task.position)

    # --- after -------------------------------------------------------------------------------------------------------

    async def _save(self, run: Run, changed: Iterable[TaskRun], sends: Sends | None = None) -> Run:
        """Write the run's new state, the task runs that changed and the transaction that a task asked for, at once.

        A database that cannot write now is asked again: the outcome of a request to the world is not thrown away.
        """
        tasks = list(changed)
        statements = list(stored.save(run, tasks))
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


def _in_vain(run: Run, transaction: Transaction) -> bool:
    """Whether a reorganisation moved the request away from under a transaction that reverted: it repeats what the request was,
    or was mined before the request came back."""
    receipt, prefix = transaction.receipt, (run.input or {}).get("dataPrefix")
    if receipt is None or not transaction.reverted or run.request is None or run.creation_height is None:
        return False
    return receipt.block_number <= run.creation_height or str(prefix).removeprefix("0x") not in transaction.data


def _input(run: Run) -> Data:
    """The run's input as an object; raises MergeError when it is something else (null counts as nothing)."""
    return run.input if run.input is not None else data.merge(data.parse(run.input_text or "null"), None)


def _task_input(run: Run, task: TaskRun, given: Data) -> Data:
    """As v0.6.2: the run's input, under the previous task's data, under what this task itself had when it began to wait."""
    previous = run.result_of(task.position)
    merged = given if previous is None else data.merge(given, previous.data)
    return merged if task.data is None else data.merge(merged, task.data)
