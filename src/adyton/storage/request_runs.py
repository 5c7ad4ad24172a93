"""Runs as the requests on chain move them: into another block, off the chain and back, out of the way of another run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from adyton.domain import data
from adyton.domain.chain import Address, Hash
from adyton.domain.runs import Data, RunRequest, RunStatus
from adyton.storage.changes import RUN_CHANGE
from adyton.storage.database import Database, Statement

_UNFINISHED = "status NOT IN ('errored', 'completed', 'cancelled')"
_STRAYED = "status = 'cancelled' AND left_chain IS NOT NULL AND superseded_by IS NULL"
# A request that a reorganisation moved to another block: a run that is not finished follows it, and whoever works on it at
# this moment loses the race and reads again. What the answer has to repeat may have changed with the block: the oracle derives
# the expiration from the block's time. A run that was cancelled because its request had left the chain goes on: it is due at
# once, and its next task asks for the confirmations that it still lacks.
_MOVE = f"""
    UPDATE runs SET version = version + 1, input = ?, payment = ?, creation_height = ?, request_block = ?, request_tx = ?,
        request_log = ?,
        wake_height = CASE WHEN status = 'cancelled' THEN CAST(? AS BIGINT) ELSE wake_height + ? END,
        status = CASE WHEN status = 'cancelled' THEN 'pending_confirmations' ELSE status END,
        finished_at = NULL, error = NULL, left_chain = NULL, updated_at = ?, change = {RUN_CHANGE}
    WHERE id = ? AND ({_UNFINISHED} OR ({_STRAYED}))"""
_OF_REQUEST = "contract = ? AND request_id = ? AND superseded_by IS NULL"
# A run that asked for a transaction is left to it: what was sent must be watched.
_CALL_OFF = f"""
    UPDATE runs SET version = version + 1, status = 'cancelled', error = ?, left_chain = ?, wake_height = NULL,
        due_at = NULL, finished_at = ?, updated_at = ?, change = {RUN_CHANGE}
    WHERE {_OF_REQUEST} AND {_UNFINISHED} AND NOT EXISTS (SELECT 1 FROM transactions t WHERE t.run_id = runs.id)"""
_SUPERSEDE = f"""
    UPDATE runs SET
        version = CASE WHEN superseded_by IS NULL AND NOT EXISTS (SELECT 1 FROM transactions t WHERE t.run_id = runs.id)
            THEN version + 1 END,
        superseded_by = ?, error = CASE WHEN {_UNFINISHED} THEN ? ELSE error END,
        finished_at = COALESCE(finished_at, ?), status = CASE WHEN {_UNFINISHED} THEN 'cancelled' ELSE status END,
        wake_height = NULL, due_at = NULL, left_chain = NULL, updated_at = ?, change = {RUN_CHANGE}
    WHERE id = ?"""
_REVIVE = f"""
    UPDATE runs SET version = version + 1, status = 'pending_confirmations', wake_height = creation_height, finished_at = NULL,
        error = NULL, left_chain = NULL, updated_at = ?, change = {RUN_CHANGE}
    WHERE {_OF_REQUEST} AND {_STRAYED}"""

# A join and no list of alternatives: among those SQLite does not see that the index, which is of some runs only, has them all,
# and reads every run there is. CROSS, so that it begins with what is wanted.
_WANTED = """
    SELECT r.contract, r.request_id, r.id, r.job_id, r.status, r.creation_height, r.request_block, r.payment, r.left_chain,
        r.input, CASE WHEN EXISTS (SELECT 1 FROM transactions t WHERE t.run_id = r.id) THEN 1 ELSE 0 END
    FROM wanted w CROSS JOIN runs r
    WHERE r.contract = w.contract AND r.request_id = w.request_id AND r.request_id IS NOT NULL AND r.superseded_by IS NULL"""


class RequestRun(msgspec.Struct, frozen=True, kw_only=True):
    """The run that a request has, as far as log intake asks; ``height`` and ``block_hash`` are where its request was, ``asked``
    says whether it has asked for a transaction."""

    id: str
    job_id: str
    status: RunStatus
    height: int
    block_hash: Hash
    payment: int | None
    left_chain: int | None
    input: Data | None
    asked: bool


async def of_requests(db: Database, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], RequestRun]:
    """The newest run of each (contract, request id) that has one."""
    found: dict[tuple[str, str], RequestRun] = {}
    for start in range(0, len(keys), 400):
        part = keys[start : start + 400]
        wanted = ", ".join(["(?, ?)"] * len(part))
        rows: Any = await db.read(f"WITH wanted (contract, request_id) AS (VALUES {wanted}){_WANTED}", _flat(part))
        for contract, request_id, run_id, job_id, status, height, block_hash, payment, left_chain, text, asked in rows:
            given = data.parse(text)
            found[(contract, request_id)] = RequestRun(
                id=run_id,
                job_id=job_id,
                status=RunStatus(status),
                height=height or 0,
                block_hash=block_hash,
                payment=None if payment is None else int(payment),
                left_chain=left_chain,
                input=given if isinstance(given, dict) else None,
                asked=bool(asked),
            )
    return found


def _flat(keys: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(value for key in keys for value in key)


def move(run_id: str, request: RunRequest, given: Data, *, payment: int | None, height: int, by: int, now: int) -> Statement:
    """Statement that lets a run follow its request into another block, ``by`` blocks later (or earlier), with the input and the
    payment that the log has there: a run that is not finished, or that was cancelled because the request had left the chain."""
    place = (height, request.block_hash, request.transaction_hash, request.log_index)
    return Statement(_MOVE, [(data.encode(given), None if payment is None else str(payment), *place, height, by, now, run_id)])


def called_off(requests: Iterable[tuple[Address, Hash, str, int]], now: int) -> Statement:
    """Statement that cancels the runs of requests which their requester cancelled, unless they have asked for a transaction:
    (contract, request id, why, block of the cancellation) of each. If that block leaves the chain they can be ``revived``."""
    return Statement(_CALL_OFF, [(why, block, now, now, contract, request_id) for contract, request_id, why, block in requests])


def superseded(runs: Iterable[tuple[str, str, str]], now: int) -> Statement:
    """Statement that lets runs give their place for the same request id to others, before those are inserted: (run id, its
    successor's, why) of each. ``Conflict`` if one has asked for a transaction, or has a successor already."""
    return Statement(_SUPERSEDE, [(successor, why, now, now, run_id) for run_id, successor, why in runs])


def revived(requests: Iterable[tuple[Address, Hash]], now: int) -> Statement:
    """Statement that lets the runs of requests go on which were cancelled because the chain did not have, or had cancelled, the
    request: (contract, request id) of each."""
    return Statement(_REVIVE, [(now, contract, request_id) for contract, request_id in requests])
