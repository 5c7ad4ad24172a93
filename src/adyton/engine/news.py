"""What an explorer hears of runs: statements for the write that changes them, so that nothing is told that is not so, and
nothing is left out, whenever the node ends."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from adyton.domain import explorer
from adyton.domain.chain import Address, Hash
from adyton.domain.runs import Run
from adyton.engine.jobs import JobRegistry
from adyton.storage import sync_events
from adyton.storage.database import Statement


class RunNews(Protocol):
    """Knows what is to be told of a change."""

    def saved(self, runs: Collection[Run]) -> tuple[Statement, ...]:
        """Of runs that the write stores, as they are."""
        ...

    def moved(self, run_ids: Collection[str], now: int) -> tuple[Statement, ...]:
        """Of runs that the write may change at a time (microseconds) without reading them; behind those statements."""
        ...

    def moved_with(self, requests: Collection[tuple[Address, Hash]], now: int) -> tuple[Statement, ...]:
        """The same of the runs of requests, by contract and request id."""
        ...


class NoNews:
    """There is no explorer, and nothing is written for one."""

    def saved(self, runs: Collection[Run]) -> tuple[Statement, ...]:  # noqa: ARG002 - as the protocol
        """Nothing."""
        return ()

    def moved(self, run_ids: Collection[str], now: int) -> tuple[Statement, ...]:  # noqa: ARG002 - as the protocol
        """Nothing."""
        return ()

    def moved_with(self, requests: Collection[tuple[Address, Hash]], now: int) -> tuple[Statement, ...]:  # noqa: ARG002 - as above
        """Nothing."""
        return ()


NO_NEWS: RunNews = NoNews()


class ExplorerNews:
    """There is an explorer."""

    def __init__(self, jobs: JobRegistry) -> None:
        self._jobs = jobs

    def saved(self, runs: Collection[Run]) -> tuple[Statement, ...]:
        """A snapshot of each."""
        return (sync_events.insert([(run.id, run.updated_at, self._message(run)) for run in runs]),) if runs else ()

    def moved(self, run_ids: Collection[str], now: int) -> tuple[Statement, ...]:
        """That they changed."""
        return (sync_events.of_runs(run_ids, now),) if run_ids else ()

    def moved_with(self, requests: Collection[tuple[Address, Hash]], now: int) -> tuple[Statement, ...]:
        """That they changed."""
        return (sync_events.of_requests(requests, now),) if requests else ()

    def _message(self, run: Run) -> str:
        """Of a job that is not at hand nothing yet: the message is made when it is sent."""
        job = self._jobs.jobs.get(run.job_id)
        started_by = next((each.type for each in job.initiators if each.id == run.initiator_id), None) if job else None
        return "" if started_by is None else explorer.message(run, started_by)
