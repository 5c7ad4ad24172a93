"""Durations as Go writes them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("-0", 0),
        ("5s", 5 * 10**9),
        ("+5s", 5 * 10**9),
        ("-5s", -5 * 10**9),
        ("1h30m", 5400 * 10**9),
        ("1.7s", 1_700_000_000),
        (".5s", 500_000_000),
        ("5.s", 5 * 10**9),
        ("500ms", 500_000_000),
        ("1us", 1000),
        ("1µs", 1000),
        ("1μs", 1000),
        ("3ns", 3),
        ("0.1ns", 0),
        ("0.000000000000000000000000000000000000000000001h", 0),
        ("2562047h47m16.854775807s", 2**63 - 1),
    ],
)
def test_a_duration_is_read_exactly(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "time: invalid duration "),
        ("-", "time: invalid duration -"),
        ("3", "time: missing unit in duration 3"),
        ("1h5", "time: missing unit in duration 1h5"),
        ("5x", "time: unknown unit x in duration 5x"),
        ("5d", "time: unknown unit d in duration 5d"),
        ("s", "time: invalid duration s"),
        (".s", "time: invalid duration .s"),
        ("1h-5m", "time: unknown unit h- in duration 1h-5m"),
        ("1 h", "time: unknown unit  h in duration 1 h"),
        ("2562048h", "time: invalid duration 2562048h"),
        ("9" * 5000 + "h", "time: invalid duration 9"),
        ("٣s", "time: invalid duration ٣s"),
    ],
)
def test_anything_else_is_refused_in_the_words_of_go(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(complaint)}"):
        parse_duration(text)


@given(st.integers(0, 2**62))
def test_nanoseconds_come_back(number: int) -> None:
    assert parse_duration(f"{number}ns") == number
    assert parse_duration(f"-{number // 10**9}.{number % 10**9:09d}s") == -number
