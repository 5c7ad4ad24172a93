"""Blocks that log intake reads once more: an operator asked for it, or a job begins in the past."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from adyton.storage.database import Database, Row, Statement
from adyton.storage.lists import EVERYTHING, Lists
from adyton.storage.paged import Paged, smaller

_INSERT = """
    INSERT INTO rereads (reason, from_block, next_block, through_block, every_job, asked_at, finished_at)
    VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id"""
_PROGRESS = "UPDATE rereads SET next_block = ?, finished_at = ? WHERE id = ?"
_COLUMNS = "id, reason, from_block, next_block, through_block, every_job, asked_at, finished_at"


class Reread(msgspec.Struct, frozen=True, kw_only=True):
    """Blocks ``from_block`` to ``through_block``, read up to before ``next_block``. ``every_job``: for jobs that begin later
    too, and once more for requests that nothing came of. Times are in microseconds."""

    id: int = 0
    reason: str
    from_block: int
    next_block: int
    through_block: int
    every_job: bool
    asked_at: int
    finished_at: int | None = None

    def numbered(self, row: Row) -> Reread:
        """With the id that came back when it was stored."""
        return msgspec.structs.replace(self, id=cast("int", row[0]))


def asked(reason: str, first: int, last: int, *, every_job: bool, now: int) -> Reread:
    """A wish to read the blocks from ``first`` to ``last``, not stored yet; finished from the start if there are none."""
    return Reread(
        reason=reason,
        from_block=first,
        next_block=first,
        through_block=last,
        every_job=every_job,
        asked_at=now,
        finished_at=now if last < first else None,
    )


def insert(reread: Reread) -> Statement:
    """Statement that stores it; its id comes back."""
    row = (
        reread.reason,
        reread.from_block,
        reread.next_block,
        reread.through_block,
        int(reread.every_job),
        reread.asked_at,
        reread.finished_at,
    )
    return Statement(_INSERT, [row], returning=True)


def progress(reread: Reread, next_block: int, now: int) -> Statement:
    """Statement that says how far it has been read; it belongs into the write of what was found up to there."""
    return Statement(_PROGRESS, [(next_block, now if next_block > reread.through_block else None, reread.id)])


async def open_ones(db: Database, *, limit: int = 100) -> list[Reread]:
    """Those that are not finished, the one asked for first in front."""
    return _rereads(await db.read(f"SELECT {_COLUMNS} FROM rereads WHERE finished_at IS NULL ORDER BY id LIMIT ?", (limit,)))


async def newest(db: Database, *, limit: int) -> list[Reread]:
    """The newest of all, finished or not."""
    return _rereads(await db.read(f"SELECT {_COLUMNS} FROM rereads ORDER BY id DESC LIMIT ?", (limit,)))


async def page(lists: Lists, *, offset: int, limit: int) -> Paged[Reread]:
    """A page of all, finished or not, the newest first."""
    found = await lists.rereads.find(EVERYTHING, offset=offset, limit=limit, descending=True)
    return Paged(found.count, smaller(lists.rereads.rows(f"SELECT {_COLUMNS} FROM rereads", found))).of(_read)


async def _read(rows: Sequence[Row]) -> list[Reread]:
    return _rereads(rows)


def _rereads(rows: Sequence[Any]) -> list[Reread]:
    return [
        Reread(
            id=number,
            reason=reason,
            from_block=first,
            next_block=following,
            through_block=last,
            every_job=bool(every_job),
            asked_at=asked_at,
            finished_at=finished_at,
        )
        for number, reason, first, following, last, every_job, asked_at, finished_at in rows
    ]
