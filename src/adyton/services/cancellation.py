"""An operator cancels a run.

What it asked to be sent decides: a transaction that has no nonce yet is taken back in the same write; one that may be on the
chain is not the run's any more, and cancelled as a transaction.
"""

from __future__ import annotations

import structlog

from adyton.domain.errors import Conflict, NotFound
from adyton.domain.jobs import Job
from adyton.domain.runs import Run
from adyton.domain.transactions import Transaction, TransactionState
from adyton.services.jobs import plain_id
from adyton.services.parts import Parts
from adyton.storage import operator_transactions
from adyton.storage import runs as stored
from adyton.storage import transactions as stored_transactions
from adyton.storage.database import Statement

REASON = "cancelled by the operator"
_TRIES = 5
_GIVEN_UP = TransactionState.FATAL_ERROR

log = structlog.get_logger(__name__)


async def cancel(parts: Parts, run_id: str) -> tuple[Run, Job]:
    """Cancel a run that is not finished, of an archived job too, or one that was cancelled because its request left the chain
    and would go on if that came back. It is durable when this returns.

    Raises NotFound, and Conflict when the run is finished or its transaction may be on the chain.
    """
    for _ in range(_TRIES):
        run = await stored.get(parts.db, plain_id(run_id), parts.jobs)
        job = await parts.jobs.job(run.job_id) if run is not None else None
        if run is None or job is None:
            raise NotFound("Job run not found", code="ADY-0300")
        if run.status.finished and run.left_chain is None:
            raise Conflict(f"the run is {run.status.value} already", code="ADY-0304")
        withdrawn = await _withdrawn(parts, run)
        try:
            ended = await parts.engine.cancel(run, REASON, withdrawn)
        except Conflict:
            continue  # it went on meanwhile, or its transaction got its nonce: look again
        log.warning("an operator has cancelled a run", run=run.id, job=run.job_id, status=run.status.value)
        return ended, job
    raise Conflict(f"run {plain_id(run_id)} changes too fast; try again", code="ADY-0305")


async def _withdrawn(parts: Parts, run: Run) -> list[Statement]:
    """Statements that take back what the run asked to be sent; each is a fence. Raises Conflict when that is too late."""
    asked = await stored_transactions.of_runs(parts.db, [run.id])
    waiting = run.next_task()
    statements: list[Statement] = []
    for transaction in asked.values():
        if transaction.state is TransactionState.UNSTARTED:
            statements.append(operator_transactions.cancelled(transaction.id))
        elif not _is_past(transaction, None if waiting is None else waiting.position):
            raise Conflict(_too_late(transaction), code="ADY-0306")
    return statements


def _is_past(transaction: Transaction, waiting: int | None) -> bool:
    """Whether a transaction was given up, or belongs to a task that is done with it."""
    done = transaction.state is TransactionState.SAFE and transaction.task_position != waiting
    return done or transaction.state is _GIVEN_UP


def _too_late(transaction: Transaction) -> str:
    name = f"its transaction {transaction.id}"
    if transaction.receipt is not None:
        return f"{name} is mined, in block {transaction.receipt.block_number}: nothing is left to cancel"
    return f"{name} is {transaction.state.value} and may be mined; cancel that first: `adyton txs cancel {transaction.id}`"
