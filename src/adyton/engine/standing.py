"""Where the request of a run stands on the chain: confirmed, off it, moved; and what that means for the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec
import structlog

from adyton.domain.chain import Hash
from adyton.domain.errors import TryAgain
from adyton.domain.runs import Run, RunStatus, TaskRun, moved, strayed
from adyton.domain.transactions import Transaction
from adyton.ethereum.errors import RpcError
from adyton.ethereum.head_tracker import ChainState
from adyton.ports import Clock
from adyton.storage import runs as stored
from adyton.storage import transactions as stored_transactions
from adyton.storage.database import Database
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


class Standing:
    """Looks requests up. ``taken_in`` tells the block through which log intake has read the chain, None when it cannot tell."""

    def __init__(
        self, *, db: Database, clock: Clock, chain: ChainSight, finality_depth: int, taken_in: Callable[[], Cursor | None]
    ) -> None:
        self._db = db
        self._clock = clock
        self._chain = chain
        self._finality_depth = finality_depth
        self._taken_in = taken_in

    @property
    def height(self) -> int | None:
        """The number of the newest head; None before the first."""
        head = self._chain.state.head
        return None if head is None else head.number

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the chain."""
        return self._chain.state.connected

    # --- before a task -----------------------------------------------------------------------------------------------

    async def confirmed(self, run: Run) -> Run:
        """A run whose request has enough confirmations goes on, if the request's block is still on the chain.

        v0.6.2 asked for the receipt before every task and failed the run on any error; here the block's hash is compared
        once, when the confirmations are complete, and again before a transaction is asked for. An answer that the chain cannot
        give now is asked for again at the next head.
        """
        height, request, created = self.height, run.request, run.creation_height
        if height is None or request is None or created is None:
            return run
        canonical = await self.canonical(created)
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
        return await self.canonical(cursor.block_number) == cursor.block_hash

    def _in_suspense(self, run: Run, height: int, created: int) -> Run:
        """A run whose answer is out already while its request is off the chain: it has until finality to come back."""
        now = self._clock.now()
        if height < created + self._finality_depth:
            return moved(run, RunStatus.PENDING_CONFIRMATIONS, now, wake_height=height + 1)
        where = run.request.transaction_hash if run.request is not None else None
        error = f"TxHash {where} initiating run {run.id} not on main chain; presumably has been uncled"
        return moved(moved(run, RunStatus.IN_PROGRESS, now), RunStatus.ERRORED, now, error=error)

    async def astray(self, run: Run, task: TaskRun) -> int | None:
        """The height now, if the task is about to ask for a transaction for a request whose block is not canonical any more. It
        matters most to runs that did not wait for confirmations: nothing has looked at their request's block before."""
        height, request, created = self.height, run.request, run.creation_height
        if task.status is RunStatus.PENDING_CONFIRMATIONS or height is None or request is None or created is None:
            return None
        canonical = await self.canonical(created)
        return None if canonical is None or canonical == request.block_hash else height

    async def canonical(self, number: int) -> Hash | None:
        """The hash of the canonical block at a height; None when the chain cannot tell now."""
        try:
            return await self._chain.canonical_hash(number)
        except (RpcError, TryAgain) as fault:
            log.warning("a block cannot be looked up now; asked again at the next head", block=number, because=str(fault))
            return None

    async def is_back(self, run: Run) -> bool:
        """Whether the request of a run that strayed is on the chain again, where it was."""
        created, request = run.creation_height, run.request
        return created is not None and request is not None and await self.canonical(created) == request.block_hash

    # --- about its transaction ---------------------------------------------------------------------------------------

    async def answer(self, run: Run, task: TaskRun) -> Transaction | None:
        """The task's transaction; None too when it was in vain, because a reorganisation moved the request it answers: then the
        task asks for another one."""
        transaction = await self._asked_for(run, task)
        return None if transaction is not None and _in_vain(run, transaction) else transaction

    async def homeless(self, run: Run, task: TaskRun) -> int | None:
        """The height now, if the task failed only because its request has left the chain and may still come back."""
        height, request, created = self.height, run.request, run.creation_height
        if task.status is not RunStatus.PENDING_CONFIRMATIONS or height is None or request is None or created is None:
            return None
        if height >= created + self._finality_depth or await self.canonical(created) == request.block_hash:
            return None
        transaction = await self._asked_for(run, task)
        return height if transaction is not None and transaction.reverted else None

    async def _asked_for(self, run: Run, task: TaskRun) -> Transaction | None:
        if task.status is not RunStatus.PENDING_CONFIRMATIONS:
            return None
        return await stored_transactions.of_task(self._db, run.id, task.position)


def _in_vain(run: Run, transaction: Transaction) -> bool:
    """Whether a reorganisation moved the request away from under a transaction that reverted: it repeats what the request was,
    or was mined before the request came back."""
    receipt, prefix = transaction.receipt, (run.input or {}).get("dataPrefix")
    if receipt is None or not transaction.reverted or run.request is None or run.creation_height is None:
        return False
    stale = prefix is not None and str(prefix).removeprefix("0x") not in transaction.data
    return receipt.block_number <= run.creation_height or stale
