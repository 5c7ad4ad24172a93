"""What a job earns and costs, as sums and as bars. The numbers are the API's; here they are added up and scaled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Json = Mapping[str, Any]
HEIGHT = 48
"""Units of the drawing."""


class Sum(NamedTuple):
    """What was earned (juels) and spent (wei) in a while, and by how many runs."""

    title: str
    earned: int
    spent: int
    runs: int


class Bar(NamedTuple):
    """A day: where its bar is in the drawing, and what it stands for."""

    x: int
    y: float
    height: float
    start: str
    amount: int


class Money(NamedTuple):
    """The sums, the bars of each day, and the days themselves, the newest first."""

    sums: tuple[Sum, ...]
    earned: tuple[Bar, ...]
    spent: tuple[Bar, ...]
    days: tuple[Json, ...]


def balance(hours: Sequence[Json], days: Sequence[Json]) -> Money:
    """From the last 24 hours and the last 30 days, the oldest first."""
    sums = (_sum("Last 24 hours", hours), _sum("Last 30 days", days))
    told = tuple(day for day in reversed(days) if int(day["linkEarned"]) or int(day["gasSpent"]) or day["runs"])
    return Money(sums, _bars(days, "linkEarned"), _bars(days, "gasSpent"), told)


def _sum(title: str, steps: Sequence[Json]) -> Sum:
    earned, spent = (sum(int(step[name]) for step in steps) for name in ("linkEarned", "gasSpent"))
    return Sum(title, earned, spent, sum(int(step["runs"]) for step in steps))


def _bars(days: Sequence[Json], name: str) -> tuple[Bar, ...]:
    amounts = [int(day[name]) for day in days]
    most = max(amounts, default=0)
    bars = []
    for place, (day, amount) in enumerate(zip(days, amounts, strict=True)):
        # The least that can be seen is a line: of an empty day, and of one with very little.
        height = max(1.0, round(HEIGHT * amount / most, 1)) if amount > 0 else 1.0
        bars.append(Bar(place * 10, HEIGHT - height, height, day["start"], amount))
    return tuple(bars)
