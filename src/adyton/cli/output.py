"""What is printed: boxes in the manner of v0.6.2, JSON as the node sent it, or the same as YAML.

What the node answers can hold anything that an HTTP source or a requester said, so what could drive the terminal never reaches
it: in tables it becomes a question mark in a box, in JSON and YAML it is escaped.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import click
import msgspec

from adyton.cli import cells
from adyton.cli.cells import Break, clean
from adyton.cli.everywhere import wishes

__all__ = ["PAPER", "Screen", "clean", "table", "write_items", "write_json", "write_table"]

WRAP = 30
"""Cells wrap at this width, on blanks, as in v0.6.2."""
_NARROWEST = 8
_WORD = 66
"""A word is kept whole up to this width: a hash."""
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")

_RED, _GREEN, _YELLOW = "\x1b[31m", "\x1b[32m", "\x1b[33m"
_PLAIN = "\x1b[0m"
_COLOURED = frozenset({"STATUS", "STATE", "FATE"})
"""Columns whose cells say how something is."""
_COLOURS = (
    (_RED, re.compile(r"errored|failing|fatal_error|refused|expired|unaccounted|blocked|wrong", re.IGNORECASE)),
    (_GREEN, re.compile(r"completed|passing|answered|confirmed|safe|active|ok", re.IGNORECASE)),
    (_YELLOW, re.compile(r"pending\w*|in.progress|unstarted|unconfirmed|waiting|warning", re.IGNORECASE)),
)


class Screen(NamedTuple):
    """What is printed on: its columns, None if it is no terminal, and whether it shows colours."""

    width: int | None = None
    colour: bool = False


PAPER = Screen()
"""A file, a pipe: nothing has to fit."""


def write_json(raw: bytes) -> None:
    """Print JSON, indented; numbers stay as they were written. Or the same as YAML, if that was asked for."""
    if wishes().form == "yaml":
        from adyton.cli.yaml import from_json

        click.echo(from_json(raw), nl=False)
    else:
        click.echo(cells.escaped(msgspec.json.format(raw, indent=2).decode()))


def write_items(items: Iterable[bytes]) -> None:
    """Print an array of JSON, or YAML, item by item as they come."""
    if wishes().form == "yaml":
        from adyton.cli.yaml import from_json

        lines = (from_json(b"[" + item + b"]") for item in items)
        first = next(lines, "[]\n")
        for line in chain([first], lines):
            click.echo(line, nl=False)
        return
    mark = "["
    for item in items:
        formatted = cells.escaped(msgspec.json.format(item, indent=2).decode())
        click.echo(mark + "\n  " + formatted.replace("\n", "\n  "), nl=False)
        mark = ","
    click.echo("[]" if mark == "[" else "\n]")


def write_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, wrap: int | None = WRAP) -> None:
    """Print a table, not wider than the terminal if there is one."""
    click.echo(table(title, columns, rows, wrap=wrap, screen=_screen()), color=True)


def table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    wrap: int | None = WRAP,
    screen: Screen = PAPER,
) -> str:
    """A box. ``wrap``: where long cells break, on blanks only.

    What does not fit on the screen is narrowed where words may break. If an id or a URL would have to break for it, each row
    becomes a block of its own with a line for each column, so that one can still copy them.
    """
    heads = [clean(column).upper() for column in columns]
    texts = [[clean(cell) for cell in row] for row in rows]
    broken = [[cells.lines(cell, wrap) for cell in row] for row in texts]
    widths = [max(map(cells.width, [head, *_column(broken, i)])) for i, head in enumerate(heads)]
    names = [[head] for head in heads]
    if screen.width is not None and _total(widths) > screen.width:
        floors = [min(max(map(cells.least, [head, *(row[i] for row in texts)])), _WORD) for i, head in enumerate(heads)]
        if _total(floors) > screen.width and len(heads) > 2:
            return _upright(clean(title), heads, texts, screen)
        if _total(floors) > screen.width:
            floors = [_NARROWEST] * len(heads)
        widths = _narrowed(widths, floors, screen.width)
        broken = [[_narrow(cell, size) for cell, size in zip(row, widths, strict=True)] for row in texts]
        names = [_narrow(head, size) for head, size in zip(heads, widths, strict=True)]
    rule = _rule(widths)
    drawn = [f"╔ {clean(title)}", rule, *_row(names, widths, centre=True), rule]
    for row in broken:
        drawn += [*_row(row, widths, colours=_colours(heads, row, screen)), rule]
    return "\n".join(drawn)


def _screen() -> Screen:
    if sys.stdout is None or not sys.stdout.isatty():  # None: a shell's >&-
        return PAPER
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Screen(shutil.get_terminal_size().columns, colour=not plain)


# --- widths ----------------------------------------------------------------------------------------------------------


def _column(broken: Sequence[Sequence[Sequence[str]]], number: int) -> Iterator[str]:
    return (line for row in broken for line in row[number])


def _narrow(cell: str, size: int) -> list[str]:
    return cells.lines(cell, size, Break.ANYWHERE)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + 3 * len(widths) + 1


def _narrowed(widths: Sequence[int], floors: Sequence[int], width: int) -> list[int]:
    """The widest give until it fits, none below its floor; what is left over then goes to the first."""

    def cut(most: int) -> list[int]:
        return [min(size, max(most, floor)) for size, floor in zip(widths, floors, strict=True)]

    most = bisect_right(range(max(widths) + 1), width, key=lambda size: _total(cut(size))) - 1
    narrowed = cut(max(most, 0))
    for i, size in enumerate(widths):
        if _total(narrowed) < width and narrowed[i] < size:
            narrowed[i] += 1
    return narrowed


# --- drawing ---------------------------------------------------------------------------------------------------------


def _rule(widths: Sequence[int]) -> str:
    return "╬" + "╬".join("═" * (size + 2) for size in widths) + "╬"


def _row(
    row: Sequence[Sequence[str]], widths: Sequence[int], *, centre: bool = False, colours: Sequence[str] = ()
) -> list[str]:
    height = max(map(len, row), default=1)
    drawn = []
    for number in range(height):
        line = [cell[number] if number < len(cell) else "" for cell in row]
        parts = [_aligned(text, size, centre=centre) for text, size in zip(line, widths, strict=True)]
        if colours:
            parts = [f"{colour}{part}{_PLAIN}" if colour else part for part, colour in zip(parts, colours, strict=True)]
        drawn.append("║" + "║".join(f" {part} " for part in parts) + "║")
    return drawn


def _aligned(text: str, size: int, *, centre: bool) -> str:
    return cells.filled(text, size, right=_NUMBER.fullmatch(text) is not None and not centre, centre=centre)


def _upright(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], screen: Screen) -> str:
    """A block for each row: the columns' names on the left, their values on the right."""
    assert screen.width is not None, "only what does not fit stands upright"
    left = min(max(map(cells.width, heads)), max(screen.width // 3, _NARROWEST))
    right = max(screen.width - left - 7, _NARROWEST)
    broken = [[_narrow(cell, right) for cell in row] for row in rows]
    right = max((cells.width(line) for row in broken for cell in row for line in cell), default=0)
    names = [_narrow(head, left) for head in heads]
    rule = _rule([left, right])
    drawn = [f"╔ {title}", rule]
    for row in broken:
        for name, cell, colour in zip(names, row, _colours(heads, row, screen) or [""] * len(row), strict=True):
            drawn += _lines_beside(name, cell, (left, right), colour)
        drawn.append(rule)
    return "\n".join(drawn)


def _lines_beside(name: Sequence[str], cell: Sequence[str], widths: tuple[int, int], colour: str) -> list[str]:
    left, right = widths
    drawn = []
    for number in range(max(len(name), len(cell))):
        before = cells.filled(name[number] if number < len(name) else "", left)
        value = cells.filled(cell[number] if number < len(cell) else "", right)
        drawn.append(f"║ {before} ║ {f'{colour}{value}{_PLAIN}' if colour else value} ║")
    return drawn


def _colours(heads: Sequence[str], row: Sequence[Sequence[str]], screen: Screen) -> list[str]:
    """The colour of each cell, empty if it has none; nothing for a screen without colours."""
    if not screen.colour:
        return []
    return [_colour("".join(cell)) if head in _COLOURED else "" for head, cell in zip(heads, row, strict=True)]


def _colour(text: str) -> str:
    return next((colour for colour, words in _COLOURS if words.fullmatch(text)), "")
