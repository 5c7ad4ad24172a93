"""copy: the value at a path of the run's data becomes the result."""

from __future__ import annotations

from adyton.adapters.base import Pure, TaskContext
from adyton.adapters.json_parse import KeyMissing, value_at
from adyton.adapters.params import json_path
from adyton.domain.data import encode, with_result
from adyton.domain.runs import Completed, Data, Errored, Outcome

PARAM = "copyPath"


def _check(params: Data) -> None:
    json_path(params, PARAM)


def _perform(params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG001 - an adapter's signature
    path = json_path(params, PARAM)
    try:
        return Completed(with_result(data, value_at(data, path)))
    except KeyMissing as missing:
        return Errored(str(missing), with_result(data, encode(data)))


adapter = Pure("copy", _check, _perform)
