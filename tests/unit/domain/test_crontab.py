"""Cron lines as v0.6.2 reads them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.crontab import Line, read
from adyton.domain.schedule import check

PLACES = {"second": 0, "minute": 1, "hour": 2, "day": 3, "month": 4, "weekday": 5}


def values(line: str, place: str) -> tuple[int, ...]:
    return read(line).fields[PLACES[place]].values


def refusal(line: str) -> str:
    with pytest.raises(ValueError, match=r".") as refused:
        check(line)
    return str(refused.value)


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ("5", (5,)),
        ("+5", (5,)),
        ("05", (5,)),
        ("1,3,5", (1, 3, 5)),
        ("5,1,,3,5,", (1, 3, 5)),
        ("10-13", (10, 11, 12, 13)),
        ("10-20/5", (10, 15, 20)),
        ("50/3", (50, 53, 56, 59)),
        ("*/20", (0, 20, 40)),
        ("?/30", (0, 30)),
        ("0-5/100", (0,)),
        ("5-5/2", (5,)),
        ("*-7/30", (0, 30)),
        (",", ()),
    ],
)
def test_a_field_is_a_list_of_stars_numbers_and_ranges_with_steps(field: str, meant: tuple[int, ...]) -> None:
    assert values(f"{field} * * * *", "second") == meant


def test_seconds_come_first_and_the_weekday_may_be_left_out() -> None:
    five, six = read("1 2 3 4 5"), read("1 2 3 4 5 6")
    assert [field.values for field in six.fields] == [(1,), (2,), (3,), (4,), (5,), (6,)]
    assert five.fields[:5] == six.fields[:5]
    assert five.fields[5] == read("* * * * *").fields[5]


def test_months_and_weekdays_have_names_in_any_case() -> None:
    assert values("0 0 0 1 JAN,mar-May *", "month") == (1, 3, 4, 5)
    assert values("0 0 0 * * Sun,wed/2", "weekday") == (0, 3, 5)


def test_a_question_mark_is_a_star_in_any_field() -> None:
    assert read("? ? ? ? ? ?") == read("* * * * * *")


@pytest.mark.parametrize("space", [" ", "  ", "\t", " \n "])
def test_any_space_stands_between_fields(space: str) -> None:
    assert read(space.join(["", "0", "0", "12", "*", "*", ""])) == read("0 0 12 * *")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("@yearly", "0 0 0 1 1 *"),
        ("@annually", "0 0 0 1 1 *"),
        ("@monthly", "0 0 0 1 * *"),
        ("@weekly", "0 0 0 * * 0"),
        ("@daily", "0 0 0 * * *"),
        ("@midnight", "0 0 0 * * *"),
        ("@hourly", "0 0 * * * *"),
    ],
)
def test_descriptors_are_names_of_lines(name: str, line: str) -> None:
    assert read(name) == read(line)


@pytest.mark.parametrize(
    ("line", "seconds"),
    [("@every 1h30m", 5400), ("@every 500ms", 1), ("@every -5s", 1), ("@every 1.7s", 1), ("@every 0", 1), ("@every 2s", 2)],
)
def test_every_is_a_delay_of_whole_seconds(line: str, seconds: int) -> None:
    assert read(line) == Line(zone=None, every=seconds)


@pytest.mark.parametrize("prefix", ["CRON_TZ=Europe/Berlin ", "TZ=Europe/Berlin ", "TZ=Europe/Berlin   "])
def test_a_zone_may_stand_in_front(prefix: str) -> None:
    plain, zoned = read("0 0 12 * *"), read(f"{prefix}0 0 12 * *")
    assert zoned.zone == "Europe/Berlin"
    assert zoned.fields == plain.fields
    assert read(f"{prefix}@daily").zone == read(f"{prefix}@every 5s").zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("!", "Expected 5 to 6 fields, found 1: !"),
        ("", "Expected 5 to 6 fields, found 0: "),
        ("* * * *", "Expected 5 to 6 fields, found 4: * * * *"),
        ("* * * * * * *", "Expected 5 to 6 fields, found 7: * * * * * * *"),
        ("x * * * *", 'Failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("-5 * * * *", 'Failed to parse int from : strconv.Atoi: parsing "": invalid syntax'),
        ("5- * * * *", 'Failed to parse int from : strconv.Atoi: parsing "": invalid syntax'),
        ("1_0 * * * *", 'Failed to parse int from 1_0: strconv.Atoi: parsing "1_0": invalid syntax'),
        ("٣ * * * *", 'Failed to parse int from ٣: strconv.Atoi: parsing "٣": invalid syntax'),
        (f"{2**63} * * * *", f'Failed to parse int from {2**63}: strconv.Atoi: parsing "{2**63}": value out of range'),
        ("*/-2 * * * *", "Negative number (-2) not allowed: -2"),
        ("60 * * * *", "End of range (60) above maximum (59): 60"),
        ("* * 24 * *", "End of range (24) above maximum (23): 24"),
        ("* * * 0 *", "Beginning of range (0) below minimum (1): 0"),
        ("* * * 32 *", "End of range (32) above maximum (31): 32"),
        ("* * * * 13", "End of range (13) above maximum (12): 13"),
        ("0 0 12 * * 7", "End of range (7) above maximum (6): 7"),
        ("5-3 * * * *", "Beginning of range (5) beyond end of range (3): 5-3"),
        ("*/0 * * * *", "Step of range should be a positive number: */0"),
        ("1-2-3 * * * *", "Too many hyphens: 1-2-3"),
        ("*/2/3 * * * *", "Too many slashes: */2/3"),
        ("* * * * JANUARY", 'Failed to parse int from JANUARY: strconv.Atoi: parsing "JANUARY": invalid syntax'),
        ("@Daily", "Unrecognized descriptor: @Daily"),
        ("@daily ", "Unrecognized descriptor: @daily "),
        ("@every", "Unrecognized descriptor: @every"),
        ("@every 5", "Failed to parse duration @every 5: time: missing unit in duration 5"),
        ("@every 5x", "Failed to parse duration @every 5x: time: unknown unit x in duration 5x"),
        ("cron_tz=UTC * * * * *", 'Failed to parse int from cron_tz=UTC: strconv.Atoi: parsing "cron_tz=UTC": invalid syntax'),
        ("CRON_TZ=UTC", "Expected 5 to 6 fields, found 0: "),
    ],
)
def test_what_is_no_line_is_refused_in_the_words_of_v062(line: str, text: str) -> None:
    assert refusal(line) == text


@pytest.mark.parametrize("zone", ["Nowhere/City", "Europe", "../../etc/passwd", "", "Europe/Berlin\0"])
def test_a_zone_must_exist(zone: str) -> None:
    assert refusal(f"CRON_TZ={zone} * * * * *").startswith(
        f"provided bad location {zone}: unknown time zone {zone}; use a name"
    )
    assert refusal(f"TZ={zone} @every 5s").startswith("provided bad location")


@given(st.text() | st.from_regex(r"[0-9*?/,\- jan@A-Z=]{0,40}", fullmatch=True))
def test_any_text_is_a_line_or_refused(text: str) -> None:
    with suppress(ValueError):
        line = read(text)
        assert line.every or len(line.fields) == 6
