"""Times in nearly any form."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.any_time import parse
from adyton.domain.times import rfc3339


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (1529445491, "2018-06-19T21:58:11Z"),
        ("1529445491", "2018-06-19T21:58:11Z"),
        (1529445491123, "2018-06-19T21:58:11.123Z"),
        (1529445491123456, "2018-06-19T21:58:11.123456Z"),
        (1529445491123456789, "2018-06-19T21:58:11.123456Z"),
        (2018, "2018-01-01T00:00:00Z"),
        ("2018", "2018-01-01T00:00:00Z"),
        ("2018-06", "2018-06-01T00:00:00Z"),
        ("2018-06-19", "2018-06-19T00:00:00Z"),
        ("2018-6-9", "2018-06-09T00:00:00Z"),
        ("20180619", "2018-06-19T00:00:00Z"),
        (20180619221719, "2018-06-19T22:17:19Z"),
        ("20180619221719", "2018-06-19T22:17:19Z"),
        ("2018-06-19T22:17:19Z", "2018-06-19T22:17:19Z"),
        ("2018-06-19T22:17:19+02:00", "2018-06-19T20:17:19Z"),
        ("2018-06-19T22:17:19.123456789-0730", "2018-06-20T05:47:19.123456Z"),
        ("2018-06-19 22:17:19", "2018-06-19T22:17:19Z"),
        ("2018-06-19 22:17", "2018-06-19T22:17:00Z"),
        ("2018-06-19 22:17:19 +0200 CEST", "2018-06-19T20:17:19Z"),
        ("2018-06-19 22:17:19 +0000 UTC", "2018-06-19T22:17:19Z"),
        ("2018/06/19 22:17:19", "2018-06-19T22:17:19Z"),
        ("06/19/2018", "2018-06-19T00:00:00Z"),
        ("6/9/18", "2018-06-09T00:00:00Z"),
        ("6/9/69", "1969-06-09T00:00:00Z"),
        ("06/19/2018 10:17 PM", "2018-06-19T22:17:00Z"),
        ("06/19/2018 12:17 am", "2018-06-19T00:17:00Z"),
        ("June 19, 2018", "2018-06-19T00:00:00Z"),
        ("June 19th, 2018", "2018-06-19T00:00:00Z"),
        ("jun 19 2018", "2018-06-19T00:00:00Z"),
        ("June 19, 2018 at 10:17pm", "2018-06-19T22:17:00Z"),
        ("19 June 2018 22:17", "2018-06-19T22:17:00Z"),
        ("Tue Jun 19 22:17:19 2018", "2018-06-19T22:17:19Z"),
        ("Sat Jun  9 22:17:19 2018", "2018-06-09T22:17:19Z"),
        ("Tue Jun 19 22:17:19 UTC 2018", "2018-06-19T22:17:19Z"),
        ("Tue, 19 Jun 2018 22:17:19 GMT", "2018-06-19T22:17:19Z"),
        ("Tue, 19 Jun 2018 22:17:19 +0200", "2018-06-19T20:17:19Z"),
        ("Tuesday, 19-Jun-2018 22:17:19 UTC", "2018-06-19T22:17:19Z"),
    ],
)
def test_a_time_is_read(value: object, meant: str) -> None:
    found = parse(value)
    assert found is not None
    assert rfc3339(found) == meant


@pytest.mark.parametrize("value", [None, ""])
def test_nothing_is_no_time(value: object) -> None:
    assert parse(value) is None


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("1000h", 'Could not find format for "1000h"'),
        (12, "unrecognized format, too short 12"),
        ("123", "unrecognized format, too short 123"),
        (0, "unrecognized format, too short 0"),
        (-1529445491, "Could not find format"),
        ("-1529445491", "Could not find format"),
        ("1e9", "Could not find format"),
        (Decimal("1e9"), "must be whole"),
        (Decimal("1529445491.5"), "must be whole"),
        ("1529445491.5", "Could not find format"),
        ("19/06/2018", "month out of range"),
        ("2018-13-01", "month out of range"),
        ("2018-00-01", "month out of range"),
        ("2018-02-30", "day"),
        ("20180230", "no date in the form YYYYMMDD"),
        ("2018-06-19T24:00:00Z", "hour"),
        ("2018-06-19 13:00 PM", "hour out of range"),
        ("2018-06-19T22:17:19+24:00", "no offset +24:00"),
        ("0001-01-01T00:00:00+02:00", "the year is not 1 to 9999"),
        ("9999-12-31T23:59:59-02:00", "the year is not 1 to 9999"),
        ("9999999999999999999", "too far in the future"),
        (10**19, "Could not find format"),
        pytest.param(10**5000, "too far in the future", id="a number of many digits"),
        ("soon", "Could not find format"),
        (" 2018", "Could not find format"),
        ("٢٠١٨", "Could not find format"),
        (True, "a number or a text"),
        ([], "a number or a text"),
        ({}, "a number or a text"),
    ],
)
def test_what_is_no_time_is_refused_with_the_reason(value: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        parse(value)


def test_a_zone_that_is_only_an_abbreviation_is_refused() -> None:
    with pytest.raises(ValueError, match="Could not find format"):
        parse("2018-06-19 22:17:19 CEST")


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_moment_is_read_in_the_forms_that_programs_write(moment: datetime) -> None:
    micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    for text in (moment.isoformat(), moment.isoformat(" "), moment.strftime(f"%a %b %d %H:%M:%S.%f %z {moment.year:04d}")):
        assert parse(text) == micros


@given(st.text() | st.from_regex(r"[0-9/:. TZapm+-]{1,30}") | st.integers() | st.booleans() | st.none())
def test_anything_is_a_time_or_refused(value: object) -> None:
    with suppress(ValueError):
        found = parse(value)
        assert found is None or rfc3339(found)
