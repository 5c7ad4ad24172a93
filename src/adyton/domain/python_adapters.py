"""What a node and the process of a Python adapter say to each other: one JSON line for each question and each answer."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

_NAME = re.compile(r"[a-z0-9_-]+", re.ASCII)


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """An entry point of an installed package: the task type, the package and its version, and where the adapter is."""

    name: str
    package: str
    version: str
    target: str


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """The first line to a process: what it is to load, by task type; the most bytes of an answer and of its memory (0: any)."""

    targets: dict[str, str]
    answer_limit: int
    memory_limit: int = 0


class Loaded(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of loading one: its own time for a call in seconds, if it says one; or what went wrong."""

    timeout: float | None = None
    error: str | None = None


class Ready(msgspec.Struct, frozen=True):
    """The first line from a process."""

    loaded: dict[str, Loaded]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A call: ``check`` only reads the params, ``perform`` does the work. ``number`` comes back with the answer."""

    number: int = 0
    op: Literal["check", "perform"]
    name: str
    params: msgspec.Raw
    data: msgspec.Raw


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a call: a value, or an error. ``merge``: the value is an object to lay over the run's data."""

    number: int
    value: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    merge: bool = False
    error: str | None = None


def task_type(name: str) -> str | None:
    """The task type that an entry point of that name provides; None when it cannot be one."""
    lower = name.lower()
    return lower if _NAME.fullmatch(lower) else None
