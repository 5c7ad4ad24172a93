"""A run's tasks over time: bars for the eye and the same in numbers, from what the API says of a run in detail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from adyton.web.ui.api import Json
from adyton.web.ui.formats import instant, span

WIDTH = 1000
"""Units of the drawing from the run's beginning to its end."""
_NARROWEST = 4
_KINDS = {"completed": "good", "errored": "bad", "cancelled": "off"}


class Bar(NamedTuple):
    """A stretch of time; ``kind`` is wait (for confirmations, before the task), call (an HTTP exchange), or how the task
    stands."""

    x: float
    width: float
    kind: str


class Row(NamedTuple):
    """A task. Seconds: when it began after the run did, how long it waited for confirmations before, how long it took so far;
    None where that is not known."""

    bars: tuple[Bar, ...]
    began: float | None
    waited: float | None
    took: float | None


class Waterfall(NamedTuple):
    """The tasks, in the order of the run; ``ticks`` are an axis' words at its quarters, empty where there are no times."""

    rows: Sequence[Row]
    seconds: float
    ticks: tuple[str, ...]


def waterfall(trace: Json, now: datetime) -> Waterfall:
    """What is known of a run's times at ``now``."""
    start = instant(trace["createdAt"])
    end = max(instant(trace["finishedAt"]) if trace["finishedAt"] else now, start)
    seconds = (end - start).total_seconds()
    rows, before = [], start
    for task in trace["tasks"]:
        rows.append(_row(trace, task, start, before, end))
        before = instant(task["finishedAt"]) if task["finishedAt"] else before
    known = any(row.bars for row in rows)
    return Waterfall(rows, seconds, tuple(_tick(seconds * part / 4) for part in range(5)) if known else ())


def _tick(seconds: float) -> str:
    return "0" if not seconds else span(seconds)


def _row(trace: Json, task: Json, start: datetime, before: datetime, end: datetime) -> Row:
    scale = _Scale(start, end)
    if task["startedAt"] is None:
        if not _gated(trace, task):
            return Row((), None, None, None)
        return Row((scale.bar(before, end, "wait"),), None, (end - before).total_seconds(), None)
    began = instant(task["startedAt"])
    ended = instant(task["finishedAt"]) if task["finishedAt"] else end
    waited = (began - before).total_seconds() if task["minimumConfirmations"] and began > before else None
    bars = [scale.bar(before, began, "wait")] if waited is not None else []
    bars.append(scale.bar(began, ended, _KINDS.get(task["status"], "busy")))
    bars += [scale.bar(*_call(each), "call") for each in task["exchanges"]]
    return Row(tuple(bars), (began - start).total_seconds(), waited, max(0.0, (ended - began).total_seconds()))


def _gated(trace: Json, task: Json) -> bool:
    """Whether the run waits for the confirmations of a task that has not begun."""
    return trace["wakeHeight"] is not None and task is next(each for each in trace["tasks"] if each["startedAt"] is None)


def _call(exchange: Json) -> tuple[datetime, float]:
    return instant(exchange["startedAt"]), exchange["ms"] / 1000


class _Scale:
    def __init__(self, start: datetime, end: datetime) -> None:
        self._start = start
        self._unit = WIDTH / ((end - start).total_seconds() or 1)

    def bar(self, begin: datetime, end: datetime | float, kind: str) -> Bar:
        """The stretch from ``begin`` to a time, or of a length in seconds; inside the drawing, and wide enough to be seen."""
        x = min(max(0.0, (begin - self._start).total_seconds() * self._unit), WIDTH - _NARROWEST)
        length = end if isinstance(end, float) else (end - begin).total_seconds()
        width = min(max(_NARROWEST, length * self._unit), WIDTH - x)
        return Bar(round(x, 2), round(width, 2), kind)
