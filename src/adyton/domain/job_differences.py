"""What changes between two job specs, as lines for people: ``+`` is new, ``-`` is gone, ``~`` was one thing and is another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

from adyton.domain import data
from adyton.domain.runs import Data

LONGEST = 300
"""Characters of a value that a line shows."""
_LONGEST_LIST = 200
"""Entries of lists that are matched with one another; longer ones are shown as one value."""


def differences(old: Data, new: Data) -> tuple[str, ...]:
    """The lines, in the order of the keys of the newer spec."""
    return tuple(_objects("", old, new))


def _objects(path: str, old: Data, new: Data) -> Iterator[str]:
    for key in dict.fromkeys((*new, *old)):
        at = f"{path}.{key}" if path else key
        if key in old and key in new:
            yield from _values(at, old[key], new[key])
        elif key in new:
            yield from _one("+", at, new[key])
        else:
            yield from _one("-", at, old[key])


def _values(path: str, old: Any, new: Any) -> Iterator[str]:
    if data.encode(old) == data.encode(new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _objects(path, old, new)
    elif isinstance(old, list) and isinstance(new, list) and max(len(old), len(new)) <= _LONGEST_LIST:
        yield from _lists(path, old, new)
    else:
        yield f"~ {path}: {_shown(old)} -> {_shown(new)}"


def _lists(path: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[str]:
    """Entries that stay are found first, so that one which is put between others is one line."""
    before, after = [data.encode(each) for each in old], [data.encode(each) for each in new]
    for what, i, end_i, j, end_j in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        both = min(end_i - i, end_j - j)
        for n in range(both):
            if _alike(old[i + n], new[j + n]):
                yield from _values(f"{path}[{j + n}]", old[i + n], new[j + n])
            else:
                yield f"- {path}[{i + n}]: {_shown(old[i + n])}"
                yield f"+ {path}[{j + n}]: {_shown(new[j + n])}"
        for n in range(i + both, end_i):
            yield f"- {path}[{n}]: {_shown(old[n])}"
        for n in range(j + both, end_j):
            yield f"+ {path}[{n}]: {_shown(new[n])}"


def _alike(old: Any, new: Any) -> bool:
    """Whether one is best shown as the other, changed."""
    if isinstance(old, dict) and isinstance(new, dict):
        return bool(old.get("type") == new.get("type"))
    return False


def _one(sign: str, path: str, value: Any) -> Iterator[str]:
    """What is there on one side only; of a list each entry."""
    if isinstance(value, list) and 0 < len(value) <= _LONGEST_LIST:
        yield from (f"{sign} {path}[{n}]: {_shown(each)}" for n, each in enumerate(value))
    else:
        yield f"{sign} {path}: {_shown(value)}"


def _shown(value: Any) -> str:
    text = data.encode(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
