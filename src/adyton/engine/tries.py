"""A run that is only tried: its tasks are performed as those of any run are, nothing is stored, and nothing is sent.

What would change something outside is not done unless it is allowed: the trial stops there and says what would be asked, or
goes on with a stand-in for the answer. What a run would wait for, other than the end of a sleep, ends the trial too.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from adyton.adapters.base import Adapter, Asking, Question, TaskContext
from adyton.adapters.http import HttpAdapter
from adyton.domain.data import MergeError
from adyton.domain.errors import Invalid
from adyton.domain.exchanges import Exchange
from adyton.domain.runs import Completed, Data, Errored, Outcome, Run, RunStatus, Sends, TaskRun, Waits, after, woken
from adyton.domain.times import rfc3339
from adyton.domain.transactions import Transaction, TransactionRequest
from adyton.engine.inputs import task_input
from adyton.engine.perform import Performer
from adyton.ports import Clock

_MILLI, _SECOND = 1000, 1_000_000


class StepStatus(StrEnum):
    """What came of a task."""

    COMPLETED = "completed"
    ERRORED = "errored"
    GIVEN = "given"
    """A stand-in was given for what it would have answered."""
    HELD = "held"
    """It was not done, because it would have changed something outside."""
    PENDING = "pending"
    """A run would wait here."""
    UNREACHED = "not reached"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One task of the trial: what it was given and left, and how many milliseconds it took. ``note`` is for people;
    ``question`` is what it would ask of the world, ``exchanges`` are the HTTP exchanges that it had, ``sends`` is the
    transaction that it would send."""

    position: int
    type: str
    came: StepStatus
    input: Data
    params: Data | None = None
    output: Data | None = None
    error: str | None = None
    ms: float = 0.0
    note: str = ""
    status: RunStatus = RunStatus.UNSTARTED
    question: Question | None = None
    exchanges: tuple[Exchange, ...] = ()
    sends: TransactionRequest | None = None


class Trial:
    """``steps`` grows while it goes on, so that what was done is known when it is stopped. ``outputs`` are stand-ins by
    position."""

    def __init__(
        self, performer: Performer, clock: Clock, run: Run, *, outputs: Mapping[int, Any], bridges: bool, posts: bool
    ) -> None:
        self.run = run
        self.steps: list[Step] = []
        self._performer = performer
        self._clock = clock
        self._outputs = outputs
        self._bridges = bridges
        self._posts = posts
        self._params: Data | None = None
        self._question: Question | None = None
        self._exchanges: list[Exchange] = []

    async def go(self) -> None:
        """Perform task after task, until one stops the trial. May be cancelled at any time: nothing of it is durable. Raises
        StorageUnavailable."""
        while self.run.status is RunStatus.IN_PROGRESS and (task := self.run.next_task()) is not None:
            began = self._clock.monotonic()
            self._params = self._question = None
            self._exchanges = []
            outcome = await self._outcome(task)
            step = self._step(task, outcome, round((self._clock.monotonic() - began) * _MILLI, 1))
            self.steps.append(step)
            if step.came in {StepStatus.HELD, StepStatus.PENDING}:
                break
            self.run = self._next(task, outcome)
        self._leave()

    def stop(self, why: str) -> None:
        """Say of the task that was being done why it was not finished."""
        task = self.run.next_task()
        if task is not None and len(self.steps) == task.position:
            given = _given(self.run, task)
            had = tuple(self._exchanges)
            self.steps.append(_of(task, came=StepStatus.ERRORED, input=given, params=self._params, error=why, exchanges=had))
        self._leave()

    def _leave(self) -> None:
        for task in self.run.tasks[len(self.steps) :]:
            self.steps.append(_of(task, came=StepStatus.UNREACHED, input={}))

    # --- a task ------------------------------------------------------------------------------------------------------

    async def _outcome(self, task: TaskRun) -> Outcome:
        if task.position in self._outputs:
            stand_in = self._outputs[task.position]
            answered = stand_in if isinstance(stand_in, dict) else {"result": stand_in}
            return self._performer.bounded(
                Completed({**_given(self.run, task), **answered}), given={}, task_type=task.spec.type
            )
        return await self._performer.perform(
            self.run, task, transaction=_none, connected=True, ask=self._ask, exchanges=self._exchanges
        )

    async def _ask(self, adapter: Adapter, params: Data, before: Data, context: TaskContext) -> Outcome:
        """Put the task to its adapter, unless that would change something outside."""
        self._params = params
        if isinstance(adapter, Asking) and not self._may(adapter):
            self._question = adapter.question(params, before, context)
        if self._question is not None:
            return Waits(RunStatus.PENDING_BRIDGE, before)
        return await self._performer.ask(adapter, params, before, context)

    def _may(self, adapter: Adapter) -> bool:
        return self._posts if isinstance(adapter, HttpAdapter) else self._bridges

    def _next(self, task: TaskRun, outcome: Outcome) -> Run:
        """The run behind a task. It wakes at once from a sleep."""
        now = self._clock.now()
        run = after(self.run, task.position, outcome, now)
        return woken(run, now) if run.status is RunStatus.PENDING_SLEEP else run

    # --- what is told of it ------------------------------------------------------------------------------------------

    def _step(self, task: TaskRun, outcome: Outcome, ms: float) -> Step:
        had = tuple(self._exchanges)
        base = _of(task, came=StepStatus.COMPLETED, input=_given(self.run, task), params=self._params, ms=ms, exchanges=had)
        if task.position in self._outputs and isinstance(outcome, Completed):
            return msgspec.structs.replace(
                base, came=StepStatus.GIVEN, output=outcome.data, note="not done: its output was given"
            )
        if self._question is not None:
            note = f"would ask {self._question.whom}"
            return msgspec.structs.replace(base, came=StepStatus.HELD, question=self._question, note=note)
        match outcome:
            case Completed(data):
                return msgspec.structs.replace(base, output=data)
            case Errored(error, data):
                return msgspec.structs.replace(base, came=StepStatus.ERRORED, output=data, error=error)
            case Sends(request, data):
                note = "would send a transaction, and go on when it is safe"
                return msgspec.structs.replace(base, came=StepStatus.HELD, output=data, sends=request, note=note)
            case Waits(RunStatus.PENDING_SLEEP, data, until):
                return msgspec.structs.replace(base, output=data, note=self._slept(until))
            case Waits(status, data, _):
                note = f"a run would wait here: {status}"
                return msgspec.structs.replace(base, came=StepStatus.PENDING, output=data, status=status, note=note)

    def _slept(self, until: int | None) -> str:
        if until is None:
            return "skipped: a sleep without an end"
        seconds = max(0, until - self._clock.now()) / _SECOND
        return f"skipped: would sleep for {seconds:.0f} s, until {rfc3339(until)}"


def _of(task: TaskRun, **known: Any) -> Step:
    return Step(position=task.position, type=task.spec.type, **known)


def _given(run: Run, task: TaskRun) -> Data:
    try:
        return task_input(run, task.position)
    except (Invalid, MergeError):
        return {}


async def _none() -> Transaction | None:
    """Nothing tried has sent anything."""
    return None
