"""What external initiators are still to be told of jobs.

A row is written with the fact that it tells of, and goes when the initiator was told. One without a URL is told nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from adyton.storage.database import Database, Row, Statement

CREATED, DELETED = "created", "deleted"

_INSERT = """
    INSERT INTO notifications (initiator, job_id, event, body, created_at, next_at)
    SELECT name, ?, ?, ?, ?, ? FROM external_initiators WHERE name = ? AND url IS NOT NULL RETURNING id"""
# Only with the write that archives the job: of two at the same time, one.
_INSERT_DELETED = """
    INSERT INTO notifications (initiator, job_id, event, body, created_at, next_at)
    SELECT DISTINCT e.name, j.id, ?, '', CAST(? AS BIGINT),
        COALESCE((SELECT MAX(c.next_at) FROM notifications c WHERE c.job_id = j.id AND c.event = ?), CAST(? AS BIGINT))
    FROM initiators i JOIN jobs j ON j.id = i.job_id JOIN external_initiators e ON e.name = i.name
    WHERE j.id = ? AND j.archived_at = ? AND i.type = 'external' AND e.url IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM notifications n WHERE n.job_id = j.id AND n.event = ?)"""
_DROP_CREATED = "DELETE FROM notifications WHERE job_id = ? AND event = ?"
# The oldest of each initiator that is due, so that one which does not answer keeps none of the others waiting.
_DUE = """
    SELECT id, initiator, job_id, event, body, attempts FROM notifications
    WHERE id IN (SELECT MIN(id) FROM notifications WHERE next_at <= ? GROUP BY initiator) ORDER BY id LIMIT ?"""
_POSTPONE = "UPDATE notifications SET attempts = attempts + 1, next_at = ?, error = ? WHERE id = ?"


class Notification(NamedTuple):
    """Something that an initiator is to be told: that a job is there (with the ``body`` for it), or gone."""

    id: int
    initiator: str
    job_id: str
    event: str
    body: str
    attempts: int


class Undelivered(NamedTuple):
    """How much an initiator has not been told, and why not, as far as that is known."""

    news: int
    error: str | None


def created(job_id: str, initiator: str, body: str, *, now: int, next_at: int) -> Statement:
    """Statement that notes the news of a new job; it belongs into the write of the job. Its id comes back, or nothing when the
    initiator has no URL. ``next_at``: when somebody else is to deliver it, should the creator not have."""
    return Statement(_INSERT, [(job_id, CREATED, body, now, next_at, initiator)], returning=True)


def deleted(job_id: str, *, now: int) -> list[Statement]:
    """Statements that note, instead of any news of it, that a job is gone; they belong behind the one that archives it at
    ``now``, into its write. While somebody may be telling of the new job, that it is gone waits: an initiator that heard the
    end first would keep the job for ever."""
    return [
        Statement(_INSERT_DELETED, [(DELETED, now, CREATED, now, job_id, now, DELETED)]),
        told_of_creation(job_id),
    ]


def not_taken(job_id: str, *, now: int) -> list[Statement]:
    """The same for a job whose initiator did not take it, by who told it."""
    return [told_of_creation(job_id), *deleted(job_id, now=now)]


def told_of_creation(job_id: str) -> Statement:
    """Statement that says that the news of a new job has been told, or is none any more."""
    return Statement(_DROP_CREATED, [(job_id, CREATED)])


def told(notification: Notification) -> Statement:
    """Statement that says that it has been told."""
    return Statement("DELETE FROM notifications WHERE id = ?", [(notification.id,)])


def postponed(notification: Notification, *, until: int, error: str) -> Statement:
    """Statement that puts it off after an attempt that failed."""
    return Statement(_POSTPONE, [(until, error, notification.id)])


async def due(db: Database, now: int, *, limit: int) -> list[Notification]:
    """Of each initiator the oldest that is due."""
    return [_notification(row) for row in await db.read(_DUE, (now, limit))]


async def next_at(db: Database) -> int | None:
    """When the next one is due; None when there is none."""
    [(earliest,)] = await db.read("SELECT MIN(next_at) FROM notifications")
    return earliest if isinstance(earliest, int) else None


async def undelivered(db: Database, initiators: Sequence[str]) -> dict[str, Undelivered]:
    """What initiators with these names have not been told."""
    if not initiators:
        return {}
    marks = ", ".join("?" * len(initiators))
    rows = await db.read(
        f"SELECT initiator, COUNT(*), MAX(error) FROM notifications WHERE initiator IN ({marks}) GROUP BY initiator",
        tuple(initiators),
    )
    return {str(name): Undelivered(int(count or 0), None if error is None else str(error)) for name, count, error in rows}


def _notification(row: Row) -> Notification:
    number, initiator, job_id, event, body, attempts = row
    return Notification(int(number or 0), str(initiator), str(job_id), str(event), str(body), int(attempts or 0))
