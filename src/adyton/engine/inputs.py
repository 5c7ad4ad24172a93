"""What a task is given: worked out from the run's rows, so that it need not be stored, and can be shown later."""

from __future__ import annotations

from adyton.domain import data
from adyton.domain.runs import Data, Run, TaskRun


def run_input(run: Run) -> Data:
    """The run's input as an object; null counts as nothing. Raises MergeError when it is something else."""
    return run.input if run.input is not None else data.merge(data.parse(run.input_text or "null"), None)


def task_input(run: Run, position: int) -> Data:
    """The data that the task at ``position`` was given when it was first executed, or would be given now if it was not yet: the
    run's input, under what the task before it left (as v0.6.2).

    Raises MergeError when the run's input is no object.
    """
    previous = run.result_of(position)
    given = run_input(run)
    return given if previous is None else data.merge(given, previous.data)


def present_input(run: Run, task: TaskRun) -> Data:
    """As ``task_input``, of a task that is executed now: under what it had itself when it began to wait."""
    given = task_input(run, task.position)
    return given if task.data is None else data.merge(given, task.data)
