"""Alarms: what an operator must know and act on. An alarm stays, over restarts, until its cure has been applied.

The detail column begins with the block from which the cure must read again, in twenty digits, so that the database itself
keeps the lowest when an alarm is raised a second time.
"""

from __future__ import annotations

import msgspec

from adyton.storage.database import Database, Row, Statement

FINALITY_VIOLATED = "finality violated"
"""A reorganisation took away blocks that were final."""
CHAIN_REPLACED = "chain replaced"
"""Nothing that was kept of the chain is on it any more: it was restarted, or the endpoint shows another one."""

_CODES = {FINALITY_VIOLATED: "ADY-0634", CHAIN_REPLACED: "ADY-0635"}
_OTHER = "ADY-0637"
_DIGITS = 20
# The first ``since`` stays; of two, the one that must be read again from further back tells what happened.
_RAISE = f"""
INSERT INTO alarms (name, since, detail) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET detail = CASE
    WHEN SUBSTR(excluded.detail, 1, {_DIGITS}) < SUBSTR(alarms.detail, 1, {_DIGITS}) THEN excluded.detail
    ELSE alarms.detail END"""


class Alarm(msgspec.Struct, frozen=True):
    """``since`` is in microseconds since the epoch; ``block`` is the height from which blocks must be read again."""

    name: str
    since: int
    detail: str
    block: int

    @property
    def code(self) -> str:
        """The page about it."""
        return _CODES.get(self.name, _OTHER)

    @property
    def cure(self) -> str:
        """The command that cures it and, with that, clears it."""
        return f"adyton blocks replay --from {self.block}"


def raised(alarm: Alarm) -> Statement:
    """Statement that raises an alarm; it belongs into the write of the fact that it is about.

    An alarm that is raised already keeps its ``since``, and its text unless ``block`` is lower now. May be run twice.
    """
    return Statement(_RAISE, [(alarm.name, alarm.since, f"{max(alarm.block, 0):0{_DIGITS}d} {alarm.detail}")])


def clear(name: str) -> Statement:
    """Statement that takes an alarm back, raised or not."""
    return Statement("DELETE FROM alarms WHERE name = ?", [(name,)])


def cured_by_reading_from(block: int) -> Statement:
    """Statement that takes back every alarm whose cure is to read again from ``block`` or a later one."""
    return Statement(f"DELETE FROM alarms WHERE SUBSTR(detail, 1, {_DIGITS}) >= ?", [(f"{max(block, 0):0{_DIGITS}d}",)])


async def load(db: Database) -> list[Alarm]:
    """The alarms that are raised, the oldest first. Raises StorageUnavailable."""
    return [_alarm(row) for row in await db.read("SELECT name, since, detail FROM alarms ORDER BY since, name")]


def _alarm(row: Row) -> Alarm:
    name, since, detail = row
    return Alarm(str(name), int(since or 0), str(detail)[_DIGITS + 1 :], int(str(detail)[:_DIGITS]))
