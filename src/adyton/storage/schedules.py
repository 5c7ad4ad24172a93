"""How far the schedules of initiators have been decided about.

Both statements here are fenced, and written with the runs that they are the cause of: a time that has been decided about, and
a one-time run that has been started, stay so, whatever crashes or is tried again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from adyton.storage.database import Database, Statement

# ``ran`` is NOT NULL, which fired_at is not: NULL in it is the conflict. That the time is newer would not be enough: it must be
# newer than the one that the decision began from, or times that were decided about in between would be decided about again.
_FIRED = """
    UPDATE initiators SET fired_at = ?,
        ran = CASE WHEN fired_at IS NOT DISTINCT FROM CAST(? AS BIGINT) AND (fired_at IS NULL OR fired_at < ?) THEN ran END
    WHERE id = ?"""
_RAN = "UPDATE initiators SET ran = CASE WHEN ran = 0 THEN 1 END, fired_at = ? WHERE id = ?"
_AT_ONCE = 500
"""Parameters of one query; every database takes that many."""


class Position(NamedTuple):
    """``fired_at`` is the newest time of the schedule that has been decided about (microseconds since the epoch; None: none
    yet), ``ran`` whether a one-time run has been started."""

    fired_at: int | None
    ran: bool


class Decided(NamedTuple):
    """An initiator, by number, the newest time now decided about, and the one before it (None: none yet)."""

    number: int
    time: int
    before: int | None


def fired(decided: Iterable[Decided]) -> Statement:
    """Statement that moves initiators to the newest time decided about. If the stored one is not that from which the decision
    began, the fence is violated: ``Conflict``. Times only grow."""
    return Statement(_FIRED, [(each.time, each.before, each.time, each.number) for each in decided])


def ran(started: Iterable[tuple[int, int]]) -> Statement:
    """Statement that says of one-time initiators, by number, that they have been started at a time. One that has been started
    before violates the fence: ``Conflict``."""
    return Statement(_RAN, [(time, number) for number, time in started])


async def positions(db: Database, initiators: Sequence[int]) -> dict[int, Position]:
    """How far the initiators of these numbers are."""
    found: dict[int, Position] = {}
    for start in range(0, len(initiators), _AT_ONCE):
        part = tuple(initiators[start : start + _AT_ONCE])
        rows = await db.read(f"SELECT id, fired_at, ran FROM initiators WHERE id IN ({_marks(part)})", part)
        found |= {int(row[0] or 0): Position(None if row[1] is None else int(row[1]), bool(row[2])) for row in rows}
    return found


async def busy(db: Database, initiators: Sequence[int]) -> set[int]:
    """Those of the initiators that have started a run which is not finished."""
    found: set[int] = set()
    for start in range(0, len(initiators), _AT_ONCE):
        part = tuple(initiators[start : start + _AT_ONCE])
        rows = await db.read(
            "SELECT DISTINCT initiator_id FROM runs WHERE creation_height IS NULL "
            f"AND status NOT IN ('errored', 'completed', 'cancelled') AND initiator_id IN ({_marks(part)})",
            part,
        )
        found.update(int(row[0] or 0) for row in rows)
    return found


async def in_progress(db: Database, initiators: Sequence[int]) -> list[str]:
    """Ids of the runs in progress that these initiators have started."""
    found: list[str] = []
    for start in range(0, len(initiators), _AT_ONCE):
        part = tuple(initiators[start : start + _AT_ONCE])
        rows = await db.read(
            "SELECT id FROM runs WHERE creation_height IS NULL AND status NOT IN ('errored', 'completed', 'cancelled') "
            f"AND status = 'in_progress' AND initiator_id IN ({_marks(part)}) ORDER BY id",
            part,
        )
        found += [str(row[0]) for row in rows]
    return found


def _marks(part: Sequence[int]) -> str:
    return ", ".join("?" * len(part))
