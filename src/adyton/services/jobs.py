"""Jobs: create, show, list, archive."""

from __future__ import annotations

import re

import structlog

from adyton.domain.errors import Conflict, NotFound
from adyton.domain.job_requests import read_job
from adyton.domain.jobs import Job
from adyton.domain.requests import RUN_LOG
from adyton.services.parts import Parts
from adyton.storage import jobs as stored
from adyton.storage import rereads
from adyton.storage.database import Statement

log = structlog.get_logger(__name__)

_ID = re.compile("[0-9a-f]{32}")


async def create(parts: Parts, text: bytes) -> Job:
    """Store the job that a JSON text describes and let it start runs from now on; from an earlier block if it says so: then
    the blocks from there are read again. Raises Invalid with every fault, and Conflict when its id is in use."""
    asked = read_job(text, job_id=parts.entropy.new_id(), now=parts.clock.now(), check=parts.task_types.check)
    past = _past(asked, parts)
    try:
        job = await stored.create(parts.db, asked, *past)
    except Conflict:
        raise Conflict(f"there is or was a job {asked.id}: leave externalJobID out, or choose another one") from None
    # A crash before this line loses nothing: the registry is read from the rows at the next start, and so are re-reads.
    parts.jobs.add(job)
    if past:
        parts.intake.wake()
    log.info("job created", job=job.id, initiators=[i.type for i in job.initiators], tasks=[t.type for t in job.tasks])
    return job


def _past(job: Job, parts: Parts) -> list[Statement]:
    """The re-read of the blocks that the job wants and that have been read without it. Before the first block is read there is
    none to store: log intake sees then what its jobs want."""
    begins = [i.from_block for i in job.initiators if i.type == RUN_LOG and i.from_block is not None]
    height = parts.intake.height
    if not begins or height is None or min(begins) > height:
        return []
    reason = f"job {job.id} begins at block {min(begins)}"
    return [rereads.insert(rereads.asked(reason, min(begins), height, every_job=False, now=job.created_at))]


def get(parts: Parts, job_id: str) -> Job:
    """The job of that id, with or without dashes. Raises NotFound, also when it is archived."""
    job = parts.jobs.jobs.get(plain_id(job_id))
    if job is None:
        raise NotFound("JobSpec not found")
    return job


async def page(parts: Parts, *, offset: int, limit: int, descending: bool) -> tuple[list[Job], int]:
    """A page of the jobs that are not archived, by age, and how many there are in all."""
    return await stored.page(parts.db, offset=offset, limit=limit, descending=descending)


async def archive(parts: Parts, job_id: str) -> None:
    """Archive a job: it starts nothing any more and is not shown; runs under way go on. Raises NotFound."""
    known = plain_id(job_id)
    if not await stored.archive(parts.db, known, parts.clock.now()):
        raise NotFound("JobSpec not found")
    parts.jobs.remove(known)
    log.info("job archived", job=known)


def plain_id(text: str) -> str:
    """An id as it is stored; later versions write ids with dashes, so both forms are taken. Empty, which is nobody's, when the
    text cannot be an id."""
    plain = text.replace("-", "").lower()
    return plain if _ID.fullmatch(plain) else ""
