"""What a node has done, for whoever asks: over time, and of each job.

Nothing is counted here: rows are read that ``storage.statistics`` keeps. What has ended by the time of the question is counted
first, unless thousands of runs wait for that, as after an upgrade; then the answer is what is counted so far.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from adyton.domain.errors import Broken, Conflict, StorageUnavailable
from adyton.domain.jobs import Job
from adyton.domain.statistics import NOTHING, Step, Tally
from adyton.services import jobs, schedules
from adyton.services.parts import Parts
from adyton.storage import statistics as stored
from adyton.storage import statistics_money
from adyton.storage.paged import Paged, in_parts

_STEPS = 3
"""How often a question counts a part of what has ended before it is answered."""

log = structlog.get_logger(__name__)


class Stretch(msgspec.Struct, frozen=True):
    """An hour or a day (UTC) that began at ``start`` (microseconds), and what was counted in it."""

    start: int
    tally: Tally


class JobStatistics(msgspec.Struct, frozen=True):
    """What was ever counted of a job. ``in_progress`` runs have not ended; ``last_run_at`` is when the newest began,
    ``next_fire_at`` when it starts one by itself next; both microseconds."""

    job: Job
    tally: Tally
    in_progress: int
    last_run_at: int | None
    next_fire_at: int | None


async def counted(parts: Parts) -> None:
    """Count what has ended by now. What cannot be counted now is counted later, so nothing is raised."""
    try:
        for _ in range(_STEPS):
            if not await stored.count(parts.db):
                break
        await statistics_money.count(parts.db)
    except Conflict:
        pass  # somebody else has just counted
    except (StorageUnavailable, Broken) as fault:
        log.warning("what has ended cannot be counted now; the numbers are older", because=str(fault))


async def series(parts: Parts, step: Step, since: int, until: int, *, job_id: str | None = None) -> list[Stretch]:
    """Every stretch that a span of time (microseconds) has a part of, also those without anything; of one job, or of all of
    them. Raises StorageUnavailable."""
    await counted(parts)
    first = step.floor(since)
    wanted = stored.ALL_JOBS if job_id is None else jobs.plain_id(job_id) or "-"
    found = await stored.series(parts.db, step, first, until, job_id=wanted)
    return [Stretch(start, found.get(start, NOTHING)) for start in range(first, until, step.micros)]


async def of_jobs(
    parts: Parts, job_ids: Sequence[str] | None, *, offset: int, limit: int, descending: bool = False
) -> Paged[JobStatistics]:
    """A page of the jobs that are not archived, by age, with what was counted of each; of these jobs only if some are named.
    Raises StorageUnavailable."""
    found = parts.jobs.by_age()
    if job_ids is not None:
        wanted = {jobs.plain_id(each) for each in job_ids}
        found = [job for job in found if job.id in wanted]
    page = (found[::-1] if descending else found)[offset : offset + limit]
    await counted(parts)
    ids = [job.id for job in page]
    tallies, running = await stored.of_jobs(parts.db, ids), await stored.in_progress(parts.db, ids)
    shown = [_of_job(parts, job, tallies.get(job.id, NOTHING), *running.get(job.id, (0, 0))) for job in page]
    return Paged(len(found), in_parts(shown))


def _of_job(parts: Parts, job: Job, tally: Tally, running: int, newest: int) -> JobStatistics:
    last = max(tally.last_at, newest)
    return JobStatistics(job, tally, running, last or None, schedules.next_fire(parts, job))
