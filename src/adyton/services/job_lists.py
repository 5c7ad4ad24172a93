"""Jobs that are looked for: those of a list, and one that may be archived."""

from __future__ import annotations

from adyton.domain.errors import NotFound
from adyton.domain.jobs import Job, JobState, state_at
from adyton.services import jobs
from adyton.services.parts import Parts
from adyton.storage import job_lists
from adyton.storage import jobs as stored
from adyton.storage.job_lists import Wanted
from adyton.storage.paged import Paged, in_parts


async def page(
    parts: Parts, wanted: Wanted, state: JobState | None = None, *, offset: int, limit: int, descending: bool
) -> Paged[Job]:
    """A page of jobs by age; without a state those that are not archived. These are in memory; archived ones are read."""
    if state is JobState.ARCHIVED:
        found, count = await job_lists.archived(parts.db, wanted, offset=offset, limit=limit, descending=descending)
        return Paged(count, in_parts(found))
    live = parts.jobs.by_age()
    if wanted != _ANY or state is not None:
        now = parts.clock.now()
        live = [job for job in live if _is_wanted(job, wanted) and state in {None, state_at(job, now)}]
    count = len(live)
    if not descending:
        return Paged(count, in_parts(live[offset : offset + limit]))
    return Paged(count, in_parts(live[max(count - offset - limit, 0) : max(count - offset, 0)][::-1]))


def _is_wanted(job: Job, wanted: Wanted) -> bool:
    return (
        wanted.name in {None, job.name}
        and (wanted.initiator is None or any(each.type == wanted.initiator for each in job.initiators))
        and (wanted.task is None or any(each.type == wanted.task for each in job.tasks))
        and wanted.finds(job.id, job.name)
    )


_ANY = Wanted()


async def find(parts: Parts, job_id: str, *, archived: bool) -> Job:
    """The job of that id, with or without dashes; an archived one only when asked for. Raises NotFound."""
    live = parts.jobs.jobs.get(jobs.plain_id(job_id))
    if live is not None or not archived:
        return jobs.get(parts, job_id)
    job = await stored.get(parts.db, jobs.plain_id(job_id), archived=True)
    if job is None:
        raise NotFound("JobSpec not found", code="ADY-0293")
    return job
