"""What goes wrong with a job."""

from __future__ import annotations

import msgspec

from adyton.domain.error_groups import ErrorGroup, grouped
from adyton.domain.jobs import Job
from adyton.domain.runs import RunStatus
from adyton.services import jobs
from adyton.services.parts import Parts
from adyton.storage import run_lists
from adyton.storage.run_lists import Wanted

LATEST = 100
"""Errored runs that are looked at, the newest: what it costs does not grow with the history."""


class JobErrors(msgspec.Struct, frozen=True):
    """``errored`` runs has the job, of which the newest ``latest`` were looked at for ``groups``."""

    job: Job
    errored: int
    latest: int
    groups: list[ErrorGroup]


async def of_job(parts: Parts, job_id: str) -> JobErrors:
    """What the newest errored runs of a job that is not archived failed of. Raises NotFound."""
    job = jobs.get(parts, job_id)
    wanted = Wanted(job_id=job.id, statuses=(RunStatus.ERRORED.value,))
    found = await run_lists.page(parts.lists, parts.jobs, wanted, offset=0, limit=LATEST, descending=True)
    runs = await found.whole()
    return JobErrors(job, found.count, len(runs), grouped(runs))
