"""How long a run may wait, and what is said of one that has waited too long."""

from __future__ import annotations

from typing import NamedTuple

from adyton.config.parsers import show_duration
from adyton.domain.runs import Run, RunStatus
from adyton.domain.times import rfc3339

BRIDGE, PENDING = "BRIDGE_ANSWER_DEADLINE", "RUN_PENDING_DEADLINE"
_FOREVER = 0.0


class Deadlines(NamedTuple):
    """Seconds that a run may wait for a bridge's answer, and for confirmations or a connection; 0: for ever."""

    bridge: float = _FOREVER
    pending: float = _FOREVER

    def due_at(self, status: RunStatus, now: int) -> int | None:
        """When a wait that begins now is given up (microseconds), or None. A sleep that does not say when it ends, ends."""
        if status is RunStatus.PENDING_SLEEP:
            return now
        seconds = self.bridge if status is RunStatus.PENDING_BRIDGE else self.pending
        return None if seconds <= 0 or not status.pending else now + round(seconds * 1_000_000)

    def complaint(self, run: Run) -> str:
        """Why a run that waits is given up: what it waited for, and how long."""
        return f"{_missed(run)} {self._limit(run)}"

    def _limit(self, run: Run) -> str:
        task = run.next_task()
        if task is not None and task.wake_at is not None:
            return f"until {rfc3339(task.wake_at)}"  # the task itself said when
        name, seconds = (BRIDGE, self.bridge) if run.status is RunStatus.PENDING_BRIDGE else (PENDING, self.pending)
        # A deadline is written with the wait that it ends; the setting may have been taken back since.
        return f"within {show_duration(seconds)} ({name})" if seconds > 0 else f"in time ({name}, as it was then)"


def _missed(run: Run) -> str:
    task = run.next_task()
    named = "its task" if task is None else task.spec.type
    match run.status:
        case RunStatus.PENDING_BRIDGE:
            return f"no answer from bridge {named}"
        case RunStatus.PENDING_CONNECTION:
            return f"{named} had no connection to the chain"
        case _ if task is not None and task.status.pending:
            return f"nothing confirmed {named}"
        case _:
            needed = None if task is None else task.minimum_confirmations
            return f"its request did not get the {needed or 'needed'} confirmations of {named}"
