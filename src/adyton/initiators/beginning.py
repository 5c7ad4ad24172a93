"""Where log intake begins on a chain that it has never read."""

from __future__ import annotations

from collections.abc import Sequence

from adyton.domain.jobs import Job
from adyton.initiators.source import LogSource
from adyton.storage import rereads
from adyton.storage.database import Statement

_A_MINUTE = 60


async def first_block(chain: LogSource, jobs: Sequence[Job], height: int, margin: int) -> int:
    """The first block to follow: at the age of the oldest job, so that what was asked of the job before there was a connection
    is answered too; without jobs, a little behind the head. Raises RpcError, TryAgain."""
    if not jobs:
        return max(0, height - margin)
    since = min(job.created_at for job in jobs) // 1_000_000 - _A_MINUTE
    low, high = 0, height
    while low < high:
        middle = (low + high) // 2
        block = await chain.head(middle)
        if block is None or block.timestamp < since:
            low = middle + 1
        else:
            high = middle
    return max(0, low - margin)


def wanted_before(jobs: Sequence[Job], first: int, now: int) -> list[Statement]:
    """The re-read of what jobs want from before the first block that is followed; nothing if they want nothing."""
    begins = [i.from_block for job in jobs for i in job.initiators if i.from_block is not None and i.from_block < first]
    if not begins:
        return []
    return [rereads.insert(rereads.asked("jobs begin in the past", min(begins), first - 1, every_job=False, now=now))]
