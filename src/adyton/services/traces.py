"""A run in detail: when each task began and ended, what it was given, what it said to the world outside, and what it sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from adyton.domain.data import MergeError
from adyton.domain.exchanges import Exchange
from adyton.domain.jobs import Job
from adyton.domain.runs import Data, Run, RunStatus, TaskRun
from adyton.domain.transactions import Transaction
from adyton.engine.inputs import task_input
from adyton.services import runs
from adyton.services.parts import Parts
from adyton.storage import exchanges
from adyton.storage import transactions as stored_transactions


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A run with all that is known of its tasks, by their positions; what they were given as the rows tell it."""

    run: Run
    job: Job
    inputs: Mapping[int, Data]
    exchanges: Mapping[int, Sequence[Exchange]]
    transactions: Mapping[int, Transaction]


async def of(parts: Parts, run_id: str) -> Trace:
    """Everything about a run of a job that is not archived. Raises NotFound."""
    run, job = await runs.get(parts, run_id)
    sent = await stored_transactions.of_runs(parts.db, [run.id])
    return Trace(
        run=run,
        job=job,
        inputs={task.position: given for task in run.tasks if (given := _given(run, task)) is not None},
        exchanges=await exchanges.of_run(parts.db, run.id),
        transactions={position: transaction for (_, position), transaction in sent.items()},
    )


def _given(run: Run, task: TaskRun) -> Data | None:
    """What a task was given, or would be given as the next one; None while that is not known."""
    before = run.result_of(task.position)
    if before is not None and before.status is not RunStatus.COMPLETED:
        return None
    try:
        return task_input(run, task.position)
    except MergeError:  # the run's input is no object, so that no task was executed
        return None
