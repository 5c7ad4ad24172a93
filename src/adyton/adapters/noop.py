"""noop: nothing happens."""

from __future__ import annotations

from adyton.adapters.base import Pure, TaskContext
from adyton.domain.runs import Completed, Data, Outcome


def _check(params: Data) -> None:  # noqa: ARG001 - an adapter's signature; it has no params
    return None


def _noop(params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG001 - an adapter's signature
    return Completed(data)


noop = Pure("noop", _check, _noop)
