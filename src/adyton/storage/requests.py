"""Requests: each (contract, request id) once, where it is on the chain, what came of it, and how it ended there.

Log intake writes a request at first sight and whenever its log is in another block; what the chain says of its end is
written with the receipt (by the confirmer) or the log (by log intake) that says so, and taken back with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import cast

from adyton.domain.chain import Address, Hash
from adyton.domain.requests import Closing, End, Request
from adyton.storage import list_tables
from adyton.storage.database import Database, Row, Statement, Value
from adyton.storage.list_tables import REQUESTS

__all__ = ["Closing", "End", "Request"]

COLUMNS = (
    "contract, request_id, job_id, block_number, block_hash, transaction_hash, log_index, requester, payment, expiration, "
    "decision, reason, run_id, seen_at, closed_as, closed_tx, closed_block, closed_block_hash"
)
"""What ``from_row`` reads, in its order."""

# What is refused without a run says nothing new about a request that has one: only where it is.
_STAYS = "excluded.run_id IS NULL AND requests.run_id IS NOT NULL"
_UPSERT = f"""
    INSERT INTO requests (contract, request_id, job_id, block_number, block_hash, transaction_hash, log_index, requester,
        payment, expiration, decision, reason, run_id, seen_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (contract, request_id) DO UPDATE SET
        block_number = excluded.block_number, block_hash = excluded.block_hash,
        transaction_hash = excluded.transaction_hash, log_index = excluded.log_index,
        requester = excluded.requester, payment = excluded.payment, expiration = excluded.expiration,
        job_id = CASE WHEN {_STAYS} THEN requests.job_id ELSE excluded.job_id END,
        decision = CASE WHEN {_STAYS} THEN requests.decision ELSE excluded.decision END,
        reason = CASE WHEN {_STAYS} THEN requests.reason ELSE excluded.reason END,
        run_id = CASE WHEN {_STAYS} THEN requests.run_id ELSE excluded.run_id END"""
_PLACE = """
    UPDATE requests SET block_number = ?, block_hash = ?, transaction_hash = ?, log_index = ?, requester = ?, payment = ?,
        expiration = ?
    WHERE contract = ? AND request_id = ?"""
_OF_RUN = "(contract, request_id) = (SELECT contract, request_id FROM runs WHERE id = ?)"
_ANSWERED = f"""
    UPDATE requests SET closed_as = 'answered', closed_tx = ?, closed_block = ?, closed_block_hash = ? WHERE {_OF_RUN}"""
_NOT_CLOSED = "closed_as = NULL, closed_tx = NULL, closed_block = NULL, closed_block_hash = NULL"
_REOPENED = f"UPDATE requests SET {_NOT_CLOSED} WHERE {_OF_RUN} AND closed_as = 'answered' AND closed_tx = ?"
# Our own answers are the confirmer's to judge, by their receipts.
_TO_CLOSE = """
    contract = ? AND request_id = ? AND closed_as IS NULL AND NOT EXISTS (SELECT 1 FROM tx_attempts WHERE hash = ?)"""
_CLOSED = f"UPDATE requests SET closed_as = ?, closed_tx = ?, closed_block = ?, closed_block_hash = ? WHERE {_TO_CLOSE}"
_CLOSED_BY = "contract = ? AND request_id = ? AND closed_tx = ?"
_TAKEN_BACK = f"UPDATE requests SET {_NOT_CLOSED} WHERE {_CLOSED_BY}"
_CLOSED_BY_OTHERS = """
    closed_as IS NOT NULL AND closed_block >= ? AND closed_block <= ?
        AND NOT EXISTS (SELECT 1 FROM tx_attempts WHERE hash = closed_tx)"""
# The contracts there are, each found by one look into the primary key.
_CONTRACTS = """
    WITH RECURSIVE known (contract) AS (
        SELECT MIN(contract) FROM requests
        UNION ALL
        SELECT (SELECT MIN(r.contract) FROM requests r WHERE r.contract > known.contract) FROM known
            WHERE known.contract IS NOT NULL
    )"""
_AT_ONCE = 400

Key = tuple[Address, Hash]
"""(contract, request id)"""


# --- written by log intake -------------------------------------------------------------------------------------------


def noted(requests: Collection[Request]) -> tuple[Statement, ...]:
    """Statements that note, for the lists, where these requests were and will be; they belong before those that store them."""
    old = [(each.contract, each.request_id, each.block_number) for each in requests]
    return (
        list_tables.gone(REQUESTS, "contract = ? AND request_id = ? AND block_number <> ?", old),
        list_tables.touched(REQUESTS, [each.block_number for each in requests], gone=-len(requests)),
        list_tables.forgotten(),
    )


def upsert(requests: Iterable[Request]) -> Statement:
    """Statement that stores requests: new ones whole; of known ones the place, and the decision unless that is a refusal
    without a run of a request that has a run. Sight and closing of a known request stay as they are."""
    return Statement(_UPSERT, [_row(request) for request in requests])


def placed(requests: Iterable[Request]) -> Statement:
    """Statement that notes where known requests are now, and what they say there; nothing else of them changes."""
    return Statement(
        _PLACE,
        [
            (
                r.block_number,
                r.block_hash,
                r.transaction_hash,
                r.log_index,
                r.requester,
                str(r.payment),
                r.expiration,
                r.contract,
                r.request_id,
            )
            for r in requests
        ],
    )


def closed(closings: Sequence[tuple[Key, Closing]]) -> tuple[Statement, ...]:
    """Statements that note what logs say of the end of requests. Unknown requests, those closed already and the responses
    that our own transactions caused are left alone."""
    of = [(*key, c.transaction_hash) for key, c in closings]
    return (
        list_tables.changed(REQUESTS, _TO_CLOSE, of),
        Statement(
            _CLOSED,
            [(c.how, c.transaction_hash, c.block_number, c.block_hash, *row) for (_, c), row in zip(closings, of, strict=True)],
        ),
    )


def taken_back(closings: Sequence[tuple[Key, Hash]]) -> tuple[Statement, ...]:
    """Statements that forget the closings of requests by these transactions, because their block left the chain."""
    of = [(*key, transaction) for key, transaction in closings]
    return list_tables.changed(REQUESTS, _CLOSED_BY, of), Statement(_TAKEN_BACK, of)


async def closed_by_others(db: Database, first: int, last: int) -> list[Request]:
    """The requests that a log said were closed in one of these blocks, not by a transaction of ours."""
    rows = await db.read(
        f"SELECT {COLUMNS} FROM requests WHERE {_CLOSED_BY_OTHERS} ORDER BY contract, request_id", (first, last)
    )
    return [from_row(row) for row in rows]


# --- written by the confirmer ----------------------------------------------------------------------------------------


def answered(answers: Iterable[tuple[str, Hash, int, Hash]]) -> Statement:
    """Statement that closes the requests of runs as answered: (run id, transaction, block, block hash) of each receipt of a
    successful answer; it belongs into the write that makes the answer safe. Runs without a request change nothing."""
    return Statement(
        _ANSWERED, [(transaction, block, block_hash, run_id) for run_id, transaction, block, block_hash in answers]
    )


def reopened(answers: Iterable[tuple[str, Hash]]) -> Statement:
    """Statement that takes ``answered`` back: (run id, transaction) of each answer whose block left the chain."""
    return Statement(_REOPENED, list(answers))


# --- read ------------------------------------------------------------------------------------------------------------


async def get(db: Database, contract: Address, request_id: Hash) -> Request | None:
    """One request."""
    return (await many(db, [(contract, request_id)])).get((contract, request_id))


async def many(db: Database, keys: Sequence[Key]) -> dict[Key, Request]:
    """The requests of these (contract, request id); unknown ones are left out."""
    found: dict[Key, Request] = {}
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        marks = " OR ".join(["(contract = ? AND request_id = ?)"] * len(part))
        values = tuple(value for key in part for value in key)
        rows = await db.read(f"SELECT {COLUMNS} FROM requests WHERE {marks}", values)
        found.update({(request.contract, request.request_id): request for request in map(from_row, rows)})
    return found


async def named(db: Database, request_id: Hash) -> list[Request]:
    """The requests of that id, of whatever contract."""
    rows = await db.read(
        f"{_CONTRACTS} SELECT {COLUMNS} FROM requests WHERE request_id = ? AND contract IN (SELECT contract FROM known) "
        "ORDER BY contract",
        (request_id,),
    )
    return [from_row(row) for row in rows]


async def of_transaction(db: Database, transaction_hash: Hash) -> list[Request]:
    """The requests that a transaction made, in the order of their logs."""
    rows = await db.read(
        f"SELECT {COLUMNS} FROM requests WHERE transaction_hash = ? ORDER BY log_index, contract, request_id",
        (transaction_hash,),
    )
    return [from_row(row) for row in rows]


async def unclosed(db: Database, *, after: tuple[int, int, Address, Hash] | None = None, limit: int) -> list[Request]:
    """The requests that the chain still waits for, as far as the node knows, oldest first; ``after`` is the (block, log index,
    contract, request id) of the last one seen."""
    condition, params = "closed_as IS NULL", cast("Row", ())
    if after is not None:
        condition += " AND (block_number, log_index, contract, request_id) > (?, ?, ?, ?)"
        params = after
    rows = await db.read(
        f"SELECT {COLUMNS} FROM requests WHERE {condition} ORDER BY block_number, log_index, contract, request_id LIMIT ?",
        (*params, limit),
    )
    return [from_row(row) for row in rows]


# --- rows <-> values -------------------------------------------------------------------------------------------------


def _row(request: Request) -> Row:
    return (
        request.contract,
        request.request_id,
        request.job_id,
        request.block_number,
        request.block_hash,
        request.transaction_hash,
        request.log_index,
        request.requester,
        str(request.payment),
        request.expiration,
        request.decision,
        storable(request.reason),
        request.run_id,
        request.seen_at,
    )


def storable(words: str | None) -> str | None:
    """A reason may repeat a stranger's words; as every database can hold it."""
    return words and words.replace("\0", "\ufffd").encode(errors="replace").decode()


def from_row(row: Sequence[Value]) -> Request:
    """The request in a row of ``COLUMNS``."""
    values = dict(zip(COLUMNS.split(", "), row, strict=True))
    closing = None
    if values["closed_as"] is not None:
        closing = Closing(
            how=End(str(values["closed_as"])),
            transaction_hash=str(values["closed_tx"]),
            block_number=cast("int", values["closed_block"]),
            block_hash=cast("str | None", values["closed_block_hash"]),
        )
    return Request(
        contract=str(values["contract"]),
        request_id=str(values["request_id"]),
        job_id=str(values["job_id"]),
        block_number=cast("int", values["block_number"]),
        block_hash=str(values["block_hash"]),
        transaction_hash=str(values["transaction_hash"]),
        log_index=cast("int", values["log_index"]),
        requester=str(values["requester"]),
        payment=int(str(values["payment"])),
        expiration=cast("int | None", values["expiration"]),
        decision=str(values["decision"]),
        reason=cast("str | None", values["reason"]),
        run_id=cast("str | None", values["run_id"]),
        seen_at=cast("int", values["seen_at"]),
        closed=closing,
    )
