"""What the jobs of a moment listen to."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from adyton.domain.chain import Address, LogFilter
from adyton.domain.jobs import Job
from adyton.domain.log_filters import takes_everything, wanted_logs
from adyton.engine.jobs import JobRegistry
from adyton.initiators.routes import Routes
from adyton.ports import Clock
from adyton.storage import logs as stored
from adyton.storage.database import Database

log = structlog.get_logger(__name__)


class Ears(msgspec.Struct, frozen=True):
    """What the jobs of one moment listen to; ``filters`` is empty when no job does."""

    routes: Routes
    filters: tuple[LogFilter, ...] = ()


class Listening:
    """The jobs as log intake needs them, made again when they change. ``own``: contracts that are listened to in any case.

    Archived jobs are listened for as long as they have runs under way: a reorganisation may move what those were asked.
    """

    def __init__(self, *, db: Database, clock: Clock, jobs: JobRegistry, own: Sequence[Address] = ()) -> None:
        self._db = db
        self._clock = clock
        self._jobs = jobs
        self._own = own
        self._version = self._looked_up = -1
        self._lingering: list[Job] = []
        self._ears = Ears(Routes(()))
        self._expensive = False

    def now(self) -> Ears:
        """The same object as long as the jobs are the same."""
        if self._version != self._jobs.version:
            self._listen()
        return self._ears

    async def refresh(self) -> Ears:
        """As ``now``, after a look at which archived jobs are still under way, if the jobs have changed. Raises
        StorageUnavailable."""
        version = self._jobs.version
        if self._looked_up != version:
            found = [await self._jobs.job(job_id) for job_id in await stored.lingering(self._db, self._clock.now())]
            lingering = [job for job in found if job is not None]
            if lingering != self._lingering:
                self._lingering, self._version = lingering, -1
            self._looked_up = version
        return self.now()

    def _listen(self) -> None:
        live = self._jobs.jobs.values()
        lingering = [job for job in self._lingering if job.id not in self._jobs.jobs]
        self._ears = Ears(Routes(live, self._own, lingering), wanted_logs((*live, *lingering), self._own))
        self._version = self._jobs.version
        expensive = takes_everything(self._ears.filters)
        if expensive and not self._expensive:
            log.warning(
                "every log of the chain is read, because an ethlog initiator names neither an address nor topics; on a busy "
                "chain that is more than an Ethereum node may answer",
                jobs=[job.id for job in live if takes_everything(wanted_logs([job]))],
            )
        self._expensive = expensive
