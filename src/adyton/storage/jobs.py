"""Jobs, their initiators and task specs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from adyton.domain import data
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.storage.database import Database, Row, Statement

_INSERT_JOB = "INSERT INTO jobs (id, created_at, start_at, end_at, min_payment) VALUES (?, ?, ?, ?, ?)"
_INSERT_INITIATOR = """
    INSERT INTO initiators (job_id, position, type, address, requesters, from_block, created_at, topics, agreement, schedule,
        missed, overlap, run_at, ran, name, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"""
_INITIATOR_COLUMNS = (
    "job_id, id, type, address, requesters, from_block, created_at, topics, agreement, schedule, missed, overlap, run_at, ran, "
    "name, body"
)
_INSERT_TASK = """
    INSERT INTO task_specs (job_id, position, type, confirmations, params, created_at, updated_at)
    VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id"""
_JOB_COLUMNS = "id, created_at, start_at, end_at, archived_at, min_payment"
_ONE_JOB = f"SELECT {_JOB_COLUMNS} FROM jobs WHERE id = ?"
_PAGE_UP = f"SELECT {_JOB_COLUMNS} FROM jobs WHERE archived_at IS NULL ORDER BY created_at, id LIMIT ? OFFSET ?"
_PAGE_DOWN = f"SELECT {_JOB_COLUMNS} FROM jobs WHERE archived_at IS NULL ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?"
_ALL_LIVE = f"SELECT {_JOB_COLUMNS} FROM jobs WHERE archived_at IS NULL AND id > ? ORDER BY id LIMIT ?"
_COUNT = "SELECT COUNT(*) FROM jobs WHERE archived_at IS NULL"
_ARCHIVE = "UPDATE jobs SET archived_at = ? WHERE id = ? AND archived_at IS NULL RETURNING id"

_AT_ONCE = 500
"""Parameters of one query; every database takes that many."""


class JobLookup(Protocol):
    """Where runs find their job: archived jobs are found too, because their runs go on."""

    async def job(self, job_id: str) -> Job | None:
        """The job of that id, archived or not."""
        ...


async def create(db: Database, job: Job, *also: Statement) -> Job:
    """Store a new job, and what belongs into the same write; returns it with the numbers that the database gave its initiators
    and tasks. Raises Conflict when there is, or was, a job of that id."""
    initiators = [_initiator_row(job, position, item) for position, item in enumerate(job.initiators)]
    tasks = [
        (job.id, position, task.type, task.confirmations, data.encode(task.params), job.created_at, job.created_at)
        for position, task in enumerate(job.tasks)
    ]
    initiator_ids, task_ids, *_ = await db.write(
        Statement(_INSERT_JOB, [(job.id, job.created_at, job.start_at, job.end_at, _digits(job.min_payment))]),
        Statement(_INSERT_INITIATOR, initiators, returning=True),
        Statement(_INSERT_TASK, tasks, returning=True),
        *also,
    )
    return await _numbered(job, initiator_ids, task_ids)


async def _numbered(job: Job, initiator_ids: Sequence[Row], task_ids: Sequence[Row]) -> Job:
    return Job(
        id=job.id,
        created_at=job.created_at,
        start_at=job.start_at,
        end_at=job.end_at,
        min_payment=job.min_payment,
        initiators=tuple(
            msgspec.structs.replace(i, id=_int(row), created_at=job.created_at)
            for i, row in zip(job.initiators, initiator_ids, strict=True)
        ),
        tasks=tuple(
            TaskSpec(
                type=task.type,
                id=_int(row),
                confirmations=task.confirmations,
                params=task.params,
                created_at=job.created_at,
                updated_at=job.created_at,
            )
            for task, row in zip(job.tasks, task_ids, strict=True)
        ),
    )


async def get(db: Database, job_id: str, *, archived: bool = False) -> Job | None:
    """The job of that id; archived ones only when asked for."""
    rows = await db.read(_ONE_JOB, (job_id,))
    jobs = await _complete(db, rows)
    return jobs[0] if jobs and (archived or jobs[0].archived_at is None) else None


async def page(db: Database, *, offset: int, limit: int, descending: bool = False) -> tuple[list[Job], int]:
    """A page of jobs that are not archived, by age, and how many there are in all."""
    total = _int((await db.read(_COUNT))[0])
    rows = await db.read(_PAGE_DOWN if descending else _PAGE_UP, (limit, offset))
    return await _complete(db, rows), total


async def live(db: Database, *, chunk: int = 1000) -> list[Job]:
    """Every job that is not archived. Read by key, so that none is skipped or read twice."""
    jobs: list[Job] = []
    last = ""
    while rows := await db.read(_ALL_LIVE, (last, chunk)):
        jobs += await _complete(db, rows)
        last = str(rows[-1][0])
    return jobs


async def live_ids(db: Database) -> list[str]:
    """The ids of the jobs that are not archived."""
    return [str(row[0]) for row in await db.read("SELECT id FROM jobs WHERE archived_at IS NULL")]


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
    tasks = _by_job(await _children(db, "task_specs", "job_id, id, type, confirmations, params, created_at, updated_at", ids))
    return [
        Job(
            id=job_id,
            created_at=_int(row[1:]),
            start_at=_optional(row[2]),
            end_at=_optional(row[3]),
            archived_at=_optional(row[4]),
            min_payment=None if row[5] is None else int(row[5]),
            initiators=tuple(_initiator(child) for child in initiators.get(job_id, ())),
            tasks=tuple(_task(child) for child in tasks.get(job_id, ())),
        )
        for job_id, row in zip(ids, rows, strict=True)
    ]


async def _children(db: Database, table: str, columns: str, ids: Sequence[str]) -> list[Row]:
    found: list[Row] = []
    for start in range(0, len(ids), _AT_ONCE):
        part = tuple(ids[start : start + _AT_ONCE])
        marks = ", ".join("?" * len(part))
        found += await db.read(f"SELECT {columns} FROM {table} WHERE job_id IN ({marks}) ORDER BY job_id, position", part)
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
