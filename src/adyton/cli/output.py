"""What is printed: boxes in the manner of v0.6.2, JSON as the node sent it.

What the node answers can hold anything that an HTTP source or a requester said, so control characters never reach the
terminal.
"""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Sequence

import click
import msgspec

WRAP = 30
"""Cells wrap at this width, on blanks, as in v0.6.2."""
_NARROWEST = 8
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def write_json(raw: bytes) -> None:
    """Print JSON, indented; numbers stay as they were written."""
    click.echo(msgspec.json.format(raw, indent=2))


def write_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, wrap: int | None = WRAP) -> None:
    """Print a table, not wider than the terminal if there is one."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    click.echo(table(title, columns, rows, wrap=wrap, width=width))


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, wrap: int | None = WRAP, width: int | None = None
) -> str:
    """A box. ``wrap``: where long cells break, on blanks only; ``width``: the most that a line may take."""
    heads = [column.upper() for column in columns]
    cells = [[clean(cell) for cell in row] for row in rows]
    lines = [[_broken(cell, wrap) for cell in row] for row in cells]
    widths = [max(map(len, [head, *(line for row in lines for line in row[i])])) for i, head in enumerate(heads)]
    if width is not None and _total(widths) > width:
        widths = _fitted(widths, width)
        lines = [[_broken(cell, size, hard=True) for cell, size in zip(row, widths, strict=True)] for row in cells]
    rule = "╬" + "╬".join("═" * (size + 2) for size in widths) + "╬"
    titles = [_broken(head, size, hard=True) for head, size in zip(heads, widths, strict=True)]
    drawn = [f"╔ {clean(title)}", rule, *_row(titles, widths, centre=True), rule]
    for row in lines:
        drawn += [*_row(row, widths), rule]
    return "\n".join(drawn)


def clean(text: str) -> str:
    """A text without anything that could move the cursor or change the direction of writing."""
    return _CONTROL.sub("�", text)


def _broken(cell: str, size: int | None, *, hard: bool = False) -> list[str]:
    lines = cell.split("\n")
    if size is None:
        return lines
    return [
        part for line in lines for part in textwrap.wrap(line, size or 1, break_long_words=hard, break_on_hyphens=False) or [""]
    ]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + 3 * len(widths) + 1


def _fitted(widths: Sequence[int], width: int) -> list[int]:
    """Take from the widest until it fits, or until nothing is left to take."""
    fitted = list(widths)
    while _total(fitted) > width and max(fitted) > _NARROWEST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _row(cells: Sequence[Sequence[str]], widths: Sequence[int], *, centre: bool = False) -> list[str]:
    height = max(map(len, cells), default=1)
    padded = [[*cell, *[""] * (height - len(cell))] for cell in cells]
    lines = ([_aligned(cell[i], size, centre=centre) for cell, size in zip(padded, widths, strict=True)] for i in range(height))
    return ["║" + "║".join(f" {part} " for part in line) + "║" for line in lines]


def _aligned(text: str, size: int, *, centre: bool) -> str:
    if centre:
        return text.center(size)
    return text.rjust(size) if _NUMBER.fullmatch(text) else text.ljust(size)
