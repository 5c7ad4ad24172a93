"""From a pointer to a line of the text that somebody wrote."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain import data
from adyton.domain.json_places import Repeated, Spot, read

JOB = """{
  "initiators": [
    {"type": "runlog",
     "params": {"address": "0x"}}
  ],
  "Tasks": [
    {"type": "httpget"},
    {
      "type": "multiply", "params": {
        "times": "x"}
    }
  ]
}"""


@pytest.mark.parametrize(
    ("pointer", "spot"),
    [
        ("", Spot(1, 1)),
        ("/initiators", Spot(2, 3)),
        ("/initiators/0/params/address", Spot(4, 17)),
        ("/tasks/1", Spot(8, 5)),
        ("/tasks/1/params/times", Spot(10, 9)),
    ],
)
def test_a_member_stands_where_its_key_does(pointer: str, spot: Spot) -> None:
    assert read(JOB).find(pointer) == spot


@pytest.mark.parametrize(("pointer", "line"), [("/tasks/0/params/get", 7), ("/tasks/9", 6), ("/minPayment", 1)])
def test_what_is_missing_stands_in_what_is_around_it(pointer: str, line: int) -> None:
    found = read(JOB).find(pointer)
    assert found is not None
    assert found.line == line


def test_what_is_wanted_exactly_is_found_or_not() -> None:
    assert read(JOB).find("/tasks/1/params/times", exactly=True) == Spot(10, 9)
    assert read(JOB).find("/tasks/0/params/get", exactly=True) is None


def test_of_keys_that_stand_twice_the_last_counts_and_it_is_told() -> None:
    places = read('{"tasks": [1,\n{"a": 1}],\n"tasks": [{"type": "x", "a/b": 1, "a/b": 2}]}')
    assert places.repeated == [Repeated("tasks", "/tasks"), Repeated("a/b", "/tasks/0/a~1b")]
    assert places.find("/tasks/1/a") == Spot(3, 1)


def test_keys_may_be_written_with_escapes() -> None:
    assert read('{\n"\\u0074asks": 1}').find("/tasks") == Spot(2, 1)


@pytest.mark.parametrize(
    ("text", "spot"),
    [
        ('{"a": 1,\n "b" 2}', Spot(2, 6)),
        ('{"a": 1,\n}', Spot(2, 1)),
        ('{"a": [1,\n 2', Spot(2, 2)),
        ('{"a":\n "no end}', Spot(2, 2)),
        ('{"a":\n 01}', Spot(2, 3)),
        ('{"a":\n tru}', Spot(2, 2)),
        ("{'a': 1}", Spot(1, 2)),
        ('type = "directrequest"', Spot(1, 1)),
        ("[1,]", Spot(1, 4)),
        ("[}", Spot(1, 2)),
        ("{]", Spot(1, 2)),
        ('{"\\ud800": 1}', Spot(1, 2)),
        ("", Spot(1, 1)),
        (" \n ", Spot(1, 1)),
    ],
)
def test_it_is_told_where_a_text_ceases_to_be_json(text: str, spot: Spot) -> None:
    assert read(text).stopped == spot


def test_what_stands_behind_the_first_value_is_told() -> None:
    assert read('{"a": 1}\n\n{"b": 2}').rest == Spot(3, 1)
    assert read('{"a": 1}\n\n').rest is None


def test_what_is_too_deep_is_no_further_read() -> None:
    assert read("[" * 100_000).stopped is not None
    deepest = data.DEEPEST_OF_A_SOURCE
    assert read("[" * deepest + "]" * deepest).stopped is None


def test_a_long_text_of_quotes_is_read_at_once() -> None:
    assert read('"\\' * 500_000).stopped is not None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_whatever_is_json_is_read_to_its_end(value: object, indent: int | None, ascii_only: bool) -> None:
    places = read(json.dumps(value, indent=indent, ensure_ascii=ascii_only))
    assert places.stopped is None
    assert places.rest is None
    assert places.repeated == []


@given(st.text(alphabet='{}[],:"\\ \n01.eEtruefalsn-'))
def test_what_is_no_json_stops_somewhere(text: str) -> None:
    places = read(text)
    try:
        json.loads(text)
    except ValueError:
        assert places.stopped is not None or places.rest is not None
    else:
        assert places.stopped is None
        assert places.rest is None
