"""A run: one execution of a job. Its statuses, what its tasks answer, and what each answer does to it.

Everything here is a value or a pure rule. ``Run`` never changes in place: a step returns the next ``Run``, and the engine
writes the difference.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeAlias

import msgspec

from adyton.domain.chain import Address, Hash
from adyton.domain.errors import Broken
from adyton.domain.jobs import TaskSpec
from adyton.domain.transactions import TransactionRequest

Data: TypeAlias = dict[str, Any]
"""The JSON object that a run carries from task to task. Numbers are ``int`` or ``Decimal``, never ``float``."""


class RunStatus(StrEnum):
    """The words of v0.6.2, plus ``cancelled`` of later versions. ``MOVES`` is the table of what may follow what."""

    UNSTARTED = ""
    IN_PROGRESS = "in_progress"
    PENDING_CONFIRMATIONS = "pending_confirmations"
    PENDING_CONNECTION = "pending_connection"
    PENDING_BRIDGE = "pending_bridge"
    PENDING_SLEEP = "pending_sleep"
    ERRORED = "errored"
    COMPLETED = "completed"
    CANCELLED = "cancelled"

    @property
    def pending(self) -> bool:
        """Waits for something outside the engine."""
        return self in PENDING

    @property
    def finished(self) -> bool:
        """Nothing will change it any more, but for a cancelled one whose request comes back to the chain."""
        return self in FINISHED

    @property
    def can_start(self) -> bool:
        """As the status of a task run: the task is still to be executed, or to be continued."""
        return self is RunStatus.UNSTARTED or self in PENDING


LONGEST_ERROR = 4000
"""Characters of an error that are kept: it may repeat what a stranger sent, who pays by the byte once and not per copy."""

R = RunStatus
PENDING = frozenset({R.PENDING_CONFIRMATIONS, R.PENDING_CONNECTION, R.PENDING_BRIDGE, R.PENDING_SLEEP})
FINISHED = frozenset({R.ERRORED, R.COMPLETED, R.CANCELLED})
MOVES: dict[RunStatus, frozenset[RunStatus]] = {
    R.UNSTARTED: frozenset({R.IN_PROGRESS, R.PENDING_CONFIRMATIONS, R.ERRORED}),
    R.IN_PROGRESS: frozenset({R.IN_PROGRESS, R.COMPLETED, R.ERRORED, R.CANCELLED}) | PENDING,
    R.PENDING_CONFIRMATIONS: frozenset({R.IN_PROGRESS, R.PENDING_CONFIRMATIONS, R.ERRORED, R.CANCELLED}),
    R.PENDING_CONNECTION: frozenset({R.IN_PROGRESS, R.ERRORED, R.CANCELLED}),
    R.PENDING_BRIDGE: frozenset({R.IN_PROGRESS, R.ERRORED, R.CANCELLED}),
    R.PENDING_SLEEP: frozenset({R.IN_PROGRESS, R.ERRORED, R.CANCELLED}),
    R.ERRORED: frozenset(),
    R.COMPLETED: frozenset(),
    # Only a run that was cancelled because its request had left the chain (``left_chain``) goes on, when the request is back;
    # until then an operator may cancel it for good.
    R.CANCELLED: frozenset({R.PENDING_CONFIRMATIONS, R.CANCELLED}),
}


class IllegalMove(Broken):
    """A run was asked to take a status that cannot follow the one it has."""

    usual = "ADY-0313"


# --- what a task answers ---------------------------------------------------------------------------------------------


class Completed(msgspec.Struct, frozen=True):
    """The task is done; ``data`` is the run's data from here on."""

    data: Data


class Errored(msgspec.Struct, frozen=True):
    """The task failed; the run ends with this text. ``data`` is shown beside it (v0.6.2 keeps the input)."""

    error: str
    data: Data | None = None


class Sends(msgspec.Struct, frozen=True):
    """The task wants a transaction; the run waits for it. Its row is written together with the run's new state."""

    request: TransactionRequest
    data: Data


