"""A run, told step by step: who asked for it, what each task was given and left, what it waits for. From values to words.

What a task was given is worked out from the rows, as the engine does it. It came from outside, so texts lose what in their URLs
could be a secret, and fields whose name says that they hold one lose their value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from adyton.config.redact import HIDDEN, secret_name, words
from adyton.domain import data, evm
from adyton.domain.data import MergeError
from adyton.domain.event_logs import ETH_LOG
from adyton.domain.external_initiators import EXTERNAL
from adyton.domain.jobs import Initiator, Job
from adyton.domain.run_errors import code_of
from adyton.domain.runs import Data, Run, RunStatus, TaskRun
from adyton.domain.schedule_requests import CRON, RUN_AT
from adyton.domain.times import rfc3339
from adyton.domain.transactions import Transaction
from adyton.engine.inputs import run_input, task_input
from adyton.services.narrative import Sight, Step, told_transaction

_SHOWN = 400
"""Characters of a task's data that are told; the API shows all of it."""
_TEXT = 100
"""Characters that are told of one text among them: a word or a hash in full, and of a request's long prefix the beginning."""


def told_asker(run: Run, job: Job | None) -> Step:
    """Who or what started a run that is no request's."""
    initiator = next((each for each in (job.initiators if job is not None else ()) if each.id == run.initiator_id), None)
    return Step("asked", _asker(run, initiator), run.created_at, run.creation_height)


def _asker(run: Run, initiator: Initiator | None) -> str:
    place = run.request
    kind = "web" if initiator is None else initiator.type
    if place is not None:
        log = f"log {place.log_index} of transaction {place.transaction_hash}, of contract {evm.checksum(place.contract)}"
        return f"by {log}: nobody waits for an answer to it" if kind == ETH_LOG else f"by {log}"
    if initiator is None:
        return "by a client"
    if kind == CRON:
        return f"by its schedule: {initiator.schedule}"
    if kind == RUN_AT:
        when = "" if initiator.run_at is None else f", {rfc3339(initiator.run_at)}"
        return f"by its time{when}"
    return f"by the external initiator {initiator.name}" if kind == EXTERNAL else "by a client"


def told_run(
    run: Run, times: Mapping[tuple[str, int], int], transactions: Iterable[Transaction], sight: Sight
) -> Iterator[Step]:
    """A run: created, its tasks, what they sent, how it ended."""
    where = "" if run.creation_height is None else f" for the {_occasion(run)} in block {run.creation_height}"
    yield Step("run created", f"run {run.id} of job {run.job_id}{where}", run.created_at, run.creation_height)
    sent = {each.task_position: each for each in transactions if each.run_id == run.id}
    for task in run.tasks:
        yield _task(run, task, times.get((run.id, task.position)), sight)
        if task.position in sent:
            yield from told_transaction(sent[task.position], sight)
    yield _end(run, sight)


def _occasion(run: Run) -> str:
    return "log" if run.request is not None and run.request.requester is None else "request"


# --- a task ----------------------------------------------------------------------------------------------------------


def _confirmations(count: int) -> str:
    return f"{count} confirmation{'s' if count != 1 else ''}"


def _task(run: Run, task: TaskRun, at: int | None, sight: Sight) -> Step:
    name = f"task {task.position + 1} of {len(run.tasks)}: {task.spec.type}"
    if task.status is RunStatus.UNSTARTED:
        return Step(name, _before(run, task, sight))
    depth = "" if task.confirmations is None else f", with {_confirmations(task.confirmations)} of the {_occasion(run)}"
    error = f": {words(task.error)}" if task.error else ""
    until = f" until {rfc3339(task.wake_at)}" if task.status.pending and task.wake_at is not None else ""
    left = "" if task.data is None else f"; it left {shown(task.data)}"
    return Step(name, f"{task.status.value}{until}{depth}{error}; it was given {_given(run, task)}{left}", at)


def _before(run: Run, task: TaskRun, sight: Sight) -> str:
    if run.status.finished:
        return "not begun; it never will be"
    if run.wake_height is None or task is not run.next_task():
        return "not begun"
    now = "" if sight.head is None else f"; the newest is {sight.head}"
    needed = f"when the {_occasion(run)} has its {task.minimum_confirmations} confirmations"
    return f"waits for block {run.wake_height}, {needed}{now}"


def _given(run: Run, task: TaskRun) -> str:
    try:
        return shown(run_input(run) if task.position == 0 else task_input(run, task.position))
    except MergeError:
        return "what is no object"


def shown(given: Data) -> str:
    """Data of a run as a person may see them: on one line, cut where they are long, without what looks like a secret. The
    result stands first: what a request brought along must not push it out of sight."""
    told = {name: data.encode(_harmless({name: value}))[1:-1] for name, value in sorted(given.items())}
    first = [told.pop("result")] if "result" in told else []
    text = f"{{{','.join([*first, *told.values()])}}}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def _harmless(value: object) -> object:
    match value:
        case dict(fields):
            return {name: HIDDEN if secret_name(str(name)) else _harmless(each) for name, each in fields.items()}
        case list(items):
            return [_harmless(each) for each in items]
        case str(text):
            told = words(text)
            return told if len(told) <= _TEXT else f"{told[:_TEXT]}…"
        case _:
            return value


# --- its end ---------------------------------------------------------------------------------------------------------


def _end(run: Run, sight: Sight) -> Step:
    if run.superseded_by is not None:
        return Step("run replaced", f"{_status(run)}; run {run.superseded_by} took its place", run.updated_at)
    if run.status.finished:
        return Step("run ended", f"{_status(run)}{_page(run)}", run.finished_at)
    return Step("run now", f"{run.status.value or 'unstarted'}{_awaits(run, sight)}{_deadline(run)}", run.updated_at)


def _status(run: Run) -> str:
    return f"{run.status.value}: {words(run.error)}" if run.error else run.status.value


def _page(run: Run) -> str:
    code = code_of(run)
    return "" if code is None else f" (`adyton explain {code}` says what that means and what to do)"


def _awaits(run: Run, sight: Sight) -> str:
    match run.status:
        case RunStatus.PENDING_CONNECTION:
            return f": it goes on when there is a connection to the chain ({sight.problem or 'there is one'})"
        case RunStatus.PENDING_CONFIRMATIONS if run.wake_height is None:
            return ": it goes on when its transaction is as deep as asked for"
        case RunStatus.PENDING_BRIDGE:
            task = run.next_task()
            return f": it goes on when bridge {task.spec.type if task is not None else ''} has answered"
        case RunStatus.PENDING_SLEEP if run.due_at is not None:
            return f": it goes on at {rfc3339(run.due_at)}"
        case _:
            return ""


def _deadline(run: Run) -> str:
    """When it is given up; a sleep ends by itself."""
    if run.due_at is None or run.status is RunStatus.PENDING_SLEEP or not run.status.pending:
        return ""
    return f"; it is given up at {rfc3339(run.due_at)}"
