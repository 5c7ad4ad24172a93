"""resultcollect: the result is put behind those collected before; ``abiEncoding`` of ethtx sends them (as v0.9.7)."""

from __future__ import annotations

from adyton.adapters.base import Pure, TaskContext
from adyton.domain.runs import Completed, Data, Outcome

COLLECTION = "__chainlink_result_collection__"
"""The key of the data that holds them."""


def collected(data: Data) -> list[object]:
    """What was collected so far. As later versions: null counts as nothing, any other value as the only element."""
    value = data.get(COLLECTION)
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _check(params: Data) -> None:  # noqa: ARG001 - an adapter's signature; it has no params
    return None


def _perform(params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG001 - an adapter's signature
    return Completed({**data, COLLECTION: [*collected(data), data.get("result")]})


adapter = Pure("resultcollect", _check, _perform)
