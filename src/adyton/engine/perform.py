"""One task, from what it is given to what it answers: the same for a run and for one that is only tried."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias, cast

import structlog

from adyton.adapters.base import ActiveAdapter, Adapter, PureAdapter, TaskContext
from adyton.adapters.params import task_params
from adyton.domain.data import MergeError
from adyton.domain.errors import Invalid, StorageUnavailable
from adyton.domain.exchanges import Exchange
from adyton.domain.requests import reserved_keys
from adyton.domain.runs import Data, Errored, Outcome, Run, TaskRun
from adyton.domain.transactions import Transaction
from adyton.engine.inputs import present_input, run_input
from adyton.engine.limits import bounded
from adyton.metrics import Metrics
from adyton.ports import Clock

log = structlog.get_logger(__name__)

Ask: TypeAlias = Callable[[Adapter, Data, Data, TaskContext], Awaitable[Outcome]]
"""Puts a task to its adapter: params, data, where it stands."""


class Adapters(Protocol):
    """Finds the adapter of a task type."""

    def find(self, task_type: str) -> Adapter:
        """Raises Invalid when there is none."""
        ...


class Performer:
    """Performs tasks. ``data_limit`` is the most bytes of data that one may leave."""

    def __init__(
        self, *, adapters: Adapters, clock: Clock, metrics: Metrics, requester_wins: bool = False, data_limit: int
    ) -> None:
        self._adapters = adapters
        self._clock = clock
        self._task_seconds = metrics.task_seconds
        self._requester_wins = requester_wins
        self._data_limit = data_limit

    def is_pure(self, task: TaskRun) -> bool:
        """Whether the task touches nothing; one without an adapter does not."""
        try:
            return self._adapters.find(task.spec.type).pure
        except Invalid:
            return True

    def bounded(self, outcome: Outcome, *, given: Data, task_type: str) -> Outcome:
        """The outcome within the bounds of what a task may leave."""
        return bounded(outcome, given=given, task_type=task_type, limit=self._data_limit)

    async def perform(
        self,
        run: Run,
        task: TaskRun,
        *,
        transaction: Callable[[], Awaitable[Transaction | None]],
        connected: bool,
        ask: Ask | None = None,
        exchanges: list[Exchange] | None = None,
    ) -> Outcome:
        """What the task answers, within the bounds of what it may leave. Never raises for what a job or a source can do wrong;
        the data are kept with an error. ``transaction`` finds the task's own, ``ask`` puts the task to its adapter (None: as it
        is); HTTP exchanges are added to ``exchanges``. Raises StorageUnavailable."""
        before: Data = {}
        try:
            adapter = self._adapters.find(task.spec.type)
            given = run_input(run)
            before = present_input(run, task)
            reserved = reserved_keys(run.request)
            params = task_params(task.spec.params, given, reserved, kind=task.spec.type, requester_wins=self._requester_wins)
            context = TaskContext(
                run_id=run.id,
                position=task.position,
                status=task.status,
                transaction=await transaction(),
                connected=connected,
                spec=task.spec.params,
                exchanges=exchanges,
            )
            outcome = await (ask or self.ask)(adapter, params, before, context)
            return self.bounded(outcome, given=before, task_type=adapter.name)
        except (Invalid, MergeError) as fault:
            return Errored(str(fault), before)
        except StorageUnavailable:
            raise
        except Exception:
            # A defect of ours in an adapter must fail its run, visibly, and nothing else.
            log.exception("a task failed in a way that it must not", run=run.id, job=run.job_id, task=task.spec.type)
            return Errored(f"{task.spec.type} failed: internal error", before)

    async def ask(self, adapter: Adapter, params: Data, before: Data, context: TaskContext) -> Outcome:
        """What the adapter answers. Raises what adapters raise."""
        if adapter.pure:
            return cast("PureAdapter", adapter).perform(params, before, context)
        began = self._clock.monotonic()
        try:
            return await cast("ActiveAdapter", adapter).perform(params, before, context)
        finally:
            self._task_seconds.labels(adapter.name).observe(self._clock.monotonic() - began)
