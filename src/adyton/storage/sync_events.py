"""What an explorer is still to be told. A row is written with the change of the run that it tells of, and goes when the
explorer has acknowledged it.

A row without a body tells of a change that was made where the run is not at hand (a reorganisation that moves it, for one); its
run is described when it is sent, and is not deleted before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from adyton.domain.chain import Address, Hash
from adyton.storage.database import Database, Statement

_INSERT = "INSERT INTO sync_events (run_id, created_at, body) VALUES (?, ?, ?)"
# Only what the write has changed has this time: a statement that found nothing to change tells nothing.
_OF_RUN = (
    "INSERT INTO sync_events (run_id, created_at, body) SELECT id, updated_at, '' FROM runs WHERE id = ? AND updated_at = ?"
)
_OF_REQUEST = """
    INSERT INTO sync_events (run_id, created_at, body) SELECT id, updated_at, '' FROM runs
    WHERE contract = ? AND request_id = ? AND superseded_by IS NULL AND updated_at = ?"""
_OLDEST = "SELECT id, run_id, body, refusals FROM sync_events WHERE parked_at IS NULL ORDER BY id LIMIT 1"
_COUNTS = """
    SELECT COUNT(*), COALESCE(CAST(SUM(CASE WHEN parked_at IS NULL THEN 0 ELSE 1 END) AS BIGINT), 0),
        MIN(CASE WHEN parked_at IS NULL THEN created_at END), MAX(CASE WHEN parked_at IS NOT NULL THEN error END)
    FROM sync_events"""


class SyncEvent(msgspec.Struct, frozen=True):
    """A message; ``refusals`` is how often the explorer has refused it."""

    id: int
    run_id: str
    body: str
    refusals: int


class Outstanding(msgspec.Struct, frozen=True):
    """How much waits to be sent, since when (microseconds), and how much was put aside, with the newest reason."""

    waiting: int
    parked: int
    since: int | None
    error: str | None


# --- with a run's change ---------------------------------------------------------------------------------------------


def insert(rows: Iterable[tuple[str, int, str]]) -> Statement:
    """Statement that notes messages: (run id, time in microseconds, body) of each."""
    return Statement(_INSERT, list(rows))


def of_runs(run_ids: Iterable[str], now: int) -> Statement:
    """Statement that notes that runs of these ids were changed at a time, behind the statements that may have changed them."""
    return Statement(_OF_RUN, [(run_id, now) for run_id in run_ids])


def of_requests(requests: Iterable[tuple[Address, Hash]], now: int) -> Statement:
    """The same for the runs of requests: (contract, request id) of each."""
    return Statement(_OF_REQUEST, [(contract, request_id, now) for contract, request_id in requests])


# --- sending ---------------------------------------------------------------------------------------------------------


async def oldest(db: Database) -> SyncEvent | None:
    """What is to be sent next."""
    rows: Any = await db.read(_OLDEST)
    return SyncEvent(*rows[0]) if rows else None


async def initiator_type(db: Database, initiator_id: int) -> str:
    """The type of an initiator, of whatever job."""
    rows = await db.read("SELECT type FROM initiators WHERE id = ?", (initiator_id,))
    return str(rows[0][0]) if rows else ""


def described(event: SyncEvent, body: str) -> Statement:
    """Statement that writes down what is sent."""
    return Statement("UPDATE sync_events SET body = ? WHERE id = ?", [(body, event.id)])


def told(event: SyncEvent) -> Statement:
    """Statement that says that the explorer has it."""
    return Statement("DELETE FROM sync_events WHERE id = ?", [(event.id,)])


def refused(event: SyncEvent, error: str) -> Statement:
    """Statement that notes a refusal."""
    return Statement("UPDATE sync_events SET refusals = refusals + 1, error = ? WHERE id = ?", [(error, event.id)])


def parked(event: SyncEvent, error: str, now: int) -> Statement:
    """Statement that puts a message aside, so that those behind it are sent."""
    sql = "UPDATE sync_events SET refusals = refusals + 1, error = ?, parked_at = ? WHERE id = ?"
    return Statement(sql, [(error, now, event.id)])


def taken_up() -> tuple[Statement, Statement]:
    """Statements that let what was put aside be sent again: as its run is by then, or an older state would take the place of a
    newer one that the explorer has. What is gone has nothing to tell."""
    gone = "DELETE FROM sync_events WHERE parked_at IS NOT NULL AND run_id NOT IN (SELECT id FROM runs)"
    again = "UPDATE sync_events SET parked_at = NULL, refusals = 0, body = '' WHERE parked_at IS NOT NULL"
    return Statement(gone, [()]), Statement(again, [()])


async def outstanding(db: Database) -> Outstanding:
    """How much the explorer has not been told."""
    rows: Any = await db.read(_COUNTS)
    count, aside, since, error = rows[0]
    return Outstanding(count - aside, aside, since, error)
