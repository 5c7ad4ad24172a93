"""Secrets and Python adapters that a test holds in its hands."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import msgspec

from adyton.domain.data import encode_bytes, parse
from adyton.domain.errors import Invalid
from adyton.domain.python_adapters import Answer, Installed, Question
from adyton.ports import WorkerFailure


class TestSecrets:
    """Implements ``Secrets`` with a dict that the test may change; ``asked`` are the names that were read."""

    __test__ = False

    def __init__(self, **values: str) -> None:
        self.held = values
        self.asked: list[str] = []

    async def values(self, names: Collection[str]) -> dict[str, str]:
        """The values. Raises Invalid."""
        self.asked += names
        missing = [name for name in names if name not in self.held]
        if missing:
            raise Invalid(*(f"secret {name!r}: there is none: write it to the file /secrets/{name}" for name in missing))
        return {name: self.held[name] for name in names}


class TestWorkers:
    """Implements ``Workers`` with functions of params and data; one that raises is an adapter that does, and one that raises
    WorkerFailure a process that dies. ``checks`` are the functions that read the params of new jobs."""

    __test__ = False

    def __init__(self, **adapters: Callable[[Any, Any], Any]) -> None:
        self.adapters = adapters
        self.checks: dict[str, Callable[[Any], Any]] = {}
        self.installed = [Installed(name=name, package="test-package", version="1.0", target="x:y") for name in adapters]
        self.asked: list[tuple[str, str, Any, Any]] = []

    async def ask(self, question: Question) -> Answer:
        """The answer. Raises WorkerFailure."""
        params, data = parse(bytes(question.params)), parse(bytes(question.data))
        self.asked.append((question.op, question.name, params, data))
        try:
            if question.op == "check":
                self.checks.get(question.name, bool)(params)
                return Answer(number=1)
            value = self.adapters[question.name](params, data)
        except WorkerFailure:
            raise
        except Exception as fault:
            return Answer(number=1, error=f"{type(fault).__name__}: {fault}")
        raw = value if isinstance(value, bytes) else encode_bytes(value)
        return Answer(number=1, value=msgspec.Raw(raw), merge=isinstance(value, dict))
