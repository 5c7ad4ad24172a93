"""Jobs, their initiators and task specs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import msgspec

from adyton.domain import data
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.storage.database import Database, Row, Statement

_INSERT_JOB = """
    INSERT INTO jobs (id, created_at, start_at, end_at, min_payment, name, applied_as, spec) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""
_INSERT_INITIATOR = """
    INSERT INTO initiators (job_id, position, type, address, requesters, from_block, created_at, topics, agreement, schedule,
        missed, overlap, run_at, ran, name, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"""
_INITIATOR_COLUMNS = (
    "job_id, id, type, address, requesters, from_block, created_at, topics, agreement, schedule, missed, overlap, run_at, ran, "
    "name, body"
)
_INSERT_TASK = """
    INSERT INTO task_specs (job_id, position, type, confirmations, params, created_at, updated_at, version)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"""
_TASK_COLUMNS = "job_id, id, type, confirmations, params, created_at, updated_at"
_JOB_COLUMNS = "id, created_at, start_at, end_at, archived_at, min_payment, name, applied_as, version"
_ONE_JOB = f"SELECT {_JOB_COLUMNS} FROM jobs WHERE id = ?"
_ALL_LIVE = f"SELECT {_JOB_COLUMNS} FROM jobs WHERE archived_at IS NULL AND id > ? ORDER BY id LIMIT ?"
_APPLIED = f"SELECT {_JOB_COLUMNS}, spec FROM jobs WHERE applied_as IS NOT NULL AND archived_at IS NULL ORDER BY applied_as"
# Fences: a job that was changed or archived since it was read puts NULL where none may be.
_IS_STILL = "version = CASE WHEN version = ? AND archived_at IS NULL THEN"
_CHANGE = f"""
    UPDATE jobs SET {_IS_STILL} version + 1 END, start_at = ?, end_at = ?, min_payment = ?, name = ?, applied_as = ?, spec = ?
    WHERE id = ?"""
_END = f"UPDATE jobs SET {_IS_STILL} version END, archived_at = ? WHERE id = ?"
_HOLD = f"UPDATE jobs SET {_IS_STILL} version END WHERE id = ?"
_ARCHIVE = "UPDATE jobs SET archived_at = ? WHERE id = ? AND archived_at IS NULL RETURNING id"

_VERSION = _JOB_COLUMNS.split(", ").index("version")
_AT_ONCE = 500
"""Parameters of one query; every database takes that many."""


class JobLookup(Protocol):
    """Where runs find their job: archived jobs are found too, because their runs go on."""

    async def job(self, job_id: str, version: int | None = None) -> Job | None:
        """The job of that id, archived or not, with the tasks that it had in a version (None: that it has)."""
        ...


class Applied(NamedTuple):
    """A live job that is kept in a file, and the request as it was accepted; None when that is not known."""

    job: Job
    spec: str | None


async def create(db: Database, job: Job, *also: Statement, spec: str | None = None) -> Job:
    """Store a new job, and what belongs into the same write; returns it with the numbers that the database gave its initiators
    and tasks. ``spec`` is the request as it was accepted. Raises Conflict when there is, or was, a job of that id."""
    initiator_ids, task_ids, *_ = await db.write(*insertion(job, spec), *also)
    return numbered(job, initiator_ids, task_ids)


def insertion(job: Job, spec: str | None = None) -> tuple[Statement, ...]:
    """Statements that store a new job. The numbers of its initiators, then those of its tasks come back: see ``numbered``."""
    about = (job.id, job.created_at, job.start_at, job.end_at, _digits(job.min_payment), job.name, job.applied_as, spec)
    initiators = [_initiator_row(job, position, item) for position, item in enumerate(job.initiators)]
    return (
        Statement(_INSERT_JOB, [about]),
        Statement(_INSERT_INITIATOR, initiators, returning=True),
        _tasks_of(job, job.created_at),
    )


def numbered(job: Job, initiator_ids: Sequence[Row], task_ids: Sequence[Row]) -> Job:
    """A new job with the numbers that the database gave."""
    initiators = (
        msgspec.structs.replace(i, id=_int(row), created_at=job.created_at)
        for i, row in zip(job.initiators, initiator_ids, strict=True)
    )
    return msgspec.structs.replace(job, initiators=tuple(initiators), tasks=numbered_tasks(job, task_ids, job.created_at))


