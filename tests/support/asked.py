"""Requests, their runs and their transactions, as values and as rows."""

from __future__ import annotations

from typing import Any

import msgspec

from adyton.domain.chain import Hash, Log, Receipt
from adyton.domain.requests import Closing, End, Request, read_run_log
from adyton.domain.runs import Run, RunStatus, moved
from adyton.domain.transactions import Attempt, Fee, Transaction, TransactionState
from adyton.storage import requests as stored_requests
from adyton.storage import runs as stored_runs
from adyton.storage.changes import TRANSACTION_CHANGE
from adyton.storage.database import Database, Statement
from support.builders import JOB_ID, NOW, SENDER, Bench, number_hash, run_log

ANSWER = number_hash(900, 5)
"""The hash of an attempt, unless another is wanted."""
SETTLED = (TransactionState.SAFE, TransactionState.FATAL_ERROR)


def request_of(log: Log, **changes: Any) -> Request:
    """The request in a log, as log intake notes it when its run starts."""
    asked = read_run_log(log)
    noted = Request(
        contract=log.address,
        request_id=asked.request_id,
        job_id=JOB_ID,
        block_number=log.block_number,
        block_hash=log.block_hash,
        transaction_hash=log.transaction_hash,
        log_index=log.log_index,
        requester=asked.requester,
        payment=asked.payment,
        expiration=asked.expiration,
        decision="run started",
        seen_at=NOW,
    )
    return msgspec.structs.replace(noted, **changes)


def closing(how: End, *, transaction: Hash = ANSWER, block: int = 110) -> Closing:
    """What the chain says of a request's end."""
    return Closing(how=how, transaction_hash=transaction, block_number=block, block_hash=number_hash(block))


def run_for(bench: Bench, log: Log, status: RunStatus = RunStatus.IN_PROGRESS, error: str | None = None) -> Run:
    """The run that a log asks for, in that status; not stored."""
    spec = bench.jobs.jobs[JOB_ID]
    run = bench.maker.from_log(spec, spec.initiators[1], log, read_run_log(log), log.block_number + 50)
    if status is not RunStatus.IN_PROGRESS:
        run = moved(run, status, NOW, error=error)
    return run


def transaction_of(
    run: Run | None,
    state: TransactionState = TransactionState.SAFE,
    *,
    number: int = 1,
    status: int = 1,
    noop: bool = False,
    attempt: Hash = ANSWER,
    **changes: Any,
) -> Transaction:
    """A transaction that the last task of a run asked for, with one attempt; ``status`` is its receipt's."""
    mined = state in (TransactionState.CONFIRMED, TransactionState.SAFE)
    has_nonce = state not in (TransactionState.UNSTARTED, TransactionState.FATAL_ERROR)
    receipt = Receipt(attempt, 105, number_hash(105), status, 70_000, 30 * 10**9)
    made = Attempt(
        id=number,
        transaction_id=number,
        hash=attempt,
        fee=Fee(tip_cap=10**9, fee_cap=61_500_000_000),
        raw="0x02",
        state="broadcast",
        created_at=NOW,
        broadcast_before=103,
        noop=noop,
    )
    known = Transaction(
        id=number,
        from_address=SENDER,
        to_address=run.request.contract if run is not None and run.request is not None else SENDER,
        data="0x4ab0d190",
        value=0,
        gas_limit=500_000,
        gas_price=None,
        state=state,
        created_at=NOW,
        run_id=None if run is None else run.id,
        task_position=None if run is None else len(run.tasks) - 1,
        nonce=number if has_nonce else None,
        broadcast_at=NOW if has_nonce and state is not TransactionState.IN_PROGRESS else None,
        error="nobody takes it" if state is TransactionState.FATAL_ERROR else None,
        min_confirmations=2,
        receipt=receipt if mined else None,
        receipt_status=status if mined else None,
        attempts=(made,) if has_nonce else (),
    )
    return msgspec.structs.replace(known, **changes)


# --- rows ------------------------------------------------------------------------------------------------------------


async def store(db: Database, *things: Request | Run | Transaction) -> None:
    """Write them as they are; a run of an unfinished or finished status too."""
    for thing in things:
        if isinstance(thing, Run):
            await db.write(stored_runs.insert([thing]))
        elif isinstance(thing, Transaction):
            await db.write(*_transaction_rows(thing))
        else:
            await db.write(*stored_requests.noted([thing]), stored_requests.upsert([thing]))
            if thing.closed is not None:
                key = (thing.contract, thing.request_id)
                await db.write(*stored_requests.closed([(key, thing.closed)]))


def _transaction_rows(t: Transaction) -> list[Statement]:
    receipt = t.receipt
    row = (
        t.id, t.run_id, t.task_position, t.from_address, t.to_address, t.data, str(t.value), t.gas_limit, t.min_confirmations,
        t.state.value, t.nonce, t.created_at, t.broadcast_at, t.error, t.waiting,
        None if receipt is None else receipt.block_number + 1,
        None if receipt is None else receipt.block_number,
        None if receipt is None else receipt.block_hash,
        None if receipt is None else msgspec.json.encode(receipt).decode(),
        t.receipt_status, t.revert_reason, t.purpose,
    )  # fmt: skip
    names = (
        "id, run_id, task_position, from_address, to_address, data, value, gas_limit, min_confirmations, state, nonce, "
        "created_at, broadcast_at, error, waiting, safe_height, receipt_block, receipt_block_hash, receipt, receipt_status, "
        "revert_reason, purpose"
    )
    marks = ", ".join("?" * len(row))
    insert = Statement(f"INSERT INTO transactions ({names}, change) VALUES ({marks}, {TRANSACTION_CHANGE})", [row])
    attempts = [
        (
            a.id,
            t.id,
            a.hash,
            str(a.fee.tip_cap),
            str(a.fee.fee_cap),
            a.raw,
            a.state,
            a.created_at,
            a.broadcast_before,
            int(a.noop),
        )
        for a in t.attempts
    ]
    if not attempts:
        return [insert]
    sql = """
        INSERT INTO tx_attempts (id, transaction_id, hash, tip_cap, fee_cap, raw, state, created_at, broadcast_before, noop)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
    return [insert, Statement(sql, list(attempts))]


__all__ = ["ANSWER", "SETTLED", "closing", "request_of", "run_for", "run_log", "store", "transaction_of"]
