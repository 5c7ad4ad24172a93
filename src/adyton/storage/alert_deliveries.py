"""What is to be told of alerts, and was: a row for each message to each destination, in the order in which they are sent."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from adyton.domain.alert_messages import AlertEvent
from adyton.storage.database import Database, Row, Statement, Value

_INSERT = "INSERT INTO alert_deliveries (destination_id, alert_id, event, message, created_at, next_at)"
# Only who is to hear of it, once. Somebody who was told that it began is told that it is over.
_FITS = "t.enabled = 1 AND (t.severity = 'warning' OR a.severity = 'critical')"
_NOT_YET = """NOT EXISTS (
        SELECT 1 FROM alert_deliveries o WHERE o.destination_id = t.id AND o.message = a.id || '-{event}')"""
_RAISED = f"""
    {_INSERT} SELECT t.id, a.id, 'raised', a.id || '-raised', CAST(? AS BIGINT), CAST(? AS BIGINT)
    FROM alerts a JOIN alert_destinations t ON {_FITS}
    WHERE {{which}} AND a.raised_at IS NOT NULL AND a.cleared_at IS NULL AND {_NOT_YET.format(event="raised")}
    ORDER BY a.raised_at, a.id, t.created_at"""
_CLEARED = f"""
    {_INSERT} SELECT t.id, a.id, 'cleared', a.id || '-cleared', CAST(? AS BIGINT), CAST(? AS BIGINT)
    FROM alerts a JOIN alert_destinations t ON t.enabled = 1
    WHERE a.id = ? AND a.cleared_at IS NOT NULL AND {_NOT_YET.format(event="cleared")}
        AND EXISTS (
            SELECT 1 FROM alert_deliveries r
            WHERE r.destination_id = t.id AND r.message = a.id || '-raised' AND r.state <> 'failed')
    ORDER BY t.created_at"""
_TESTED = """
    INSERT INTO alert_deliveries (destination_id, event, message, state, attempts, created_at, next_at, finished_at, error)
    SELECT id, 'test', ?, ?, 1, CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT), ? FROM alert_destinations WHERE id = ?
    RETURNING id"""
# The oldest of each destination, and only if it is due: nothing overtakes it.
_DUE = """
    SELECT d.id, d.destination_id, d.alert_id, d.event, d.message, d.attempts, d.created_at FROM alert_deliveries d
    WHERE d.id IN (SELECT MIN(id) FROM alert_deliveries WHERE state = 'waiting' GROUP BY destination_id) AND d.next_at <= ?
    ORDER BY d.id"""
_NEXT = """
    SELECT MIN(next_at) FROM alert_deliveries
    WHERE id IN (SELECT MIN(id) FROM alert_deliveries WHERE state = 'waiting' GROUP BY destination_id)"""
_POSTPONE = """
    UPDATE alert_deliveries SET attempts = attempts + 1, next_at = ?, error = ? WHERE id = ? AND state = 'waiting'"""
_END = """
    UPDATE alert_deliveries SET attempts = attempts + 1, state = ?, finished_at = ?, error = ?
    WHERE id = ? AND state = 'waiting'"""
_DROP = """
    UPDATE alert_deliveries SET state = 'failed', finished_at = ?, error = ? WHERE destination_id = ? AND state = 'waiting'"""
_AGAIN = f"""
    UPDATE alert_deliveries SET state = 'waiting', attempts = 0, created_at = ?, next_at = ?, finished_at = NULL, error = NULL
    WHERE destination_id = ? AND state = 'failed' AND event = 'raised' AND alert_id IN (
        SELECT a.id FROM alerts a JOIN alert_destinations t ON {_FITS}
        WHERE t.id = ? AND a.raised_at IS NOT NULL AND a.cleared_at IS NULL)"""
_AT_ONCE = "UPDATE alert_deliveries SET next_at = ? WHERE destination_id = ? AND state = 'waiting'"
_ALREADY = """
    UPDATE alert_deliveries SET state = 'sent', attempts = attempts + 1, finished_at = ?
    WHERE destination_id = ? AND message = ? AND state = 'waiting'"""
_SHOWN = """
    SELECT d.id, d.destination_id, t.name, d.alert_id, a.rule, a.subject, d.event, d.message, d.state, d.attempts, d.created_at,
        d.next_at, d.finished_at, d.error
    FROM alert_deliveries d JOIN alert_destinations t ON t.id = d.destination_id LEFT JOIN alerts a ON a.id = d.alert_id"""
_HOW = """
    SELECT t.id,
        (SELECT COUNT(*) FROM alert_deliveries w WHERE w.destination_id = t.id AND w.state = 'waiting'),
        (SELECT MIN(w.created_at) FROM alert_deliveries w WHERE w.destination_id = t.id AND w.state = 'waiting'),
        h.next_at, h.error,
        (SELECT MAX(s.finished_at) FROM alert_deliveries s WHERE s.destination_id = t.id AND s.state = 'sent'),
        (SELECT MAX(f.finished_at) FROM alert_deliveries f WHERE f.destination_id = t.id AND f.state = 'failed')
    FROM alert_destinations t LEFT JOIN alert_deliveries h
        ON h.id = (SELECT MIN(m.id) FROM alert_deliveries m WHERE m.destination_id = t.id AND m.state = 'waiting')"""
_FORGET = """
    DELETE FROM alert_deliveries WHERE id IN (
        SELECT id FROM alert_deliveries WHERE finished_at < ? ORDER BY finished_at LIMIT ?) RETURNING id"""
WAITING, SENT, FAILED = "waiting", "sent", "failed"
STATES = (WAITING, SENT, FAILED)


class Delivery(NamedTuple):
    """A message that waits. ``created_at`` is in microseconds; ``message`` is by what its receiver knows it."""

    id: int
    destination: str
    alert: str | None
    event: AlertEvent
    message: str
    attempts: int
    created_at: int


class Shown(msgspec.Struct, frozen=True, array_like=True):
    """A message and how far it is, for people. Times are in microseconds."""

    id: int
    destination: str
    destination_name: str
    alert: str | None
    rule: str | None
    subject: str | None
    event: str
    message: str
    state: str
    attempts: int
    created_at: int
    next_at: int
    finished_at: int | None
    error: str | None


class How(msgspec.Struct, frozen=True):
    """How telling a destination goes: messages that wait, since when, when the next attempt is and what the last one met."""

    waiting: int = 0
    since: int | None = None
    next_at: int | None = None
    error: str | None = None
    last_sent: int | None = None
    last_failed: int | None = None


# --- what is to be told ----------------------------------------------------------------------------------------------


def of_raised(alert: str, *, now: int) -> Statement:
    """Statement that notes for each destination that an alert was raised; it belongs behind the one that raises it. May be run
    twice."""
    return Statement(_RAISED.format(which="a.id = ?"), [(now, now, alert)])


def of_standing(destination: str, *, now: int) -> Statement:
    """The same for one destination of every alert that is raised: for one that is new, or switched on."""
    return Statement(_RAISED.format(which="t.id = ?"), [(now, now, destination)])


def of_cleared(alert: str, *, now: int) -> Statement:
    """Statement that notes that an alert is over, for whom it was told that it began; behind the one that clears it."""
    return Statement(_CLEARED, [(now, now, alert)])


def tested(destination: str, message: str, error: str | None, *, begun: int, now: int) -> Statement:
    """Statement that notes a test that was sent, or failed. Its id comes back; none when the destination is gone."""
    state = SENT if error is None else FAILED
    return Statement(_TESTED, [(message, state, begun, begun, now, error, destination)], returning=True)


# --- what becomes of it ----------------------------------------------------------------------------------------------


def postponed(one: Delivery, *, until: int, error: str) -> Statement:
    """Statement that puts a message off after an attempt that failed."""
    return Statement(_POSTPONE, [(until, error, one.id)])


def ended(one: Delivery, *, sent: bool, now: int, error: str | None) -> Statement:
    """Statement that says that a message was sent, or is given up. ``error`` of one that was sent is a remark."""
    return Statement(_END, [(SENT if sent else FAILED, now, error, one.id)])


def dropped(destination: str, because: str, *, now: int) -> Statement:
    """Statement that gives up everything that waits for a destination."""
    return Statement(_DROP, [(now, because, destination)])


def at_once(destination: str, *, now: int) -> Statement:
    """Statement that has what waits for a destination tried now: it was changed."""
    return Statement(_AT_ONCE, [(now, destination)])


def again(destination: str, *, now: int) -> Statement:
    """Statement that has those that were given up tried once more, of alerts that are raised still: for one that was changed,
    or switched on."""
    return Statement(_AGAIN, [(now, now, destination, destination)])


def already(destination: str, message: str, *, now: int) -> Statement:
    """Statement that says that a message was sent before its row could be written."""
    return Statement(_ALREADY, [(now, destination, message)])


# --- reading ---------------------------------------------------------------------------------------------------------


async def due(db: Database, now: int) -> list[Delivery]:
    """Of each destination the oldest message, if it is due. Raises StorageUnavailable."""
    return [_delivery(row) for row in await db.read(_DUE, (now,))]


async def next_at(db: Database) -> int | None:
    """When the next one is due; None when none waits."""
    ((earliest,),) = await db.read(_NEXT)
    return _number(earliest)


async def how(db: Database) -> dict[str, How]:
    """How it goes, by destination."""
    return {
        str(name): How(
            int(waiting or 0),
            _number(since),
            _number(at),
            None if error is None else str(error),
            _number(sent),
            _number(failed),
        )
        for name, waiting, since, at, error, sent, failed in await db.read(_HOW)
    }


async def page(
    db: Database, *, destination: str = "", alert: str = "", state: str = "", offset: int, limit: int
) -> tuple[list[Shown], int]:
    """A page of messages, the newest first, and how many there are in all; old ones are deleted."""
    given = [("d.destination_id", destination), ("d.alert_id", alert), ("d.state", state)]
    conditions = [(f"{column} = ?", value) for column, value in given if value]
    where = f" WHERE {' AND '.join(sql for sql, _ in conditions)}" if conditions else ""
    values = tuple(value for _, value in conditions)
    ((count,),) = await db.read(f"SELECT COUNT(*) FROM alert_deliveries d{where}", values)
    rows = await db.read(f"{_SHOWN}{where} ORDER BY d.id DESC LIMIT ? OFFSET ?", (*values, limit, offset))
    return [shown_of(row) for row in rows], int(count or 0)


async def get(db: Database, number: int) -> Shown | None:
    """The one of that number."""
    rows = await db.read(f"{_SHOWN} WHERE d.id = ?", (number,))
    return shown_of(rows[0]) if rows else None


async def forget(db: Database, *, before: int, limit: int) -> int:
    """Delete messages that were done with before a time; returns how many went."""
    (rows,) = await db.write(Statement(_FORGET, [(before, limit)], returning=True))
    return len(rows)


def shown_of(row: Row) -> Shown:
    """The message of a row."""
    return msgspec.convert(row, Shown)


def _delivery(row: Row) -> Delivery:
    number, destination, alert, event, message, attempts, created_at = row
    return Delivery(
        int(number or 0),
        str(destination),
        None if alert is None else str(alert),
        AlertEvent(str(event)),
        str(message),
        int(attempts or 0),
        int(created_at or 0),
    )


def _number(value: Value) -> int | None:
    return value if isinstance(value, int) else None
