"""Runs and their task runs.

A run's row is fenced by ``version``: every save names the version it started from, and a save that lost a race fails whole
(see ``database``). A task run has a row once it has an outcome; before that it is only its place in the job's list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from adyton.domain import data
from adyton.domain.jobs import Job, TaskSpec
from adyton.domain.runs import Data, Run, RunRequest, RunStatus, TaskRun
from adyton.storage.changes import RUN_CHANGE
from adyton.storage.database import Database, Row, Statement, Value
from adyton.storage.jobs import JobLookup
from adyton.storage.packing import pack, unpack
from adyton.storage.texts import storable

COLUMNS = (
    "id, job_id, initiator_id, status, version, created_at, updated_at, finished_at, input, input_error, payment, error, "
    "minimum_confirmations, creation_height, observed_height, wake_height, "
    "contract, request_id, request_tx, request_block, request_log, requester, left_chain, superseded_by, due_at, job_version"
)
_INSERT = f"INSERT INTO runs ({COLUMNS}, change) VALUES ({', '.join('?' * 26)}, {RUN_CHANGE})"
_UPDATE = f"""
    UPDATE runs SET status = ?, version = CASE WHEN version = ? THEN version + 1 END, updated_at = ?, finished_at = ?,
        error = ?, observed_height = ?, wake_height = ?, left_chain = ?, due_at = ?, change = {RUN_CHANGE}
    WHERE id = ?"""
_SAVE_INPUT = "UPDATE runs SET input = ? WHERE id = ?"
_SAVE_TASK = """
    INSERT INTO task_runs (run_id, position, status, data, error, confirmations, wake_at, updated_at, started_at, finished_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (run_id, position) DO UPDATE SET status = excluded.status, data = excluded.data, error = excluded.error,
        confirmations = excluded.confirmations, wake_at = excluded.wake_at, updated_at = excluded.updated_at,
        started_at = excluded.started_at, finished_at = excluded.finished_at"""
_TASK_COLUMNS = "run_id, position, status, data, error, confirmations, wake_at, started_at, finished_at"
_NAMES = COLUMNS.split(", ")
_VERSION = _NAMES.index("job_version")
# Runs and their task runs as they are at one moment.
_WHOLE = f"""
    SELECT {", ".join(f"r.{name}" for name in _NAMES)}, {", ".join(f"t.{name}" for name in _TASK_COLUMNS.split(", "))}
    FROM runs r LEFT JOIN task_runs t ON t.run_id = r.id"""
_AT_ONCE = 500
"""Parameters of one query; every database takes that many."""

Columns = tuple[Value, ...]


def insert(runs: Iterable[Run]) -> Statement:
    """Statement that stores new runs. A run of a request that already has one violates a unique key: ``Conflict``."""
    return Statement(_INSERT, [_row(run) for run in runs])


def save(run: Run, tasks: Iterable[TaskRun], *, with_input: bool = False) -> tuple[Statement, ...]:
    """Statements that store a run's new state, and the task runs that changed; ``with_input`` the run's input too.
    ``run.version`` is the version it was read with; the stored row then has the next one."""
    now = run.updated_at
    rows = [
        (
            run.id,
            task.position,
            task.status,
            _packed(task),
            storable(task.error),
            task.confirmations,
            task.wake_at,
            now,
            task.started_at,
            task.finished_at,
        )
        for task in tasks
    ]
    update = Statement(
        _UPDATE,
        [
            (
                run.status,
                run.version,
                run.updated_at,
                run.finished_at,
                storable(run.error),
                run.observed_height,
                run.wake_height,
                run.left_chain,
                run.due_at,
                run.id,
            )
        ],
    )
    given = (Statement(_SAVE_INPUT, [(_input(run), run.id)]),) if with_input else ()
    return (update, *given, Statement(_SAVE_TASK, rows)) if rows else (update, *given)


async def get(db: Database, run_id: str, jobs: JobLookup) -> Run | None:
    """The run of that id, of an archived job too."""
    found = await many(db, [run_id], jobs)
    return found[0] if found else None


async def many(db: Database, run_ids: Sequence[str], jobs: JobLookup) -> list[Run]:
    """The runs of these ids, each as it is at one moment, oldest first; unknown ids are left out."""
    if not run_ids:
        return []
    marks = ", ".join("?" * len(run_ids))
    rows = await db.read(f"{_WHOLE} WHERE r.id IN ({marks}) ORDER BY r.id, t.position", tuple(run_ids))
    width = len(_NAMES)
    children: dict[str, dict[int, Row]] = {}
    for row in rows:
        of_run = children.setdefault(str(row[0]), {})
        if row[width] is not None:
            of_run[cast("int", row[width + 1])] = row[width:]
    runs = {str(row[0]): row[:width] for row in rows}
    return [_run(row, children[run_id], await _job_of(jobs, row)) for run_id, row in runs.items()]


async def unfinished(db: Database, status: RunStatus, *, after: str = "", limit: int) -> list[str]:
    """Ids of the runs in an unfinished status, oldest first, behind the id ``after``."""
    rows = await db.read(
        "SELECT id FROM runs WHERE status NOT IN ('errored', 'completed', 'cancelled') AND status = ? AND id > ? "
        "ORDER BY id LIMIT ?",
        (status, after, limit),
    )
    return [str(row[0]) for row in rows]


async def due_at(db: Database, height: int, *, limit: int) -> list[str]:
    """Ids of the runs whose incoming confirmations are complete at a head of that height. Reads only those."""
    rows = await db.read(
        "SELECT id FROM runs WHERE status NOT IN ('errored', 'completed', 'cancelled') AND status = 'pending_confirmations' "
        "AND wake_height <= ? ORDER BY wake_height, id LIMIT ?",
        (height, limit),
    )
    return [str(row[0]) for row in rows]


async def overdue(db: Database, now: int, *, behind: tuple[int, str] = (-1, ""), limit: int) -> list[tuple[int, str]]:
    """(``due_at``, id) of the unfinished runs that are due at a time, those due first first, behind the pair given. Reads only
    those."""
    rows = await db.read(
        "SELECT due_at, id FROM runs WHERE due_at IS NOT NULL AND due_at <= ? AND (due_at, id) > (?, ?) "
        "AND status NOT IN ('errored', 'completed', 'cancelled') ORDER BY due_at, id LIMIT ?",
        (now, *behind, limit),
    )
    return [(cast("int", row[0]), str(row[1])) for row in rows]


async def next_due(db: Database, now: int) -> int | None:
    """The next time after ``now`` at which a run is due (microseconds), or None."""
    rows = await db.read("SELECT due_at FROM runs WHERE due_at IS NOT NULL AND due_at > ? ORDER BY due_at, id LIMIT 1", (now,))
    return cast("int", rows[0][0]) if rows else None


async def undated(db: Database, status: RunStatus, *, after: str = "", limit: int) -> list[str]:
    """Ids of the runs in an unfinished status that wait without a deadline, though not for a transaction, oldest first, behind
    the id ``after``."""
    rows = await db.read(
        "SELECT id FROM runs WHERE status NOT IN ('errored', 'completed', 'cancelled') AND status = ? AND due_at IS NULL "
        "AND (status <> 'pending_confirmations' OR wake_height IS NOT NULL) AND id > ? ORDER BY id LIMIT ?",
        (status, after, limit),
    )
    return [str(row[0]) for row in rows]


async def has_asked(db: Database, run_id: str) -> bool:
    """Whether a task of the run has asked for a transaction."""
    return bool(await db.read("SELECT 1 FROM transactions WHERE run_id = ? LIMIT 1", (run_id,)))


# --- rows <-> values -------------------------------------------------------------------------------------------------


def _row(run: Run) -> Row:
    request = run.request
    where: Columns = (None,) * 6
    if request is not None:
        where = (
            request.contract,
            request.request_id,
            request.transaction_hash,
            request.block_hash,
            request.log_index,
            request.requester,
        )
    return (
        run.id,
        run.job_id,
        run.initiator_id,
        run.status,
        run.version,
        run.created_at,
        run.updated_at,
        run.finished_at,
        _input(run),
        storable(run.input_error),
        None if run.payment is None else str(run.payment),
        storable(run.error),
        _minimums(run),
        run.creation_height,
        run.observed_height,
        run.wake_height,
        *where,
        run.left_chain,
        run.superseded_by,
        run.due_at,
        run.job_version,
    )


def _input(run: Run) -> str:
    return data.encode(run.input) if run.input is not None else run.input_text or "null"


def _packed(task: TaskRun) -> str:
    return pack(data.encode(task.data))


def _minimums(run: Run) -> str | None:
    if run.creation_height is None:
        return None
    return ",".join("" if t.minimum_confirmations is None else str(t.minimum_confirmations) for t in run.tasks)


async def complete(db: Database, rows: Sequence[Row], jobs: JobLookup) -> list[Run]:
    by_run: dict[str, dict[int, Row]] = {}
    for start in range(0, len(rows), _AT_ONCE):
        ids = tuple(row[0] for row in rows[start : start + _AT_ONCE])
        marks = ", ".join("?" * len(ids))
        for child in await db.read(f"SELECT {_TASK_COLUMNS} FROM task_runs WHERE run_id IN ({marks})", ids):
            by_run.setdefault(str(child[0]), {})[cast("int", child[1])] = child
    return [_run(row, by_run.get(str(row[0]), {}), await _job_of(jobs, row)) for row in rows]


async def _job_of(jobs: JobLookup, row: Row) -> Job:
    """The job of a run, with the tasks of the version that the run was made with."""
    job = await jobs.job(str(row[1]), cast("int", row[_VERSION]))
    assert job is not None, f"run of job {row[1]!r}, which the foreign key says exists"
    return job


def _run(row: Row, children: dict[int, Row], job: Job) -> Run:
    values = dict(zip(_NAMES, row, strict=True))
    given = data.parse(cast("str", values["input"]))
    return Run(
        id=cast("str", values["id"]),
        job_id=job.id,
        initiator_id=cast("int", values["initiator_id"]),
        status=RunStatus(cast("str", values["status"])),
        version=cast("int", values["version"]),
        created_at=cast("int", values["created_at"]),
        updated_at=cast("int", values["updated_at"]),
        finished_at=cast("int | None", values["finished_at"]),
        input=given if isinstance(given, dict) else None,
        input_text=None if isinstance(given, dict) else cast("str", values["input"]),
        input_error=cast("str | None", values["input_error"]),
        payment=None if values["payment"] is None else int(values["payment"]),
        error=cast("str | None", values["error"]),
        creation_height=cast("int | None", values["creation_height"]),
        observed_height=cast("int | None", values["observed_height"]),
        wake_height=cast("int | None", values["wake_height"]),
        left_chain=cast("int | None", values["left_chain"]),
        superseded_by=cast("str | None", values["superseded_by"]),
        due_at=cast("int | None", values["due_at"]),
        request=_request(values),
        job_version=cast("int", values["job_version"]),
        tasks=_tasks(job, cast("str | None", values["minimum_confirmations"]), children),
    )


def _request(values: dict[str, Value]) -> RunRequest | None:
    if values["contract"] is None:
        return None
    return RunRequest(
        contract=cast("str", values["contract"]),
        request_id=cast("str | None", values["request_id"]),
        transaction_hash=cast("str", values["request_tx"]),
        block_hash=cast("str", values["request_block"]),
        log_index=cast("int", values["request_log"]),
        requester=cast("str | None", values["requester"]),
    )


def _tasks(job: Job, minimums: str | None, children: dict[int, Row]) -> tuple[TaskRun, ...]:
    listed = minimums.split(",") if minimums is not None else [""] * len(job.tasks)
    return tuple(
        _task(position, spec, int(minimum) if minimum else None, children.get(position))
        for position, (spec, minimum) in enumerate(zip(job.tasks, listed, strict=True))
    )


def _task(position: int, spec: TaskSpec, minimum: int | None, row: Row | None) -> TaskRun:
    if row is None:
        return TaskRun(position=position, spec=spec, minimum_confirmations=minimum)
    _, _, status, text, error, confirmations, wake_at, started_at, finished_at = row
    return TaskRun(
        position=position,
        spec=spec,
        status=RunStatus(str(status)),
        data=cast("Data", data.parse(unpack(str(text)))),
        error=cast("str | None", error),
        minimum_confirmations=minimum,
        confirmations=cast("int | None", confirmations),
        wake_at=cast("int | None", wake_at),
        started_at=cast("int | None", started_at),
        finished_at=cast("int | None", finished_at),
    )
