"""The audit log: what operators did. Entries are written once, ended once, and deleted when they are old."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec

from adyton.domain.audit import Entry, Outcome
from adyton.storage import list_tables
from adyton.storage.database import Database, Row, Statement
from adyton.storage.list_tables import AUDIT
from adyton.storage.lists import EVERYTHING, Condition, Listing, Span
from adyton.storage.paged import Paged, smaller

_COLUMNS = "at, caller_kind, caller, address, action, subject, outcome, detail"
_CHOSEN = ("caller", "action", "subject", "outcome")
_ALWAYS = 2**62
_INSERT = f"INSERT INTO audit_log ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_BEGIN = f"{_INSERT} RETURNING id"
_END = "UPDATE audit_log SET outcome = ?, subject = ?, detail = ? WHERE id = ?"
_OLD = "SELECT id FROM audit_log WHERE at < ? ORDER BY at, id LIMIT ?"
_FORGET = f"DELETE FROM audit_log WHERE id IN ({_OLD}) RETURNING id"


class Wanted(msgspec.Struct, frozen=True):
    """Which entries a reader wants; "" and None are any. Times are microseconds: ``after`` is that time or later."""

    caller: str = ""
    action: str = ""
    subject: str = ""
    outcome: str = ""
    after: int | None = None
    before: int | None = None


class Ended(msgspec.Struct, frozen=True):
    """How an entry ends."""

    id: int
    outcome: Outcome
    subject: str
    detail: str


def entry(written: Entry) -> Statement:
    """The statement that writes a whole entry, for the write of what it tells of."""
    return Statement(_INSERT, [_row(written)])


async def begin(db: Database, begun: Entry) -> int:
    """Write an entry; returns its id."""
    (rows,) = await db.write(Statement(_BEGIN, [_row(begun)], returning=True))
    return cast("int", rows[0][0])


async def end(db: Database, ended: Sequence[Ended]) -> None:
    """Say how entries ended, all in one write."""
    note = list_tables.touched(AUDIT, [each.id for each in ended])
    await db.write(note, Statement(_END, [(each.outcome, each.subject, each.detail, each.id) for each in ended]))


async def page(entries: Listing, wanted: Wanted, *, offset: int, limit: int) -> Paged[Entry]:
    """A page of entries, the newest first."""
    found = await entries.find(_condition(wanted), offset=offset, limit=limit, descending=True, span=_span(wanted))
    return Paged(found.count, smaller(entries.rows(f"SELECT id, {_COLUMNS} FROM audit_log", found))).of(_entries)


async def forget(db: Database, *, before: int, limit: int) -> int:
    """Delete the oldest entries of before a time, as many as ``limit``; returns how many went."""
    which: Row = (before, limit)
    note = list_tables.gone(AUDIT, f"id IN ({_OLD})", [which])
    (rows,) = await db.write(note, list_tables.forgotten(), Statement(_FORGET, [which], returning=True))
    return len(rows)


def _condition(wanted: Wanted) -> Condition:
    given = [(name, value) for name in _CHOSEN if (value := getattr(wanted, name))]
    return (
        Condition(" AND ".join(f"{name} = ?" for name, _ in given), tuple(value for _, value in given)) if given else EVERYTHING
    )


def _span(wanted: Wanted) -> Span | None:
    """Entries are numbered as they are written, so times nearly follow the numbers."""
    low, high = wanted.after, wanted.before
    if low is None and high is None:
        return None
    return Span("at", -_ALWAYS if low is None else low, _ALWAYS if high is None else high)


async def _entries(rows: Sequence[Row]) -> list[Entry]:
    return [_entry(row) for row in rows]


def _row(written: Entry) -> Row:
    return (
        written.at,
        written.caller_kind,
        written.caller,
        written.address,
        written.action,
        written.subject,
        written.outcome,
        written.detail,
    )


def _entry(row: Row) -> Entry:
    at, caller_kind, caller, address, action, subject, outcome, detail = row[1:]
    return Entry(
        id=cast("int", row[0]),
        at=cast("int", at),
        caller_kind=cast("str", caller_kind),
        caller=cast("str", caller),
        address=cast("str", address),
        action=cast("str", action),
        subject=cast("str", subject),
        outcome=Outcome(cast("str", outcome)),
        detail=cast("str", detail),
    )
