"""When jobs will start runs by themselves."""

from __future__ import annotations

from datetime import tzinfo
from itertools import islice, takewhile

from adyton.domain import schedule
from adyton.domain.jobs import Initiator, Job
from adyton.domain.schedule_requests import CRON, RUN_AT
from adyton.services.parts import Parts

_SHOWN = 5


def next_fires(parts: Parts, job: Job) -> list[tuple[Initiator, list[int]]]:
    """The next five times of each cron initiator of a job, within the job's time; microseconds since the epoch. None for a line
    that cannot be read any more."""
    now = parts.clock.now()
    return [(item, _times(item.schedule or "", job, now, parts.zone)) for item in job.initiators if item.type == CRON]


def next_fire(parts: Parts, job: Job) -> int | None:
    """When a job starts a run by itself next, in microseconds since the epoch; None when it does not."""
    now = parts.clock.now()
    times = [
        time for item in job.initiators if item.type == CRON for time in _times(item.schedule or "", job, now, parts.zone, 1)
    ]
    times += [item.run_at for item in job.initiators if item.type == RUN_AT and item.run_at is not None and not item.ran]
    return min(times, default=None)


def _times(line: str, job: Job, now: int, zone: tzinfo, count: int = _SHOWN) -> list[int]:
    try:
        timing = schedule.parse(line, zone, anchor=job.created_at)
    except ValueError:
        return []
    after = max(now, job.start_at - 1) if job.start_at is not None else now
    times = takewhile(lambda time: job.end_at is None or time <= job.end_at, schedule.fires(timing, after))
    return list(islice(times, count))
