"""Alerts and what operators changed of their rules. Each step of an alert is written with what is to be told of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from adyton.domain.alert_rules import Severity
from adyton.domain.alerts import Alert, AlertStatus, Change, Changed, Step
from adyton.storage import alert_deliveries as deliveries
from adyton.storage.database import Database, Row, Statement, Value

_COLUMNS = "id, rule, subject, severity, detail, code, since, raised_at, well_since, cleared_at, cleared_because"
_INSERT = f"INSERT INTO alerts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_RAISE = "UPDATE alerts SET raised_at = ?, well_since = NULL WHERE id = ? AND raised_at IS NULL"
_MOVE = "UPDATE alerts SET well_since = ? WHERE id = ? AND cleared_at IS NULL"
_CLEAR = "UPDATE alerts SET cleared_at = ?, cleared_because = ? WHERE id = ? AND cleared_at IS NULL"
_FORGET = "DELETE FROM alerts WHERE id = ? AND raised_at IS NULL"
_WHICH = {
    None: "raised_at IS NOT NULL",
    AlertStatus.PENDING: "raised_at IS NULL",
    AlertStatus.RAISED: "raised_at IS NOT NULL AND cleared_at IS NULL",
    AlertStatus.CLEARED: "raised_at IS NOT NULL AND cleared_at IS NOT NULL",
}
# Those that deliveries still wait for stay.
_OLD = """
    DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE cleared_at < ? ORDER BY cleared_at LIMIT ?)
        AND NOT EXISTS (SELECT 1 FROM alert_deliveries d WHERE d.alert_id = alerts.id AND d.state = 'waiting')
    RETURNING id"""
_PUT_RULE = """
    INSERT INTO alert_rules (name, enabled, threshold, hold, clear_hold) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET enabled = excluded.enabled, threshold = excluded.threshold, hold = excluded.hold,
        clear_hold = excluded.clear_hold"""
_FINISHED = """
    SELECT status, COUNT(*) FROM (
        SELECT status FROM runs WHERE status IN ('errored', 'completed', 'cancelled') AND updated_at > ?
        ORDER BY updated_at DESC, id DESC LIMIT ?) newest
    GROUP BY status"""


# --- alerts ----------------------------------------------------------------------------------------------------------


def applied(changes: Sequence[Change], *, now: int) -> list[Statement]:
    """Statements that make the changes, and note what is to be told of them. They may be run twice."""
    found: list[Statement] = []
    for change in changes:
        alert = change.alert
        match change.step:
            case Step.BEGAN:
                found.append(Statement(_INSERT, [_row(alert)]))
            case Step.RAISED:
                found += [Statement(_RAISE, [(alert.raised_at, alert.id)]), deliveries.of_raised(alert.id, now=now)]
            case Step.MOVED:
                found.append(Statement(_MOVE, [(alert.well_since, alert.id)]))
            case Step.FORGOTTEN:
                found.append(Statement(_FORGET, [(alert.id,)]))
            case Step.CLEARED:
                cleared = Statement(_CLEAR, [(alert.cleared_at, alert.cleared_because, alert.id)])
                found += [cleared, deliveries.of_cleared(alert.id, now=now)]
    return found


async def standing(db: Database) -> list[Alert]:
    """Those that are pending or raised, the oldest first. Raises StorageUnavailable."""
    rows = await db.read(f"SELECT {_COLUMNS} FROM alerts WHERE cleared_at IS NULL ORDER BY since, id")
    return [alert_of(row) for row in rows]


async def get(db: Database, name: str) -> Alert | None:
    """The one with that id."""
    rows = await db.read(f"SELECT {_COLUMNS} FROM alerts WHERE id = ?", (name,))
    return alert_of(rows[0]) if rows else None


async def page(db: Database, status: AlertStatus | None, *, offset: int, limit: int) -> tuple[list[Alert], int]:
    """A page of those with that status (None: raised ones and cleared ones), the newest first; and how many there are in all.
    Old ones are deleted, so their number is bounded."""
    which = _WHICH[status]
    ((count,),) = await db.read(f"SELECT COUNT(*) FROM alerts WHERE {which}")
    order = "since DESC, id DESC" if status is AlertStatus.PENDING else "raised_at DESC, id DESC"
    rows = await db.read(f"SELECT {_COLUMNS} FROM alerts WHERE {which} ORDER BY {order} LIMIT ? OFFSET ?", (limit, offset))
    return [alert_of(row) for row in rows], int(count or 0)


async def forget(db: Database, *, before: int, limit: int) -> int:
    """Delete alerts that were cleared before a time; returns how many went."""
    (rows,) = await db.write(Statement(_OLD, [(before, limit)], returning=True))
    return len(rows)


def _row(alert: Alert) -> Row:
    return (
        alert.id,
        alert.rule,
        alert.subject,
        alert.severity,
        alert.detail,
        alert.code,
        alert.since,
        alert.raised_at,
        alert.well_since,
        alert.cleared_at,
        alert.cleared_because,
    )


def alert_of(row: Row) -> Alert:
    """The alert of a row."""
    name, rule, subject, severity, detail, code, since, raised_at, well_since, cleared_at, because = row
    return Alert(
        id=str(name),
        rule=str(rule),
        subject=str(subject),
        severity=Severity(str(severity)),
        detail=str(detail),
        code=str(code),
        since=int(since or 0),
        raised_at=_number(raised_at),
        well_since=_number(well_since),
        cleared_at=_number(cleared_at),
        cleared_because=str(because),
    )


# --- rules -----------------------------------------------------------------------------------------------------------


async def changed_rules(db: Database) -> dict[str, Changed]:
    """What was changed, by the rule's name."""
    rows = await db.read("SELECT name, enabled, threshold, hold, clear_hold FROM alert_rules")
    return {
        str(name): Changed(
            enabled=None if enabled is None else bool(enabled),
            threshold=None if threshold is None else Decimal(str(threshold)),
            hold=_number(hold),
            clear=_number(clear),
        )
        for name, enabled, threshold, hold, clear in rows
    }


async def change_rule(db: Database, name: str, changed: Changed) -> None:
    """Keep what was changed of a rule."""
    enabled = None if changed.enabled is None else int(changed.enabled)
    threshold = None if changed.threshold is None else f"{changed.threshold:f}"
    await db.write(Statement(_PUT_RULE, [(name, enabled, threshold, changed.hold, changed.clear)]))


async def finished_runs(db: Database, *, since: int, most: int) -> dict[str, int]:
    """How the runs ended that last changed after a time, by status: of more than ``most`` the newest."""
    return {str(status): int(count or 0) for status, count in await db.read(_FINISHED, (since, most))}


def _number(value: Value) -> int | None:
    return value if isinstance(value, int) else None