def change(job: Job, spec: str | None, now: int) -> tuple[Statement, ...]:
    """Statements that change a live job in place, to what ``job`` says beside its initiators; its version is that before the
    change. The numbers of its new tasks come back. ``Conflict`` when it is not as it was read any more."""
    about = (job.version, job.start_at, job.end_at, _digits(job.min_payment), job.name, job.applied_as, spec, job.id)
    return Statement(_CHANGE, [about]), _tasks_of(msgspec.structs.replace(job, version=job.version + 1), now)


def numbered_tasks(job: Job, task_ids: Sequence[Row], now: int) -> tuple[TaskSpec, ...]:
    """The tasks of a job that were stored at ``now``, with the numbers that the database gave."""
    return tuple(
        msgspec.structs.replace(task, id=_int(row), created_at=now, updated_at=now)
        for task, row in zip(job.tasks, task_ids, strict=True)
    )


def ending(job: Job, now: int) -> Statement:
    """Statement that archives a job. ``Conflict`` when it is not as it was read any more."""
    return Statement(_END, [(job.version, now, job.id)])


def holding(jobs: Iterable[Job]) -> Statement:
    """Statement that changes nothing. ``Conflict`` when one of the jobs is not as it was read any more."""
    return Statement(_HOLD, [(job.version, job.id) for job in jobs])


def _tasks_of(job: Job, now: int) -> Statement:
    rows: list[Row] = [
        (job.id, position, task.type, task.confirmations, data.encode(task.params), now, now, job.version)
        for position, task in enumerate(job.tasks)
    ]
    return Statement(_INSERT_TASK, rows, returning=True)


async def get(db: Database, job_id: str, *, archived: bool = False, version: int | None = None) -> Job | None:
    """The job of that id; archived ones only when asked for. With a ``version`` it has the tasks, and nothing else, of then."""
    rows = await db.read(_ONE_JOB, (job_id,))
    if version is not None:
        rows = [(*row[:_VERSION], version, *row[_VERSION + 1 :]) for row in rows]
    jobs = await _complete(db, rows)
    return jobs[0] if jobs and (archived or jobs[0].archived_at is None) else None


async def named(db: Database, job_ids: Sequence[str]) -> list[Job]:
    """Those of the jobs that there are, archived or not, in no order."""
    rows: list[Row] = []
    for start in range(0, len(job_ids), _AT_ONCE):
        part = tuple(job_ids[start : start + _AT_ONCE])
        rows += await db.read(f"SELECT {_JOB_COLUMNS} FROM jobs WHERE id IN ({', '.join('?' * len(part))})", part)
    return await _complete(db, rows)


async def applied(db: Database) -> list[Applied]:
    """Every live job that is kept in a file, by its key there."""
    rows = await db.read(_APPLIED)
    return [Applied(job, _text(row[-1])) for job, row in zip(await _complete(db, rows), rows, strict=True)]


async def spec(db: Database, job_id: str) -> str | None:
    """The request of a job as it was accepted; None when it is not known."""
    rows = await db.read("SELECT spec FROM jobs WHERE id = ?", (job_id,))
    return _text(rows[0][0]) if rows else None


async def live(db: Database, *, chunk: int = 1000) -> list[Job]:
    """Every job that is not archived. Read by key, so that none is skipped or read twice."""
    jobs: list[Job] = []
    last = ""
    while rows := await db.read(_ALL_LIVE, (last, chunk)):
        jobs += await _complete(db, rows)
        last = str(rows[-1][0])
    return jobs


async def live_versions(db: Database) -> dict[str, int]:
    """The version of each job that is not archived."""
    rows = await db.read("SELECT id, version FROM jobs WHERE archived_at IS NULL")
    return {str(job_id): int(version or 0) for job_id, version in rows}


async def archive(db: Database, job_id: str, now: int, *also: Statement) -> bool:
    """Archive a job, and what belongs behind it into the same write; False when there is none that could be."""
    return bool((await db.write(Statement(_ARCHIVE, [(now, job_id)], returning=True), *also))[0])


async def archived(db: Database, job_ids: Sequence[str]) -> set[str]:
    """Those of the ids that are of archived jobs."""
    found: set[str] = set()
    for start in range(0, len(job_ids), _AT_ONCE):
        part = tuple(job_ids[start : start + _AT_ONCE])
        marks = ", ".join("?" * len(part))
        rows = await db.read(f"SELECT id FROM jobs WHERE archived_at IS NOT NULL AND id IN ({marks})", part)
        found.update(str(row[0]) for row in rows)
    return found


