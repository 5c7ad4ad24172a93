"""Values that no log line of this process may show, known since they were read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adyton.domain import secrets

_values: set[str] = set()
_spellings: tuple[str, ...] = ()
_SHORTEST_LINE = 8


def hide(values: Iterable[str]) -> None:
    """Show these values in no log line from now on; also when they are replaced by others, because they may still be valid."""
    global _spellings
    new = set(values) - _values
    if new:
        _values.update(new)
        _spellings = secrets.spellings(_values | set(_lines(_values)))


def _lines(values: Iterable[str]) -> Iterator[str]:
    """The lines of values with several, such as keys in PEM: what a Python adapter prints is logged line by line."""
    for value in values:
        lines = value.splitlines()
        if len(lines) > 1:
            yield from (line for line in map(str.strip, lines) if len(line) >= _SHORTEST_LINE and not line.startswith("-----"))


def without(text: str) -> str:
    """The text without any of the values."""
    return secrets.redact_with(_spellings, text) if _spellings else text
