"""Lists of runs: by age, of jobs that are not archived, and of what is wanted."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from adyton.domain.runs import Run
from adyton.storage import requests
from adyton.storage.database import Database, Row, Value
from adyton.storage.jobs import JobLookup
from adyton.storage.lists import Condition, Lists, Span
from adyton.storage.paged import Paged, in_parts, smaller
from adyton.storage.runs import COLUMNS, complete, many

_LIVE = "job_id NOT IN (SELECT id FROM jobs WHERE archived_at IS NOT NULL)"
# Of one job nothing needs to be looked at but whether it is archived.
_OF_JOB = "job_id = ? AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = ? AND archived_at IS NOT NULL)"
_OF_INITIATOR = "initiator_id IN (SELECT initiators.id FROM initiators WHERE initiators.type = ?)"
_SELECT = f"SELECT {COLUMNS} FROM runs"
# Two questions, because each index has some of the runs only.
_OF_REQUEST = """
    SELECT id FROM runs WHERE contract = ? AND request_id = ? AND request_id IS NOT NULL AND superseded_by IS NULL
    UNION SELECT id FROM runs WHERE contract = ? AND request_id = ? AND superseded_by IS NOT NULL"""
_OF_TRANSACTION = """
    SELECT id FROM runs WHERE request_tx = ?
    UNION SELECT t.run_id FROM tx_attempts a JOIN transactions t ON t.id = a.transaction_id
        WHERE a.hash = ? AND t.run_id IS NOT NULL"""
_ALWAYS = 2**62
_AT_ONCE = 400
"""Parameters of one query."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs are wanted; None and () are any.

    ``statuses`` are those of ``RunStatus``, ``initiator`` is the type of what started the run. Times are microseconds: created
    at ``created_after`` or later, and before ``created_before``. ``transaction`` is the hash of the one in which the run was
    asked for, or of one that it sent.
    """

    job_id: str | None = None
    statuses: tuple[str, ...] = ()
    initiator: str | None = None
    created_after: int | None = None
    created_before: int | None = None
    request_id: str | None = None
    transaction: str | None = None


async def page(
    lists: Lists, jobs: JobLookup, wanted: Wanted, *, offset: int, limit: int, descending: bool = False
) -> Paged[Run]:
    """A page of runs by age."""
    if wanted.request_id is not None or wanted.transaction is not None:
        return await _page_of_few(lists.db, jobs, wanted, offset=offset, limit=limit, descending=descending)
    found = await lists.runs.find(_condition(wanted), offset=offset, limit=limit, descending=descending, span=_span(wanted))

    async def runs(rows: Sequence[Row]) -> list[Run]:
        return await complete(lists.db, rows, jobs)

    return Paged(found.count, smaller(lists.runs.rows(_SELECT, found))).of(runs)


def _condition(wanted: Wanted) -> Condition:
    words, params = ([_LIVE], list[Value]()) if wanted.job_id is None else ([_OF_JOB], [wanted.job_id] * 2)
    if wanted.statuses:
        statuses = sorted(set(wanted.statuses))
        words.append(f"status IN ({', '.join('?' * len(statuses))})")
        params += statuses
    if wanted.initiator is not None:
        words.append(_OF_INITIATOR)
        params.append(wanted.initiator)
    return Condition(" AND ".join(words), tuple(params), led=words == [_OF_JOB])


def _span(wanted: Wanted) -> Span | None:
    low, high = wanted.created_after, wanted.created_before
    if low is None and high is None:
        return None
    return Span("created_at", -_ALWAYS if low is None else low, _ALWAYS if high is None else high)


async def _page_of_few(
    db: Database, jobs: JobLookup, wanted: Wanted, *, offset: int, limit: int, descending: bool
) -> Paged[Run]:
    """A request has a few runs, a transaction some more: all of them are looked at."""
    condition, span = _condition(wanted), _span(wanted)
    words, params = condition.sql, condition.params
    if span is not None:
        words, params = f"{words} AND {span.sql}", (*params, span.low, span.high)
    few = sorted(await _pointed(db, wanted))
    ids: list[str] = []
    for start in range(0, len(few), _AT_ONCE):
        part = few[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(part))
        rows = await db.read(f"SELECT id FROM runs WHERE id IN ({marks}) AND ({words}) ORDER BY id", (*part, *params))
        ids += [str(row[0]) for row in rows]
    if descending:
        ids.reverse()

    async def runs(part: Sequence[str]) -> list[Run]:
        return sorted(await many(db, part, jobs), key=lambda run: run.id, reverse=descending)

    return Paged(len(ids), in_parts(ids[offset : offset + limit])).of(runs)


async def _pointed(db: Database, wanted: Wanted) -> set[str]:
    """The ids of the runs of a request, of a transaction, or of both."""
    found: list[set[str]] = []
    if wanted.request_id is not None:
        contracts = [request.contract for request in await requests.named(db, wanted.request_id)]
        rows = [row for each in contracts for row in await db.read(_OF_REQUEST, (each, wanted.request_id) * 2)]
        found.append({str(row[0]) for row in rows})
    if wanted.transaction is not None:
        found.append({str(row[0]) for row in await db.read(_OF_TRANSACTION, (wanted.transaction,) * 2)})
    return set.intersection(*found)
