"""The late answers of bridges: ``PATCH /v2/runs/ID``.

The checks stand in the order of v0.6.2: the run, its status, the body, the bridge, the token. An answer is a task's outcome
like any other, saved under the run's version: of two that come at once one counts, and the other finds a run that does not
wait.
"""

from __future__ import annotations

import msgspec
import structlog

from adyton.domain import data
from adyton.domain.bridge_answers import Answer, late, read_callback
from adyton.domain.bridges import Bridge, token_matches, token_spellings
from adyton.domain.errors import Conflict, Invalid, NotFound, Refused, Unauthenticated
from adyton.domain.jobs import Job
from adyton.domain.runs import Data, Run, RunStatus, TaskRun
from adyton.domain.secrets import redact_all_with, redact_with
from adyton.services.jobs import plain_id
from adyton.services.parts import Parts
from adyton.storage import runs as stored

log = structlog.get_logger(__name__)

PATIENCE = 5.0
"""Seconds that an answer waits for the node to store that its bridge said it would come later."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
_ANSWERABLE = frozenset({RunStatus.PENDING_BRIDGE, RunStatus.IN_PROGRESS})


class NotPending(Refused):
    """The run does not wait for a bridge (status 405)."""

    usual = "ADY-0458"

    def __init__(self) -> None:
        super().__init__("Cannot resume a job run that isn't pending")


class NotResumed(Refused):
    """The run waits, but nothing can be made of the answer (v0.6.2 calls it its own failure: status 500)."""


async def resume(parts: Parts, run_id: str, token: str, body: bytes) -> tuple[Run, Job]:
    """Give a waiting run its bridge's answer; returns the run as it is stored then, and its job, which may be archived.

    It is durable when this returns. Raises NotFound, NotPending, NotResumed, Unauthenticated.
    """
    run = await _waiting(parts, plain_id(run_id), token)
    answer, bridge, task = _read(body), *_asked_of(parts, run)
    if not token_matches(bridge, token):
        log.warning("a bridge's answer came with a wrong token", bridge=bridge.name, run=run.id)
        raise Unauthenticated("wrong token", code="ADY-0457")
    done = await _answered(parts, run, task, _without_token(answer, bridge))
    log.info("bridge answered", bridge=bridge.name, run=done.id, job=done.job_id, status=done.status.value)
    job = await parts.jobs.job(done.job_id)
    assert job is not None, "a run has a job"
    return done, job


async def _waiting(parts: Parts, run_id: str, token: str) -> Run:
    """The run, waiting for its bridge.

    A quick bridge may answer late before the node has stored that the answer will come late. If the token is that of the bridge
    that may be answering at this moment, this waits for the row, not longer than ``PATIENCE``. Then the run is taken as it is,
    in progress: a bridge may keep its word on the question back until the late answer is taken, and for ever without this.
    """
    until, pause = parts.clock.monotonic() + PATIENCE, _FIRST_PAUSE
    position: int | None = None
    while True:
        run = await stored.get(parts.db, run_id, parts.jobs) if run_id else None
        if run is None:
            raise NotFound("Job Run not found", code="ADY-0300")
        task = run.next_task()
        if task is None or run.status.finished or position not in (None, task.position):
            raise NotPending
        if run.status is RunStatus.PENDING_BRIDGE:
            return run
        bridge = parts.bridges.get(task.spec.type)
        if bridge is None or not token_matches(bridge, token):
            raise NotPending
        if parts.clock.monotonic() >= until:
            if run.status is RunStatus.IN_PROGRESS:
                return run
            raise NotPending
        position = task.position
        await parts.clock.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _read(body: bytes) -> Answer:
    try:
        return read_callback(body)
    except Invalid as wrong:
        raise NotResumed(str(wrong), code="ADY-0460") from None


def _without_token(answer: Answer, bridge: Bridge) -> Answer:
    """The answer without the token that the bridge is shown, should it say it back."""
    known = token_spellings(bridge.outgoing_token)
    error = None if answer.error is None else redact_with(known, answer.error)
    return msgspec.structs.replace(answer, error=error, data=redact_all_with(known, answer.data))


def _asked_of(parts: Parts, run: Run) -> tuple[Bridge, TaskRun]:
    """The bridge that the run waits for, and its task."""
    task = run.next_task()
    if task is None:
        raise NotResumed("Cannot find the pending bridge type of a job run with no unfinished tasks", code="ADY-0458")
    bridge = parts.bridges.get(task.spec.type)
    if bridge is None:
        raise NotResumed(
            f"record not found: bridge {task.spec.type}, for which the run waits, has been deleted", code="ADY-0459"
        )
    return bridge, task


async def _answered(parts: Parts, run: Run, task: TaskRun, answer: Answer) -> Run:
    """The run with the answer stored. When somebody else changed it meanwhile it is read again: log intake may have moved its
    request, and then it still waits; another answer may have been first, and then it does not."""
    while True:
        try:
            return await parts.engine.answered(run, late(answer), input=_input(parts, run, answer))
        except Conflict:
            changed = await stored.get(parts.db, run.id, parts.jobs)
            waits = changed.next_task() if changed is not None and changed.status in _ANSWERABLE else None
            if changed is None or waits is None or waits.position != task.position:
                raise NotPending from None
            run = changed


def _input(parts: Parts, run: Run, answer: Answer) -> Data | None:
    """The run's input with the answer's data over it, as v0.6.2 had it, if the operator wants that; else None."""
    if not parts.config.bridge_may_override_job or run.input is None or not isinstance(answer.data, dict):
        return None
    return data.merge(run.input, answer.data)
