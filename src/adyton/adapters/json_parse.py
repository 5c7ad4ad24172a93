"""jsonparse: the value at a path of the JSON in the result becomes the result. The JSON is a text, or (as v0.7.4) the object or
list that an earlier task read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from adyton.adapters.base import Pure, TaskContext
from adyton.adapters.params import json_path
from adyton.domain.data import DEEPEST_OF_A_SOURCE, first_value, parse, with_result
from adyton.domain.numbers import short
from adyton.domain.runs import Completed, Data, Errored, Outcome

PARAM = "path"
_INDEX = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_INT32 = 1 << 31


class KeyMissing(ValueError):
    """A key that is not the path's last cannot be found."""


def value_at(document: object, path: Sequence[str]) -> object:
    """The value at a path. As v0.6.2: a last key that cannot be found is null, an earlier one raises KeyMissing."""
    value = document
    for depth, key in enumerate(path, start=1):
        found, value = _step(value, key)
        if not found:
            if depth == len(path):
                return None
            raise KeyMissing(f"No value could be found for the key '{short(key)}'")
    return value


def _step(value: object, key: str) -> tuple[bool, object]:
    if isinstance(value, dict):
        return key in value, value.get(key)
    if isinstance(value, list) and _INDEX.fullmatch(key):
        index = int(key)
        if -_INT32 <= index < _INT32 and -len(value) <= index < len(value):
            return True, value[index]
    return False, None


def _check(params: Data) -> None:
    json_path(params, PARAM)


def _perform(params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG001 - an adapter's signature
    path = json_path(params, PARAM)
    given = data.get("result")
    if not isinstance(given, str | dict | list):
        return Errored("non string result", data)
    try:
        document = _first_value(given) if isinstance(given, str) else given
        return Completed(with_result(data, value_at(document, path)))
    except ValueError as fault:
        return Errored(str(fault), data)


def _first_value(text: str) -> object:
    """The first JSON value of a text; what follows it is ignored (as v0.6.2). Of duplicate keys the last counts."""
    try:
        return parse(text, deepest=DEEPEST_OF_A_SOURCE)
    except ValueError:
        if not text.strip():
            raise ValueError("EOF") from None
        # Either it is no JSON, or there is more behind it: the scanner stops at the end of the first value.
        start = text.lstrip(" \t\r\n")
        try:
            if start.startswith(("{", "[")):
                return parse(first_value(start, deepest=DEEPEST_OF_A_SOURCE))
            _, end = _scanner.raw_decode(start)  # a word, a number or a text: nothing that could be deep
            return parse(start[:end])
        except ValueError as fault:
            raise ValueError(f"the result is not JSON: {fault}") from None


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_scanner = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_no_constant)

adapter = Pure("jsonparse", _check, _perform)
