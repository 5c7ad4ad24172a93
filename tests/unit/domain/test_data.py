"""The JSON of runs: exact, one spelling, and nothing in it that could not be written again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain import data
from adyton.domain.data import MergeError

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**90), 10**90) | st.text() | st.decimals(-(10**30), 10**30, places=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read_again_digit_by_digit(value: Any) -> None:
    text = data.encode(value)
    again = data.parse(text)
    assert again == value
    assert data.encode(data.parse(data.encode(again))) == data.encode(again)


@pytest.mark.parametrize("text", ["9007199254740993", "12345678901234567890", "123456789.123456789", "0.1", str(2**256 - 1)])
def test_a_number_keeps_its_digits(text: str) -> None:
    assert data.encode(data.parse(text)) == text


def test_keys_are_sorted_and_nothing_is_escaped_that_need_not_be() -> None:
    assert data.encode({"é": "<&>", "a": 1, "B": {"z": 1, "y": None}}) == '{"B":{"y":null,"z":1},"a":1,"é":"<&>"}'


def test_of_a_key_that_stands_twice_the_last_counts() -> None:
    assert data.parse('{"a":1,"a":2}') == {"a": 2}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nope",
        "NaN",
        "Infinity",
        "[1] x",
        '"\\ud800"',
        '"\ud800"',
        b'"\xff"',
        "[" * 100_000,
        "9" * 5000,
        "1e1000",
        "1e99999999999999999999",
        "0." + "1" * 5000,
    ],
    ids=lambda text: str(text)[:12].encode("ascii", "backslashreplace").decode(),
)
def test_what_no_run_could_hold_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        data.parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0e999999999", 0), ("1e-999999999", 0), ("-0.0", 0), ("1e-99999999999999999999", 0), ("1e999", Decimal("1e999"))],
)
def test_a_short_text_cannot_ask_for_a_gigabyte_of_digits(text: str, value: Any) -> None:
    assert data.parse(text) == value
    assert len(data.as_text(data.parse(text))) <= 1000


def test_even_a_number_that_was_never_parsed_is_not_written_out() -> None:
    assert data.as_text(Decimal("1E+999999999")) == "1E+999999999"


@pytest.fixture
def raised_recursion_limit() -> Iterator[None]:
    """What py_ecc leaves behind once key files have been read. Deep recursion then ends the process instead of raising."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    yield
    sys.setrecursionlimit(before)


DEEP = [
    "[" * 32_768,
    "[" * 100_000 + "]" * 100_000,
    '{"a":' * 20_000,
    '["' * 16_000,
    "[" * 600 + '"' + '\\"' * 15_000,
]


@pytest.mark.usefixtures("raised_recursion_limit")
@pytest.mark.parametrize("text", DEEP, ids=range(len(DEEP)))
@pytest.mark.parametrize("encoded", [False, True])
def test_nesting_is_bounded_whatever_the_interpreter_allows(text: str, encoded: bool) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        data.parse(text.encode() if encoded else text)


@pytest.mark.parametrize("text", ["[" + "[]," * 5000 + "1]", '"' + "[" * 5000 + '"', '["' + "[" * 5000 + '\\"{"]'])
def test_brackets_beside_one_another_or_in_a_text_are_not_nesting(text: str) -> None:
    assert data.encode(data.parse(text)) == text


def test_nesting_up_to_the_bound_is_read_and_written() -> None:
    text = "[" * data.DEEPEST + "]" * data.DEEPEST
    assert data.encode(data.parse(text)) == text
    with pytest.raises(ValueError, match="nested too deeply"):
        data.parse(f"[{text}]")


@pytest.mark.parametrize(
    ("text", "first"),
    [('{"a":"}"} x', '{"a":"}"}'), ("[1][2]", "[1]"), ('["\\"]"]]', '["\\"]"]'), ("[1", "[1"), ('["', '["')],
)
def test_the_first_value_ends_where_its_brackets_close(text: str, first: str) -> None:
    assert data.first_value(text) == first


MERGES: list[tuple[str, Any, Any, Any]] = [
    ("the right side wins", {"a": 1, "b": 2}, {"a": 3}, {"a": 3, "b": 2}),
    ("with null too", {"a": 1}, {"a": None}, {"a": None}),
    ("one level deep", {"a": {"x": 1, "y": 2}}, {"a": {"x": 9}}, {"a": {"x": 9}}),
    ("nothing on the left is empty", None, {"a": 1}, {"a": 1}),
    ("what is no object on the right adds nothing", {"a": 1}, [1], {"a": 1}),
]


@pytest.mark.parametrize(("left", "right", "merged"), [row[1:] for row in MERGES], ids=[row[0] for row in MERGES])
def test_merging(left: Any, right: Any, merged: Any) -> None:
    before = data.encode(left)
    assert data.merge(left, right) == merged
    assert data.encode(left) == before, "the arguments stay as they are"


@pytest.mark.parametrize("left", [[1], "text", 5, True])
def test_only_an_object_takes_keys(left: Any) -> None:
    with pytest.raises(MergeError, match=r"Cannot merge, expected object '\{\}'"):
        data.merge(left, {})


TEXTS: list[tuple[Any, str]] = [
    ("as it is", "as it is"),
    (None, ""),
    (True, "true"),
    (False, "false"),
    (12345678901234567890, "12345678901234567890"),
    (Decimal("1.68e+4"), "16800"),
    (Decimal("16800.00"), "16800"),
    (Decimal("1.50"), "1.5"),
    (Decimal("1e-7"), "0.0000001"),
    (Decimal("123456789.123456789"), "123456789.123456789"),
    ({"b": 1, "a": [None]}, '{"a":[null],"b":1}'),
]


@pytest.mark.parametrize(("value", "text"), TEXTS)
def test_a_value_read_as_text(value: Any, text: str) -> None:
    assert data.as_text(value) == text
