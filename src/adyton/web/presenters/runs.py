"""Runs as the API shows them.

A run that waits for confirmations is stored once, not at every head; what a client sees of its waiting (the observed height,
the confirmations reached) is worked out here from the newest head.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from adyton.adapters.eth_tx import pending_data
from adyton.domain import confirmations, data
from adyton.domain.jobs import Job
from adyton.domain.runs import Data, Run, RunStatus, TaskRun, task_run_id
from adyton.domain.times import rfc3339
from adyton.domain.transactions import Transaction
from adyton.web.jsonapi import Resource
from adyton.web.presenters.jobs import TaskJson, fragments, shown_task

_NO_DATA = Raw(b"{}")
EitherInitiator: TypeAlias = Annotated[
    Raw,
    Meta(
        extra_json_schema={
            "anyOf": [{"$ref": "#/components/schemas/JobInitiator"}, {"$ref": "#/components/schemas/StoredInitiator"}],
            "description": "As the job shows it; in lists and late answers in the form that v0.6.2 stored.",
        }
    ),
]
_NONE: Mapping[tuple[str, int], Transaction] = {}


class RunResult(msgspec.Struct, frozen=True):
    """What v0.6.2 calls a run result. ``amount`` is left out when there is none."""

    jobRunId: str  # noqa: N815 - the API's own name
    taskRunId: str  # noqa: N815 - the API's own name
    data: Raw
    status: RunStatus
    error: str | None
    amount: str | UnsetType = UNSET


class TaskRunAttributes(msgspec.Struct, frozen=True):
    """One task of a run."""

    id: str
    result: RunResult
    status: RunStatus
    task: TaskJson
    minimumConfirmations: int | None  # noqa: N815 - the API's own name
    confirmations: int | None


class RunAttributes(msgspec.Struct, frozen=True):
    """A run. ``status`` counts; ``result`` is that of the last task that was executed."""

    id: str
    jobId: str  # noqa: N815 - the API's own name
    result: RunResult
    status: RunStatus
    taskRuns: list[TaskRunAttributes]  # noqa: N815 - the API's own name
    createdAt: str  # noqa: N815 - the API's own name
    finishedAt: str | None  # noqa: N815 - the API's own name
    updatedAt: str  # noqa: N815 - the API's own name
    creationHeight: int | None  # noqa: N815 - the API's own name
    observedHeight: int | None  # noqa: N815 - the API's own name
    overrides: RunResult
    initiator: EitherInitiator


def run_resource(
    run: Run,
    job: Job,
    *,
    head: int | None = None,
    awaited: Mapping[tuple[str, int], Transaction] = _NONE,
    stored_initiator: bool = False,
) -> Resource:
    """A run of a job.

    ``head`` is the height of the newest block, ``awaited`` holds the transactions that waiting runs wait for.
    ``stored_initiator`` chooses the second of v0.6.2's two forms of an initiator.
    """
    pieces = fragments(job)
    observed = observed_height(run, head)
    overrides = _overrides(run)
    # A job that was changed in place has other tasks by now than an older run of it.
    specs = pieces.tasks if run.job_version == job.version else [shown_task(task.spec) for task in run.tasks]
    tasks = [_task(run, task, specs[task.position], observed, awaited) for task in run.tasks]
    attributes = RunAttributes(
        id=run.id,
        jobId=run.job_id,
        result=_result(run, tasks, overrides),
        status=run.status,
        taskRuns=tasks,
        createdAt=rfc3339(run.created_at),
        finishedAt=None if run.finished_at is None else rfc3339(run.finished_at),
        updatedAt=rfc3339(run.updated_at),
        creationHeight=run.creation_height,
        observedHeight=observed,
        overrides=overrides,
        initiator=(pieces.stored_initiators if stored_initiator else pieces.initiators)[run.initiator_id],
    )
    return Resource("runs", run.id, attributes)


def observed_height(run: Run, head: int | None) -> int | None:
    """The newest height that a run has seen, as it is shown while it waits for confirmations."""
    if run.status is RunStatus.PENDING_CONFIRMATIONS and run.observed_height is not None and head is not None:
        return max(run.observed_height, head)
    return run.observed_height


def _overrides(run: Run) -> RunResult:
    """The run's input. Whatever the caller sent, also if it is no object, is shown as it was."""
    given = Raw(data.encode_bytes(run.input)) if run.input is not None else Raw((run.input_text or "null").encode())
    amount = UNSET if run.payment is None else str(run.payment)
    status = RunStatus.UNSTARTED if run.input_error is None else RunStatus.ERRORED
    return RunResult("", "", given, status, run.input_error, amount)


def _task(
    run: Run, task: TaskRun, spec: Raw, observed: int | None, awaited: Mapping[tuple[str, int], Transaction]
) -> TaskRunAttributes:
    run_id = task_run_id(run.id, task.position)
    shown = _data(task, awaited.get((run.id, task.position)))
    return TaskRunAttributes(
        id=run_id,
        result=RunResult(run.id, run_id, _NO_DATA if shown is None else Raw(data.encode_bytes(shown)), task.status, task.error),
        status=task.status,
        task=spec,
        minimumConfirmations=task.minimum_confirmations,
        confirmations=reached(run, task, observed),
    )


def _data(task: TaskRun, transaction: Transaction | None) -> Data | None:
    """A task that waits for its transaction shows how far that has come."""
    return task.data if transaction is None else pending_data(task.data or {}, transaction)


def reached(run: Run, task: TaskRun, observed: int | None) -> int | None:
    """The confirmations of the request that a task has at a height, as they are shown."""
    waits = run.status is RunStatus.PENDING_CONFIRMATIONS and task.status is RunStatus.UNSTARTED
    if not waits or task is not run.next_task():
        return task.confirmations
    return confirmations.depth(run, task, observed).confirmations


def _result(run: Run, tasks: list[TaskRunAttributes], overrides: RunResult) -> RunResult:
    """The result of the last task that was executed, or a copy of the input; an error that is no task's is shown in it."""
    result = next((task.result for task in reversed(tasks) if task.status is not RunStatus.UNSTARTED), overrides)
    # What is wrong with the input stays with the input: the run may have ended for something that was found later.
    if run.error is not None and (result is overrides or result.error is None):
        return msgspec.structs.replace(result, status=run.status, error=run.error)
    return result
