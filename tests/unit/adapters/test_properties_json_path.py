"""jsonparse against a second reader: the standard library's, and a walk of our own."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adyton.adapters.base import TaskContext
from adyton.adapters.json_parse import adapter
from adyton.domain.runs import Completed, Errored, Outcome, RunStatus

CONTEXT = TaskContext(run_id="0" * 32, position=0, status=RunStatus.UNSTARTED, transaction=None, connected=True)
KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6) | st.sampled_from(["0", "-1", "a.b", ""])
LEAVES = (
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)
PATHS = st.lists(KEYS | st.integers(-5, 5).map(str), max_size=5)


def parse(text: str, path: list[str]) -> Outcome:
    return adapter.perform({"path": path}, {"result": text}, CONTEXT)


def places(document: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every place of a document and what is there."""
    found = [(path, document)]
    inside = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for key, value in inside:
        found += places(value, (*path, str(key)))
    return found


@given(DOCUMENTS, st.data(), st.sampled_from([None, 2]))
def test_every_place_of_a_document_is_found_by_its_path(document: Any, draws: st.DataObject, indent: int | None) -> None:
    path, value = draws.draw(st.sampled_from(places(document)))
    outcome = parse(json.dumps(document, indent=indent), list(path))
    assert outcome == Completed({"result": value})
    assert isinstance(outcome, Completed)
    assert type(outcome.data["result"]) is type(value)  # 1 is not True


@given(DOCUMENTS, PATHS)
def test_a_path_that_leads_nowhere_is_null_or_an_error_and_never_anything_else(document: Any, path: list[str]) -> None:
    known = {place for place, _ in places(document)}
    outcome = parse(json.dumps(document), path)
    back = any(key.startswith(("-", "+")) or (len(key) > 1 and key.startswith("0")) for key in path)
    if back or tuple(path) in known:
        return  # counted from the end, or spelled in another way: the other tests have those
    if tuple(path[:-1]) in known:
        assert outcome == Completed({"result": None})
    else:
        assert isinstance(outcome, Errored)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=20), st.integers(0, 3))
def test_digits_are_kept_at_every_depth(number: Decimal, depth: int) -> None:
    text = '{"a":' * depth + format(number, "f") + "}" * depth
    outcome = parse(text, ["a"] * depth)
    assert isinstance(outcome, Completed)
    assert Decimal(str(outcome.data["result"])) == number


@given(st.lists(st.integers(), min_size=1, max_size=6), st.integers(-8, 8))
def test_an_index_counts_from_either_end(items: list[int], index: int) -> None:
    wanted = items[index] if -len(items) <= index < len(items) else None
    assert parse(json.dumps(items), [str(index)]) == Completed({"result": wanted})
