"""Times as texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.times import go_time, parse_rfc3339, rfc3339

FIRST = -62135596800_000_000  # 0001-01-01T00:00:00Z
LAST = 253402300799_999_999  # 9999-12-31T23:59:59.999999Z


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2019-06-27T14:03:11Z", 1561644191_000_000),
        ("2019-06-27T16:03:11+02:00", 1561644191_000_000),
        ("2019-06-27T09:33:11-04:30", 1561644191_000_000),
        ("2019-06-27T14:03:11.5Z", 1561644191_500_000),
        ("2019-06-27T14:03:11.123456789Z", 1561644191_123_456),
        ("0001-01-01T00:00:00Z", FIRST),
        ("9999-12-31T23:59:59.999999Z", LAST),
    ],
)
def test_an_rfc_3339_text_becomes_microseconds(text: str, micros: int) -> None:
    assert parse_rfc3339(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2019-06-27",
        "2019-06-27T14:03Z",
        "2019-06-27T14:03:11",
        "2019-06-27 14:03:11Z",
        "2019-06-27t14:03:11z",
        "2019-06-27T14:03:11.Z",
        "2019-06-31T14:03:11Z",
        "2019-06-27T24:03:11Z",
        "2019-06-27T14:03:11+24:00",
        "2019-06-27T14:03:11+02:60",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "٢٠١٩-06-27T14:03:11Z",
        "2019-06-27T14:03:11Z\n",
        "1561644191",
    ],
)
def test_anything_else_is_refused_with_the_text_in_the_message(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time") as refused:
        parse_rfc3339(text)
    assert text in str(refused.value)


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1561644191_000_000, "2019-06-27T14:03:11Z"),
        (1561644191_200_000, "2019-06-27T14:03:11.2Z"),
        (1561644191_000_123, "2019-06-27T14:03:11.000123Z"),
        (1561644190_000_000, "2019-06-27T14:03:10Z"),
    ],
)
def test_times_are_shown_in_utc_without_trailing_zeros(micros: int, text: str) -> None:
    assert rfc3339(micros) == text


@given(st.integers(FIRST, LAST))
def test_a_shown_time_reads_back_as_itself(micros: int) -> None:
    assert parse_rfc3339(rfc3339(micros)) == micros


def test_messages_show_times_as_v062_did() -> None:
    assert go_time(1561644191_000_000) == "2019-06-27 14:03:11 +0000 UTC"
    assert go_time(1561644191_500_000) == "2019-06-27 14:03:11.5 +0000 UTC"