async def _complete(db: Database, rows: Sequence[Row]) -> list[Job]:
    ids = [str(row[0]) for row in rows]
    initiators = _by_job(await _children(db, "initiators", _INITIATOR_COLUMNS, ids))
    tasks = _by_job(await _tasks(db, [(str(row[0]), int(row[_VERSION] or 0)) for row in rows]))
    return [
        Job(
            id=job_id,
            created_at=_int(row[1:]),
            start_at=_optional(row[2]),
            end_at=_optional(row[3]),
            archived_at=_optional(row[4]),
            min_payment=None if row[5] is None else int(row[5]),
            name=_text(row[6]),
            applied_as=_text(row[7]),
            version=int(row[_VERSION] or 0),
            initiators=tuple(_initiator(child) for child in initiators.get(job_id, ())),
            tasks=tuple(_task(child) for child in tasks.get(job_id, ())),
        )
        for job_id, row in zip(ids, rows, strict=True)
    ]


async def _children(db: Database, table: str, columns: str, ids: Sequence[str], condition: str = "", *params: int) -> list[Row]:
    found: list[Row] = []
    for start in range(0, len(ids), _AT_ONCE):
        part = tuple(ids[start : start + _AT_ONCE])
        marks = ", ".join("?" * len(part))
        order = "ORDER BY job_id, position"
        found += await db.read(f"SELECT {columns} FROM {table} WHERE job_id IN ({marks}) {condition} {order}", (*part, *params))
    return found


async def _tasks(db: Database, versions: Sequence[tuple[str, int]]) -> list[Row]:
    """The tasks of jobs, each as of a version: few jobs are ever changed in place, so the versions are few."""
    by_version: dict[int, list[str]] = {}
    for job_id, version in versions:
        by_version.setdefault(version, []).append(job_id)
    found: list[Row] = []
    for version, ids in by_version.items():
        found += await _children(db, "task_specs", _TASK_COLUMNS, ids, "AND version = ?", version)
    return found


def _by_job(rows: Iterable[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(str(row[0]), []).append(row)
    return grouped


def _initiator_row(job: Job, position: int, item: Initiator) -> Row:
    return (
        job.id,
        position,
        item.type,
        item.address,
        data.encode(list(item.requesters)),
        item.from_block,
        job.created_at,
        data.encode([list(place) for place in item.topics]) if item.topics else None,
        item.agreement,
        item.schedule,
        item.missed,
        item.overlap,
        item.run_at,
        int(item.ran),
        item.name,
        None if item.body is None else data.encode(item.body),
    )


def _initiator(row: Row) -> Initiator:
    (
        _, number, kind, address, requesters, from_block, created_at, topics, agreement, schedule, missed, overlap, run_at, ran,
        name, body,
    ) = row  # fmt: skip
    listed = data.parse(str(requesters))
    wanted = [] if topics is None else data.parse(str(topics))
    told = None if body is None else data.parse(str(body))
    return Initiator(
        type=str(kind),
        id=int(number or 0),
        address=str(address),
        requesters=tuple(str(item) for item in listed) if isinstance(listed, list) else (),
        from_block=_optional(from_block),
        topics=tuple(tuple(str(item) for item in place) for place in wanted) if isinstance(wanted, list) else (),
        agreement=_text(agreement),
        schedule=_text(schedule),
        missed=_text(missed),
        overlap=_text(overlap),
        run_at=_optional(run_at),
        ran=bool(ran),
        name=_text(name),
        body=told if isinstance(told, dict) else None,
        created_at=int(created_at or 0),
    )


def _task(row: Row) -> TaskSpec:
    _, number, kind, confirmations, params, created_at, updated_at = row
    parsed = data.parse(str(params))
    return TaskSpec(
        type=str(kind),
        id=int(number or 0),
        confirmations=_optional(confirmations),
        params=parsed if isinstance(parsed, dict) else {},
        created_at=int(created_at or 0),
        updated_at=int(updated_at or 0),
    )


def _int(row: Row) -> int:
    return int(row[0] or 0)


def _optional(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _digits(value: int | None) -> str | None:
    return None if value is None else str(value)
