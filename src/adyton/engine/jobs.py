"""The jobs that are live, in memory: log intake asks about each log, the engine about each run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from adyton.domain.external_initiators import EXTERNAL
from adyton.domain.jobs import Job
from adyton.storage import jobs as stored
from adyton.storage.database import Database

_KEPT = 256


class Mentions(msgspec.Struct, frozen=True):
    """The live jobs that name something, the oldest first: a task type, an external initiator (in small letters)."""

    by_task: dict[str, list[Job]] = {}
    by_initiator: dict[str, list[Job]] = {}


class JobRegistry:
    """Every live job, and lately used archived ones and former versions. The rows are the truth: whoever changes a job stores
    it first, then tells the registry. ``version`` grows with each change."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.jobs: dict[str, Job] = {}
        self.version = 0
        self._others: OrderedDict[tuple[str, int | None], Job] = OrderedDict()
        self._listeners: list[Callable[[], None]] = []
        self._by_age: tuple[int, list[Job]] = (-1, [])
        self._mentions: tuple[int, Mentions] = (-1, Mentions())

    async def load(self) -> None:
        """Read every live job. Called once, before anything else runs."""
        self.jobs = {job.id: job for job in await stored.live(self._db)}
        self.version += 1

    def by_age(self) -> list[Job]:
        """The live jobs, the oldest first; not to be changed. Sorted again after a change only."""
        if self._by_age[0] != self.version:
            self._by_age = (self.version, sorted(self.jobs.values(), key=lambda job: (job.created_at, job.id)))
        return self._by_age[1]

    def mentions(self) -> Mentions:
        """Which live jobs name what; not to be changed. Found again after a change only."""
        if self._mentions[0] != self.version:
            self._mentions = (self.version, _mentions(self.by_age()))
        return self._mentions[1]

    def add(self, job: Job) -> None:
        """Take note of a job that has just been stored, new or changed in place. What is older than what is known is not."""
        known = self.jobs.get(job.id)
        if known is not None and known.version > job.version:
            return
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
        version, live = self.version, await stored.live_versions(self._db)
        known = {job_id: job.version for job_id, job in self.jobs.items()}
        found = [await stored.get(self._db, job_id) for job_id in sorted(live) if live[job_id] > known.get(job_id, 0)]
        if self.version != version:
            return
        for job in found:
            if job is not None:
                self.add(job)
        for job_id in self.jobs.keys() - live.keys() - {job.id for job in found if job is not None}:
            self.remove(job_id)

    async def job(self, job_id: str, version: int | None = None) -> Job | None:
        """The job of that id, archived or not, with the tasks that it had in a version (None: that it has)."""
        live = self.jobs.get(job_id)
        if live is not None and version in {None, live.version}:
            return live
        known = self._others.get((job_id, version))
        if known is not None:
            return known
        job = await stored.get(self._db, job_id, archived=True, version=version)
        if job is not None:
            self._others[job_id, version] = job
            while len(self._others) > _KEPT:
                self._others.popitem(last=False)
        return job


def _mentions(jobs: list[Job]) -> Mentions:
    found = Mentions(by_task={}, by_initiator={})
    for job in jobs:
        for kind in {task.type for task in job.tasks}:
            found.by_task.setdefault(kind, []).append(job)
        for name in {each.name.lower() for each in job.initiators if each.type == EXTERNAL and each.name}:
            found.by_initiator.setdefault(name, []).append(job)
    return found
