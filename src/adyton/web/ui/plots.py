"""Small plots as paths of an SVG, for pages without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

WIDTH, HEIGHT = 600, 120
"""Of the drawing; it is stretched to its place."""
_GAP = 0.25
"""Share of its step that a bar leaves empty."""

Row = Mapping[str, Any]


class Plot(NamedTuple):
    """What to draw: a path for each name, in order, and the highest value (the upper edge)."""

    paths: tuple[tuple[str, str], ...]
    most: float


def lines(rows: Sequence[Row], names: Sequence[str]) -> Plot:
    """A line for each name, broken where there is no value; a value that stands alone is a short stroke."""
    most = max((row[name] for row in rows for name in names if row[name] is not None), default=0)
    return Plot(tuple((name, _line([row[name] for row in rows], most)) for name in names), most)


def bars(rows: Sequence[Row], names: Sequence[str]) -> Plot:
    """The values of each row stacked, the first at the bottom."""
    most = max((sum(row[name] for name in names) for row in rows), default=0)
    below, paths = [0] * len(rows), []
    for name in names:
        values = [row[name] for row in rows]
        paths.append((name, _bars(values, below, most)))
        below = [low + value for low, value in zip(below, values, strict=True)]
    return Plot(tuple(paths), most)


def _line(values: Sequence[float | None], most: float) -> str:
    step, words, before = WIDTH / max(1, len(values)), list[str](), None
    for index, value in enumerate(values):
        if value is not None:
            x, y = (index + 0.5) * step, _height(value, most)
            words.append(f"{'M' if before is None else 'L'}{x:.1f} {y:.1f}")
            alone = before is None and (index + 1 == len(values) or values[index + 1] is None)
            words += [f"h{step / 4:.1f}"] if alone else []
        before = value
    return "".join(words)


def _bars(values: Sequence[int], below: Sequence[int], most: float) -> str:
    step = WIDTH / max(1, len(values))
    wide = step * (1 - _GAP)
    return "".join(
        f"M{index * step + step * _GAP / 2:.1f} {_height(low, most):.1f}"
        f"h{wide:.1f}V{_height(low + value, most):.1f}h-{wide:.1f}z"
        for index, (value, low) in enumerate(zip(values, below, strict=True))
        if value
    )


def _height(value: float, most: float) -> float:
    return HEIGHT - value / most * (HEIGHT - 4) if most else HEIGHT
