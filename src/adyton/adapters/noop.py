"""noop: nothing happens. nooppend: nothing happens, ever."""

from __future__ import annotations

from adyton.adapters.base import Pure, TaskContext
from adyton.domain.runs import Completed, Data, Outcome, RunStatus, Waits


def _check(params: Data) -> None:  # noqa: ARG001 - an adapter's signature; it has no params
    return None


def _noop(params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG001 - an adapter's signature
    return Completed(data)


def _pend(params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG001 - an adapter's signature
    """As v0.6.2 it waits whenever it is asked; the node's deadline for waiting runs ends it."""
    return Waits(RunStatus.PENDING_CONFIRMATIONS, data)


noop = Pure("noop", _check, _noop)
nooppend = Pure("nooppend", _check, _pend)
nooppendoutgoing = Pure("nooppendoutgoing", _check, _pend)
"""The same under its name from v0.8.4."""
