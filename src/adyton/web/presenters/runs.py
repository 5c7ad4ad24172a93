"""Runs as the API shows them.

A run that waits for confirmations is stored once, not at every head; what a client sees of its waiting (the observed height,
the confirmations reached) is worked out here from the newest head.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, Raw, UnsetType

from adyton.adapters.eth_tx import pending_data
from adyton.domain import confirmations, data
from adyton.domain.jobs import Job
from adyton.domain.runs import Data, Run, RunStatus, TaskRun, task_run_id
from adyton.domain.times import rfc3339
from adyton.domain.transactions import Transaction
from adyton.web.jsonapi import Resource
from adyton.web.presenters.jobs import fragments

_NO_DATA = Raw(b"{}")
_NONE: Mapping[tuple[str, int], Transaction] = {}


class _Result(msgspec.Struct, frozen=True):
    """What v0.6.2 calls a run result. ``amount`` is left out when there is none."""

    jobRunId: str  # noqa: N815 - the API's own name
    taskRunId: str  # noqa: N815 - the API's own name
    data: Raw
    status: RunStatus
    error: str | None
    amount: str | UnsetType = UNSET


class _TaskRun(msgspec.Struct, frozen=True):
    id: str
    result: _Result
    status: RunStatus
    task: Raw
    minimumConfirmations: int | None  # noqa: N815 - the API's own name
    confirmations: int | None


class _Attributes(msgspec.Struct, frozen=True):
    id: str
    jobId: str  # noqa: N815 - the API's own name
    result: _Result
    status: RunStatus
    taskRuns: list[_TaskRun]  # noqa: N815 - the API's own name
    createdAt: str  # noqa: N815 - the API's own name
    finishedAt: str | None  # noqa: N815 - the API's own name
    updatedAt: str  # noqa: N815 - the API's own name
    creationHeight: int | None  # noqa: N815 - the API's own name
    observedHeight: int | None  # noqa: N815 - the API's own name
    overrides: _Result
    initiator: Raw


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
    observed = _observed(run, head)
    overrides = _overrides(run)
    tasks = [_task(run, task, pieces.tasks[task.position], observed, awaited) for task in run.tasks]
    attributes = _Attributes(
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


def _observed(run: Run, head: int | None) -> int | None:
    if run.status is RunStatus.PENDING_CONFIRMATIONS and run.observed_height is not None and head is not None:
        return max(run.observed_height, head)
    return run.observed_height


def _overrides(run: Run) -> _Result:
    """The run's input. Whatever the caller sent, also if it is no object, is shown as it was."""
    given = Raw(data.encode_bytes(run.input)) if run.input is not None else Raw((run.input_text or "null").encode())
    amount = UNSET if run.payment is None else str(run.payment)
    status = RunStatus.UNSTARTED if run.input_error is None else RunStatus.ERRORED
    return _Result("", "", given, status, run.input_error, amount)


def _task(run: Run, task: TaskRun, spec: Raw, observed: int | None, awaited: Mapping[tuple[str, int], Transaction]) -> _TaskRun:
    run_id = task_run_id(run.id, task.position)
    shown = _data(task, awaited.get((run.id, task.position)))
    return _TaskRun(
        id=run_id,
        result=_Result(run.id, run_id, _NO_DATA if shown is None else Raw(data.encode_bytes(shown)), task.status, task.error),
        status=task.status,
        task=spec,
        minimumConfirmations=task.minimum_confirmations,
        confirmations=_confirmations(run, task, observed),
    )


def _data(task: TaskRun, transaction: Transaction | None) -> Data | None:
    """A task that waits for its transaction shows how far that has come."""
    return task.data if transaction is None else pending_data(task.data or {}, transaction)


def _confirmations(run: Run, task: TaskRun, observed: int | None) -> int | None:
    waits = run.status is RunStatus.PENDING_CONFIRMATIONS and task.status is RunStatus.UNSTARTED
    if not waits or task is not run.next_task():
        return task.confirmations
    return confirmations.depth(run, task, observed).confirmations


def _result(run: Run, tasks: list[_TaskRun], overrides: _Result) -> _Result:
    """The result of the last task that was executed, or a copy of the input; an error that is no task's is shown in it."""
    result = next((task.result for task in reversed(tasks) if task.status is not RunStatus.UNSTARTED), overrides)
    # What is wrong with the input stays with the input: the run may have ended for something that was found later.
    if run.error is not None and (result is overrides or result.error is None):
        return msgspec.structs.replace(result, status=run.status, error=run.error)
    return result
