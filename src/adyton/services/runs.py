"""Runs: start one by hand, show, list."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from adyton.domain import data
from adyton.domain.errors import Invalid, NotFound
from adyton.domain.external_initiators import ExternalInitiator, started_by
from adyton.domain.jobs import Job
from adyton.domain.runs import Run, RunStatus
from adyton.domain.transactions import Transaction
from adyton.engine.create import OutsideWindow
from adyton.services.jobs import plain_id
from adyton.services.parts import Parts
from adyton.storage import run_lists
from adyton.storage import runs as stored
from adyton.storage import transactions as stored_transactions
from adyton.storage.paged import Paged
from adyton.storage.run_lists import Wanted

Transactions = dict[tuple[str, int], Transaction]
"""Transactions by run id and position of the task that asked for them."""


class NotStarted(Invalid):
    """The job would take no run now, or its input could not be read: v0.6.2 calls both its own failure (status 500)."""


async def create_web(parts: Parts, job_id: str, body: bytes, *, caller: ExternalInitiator | None = None) -> tuple[Run, Job]:
    """Start a run of a job with a JSON input (an empty body is ``{}``). It is durable when this returns.

    ``caller`` is None for a person who is logged in. Checked in the order of v0.6.2: raises NotFound, Forbidden (the job has no
    initiator for the caller), NotStarted.
    """
    job = parts.jobs.jobs.get(plain_id(job_id))
    if job is None:
        raise NotFound("Job not found", code="ADY-0301")
    initiator = started_by(job, caller)
    given, text = _input(body)
    try:
        return await parts.engine.start(job, initiator, given, text=text), job
    except OutsideWindow as outside:
        raise NotStarted(f"NewRun failed: {outside}", code="ADY-0302") from None


def _input(body: bytes) -> tuple[object, str | None]:
    """The input, and its text when it is not an object. The whole body must be JSON."""
    if not body.strip():
        return {}, None
    try:
        given = data.parse(body, deepest=data.DEEPEST_OF_A_SOURCE)
    except ValueError as wrong:
        raise NotStarted(f"the body is not JSON: {wrong}", code="ADY-0020") from None
    if given is None:
        return {}, None
    return given, None if isinstance(given, dict) else body.decode().strip()


async def get(parts: Parts, run_id: str) -> tuple[Run, Job]:
    """The run of that id and its job. Raises NotFound, also when the job is archived."""
    run = await stored.get(parts.db, plain_id(run_id), parts.jobs)
    job = parts.jobs.jobs.get(run.job_id) if run is not None else None
    if run is None or job is None:
        raise NotFound("Job run not found", code="ADY-0300")
    return run, job


async def page(parts: Parts, wanted: Wanted, *, offset: int, limit: int, descending: bool) -> Paged[tuple[Run, Job]]:
    """A page of the runs of live jobs that are wanted, by age."""
    if wanted.job_id is not None:
        wanted = msgspec.structs.replace(wanted, job_id=plain_id(wanted.job_id))
    found = await run_lists.page(parts.lists, parts.jobs, wanted, offset=offset, limit=limit, descending=descending)

    async def with_jobs(part: Sequence[Run]) -> list[tuple[Run, Job]]:
        # A job archived between the query and this line takes its runs with it.
        return [(run, parts.jobs.jobs[run.job_id]) for run in part if run.job_id in parts.jobs.jobs]

    return found.of(with_jobs)


async def awaited(parts: Parts, runs: Sequence[Run]) -> Transactions:
    """The transactions that these runs wait for."""
    waiting = [run.id for run in runs if waiting_for_transaction(run)]
    return await stored_transactions.of_runs(parts.db, waiting) if waiting else {}


def waiting_for_transaction(run: Run) -> bool:
    """Whether the run waits for its own transaction, and not for the confirmations of its request."""
    if run.status is not RunStatus.PENDING_CONFIRMATIONS:
        return False
    task = run.next_task()
    return task is not None and task.status is RunStatus.PENDING_CONFIRMATIONS
