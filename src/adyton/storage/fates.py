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
from adyton.storage.database import Database, Row, Value
from adyton.storage.lists import EVERYTHING, Condition, Lists
from adyton.storage.paged import Paged, in_parts, smaller
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
            AND EXISTS (SELECT 1 FROM task_specs s WHERE s.job_id = r.job_id AND s.version = r.job_version
                AND s.type IN ('ethtx', 'ethtxabiencode'))))
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


_CONDITIONS = {Chosen.UNANSWERED: _UNANSWERED, Chosen.UNACCOUNTED: _UNACCOUNTED}


async def page(
    lists: Lists,
    chosen: Chosen = Chosen.ALL,
    *,
    job_id: str | None = None,
    contract: Address | None = None,
    offset: int,
    limit: int,
    descending: bool = True,
) -> Paged[Request]:
    """A page of requests in the chain's order, the newest first unless told otherwise."""
    asked = [(column, value) for column, value in (("job_id", job_id), ("contract", contract)) if value is not None]
    params = tuple(value for _, value in asked)
    if chosen is not Chosen.ALL:
        words = "".join(f" AND q.{column} = ?" for column, _ in asked)
        order = "DESC" if descending else "ASC"
        return await _page_of_open(lists.db, chosen, words, params, offset=offset, limit=limit, order=order)
    condition = Condition(" AND ".join(f"{column} = ?" for column, _ in asked), params) if asked else EVERYTHING
    found = await lists.requests.find(condition, offset=offset, limit=limit, descending=descending)
    return Paged(found.count, smaller(lists.requests.rows(f"SELECT {COLUMNS} FROM requests", found))).of(_read)


async def _page_of_open(
    db: Database, chosen: Chosen, words: str, params: Row, *, offset: int, limit: int, order: str
) -> Paged[Request]:
    """The open ones are few, and what makes one belong is in other tables: all of them are looked at."""
    source = f"{_FROM_BOTH if chosen is Chosen.UNACCOUNTED else _FROM} WHERE ({_CONDITIONS[chosen]}){words}"
    counted = await db.read(f"SELECT COUNT(*) {source}", params)
    rows = await db.read(
        f"SELECT {_COLUMNS} {source} "
        f"ORDER BY q.block_number {order}, q.log_index {order}, q.contract {order}, q.request_id {order} LIMIT ? OFFSET ?",
        (*params, limit, offset),
    )
    return Paged(int(counted[0][0] or 0), in_parts(_requests(rows)))


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


async def _read(rows: Sequence[Row]) -> list[Request]:
    return _requests(rows)


def _requests(rows: Sequence[Any]) -> list[Request]:
    return [from_row(row) for row in rows]
