"""The jobs that are live, in memory: log intake asks about each log, the engine about each run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from adyton.domain.jobs import Job
from adyton.storage import jobs as stored
from adyton.storage.database import Database

_ARCHIVED_KEPT = 256


class JobRegistry:
    """Every live job, and lately used archived ones. The rows are the truth: whoever changes a job stores it first, then
    tells the registry. ``version`` grows with each change."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.jobs: dict[str, Job] = {}
        self.version = 0
        self._archived: OrderedDict[str, Job] = OrderedDict()
        self._listeners: list[Callable[[], None]] = []

    async def load(self) -> None:
        """Read every live job. Called once, before anything else runs."""
        self.jobs = {job.id: job for job in await stored.live(self._db)}
        self.version += 1

    def add(self, job: Job) -> None:
        """Take note of a job that has just been stored."""
        self.jobs[job.id] = job
        self._changed()

    def remove(self, job_id: str) -> None:
        """Take note that a job has just been archived. Its runs go on (as v0.6.2)."""
        self.jobs.pop(job_id, None)
        self._changed()

    def listen(self, told: Callable[[], None]) -> None:
        """Call ``told`` after each change from now on; it must not wait."""
        self._listeners.append(told)

    def _changed(self) -> None:
        self.version += 1
        for told in self._listeners:
            told()

    async def refresh(self) -> None:
        """Hold what is known against the rows: the answer to a commit that stored or archived a job may have been lost. After a
        change meanwhile it is left to the next time. Raises StorageUnavailable."""
        version, live = self.version, set(await stored.live_ids(self._db))
        found = [await stored.get(self._db, job_id) for job_id in sorted(live - self.jobs.keys())]
        if self.version != version:
            return
        for job in found:
            if job is not None:
                self.add(job)
        for job_id in self.jobs.keys() - live - {job.id for job in found if job is not None}:
            self.remove(job_id)

    async def job(self, job_id: str) -> Job | None:
        """The job of that id, archived or not."""
        known = self.jobs.get(job_id) or self._archived.get(job_id)
        if known is not None:
            return known
        job = await stored.get(self._db, job_id, archived=True)
        if job is not None:
            self._archived[job_id] = job
            while len(self._archived) > _ARCHIVED_KEPT:
                self._archived.popitem(last=False)
        return job
