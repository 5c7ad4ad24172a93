"""What a node has done, counted as it happens and kept for good: one row for each hour, each day, and all time, of each job
and of all jobs together.

Runs are counted when they have ended, in the order of their changes (see ``changes``): a run that has ended and whose change
is not behind the place up to which is counted, is in the rows; no other is. The place moves in the write that counts. Whoever
changes a run that has ended takes it out of the rows first (``forgotten``): it is counted again behind its new change. So a
run is in the rows once, whatever crashes, and the engine writes nothing for it.

Runs from before there were changes are walked by their ids instead, as far as they go (``old_end``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from adyton.domain.errors import Conflict
from adyton.domain.statistics import BOUNDS, BUCKETS, SECOND, Step, Tally
from adyton.storage.database import Database, Row, Statement, Value

ALL_JOBS = ""
"""Stands for all jobs together."""
ALL_TIME = 0
"""Stands for a step that does not end."""
AT_ONCE = 1000
"""Runs that one write counts: a few milliseconds, in which others wait."""
_TRIES = 20

_ENDED = "status IN ('completed', 'errored', 'cancelled')"
_TOOK = [f"took_{index}" for index in range(BUCKETS)]
_COUNTED = ("runs", "completed", "errored", "cancelled", "duration", *_TOOK)
_DURATION = _COUNTED.index("duration")
COLUMNS = f"{', '.join(_COUNTED)}, last_at, link_earned, gas_spent"
"""What ``tally_of`` reads, in its order."""


def _within(index: int) -> str:
    """Whether a run was completed in as long as a bound says, as 1 or 0."""
    low = f" AND {_SPAN} > {BOUNDS[index - 1]}" if index else ""
    high = f" AND {_SPAN} <= {BOUNDS[index]}" if index < len(BOUNDS) else ""
    return f"CASE WHEN status = 'completed'{low}{high} THEN 1 ELSE 0 END"


_SPAN = "finished_at - created_at"
_HOUR = f"finished_at - finished_at % {Step.HOUR.micros}"
_BUCKET = (
    f"CASE {' '.join(f'WHEN {_SPAN} <= {bound} THEN {index}' for index, bound in enumerate(BOUNDS))} ELSE {len(BOUNDS)} END"
)
_ENDED_RUNS = f"""
    SELECT job_id, {_HOUR}, status, {_BUCKET}, COUNT(*), CAST(SUM({_SPAN}) AS BIGINT), MAX(created_at)
    FROM runs WHERE {{}} AND {_ENDED} GROUP BY 1, 2, 3, 4"""
_BEHIND = _ENDED_RUNS.format("change > ? AND change <= ?")
_BEHIND_OLD = _ENDED_RUNS.format("id > ? AND id <= ? AND change = 0")
_ADD = f"""
    INSERT INTO statistics (step, job_id, start, {", ".join(_COUNTED)}, last_at) VALUES ({", ".join("?" * (len(_COUNTED) + 4))})
    ON CONFLICT (step, job_id, start) DO UPDATE SET
        {", ".join(f"{name} = statistics.{name} + excluded.{name}" for name in _COUNTED)},
        last_at = CASE WHEN excluded.last_at > statistics.last_at THEN excluded.last_at ELSE statistics.last_at END"""
_ONES = (
    "1",
    *(f"CASE WHEN status = '{status}' THEN 1 ELSE 0 END" for status in ("completed", "errored", "cancelled")),
    f"CASE WHEN status = 'completed' THEN {_SPAN} ELSE 0 END",
    *map(_within, range(BUCKETS)),
)
_LEVELS = " UNION ALL ".join(
    f"SELECT {step} AS step, {step * SECOND or 1} AS micros, {1 if step else 0} AS dated, {every} AS every"
    for step in (ALL_TIME, *(each.value for each in Step))
    for every in (0, 1)
)
_IS_COUNTED = """EXISTS (
    SELECT 1 FROM statistics_place p WHERE p.one = 1
        AND ((runs.change > 0 AND runs.change <= p.change) OR (runs.change = 0 AND runs.id <= p.old_id)))"""
_FORGET = f"""
    INSERT INTO statistics (step, job_id, start, {", ".join(_COUNTED)}, last_at)
    SELECT l.step, CASE WHEN l.every = 1 THEN '{ALL_JOBS}' ELSE runs.job_id END,
        (finished_at - finished_at % l.micros) * l.dated, {", ".join(f"-{sql}" for sql in _ONES)}, 0
    FROM runs CROSS JOIN ({_LEVELS}) l WHERE {{}} AND {_ENDED} AND {_IS_COUNTED}
    ON CONFLICT (step, job_id, start) DO UPDATE SET
        {", ".join(f"{name} = statistics.{name} + excluded.{name}" for name in _COUNTED)}"""
_FORGET_RUN = _FORGET.format("id = ?")
_FORGET_RUN_OF = _FORGET.format("contract = ? AND request_id = ? AND request_id IS NOT NULL AND superseded_by IS NULL")
_FORGOT = "UPDATE statistics_place SET forgotten = forgotten + 1 WHERE one = ?"
_MOVE = """
    UPDATE statistics_place SET change = CASE WHEN change = ? AND forgotten = ? THEN CAST(? AS BIGINT) END WHERE one = 1"""
_MOVE_OLD = """
    UPDATE statistics_place SET old_id = CASE WHEN old_id = ? AND forgotten = ? THEN CAST(? AS TEXT) END WHERE one = 1"""
_AHEAD = "SELECT MAX(change), COUNT(*) FROM (SELECT change FROM runs WHERE change > ? ORDER BY change LIMIT ?) ahead"
_AHEAD_OLD = "SELECT MAX(id), COUNT(*) FROM (SELECT id FROM runs WHERE id > ? AND id <= ? ORDER BY id LIMIT ?) ahead"
_OLD_HOURS = """
    DELETE FROM statistics WHERE step = 3600 AND start < ? AND (job_id, start) IN (
        SELECT job_id, start FROM statistics WHERE step = 3600 AND start < ? ORDER BY start LIMIT ?)
    RETURNING start"""


class _Place(NamedTuple):
    change: int
    old_id: str
    old_end: str
    forgotten: int


# --- counting --------------------------------------------------------------------------------------------------------


async def count(db: Database, *, limit: int = AT_ONCE) -> bool:
    """Count so many runs at most; whether there is more to count. Raises Conflict when somebody else has counted meanwhile,
    or a run that had ended has changed, and StorageUnavailable; nothing is counted then."""
    rows: Any = await db.read("SELECT change, old_id, old_end, forgotten FROM statistics_place WHERE one = 1")
    place = _Place(*rows[0])
    if place.old_id < place.old_end:
        return await _count_old(db, place, limit)
    ((last, found),) = await _read(db, _AHEAD, place.change, limit)
    if last is None:
        return False
    # A run that ends between this and the write has a change behind the last one then, and is counted another time.
    ended = await _read(db, _BEHIND, place.change, last)
    await db.write(Statement(_MOVE, [(place.change, place.forgotten, last)]), *_added(ended))
    return bool(found == limit)


async def _count_old(db: Database, place: _Place, limit: int) -> bool:
    """Runs from before there were changes. There is always more: the others."""
    ((last, _),) = await _read(db, _AHEAD_OLD, place.old_id, place.old_end, limit)
    through = place.old_end if last is None else last  # what was left of them is gone
    ended = await _read(db, _BEHIND_OLD, place.old_id, through)
    await db.write(Statement(_MOVE_OLD, [(place.old_id, place.forgotten, through)]), *_added(ended))
    return True


async def _read(db: Database, sql: str, *params: Value) -> Any:
    return await db.read(sql, params)


def _added(ended: Any) -> list[Statement]:
    """The statement that adds runs to every row that they belong to; they come by job, hour, status and how long they took."""
    sums: dict[tuple[int, str, int], list[int]] = {}
    for job_id, hour, status, bucket, runs, span, last_at in ended:
        completed = status == "completed"
        for step, start in ((ALL_TIME, 0), *((step.value, step.floor(hour)) for step in Step)):
            for job in (job_id, ALL_JOBS):
                row = sums.setdefault((step, job, start), [0] * (len(_COUNTED) + 1))
                row[0] += runs
                row[_COUNTED.index(status)] += runs
                row[-1] = max(row[-1], last_at)
                if completed:
                    row[_DURATION] += span
                    row[_DURATION + 1 + bucket] += runs
    return [Statement(_ADD, [(*key, *row) for key, row in sums.items()])] if sums else []


async def count_everything(db: Database) -> None:
    """Count every run that has ended by now. Raises StorageUnavailable, and Conflict when others count all the time."""
    tries = 0
    while True:
        try:
            if not await count(db):
                return
        except Conflict:
            tries += 1
            if tries == _TRIES:
                raise
        else:
            tries = 0


def waits(run: str) -> str:
    """Condition that a run (the name of the table in the query) that has ended is still to be counted."""
    old = f"{run}.change = 0 AND {run}.id > p.old_id AND {run}.id <= p.old_end"
    return f"EXISTS (SELECT 1 FROM statistics_place p WHERE p.one = 1 AND ({run}.change > p.change OR ({old})))"


def forgotten(run_ids: Iterable[str]) -> tuple[Statement, ...]:
    """Statements that take those of the runs that have ended out of the rows, because they change once more and are counted
    again; they belong into the write that changes them, before that."""
    return Statement(_FORGOT, [(1,)]), Statement(_FORGET_RUN, [(run_id,) for run_id in run_ids])


def forgotten_of(requests: Iterable[tuple[str, str]]) -> tuple[Statement, ...]:
    """The same for the newest run of each (contract, request id)."""
    return Statement(_FORGOT, [(1,)]), Statement(_FORGET_RUN_OF, list(requests))


async def delete_hours(db: Database, before: int, *, limit: int = AT_ONCE) -> bool:
    """Delete so many rows at most of hours that began before a time (microseconds); whether there may be more. The days stay.
    Raises StorageUnavailable."""
    (rows,) = await db.write(Statement(_OLD_HOURS, [(before, before, limit)], returning=True))
    return len(rows) == limit


# --- reading ---------------------------------------------------------------------------------------------------------


async def series(db: Database, step: Step, since: int, until: int, *, job_id: str = ALL_JOBS) -> dict[int, Tally]:
    """What was counted in each stretch that began in a span of time (microseconds), by its beginning; empty ones are left
    out."""
    rows = await db.read(
        f"SELECT start, {COLUMNS} FROM statistics WHERE step = ? AND job_id = ? AND start >= ? AND start < ? ORDER BY start",
        (step.value, job_id, since, until),
    )
    return {int(str(row[0])): tally_of(row[1:]) for row in rows}


async def of_jobs(db: Database, job_ids: Sequence[str]) -> dict[str, Tally]:
    """What was ever counted of these jobs; those of which nothing was are left out."""
    found: dict[str, Tally] = {}
    for start in range(0, len(job_ids), 400):
        part = tuple(job_ids[start : start + 400])
        rows = await db.read(
            f"SELECT job_id, {COLUMNS} FROM statistics WHERE step = 0 AND job_id IN ({', '.join('?' * len(part))})", part
        )
        found |= {str(row[0]): tally_of(row[1:]) for row in rows}
    return found


async def in_progress(db: Database, job_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """How many runs of each of these jobs have not ended, and when the newest of them began (microseconds). Reads the index of
    those that have not ended, and no other: that is why the job is hidden from the planner."""
    found: dict[str, tuple[int, int]] = {}
    for start in range(0, len(job_ids), 400):
        part = tuple(job_ids[start : start + 400])
        rows: Any = await db.read(
            "SELECT job_id || '', COUNT(*), MAX(created_at) FROM runs "
            "WHERE status NOT IN ('errored', 'completed', 'cancelled') "
            f"AND job_id || '' IN ({', '.join('?' * len(part))}) GROUP BY job_id || ''",
            part,
        )
        found |= {job_id: (number, newest) for job_id, number, newest in rows}
    return found


def tally_of(row: Row) -> Tally:
    """The value of a row of ``COLUMNS``."""
    values: Any = row  # a row's columns are what the schema says
    last_at, earned, spent = values[-3:]
    return Tally(
        runs=values[0],
        completed=values[1],
        errored=values[2],
        cancelled=values[3],
        duration=values[4],
        took=tuple(values[5 : 5 + BUCKETS]),
        last_at=last_at,
        link_earned=int(earned),
        gas_spent=int(spent),
    )
