"""A job, an initiator and a request become a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from adyton.domain import confirmations, data, evm
from adyton.domain.chain import Log
from adyton.domain.errors import Invalid, Refused
from adyton.domain.fates import SENDING
from adyton.domain.jobs import Initiator, Job
from adyton.domain.requests import RunLog
from adyton.domain.runs import Run, RunRequest, RunStatus, TaskRun, moved
from adyton.domain.times import go_time
from adyton.engine.deadlines import Deadlines


class TaskTypes(Protocol):
    """What creating a run asks of the adapters."""

    @property
    def version(self) -> int:
        """Grows whenever one of the answers below may have changed: a bridge was made, changed or deleted."""
        ...

    def check(self, task_type: str, params: dict[str, object]) -> None:
        """Raises Invalid when the type is unknown or its params cannot be read."""
        ...

    def cost(self, task_type: str) -> int:
        """Juels that a task of that type asks for."""
        ...

    def min_confirmations(self, task_type: str) -> int:
        """Confirmations that a task of that type needs at least."""
        ...


class RunRules(msgspec.Struct, frozen=True, kw_only=True):
    """Settings that decide about new runs. ``minimum_contract_payment`` is in juels."""

    minimum_contract_payment: int
    deadlines: Deadlines = Deadlines()


class OutsideWindow(Refused):
    """The job has not started yet, or has ended."""

    usual = "ADY-0302"


class RunSource(msgspec.Struct, frozen=True, kw_only=True):
    """What a run starts from. ``given`` is the input as parsed JSON, ``text`` its text when it is not an object; ``error``
    makes the run errored from the start; ``height`` is the request's block, ``head`` the newest block known."""

    given: object
    text: str | None = None
    error: str | None = None
    payment: int | None = None
    height: int | None = None
    head: int | None = None
    request: RunRequest | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the runs of one job have in common. ``cost`` is in juels; ``error`` is the complaint of the first task that
    cannot be built; ``version`` is that of the task types it was made with."""

    job: Job
    version: int
    error: str | None
    cost: int
    off_chain: tuple[TaskRun, ...]
    on_chain: tuple[TaskRun, ...]


class RunMaker:
    """Makes runs: pure but for the id and the time, which come through the functions it is given."""

    def __init__(self, *, types: TaskTypes, rules: RunRules, new_id: Callable[[], str], now: Callable[[], int]) -> None:
        self._types = types
        self._rules = rules
        self._new_id = new_id
        self._now = now
        self._plans: dict[str, Plan] = {}

    def new_run(self, job: Job, initiator: Initiator, source: RunSource) -> Run:
        """A run ready to be stored: in progress, waiting for confirmations, or errored (as v0.6.2, such runs are kept).

        Raises OutsideWindow before the job's start or after its end; then there is no run.
        """
        now = self._now()
        _check_window(job, now)
        plan = self._plan(job)
        run = Run(
            id=self._new_id(),
            job_id=job.id,
            initiator_id=initiator.id,
            status=RunStatus.UNSTARTED,
            tasks=plan.off_chain if source.height is None else plan.on_chain,
            created_at=now,
            updated_at=now,
            input=source.given if isinstance(source.given, dict) else None,
            input_text=source.text if source.text is not None else _text(source.given),
            input_error=source.error,
            payment=source.payment,
            creation_height=source.height,
            observed_height=max(source.height, source.head or 0) if source.height is not None else None,
            request=source.request,
            job_version=job.version,
        )
        # As v0.6.2, the later complaint is the one shown.
        error = plan.error or _underpaid(job, plan.cost, source.payment) or source.error
        return self._started(run, error, now)

    def from_log(self, job: Job, initiator: Initiator, log: Log, found: RunLog, head: int) -> Run:
        """The run that a request log asks for; errored from the start when the request may not be served."""
        error = found.error
        if initiator.requesters and found.requester not in initiator.requesters:
            error = f"Run Log didn't have have a valid requester: {evm.checksum(found.requester)}"
        source = RunSource(
            given=found.data,
            error=error,
            payment=found.payment,
            height=log.block_number,
            head=head,
            request=RunRequest(
                contract=log.address,
                request_id=found.request_id,
                requester=found.requester,
                transaction_hash=log.transaction_hash,
                block_hash=log.block_hash,
                log_index=log.log_index,
            ),
        )
        return self.new_run(job, initiator, source)

    def cost(self, job: Job) -> int | None:
        """Juels that a request of the job must pay now; None when one of its tasks cannot be built."""
        plan = self._plan(job)
        return None if plan.error else plan.cost

    def _plan(self, job: Job) -> Plan:
        """What every run of the job starts with, worked out once: runs share these frozen task runs."""
        plan = self._plans.get(job.id)
        if plan is None or plan.job is not job or plan.version != self._types.version:
            plan = self._plans[job.id] = self._make_plan(job)
        return plan

    def _make_plan(self, job: Job) -> Plan:
        minimums: list[int | None] = [None] * len(job.tasks)
        error = None
        for position, spec in enumerate(job.tasks):
            try:
                self._types.check(spec.type, spec.params)
            except Invalid as fault:
                error = str(fault)
                break  # as v0.6.2: the tasks behind it have no minimum
            minimums[position] = max(self._types.min_confirmations(spec.type), spec.confirmations or 0)
        return Plan(
            job=job,
            version=self._types.version,
            error=error,
            cost=0 if error else self._cost(job),
            off_chain=tuple(TaskRun(position=n, spec=spec) for n, spec in enumerate(job.tasks)),
            on_chain=tuple(
                TaskRun(position=n, spec=spec, minimum_confirmations=minimums[n]) for n, spec in enumerate(job.tasks)
            ),
        )

    def _cost(self, job: Job) -> int:
        """What the job asks for, else the node's minimum for each task that sends (as v0.6.2); and what bridges ask for."""
        answers = [spec.type for spec in job.tasks if spec.type in SENDING]
        others = [spec.type for spec in job.tasks if spec.type not in SENDING]
        least = job.min_payment if job.min_payment is not None else sum(map(self._types.cost, answers))
        return least + sum(map(self._types.cost, others))

    def _started(self, run: Run, error: str | None, now: int) -> Run:
        if error is not None:
            return moved(run, RunStatus.ERRORED, now, error=error)
        depth = confirmations.depth(run, run.tasks[0], run.observed_height)
        if depth.wake_height is None:
            return moved(run, RunStatus.IN_PROGRESS, now)
        waits = RunStatus.PENDING_CONFIRMATIONS
        return moved(run, waits, now, wake_height=depth.wake_height, due_at=self._rules.deadlines.due_at(waits, now))


def _underpaid(job: Job, cost: int, payment: int | None) -> str | None:
    """Only a request on chain pays, so only it is weighed. As v0.6.2, in LINK and in juels; that
    version named its setting, whatever the job cost."""
    if payment is None or payment >= cost:
        return None
    return f"Rejecting job {job.id} with payment {evm.eighteen(payment)} below minimum threshold ({cost})"


def _check_window(job: Job, now: int) -> None:
    if job.start_at is not None and now < job.start_at:
        raise OutsideWindow(
            f"Job runner: Job {job.id} unstarted: {go_time(now)} before job's start time {go_time(job.start_at)}",
            code="ADY-0302",
        )
    if job.end_at is not None and now > job.end_at:
        raise OutsideWindow(
            f"Job runner: Job {job.id} ended: {go_time(now)} past job's end time {go_time(job.end_at)}", code="ADY-0302"
        )


def _text(given: object) -> str | None:
    return None if isinstance(given, dict) else data.encode(given)
