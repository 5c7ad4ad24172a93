"""Requests by what became of them: the questions of the list, of the metric and of the reconciler.

The conditions say in SQL what ``domain.fates`` says of values; a test compares them. Open requests are found by
``requests_open``, so what they cost does not grow with the answered ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from adyton.domain.chain import Address
from adyton.domain.requests import Request
from adyton.storage.database import Database, Value
from adyton.storage.requests import COLUMNS, from_row

_COLUMNS = ", ".join(f"q.{name}" for name in COLUMNS.split(", "))
_ORDER = "q.block_number, q.log_index, q.contract, q.request_id"
_FROM = "FROM requests q"
_FROM_BOTH = "FROM requests q LEFT JOIN runs r ON r.id = q.run_id"
# An answer of ours that is in a block: it is noted with the request only when it is safe.
_UNANSWERED = """
    q.closed_as IS NULL AND NOT EXISTS (
        SELECT 1 FROM transactions t WHERE t.run_id = q.run_id AND t.receipt_status = 1
            AND t.to_address = q.contract AND NOT EXISTS (
                SELECT 1 FROM tx_attempts a WHERE a.transaction_id = t.id AND a.noop = 1))"""
# A transaction that is not settled may still answer; one that succeeded has answered, or called another contract, as its job
# says, or an operator has cancelled it. A run that failed at another place than the request has now says nothing about it
# there.
_UNACCOUNTED = """
    q.closed_as IS NULL AND q.decision = 'run started' AND (
        r.id IS NULL
        OR (r.status IN ('errored', 'cancelled') AND COALESCE(r.error, '') = '')
        OR (r.status = 'errored' AND r.request_block <> q.block_hash)
        OR (r.status = 'completed'
            AND EXISTS (SELECT 1 FROM task_specs s WHERE s.job_id = r.job_id AND s.type IN ('ethtx', 'ethtxabiencode'))))
        AND NOT EXISTS (
            SELECT 1 FROM transactions t WHERE t.run_id = q.run_id
                AND (t.state NOT IN ('safe', 'fatal_error') OR t.receipt_status = 1))"""


class Chosen(StrEnum):
    """Which requests are asked for."""

    ALL = "all"
    UNANSWERED = "unanswered"
    """Neither answered nor cancelled, whatever the reason."""
    UNACCOUNTED = "unaccounted"
    """Neither answered nor cancelled nor in progress, and no reason why."""


_CONDITIONS = {Chosen.ALL: "1 = 1", Chosen.UNANSWERED: _UNANSWERED, Chosen.UNACCOUNTED: _UNACCOUNTED}


async def page(
    db: Database,
    chosen: Chosen = Chosen.ALL,
    *,
    job_id: str | None = None,
    contract: Address | None = None,
    offset: int,
    limit: int,
    descending: bool = True,
) -> tuple[list[Request], int]:
    """A page of requests in the chain's order, the newest first unless told otherwise, and how many there are in all."""
    conditions, params = [_CONDITIONS[chosen]], list[Value]()
    for column, value in (("q.job_id", job_id), ("q.contract", contract)):
        if value is not None:
            conditions.append(f"{column} = ?")
            params.append(value)
    source = _FROM_BOTH if chosen is Chosen.UNACCOUNTED else _FROM
    where, order = " AND ".join(f"({condition})" for condition in conditions), "DESC" if descending else "ASC"
    counted = await db.read(f"SELECT COUNT(*) {source} WHERE {where}", tuple(params))
    rows = await db.read(
        f"SELECT {_COLUMNS} {source} WHERE {where} "
        f"ORDER BY q.block_number {order}, q.log_index {order}, q.contract {order}, q.request_id {order} LIMIT ? OFFSET ?",
        (*params, limit, offset),
    )
    return _requests(rows), int(counted[0][0] or 0)


async def count_unaccounted(db: Database) -> int:
    """How many requests have neither an end nor a reason. It must read zero."""
    ((count,),) = await db.read(f"SELECT COUNT(*) {_FROM_BOTH} WHERE {_UNACCOUNTED}")
    return int(count or 0)


async def unaccounted(db: Database, *, after: Request | None = None, limit: int) -> list[Request]:
    """Requests that have neither an end nor a reason, the oldest first, behind the one given."""
    condition, params = _UNACCOUNTED, list[Value]()
    if after is not None:
        condition = f"({condition}) AND ({_ORDER}) > (?, ?, ?, ?)"
        params = [after.block_number, after.log_index, after.contract, after.request_id]
    rows = await db.read(f"SELECT {_COLUMNS} {_FROM_BOTH} WHERE {condition} ORDER BY {_ORDER} LIMIT ?", (*params, limit))
    return _requests(rows)


def _requests(rows: Sequence[Any]) -> list[Request]:
    return [from_row(row) for row in rows]
