"""HTTP exchanges of runs' tasks. They are written with what their task left, and go with their run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from adyton.domain.exchanges import Exchange, Failure
from adyton.storage.database import Database, Statement
from adyton.storage.texts import storable

_COLUMNS = "position, method, url, started_at, duration, status, size, media_type, body, failure, error"
_INSERT = f"INSERT INTO exchanges (run_id, {_COLUMNS}) VALUES ({', '.join('?' * 12)})"


def insert(run_id: str, made: Iterable[tuple[int, Exchange]]) -> Statement:
    """Statement that keeps exchanges of a run's tasks, each with its task's position; part of the write that says what came of
    them."""
    return Statement(
        _INSERT,
        [
            (
                run_id,
                position,
                each.method,
                storable(each.url) or "",
                each.started_at,
                each.duration,
                each.status,
                each.size,
                storable(each.media_type),
                storable(each.body),
                each.failure,
                storable(each.error),
            )
            for position, each in made
        ],
    )


async def of_run(db: Database, run_id: str) -> dict[int, list[Exchange]]:
    """Those of a run by the position of their task, in the order in which they were made."""
    found: dict[int, list[Exchange]] = {}
    rows: Any = await db.read(f"SELECT {_COLUMNS} FROM exchanges WHERE run_id = ? ORDER BY id", (run_id,))
    for position, method, url, started_at, duration, status, size, media_type, body, failure, error in rows:
        exchange = Exchange(
            method=method,
            url=url,
            started_at=started_at,
            duration=duration,
            status=status,
            size=size,
            media_type=media_type,
            body=body,
            failure=None if failure is None else Failure(failure),  # no page: a kind of failure, and no error of ours
            error=error,
        )
        found.setdefault(position, []).append(exchange)
    return found