class Waits(msgspec.Struct, frozen=True):
    """The task waits: ``status`` is one of the pending ones. ``until`` (microseconds) is when a sleep ends, and when any other
    wait is given up (None: the node's own deadline for that status)."""

    status: RunStatus
    data: Data
    until: int | None = None


Outcome: TypeAlias = Completed | Errored | Sends | Waits


# --- the run ---------------------------------------------------------------------------------------------------------


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Where on the chain a run was asked for."""

    contract: Address
    transaction_hash: Hash
    block_hash: Hash
    log_index: int
    request_id: Hash | None = None
    requester: Address | None = None


class TaskRun(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a run. It has no row in the database until it has an outcome. ``started_at`` and ``finished_at`` are None as
    long as it has not, and of runs from before these were noted."""

    position: int
    spec: TaskSpec
    status: RunStatus = RunStatus.UNSTARTED
    data: Data | None = None
    error: str | None = None
    minimum_confirmations: int | None = None
    confirmations: int | None = None
    wake_at: int | None = None
    started_at: int | None = None
    finished_at: int | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One execution of a job.

    ``input`` is the request's data (the API's ``overrides.data``); None only when the caller sent something that is not an
    object, which is then in ``input_text``. ``version`` counts the writes and fences them. ``wake_height`` is the head at
    which a run that waits for incoming confirmations may go on; it is null while it waits for anything else. ``left_chain`` is
    the head at which it was cancelled because its request had left the chain; it goes on if the request comes back.
    ``job_version`` is that of the job whose tasks it has. ``superseded_by`` is the run that took its place for the same
    request. ``due_at`` is when a sleep ends, and when any other wait is given up.
    """

    id: str
    job_id: str
    initiator_id: int
    status: RunStatus
    tasks: tuple[TaskRun, ...]
    created_at: int
    updated_at: int
    version: int = 1
    finished_at: int | None = None
    input: Data | None
    input_text: str | None = None
    input_error: str | None = None
    payment: int | None = None
    error: str | None = None
    creation_height: int | None = None
    observed_height: int | None = None
    wake_height: int | None = None
    left_chain: int | None = None
    superseded_by: str | None = None
    due_at: int | None = None
    request: RunRequest | None = None
    job_version: int = 1

    def next_task(self) -> TaskRun | None:
        """The first task that is still to be executed or continued."""
        return next((task for task in self.tasks if task.status.can_start), None)

    def result_of(self, position: int) -> TaskRun | None:
        """The task run before ``position``, or None for the first."""
        return self.tasks[position - 1] if position > 0 else None


# --- the rules -------------------------------------------------------------------------------------------------------


def moved(
    run: Run,
    status: RunStatus,
    now: int,
    *,
    error: str | None = None,
    wake_height: int | None = None,
    due_at: int | None = None,
) -> Run:
    """The run in another status; the only way to get there. Raises IllegalMove.

    Every final status sets ``finished_at`` (v0.6.2 forgot it on some paths). ``wake_height`` and ``due_at`` are
    forgotten by every move that does not give one, ``left_chain`` by every move.
    """
    if status not in MOVES[run.status] or (run.status is RunStatus.CANCELLED and run.left_chain is None):
        raise IllegalMove(
            f"run {run.id} cannot go from {run.status or 'unstarted'} to {status or 'unstarted'}", code="ADY-0313"
        )
    return msgspec.structs.replace(
        run,
        status=status,
        updated_at=now,
        finished_at=now if status in FINISHED else None,
        error=_short(error),
        wake_height=wake_height,
        due_at=due_at,
        left_chain=None,
    )


def strayed(run: Run, height: int, now: int) -> Run:
    """The waiting run, cancelled at a head of that height because its request has left the chain. Raises IllegalMove."""
    where = "" if run.request is None else f" ({run.request.block_hash}, transaction {run.request.transaction_hash})"
    error = f"its request left the chain: block {run.creation_height}{where} is not canonical any more; "
    cancelled = moved(run, RunStatus.CANCELLED, now, error=f"{error}it goes on if the request comes back")
    return msgspec.structs.replace(cancelled, left_chain=height)


def after(run: Run, position: int, outcome: Outcome, now: int, *, began: int | None = None) -> Run:
    """The run after one of its tasks gave an outcome: the task run replaced, the run's status moved. ``began`` is when the task
    was executed, if this was the first time."""
    due_at: int | None = None
    match outcome:
        case Completed(data):
            left = position + 1 < len(run.tasks)
            task, status = _task(run, position, R.COMPLETED, data, now, began), R.IN_PROGRESS if left else R.COMPLETED
        case Errored(error, data):
            task, status = _task(run, position, R.ERRORED, data, now, began, error=error), R.ERRORED
        case Sends(_, data):
            task, status = _task(run, position, R.PENDING_CONFIRMATIONS, data, now, began), R.PENDING_CONFIRMATIONS
        case Waits(status, data, until):
            task, due_at = _task(run, position, status, data, now, began, wake_at=until), until
    tasks = (*run.tasks[:position], task, *run.tasks[position + 1 :])
    return moved(msgspec.structs.replace(run, tasks=tasks), status, now, error=_why(task), due_at=due_at)


def woken(run: Run, now: int) -> Run:
    """The sleeping run whose time has come: its task is completed with the data that it stored, and the run goes on, or is
    completed if that was its last task (v0.6.2 left it in progress for ever). Raises IllegalMove."""
    task = run.next_task()
    assert task is not None, "a run sleeps in a task"
    return after(moved(run, R.IN_PROGRESS, now), task.position, Completed(task.data or {}), now)


def given_up(run: Run, error: str, now: int) -> Run:
    """The waiting run, errored because its deadline has passed; so is the task that waits, if one has begun. Raises
    IllegalMove."""
    task = run.next_task()
    if task is None or not task.status.pending:
        return moved(run, R.ERRORED, now, error=error)
    return after(moved(run, R.IN_PROGRESS, now), task.position, Errored(error, task.data), now)


def called_off(run: Run, why: str, now: int) -> Run:
    """The run, cancelled for good by an operator, with the task that waits, if one has begun. Raises IllegalMove."""
    task = run.next_task()
    if task is not None and task.status.pending:
        ended = _task(run, task.position, R.CANCELLED, task.data, now, None)
        run = msgspec.structs.replace(run, tasks=(*run.tasks[: task.position], ended, *run.tasks[task.position + 1 :]))
    return moved(run, R.CANCELLED, now, error=why)


def waits_as_before(before: Run, run: Run) -> bool:
    """Whether a run goes on with the wait that it had ``before``: the same status, of the same task, which had begun or not."""
    was, task = before.next_task(), run.next_task()
    same = was is not None and task is not None and (was.position, was.status) == (task.position, task.status)
    return same and run.status.pending and before.status is run.status


def _task(
    run: Run,
    position: int,
    status: RunStatus,
    data: Data | None,
    now: int,
    began: int | None,
    *,
    error: str | None = None,
    wake_at: int | None = None,
) -> TaskRun:
    task = run.tasks[position]
    return msgspec.structs.replace(
        task,
        status=status,
        data=data,
        error=_short(error),
        wake_at=wake_at,
        started_at=began if task.started_at is None else task.started_at,
        finished_at=now if status in FINISHED else None,
    )


def _why(task: TaskRun) -> str | None:
    """What the run says of its task's error. A task may fail without a word (a bridge with ``"error": ""``), and shows that;
    the run always has a reason, because what became of a request needs one."""
    if task.error is None or task.error.strip():
        return task.error
    return f"{task.spec.type} failed and did not say why"


def _short(error: str | None) -> str | None:
    return error if error is None or len(error) <= LONGEST_ERROR else error[:LONGEST_ERROR] + "…"


def task_run_id(run_id: str, position: int) -> str:
    """The id of a task run, derived from the run's: 32 hex digits, the run's id plus its place in the list, so that no row
    is needed to know it."""
    return f"{(int(run_id, 16) + position + 1) & (2**128 - 1):032x}"
