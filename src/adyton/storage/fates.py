"""Requests by what became of them: the questions of the list, of the metric and of the reconciler.

The conditions say in SQL what ``domain.fates`` says of values; a test compares them. Open requests are found by
``requests_open``, so what they cost does not grow with the answered ones. How many there are of each fate is kept (``lists``):
whatever decides about one is a change of its runs or of their transactions, or leaves a note.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from adyton.domain.chain import Address
from adyton.domain.fates import SENDING, Kind
from adyton.domain.requests import Request
from adyton.storage.database import Database, Row, Value
from adyton.storage.lists import EVERYTHING, Condition, Found, Lists, Span
from adyton.storage.paged import Paged, smaller
from adyton.storage.requests import COLUMNS, from_row

_COLUMNS = ", ".join(f"q.{name}" for name in COLUMNS.split(", "))
_ORDER = "q.block_number, q.log_index, q.contract, q.request_id"
_FROM_BOTH = "FROM requests q LEFT JOIN runs r ON r.id = q.run_id"
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

# --- the fates as SQL: of a row of requests ----------------------------------------------------------------------------

_SENT = "SELECT 1 FROM transactions t WHERE t.run_id = requests.run_id AND"
# A no-op that was mined is in the receipt.
_NOOP_MINED = """
    EXISTS (SELECT 1 FROM tx_attempts a WHERE a.transaction_id = t.id AND a.noop = 1 AND t.receipt LIKE '%' || a.hash || '%')"""
# An answer of ours that is in a block: it is noted with the request only when it is safe.
_ANSWER = f"EXISTS ({_SENT} t.receipt_status = 1 AND t.to_address = requests.contract AND NOT {_NOOP_MINED})"
_MOVING = f"EXISTS ({_SENT} t.state NOT IN ('safe', 'fatal_error'))"
# What is mined and is no answer was sent to another contract, or is an operator's no-op: either is a reason.
_DONE_ELSEWHERE = f"EXISTS ({_SENT} t.receipt_status = 1)"
_RUNS = "EXISTS (SELECT 1 FROM runs r WHERE r.id = requests.run_id AND r.status NOT IN ('errored', 'completed', 'cancelled'))"
_SENDS = f"""
    EXISTS (SELECT 1 FROM task_specs s WHERE s.job_id = r.job_id AND s.version = r.job_version
        AND s.type IN ({", ".join(f"'{kind}'" for kind in sorted(SENDING))}))"""
_RUN_SAYS_WHY = f"""
    EXISTS (SELECT 1 FROM runs r WHERE r.id = requests.run_id AND (
        (COALESCE(r.error, '') <> '' AND NOT (r.status = 'errored' AND COALESCE(r.request_block <> requests.block_hash, FALSE)))
        OR (r.status = 'completed' AND NOT {_SENDS})
        OR {_DONE_ELSEWHERE}))"""
_KIND = f"""
    CASE WHEN closed_as = 'answered' OR {_ANSWER} THEN 'answered'
        WHEN closed_as = 'cancelled' THEN 'cancelled'
        WHEN {_RUNS} OR {_MOVING} THEN 'in progress'
        WHEN decision = 'refused' THEN CASE WHEN COALESCE(reason, '') <> '' THEN 'reason' ELSE 'unaccounted' END
        WHEN {_RUN_SAYS_WHY} THEN 'reason' ELSE 'unaccounted' END"""
_CASE_OPEN = f"closed_as IS NULL AND {_KIND}"
_EXPIRES = f"COALESCE(expiration, {2**62})"
_EVER = 2**63 - 1


class Chosen(StrEnum):
    """Which requests are asked for: those of a fate, or of several."""

    ALL = "all"
    UNANSWERED = "unanswered"
    """Neither answered nor cancelled, whatever the reason."""
    UNACCOUNTED = "unaccounted"
    """Neither answered nor cancelled nor in progress, and no reason why."""
    IN_PROGRESS = "in_progress"
    REFUSED = "refused"
    EXPIRED = "expired"
    ANSWERED = "answered"
    CANCELLED = "cancelled"


_CONDITIONS = {
    Chosen.ALL: "",
    Chosen.UNANSWERED: f"{_CASE_OPEN} <> 'answered'",
    Chosen.UNACCOUNTED: f"{_CASE_OPEN} = 'unaccounted'",
    Chosen.IN_PROGRESS: f"{_CASE_OPEN} = 'in progress'",
    Chosen.REFUSED: f"{_CASE_OPEN} = 'reason'",
    Chosen.EXPIRED: f"{_CASE_OPEN} = 'reason'",
    Chosen.ANSWERED: f"{_KIND} = 'answered'",
    Chosen.CANCELLED: f"closed_as = 'cancelled' AND {_KIND} = 'cancelled'",
}


async def page(
    lists: Lists,
    chosen: Chosen = Chosen.ALL,
    *,
    job_id: str | None = None,
    contract: Address | None = None,
    offset: int,
    limit: int,
    descending: bool = True,
    now: int = 0,
) -> Paged[Request]:
    """A page of requests in the chain's order, the newest first unless told otherwise. ``now`` is the chain's time in seconds,
    by which refused ones are told from expired ones."""
    found = await _find(lists, chosen, _asked(job_id, contract), offset=offset, limit=limit, descending=descending, now=now)
    return Paged(found.count, smaller(lists.requests.rows(f"SELECT {COLUMNS} FROM requests", found))).of(_read)


async def counts(lists: Lists, now: int, *, job_id: str | None = None, contract: Address | None = None) -> dict[Kind, int]:
    """How many requests have each fate at a time of the chain, in seconds."""
    asked = _asked(job_id, contract)

    async def count(chosen: Chosen) -> int:
        return (await _find(lists, chosen, asked, offset=0, limit=0, descending=True, now=now)).count

    found: dict[Kind, int] = {kind: await count(chosen) for kind, chosen in _KINDS.items()}
    # Most are answered, and need not be looked at for this.
    return found | {Kind.ANSWERED: max(0, await count(Chosen.ALL) - sum(found.values()))}


_KINDS = {
    Kind.CANCELLED: Chosen.CANCELLED,
    Kind.IN_PROGRESS: Chosen.IN_PROGRESS,
    Kind.EXPIRED: Chosen.EXPIRED,
    Kind.REFUSED: Chosen.REFUSED,
    Kind.UNACCOUNTED: Chosen.UNACCOUNTED,
}


def _asked(job_id: str | None, contract: Address | None) -> list[tuple[str, str]]:
    return [(column, value) for column, value in (("job_id", job_id), ("contract", contract)) if value is not None]


async def _find(
    lists: Lists, chosen: Chosen, asked: Sequence[tuple[str, str]], *, offset: int, limit: int, descending: bool, now: int
) -> Found:
    words = [f"{column} = ?" for column, _ in asked] + [words for words in (_CONDITIONS[chosen],) if words]
    condition = Condition(" AND ".join(words), tuple(value for _, value in asked)) if words else EVERYTHING
    # Expirations follow the blocks, so that time is looked at only where it divides them.
    times = {Chosen.EXPIRED: Span(_EXPIRES, -_EVER, now), Chosen.REFUSED: Span(_EXPIRES, now, _EVER)}
    return await lists.requests.find(condition, offset=offset, limit=limit, descending=descending, span=times.get(chosen))


# What is answered is most, and needs no look at anything else: an index has it.
_SEEN = f"""
    SELECT kind, COUNT(*) FROM (
        SELECT 'answered' AS kind FROM requests WHERE seen_at >= ? AND closed_as = 'answered'
        UNION ALL SELECT {_KIND} FROM requests WHERE seen_at >= ? AND closed_as = 'cancelled'
        UNION ALL
        SELECT CASE WHEN kind <> 'reason' THEN kind WHEN expires < ? THEN 'expired' ELSE 'refused' END FROM (
            SELECT {_KIND} AS kind, {_EXPIRES} AS expires FROM requests WHERE seen_at >= ? AND closed_as IS NULL) waiting
    ) seen GROUP BY kind"""


async def seen_since(db: Database, time: int, *, now: int) -> dict[Kind, int]:
    """What became of the requests that were seen at a time (microseconds) or later; ``now`` is as in ``counts``. Reads those
    and no others."""
    rows: Any = await db.read(_SEEN, (time, time, now, time))
    return dict.fromkeys(Kind, 0) | {Kind(kind): count for kind, count in rows}


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
