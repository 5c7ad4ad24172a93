"""sleep: the run waits until a time."""

from __future__ import annotations

import msgspec

from adyton.adapters.base import TaskContext
from adyton.adapters.params import field, read
from adyton.domain import any_time
from adyton.domain.runs import Completed, Data, Outcome, RunStatus, Waits
from adyton.ports import Clock

PARAM = "until"


class Sleep(msgspec.Struct, frozen=True):
    """The adapter. It is asked again when the time has come, and looks at the clock itself: a run that is taken up early goes
    on waiting. v0.6.2 allowed it in development mode only, and a run never ended when it was the last task (a DEFECT)."""

    clock: Clock
    name: str = "sleep"
    pure: bool = False

    def check(self, params: Data) -> None:
        """Raises Invalid for what is no time."""
        _until(params)

    async def perform(self, params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG002 - an adapter's signature
        """Completed when there is no time, or it is past."""
        until = _until(params)
        if until is None or until <= self.clock.now():
            return Completed(data)
        return Waits(RunStatus.PENDING_SLEEP, data, until)


def _until(params: Data) -> int | None:
    """Microseconds since the epoch."""
    return read(PARAM, lambda: any_time.parse(field(params, PARAM)), code="ADY-0290")
