"""How many confirmations of its request a task has, needs, and still lacks.

The block that holds the request counts as the first. Runs that were not started by a log need none.
"""

from __future__ import annotations

import msgspec

from adyton.domain.runs import Run, TaskRun


class Depth(msgspec.Struct, frozen=True):
    """``confirmations`` is what a task run shows: capped by what it needs, never negative (v0.6.2 let it wrap)."""

    confirmations: int | None
    wake_height: int | None
    """The head at which the task may start; None when it may start now."""


NOTHING_NEEDED = Depth(None, None)


def count(creation_height: int, height: int) -> int:
    """Confirmations of a block at a head of that height."""
    return max(0, height - creation_height + 1)


def depth(run: Run, task: TaskRun, height: int | None) -> Depth:
    """Whether the task may start at a head of that height. As v0.6.2: a height or a minimum that is unknown asks for
    nothing."""
    needed = task.minimum_confirmations
    if needed is None or run.creation_height is None or height is None:
        return NOTHING_NEEDED
    reached = count(run.creation_height, height)
    wake = None if reached >= needed else run.creation_height + needed - 1
    return Depth(min(reached, needed), wake)
