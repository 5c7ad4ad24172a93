"""When cron lines fire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import assume, example, given
from hypothesis import strategies as st

from adyton.domain.crontab import Line, read
from adyton.domain.schedule import latest, next_fires, parse

NEW_YORK, BERLIN, LORD_HOWE = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")
SAO_PAULO, APIA, DUBLIN, KOLKATA = map(ZoneInfo, ("America/Sao_Paulo", "Pacific/Apia", "Europe/Dublin", "Asia/Kolkata"))
ZONES = (UTC, NEW_YORK, BERLIN, LORD_HOWE, SAO_PAULO, APIA, DUBLIN, KOLKATA)
SECOND = 1_000_000


def at(text: str, zone: tzinfo = UTC) -> int:
    """Microseconds of a wall time, or of a time with an offset."""
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * SECOND)


def fires(line: str, after: str, count: int = 2, zone: tzinfo = UTC) -> list[str]:
    """The next times, as the wall shows them, with the offset where the zone is not UTC."""
    times = next_fires(parse(line, zone), at(after, zone), count)
    shown = (datetime.fromtimestamp(time // SECOND, zone) for time in times)
    return [time.strftime("%Y-%m-%d %H:%M:%S" if zone is UTC else "%m-%d %H:%M:%S %z") for time in shown]


# --- examples of v0.6.2 ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "first", "second"),
    [
        ("* * * * *", "06-19 10:20:31", "06-19 10:20:32"),
        ("0 * * * *", "06-19 10:21:00", "06-19 10:22:00"),
        ("0 0 * * * *", "06-19 11:00:00", "06-19 12:00:00"),
        ("*/5 * * * * *", "06-19 10:20:35", "06-19 10:20:40"),
        ("0 0 12 13 * FRI", "06-21 12:00:00", "06-28 12:00:00"),
        ("5/20 * * * * *", "06-19 10:20:45", "06-19 10:21:05"),
        ("@every 1h30m", "06-19 11:50:30", "06-19 13:20:30"),
        ("@every 500ms", "06-19 10:20:31", "06-19 10:20:32"),
        ("@every -5s", "06-19 10:20:31", "06-19 10:20:32"),
        ("@every 1.7s", "06-19 10:20:31", "06-19 10:20:32"),
        ("@weekly", "06-23 00:00:00", "06-30 00:00:00"),
    ],
)
def test_lines_fire_as_in_v062(line: str, first: str, second: str) -> None:
    assert fires(line, "2019-06-19T10:20:30.5") == [f"2019-{first}", f"2019-{second}"]


def test_day_and_weekday_are_alternatives_when_neither_is_a_star() -> None:
    assert fires("0 0 0 1 JAN SUN", "2019-06-19") == ["2020-01-01 00:00:00", "2020-01-05 00:00:00"]
    assert fires("0 0 0 13 * *", "2019-06-19") == ["2019-07-13 00:00:00", "2019-08-13 00:00:00"]
    assert fires("0 0 0 */2 * FRI", "2019-06-19") == ["2019-06-21 00:00:00", "2019-07-05 00:00:00"]
    assert fires("0 0 0 ?,5 * FRI", "2019-06-19") == ["2019-06-21 00:00:00", "2019-06-28 00:00:00"]


@pytest.mark.parametrize(
    "line", [", * * * * *", "0 0 0 30 2 *", "0 0 0 31 4,6,9,11 *", "0 0 0 , * *", "* * * * , *", "0 0 0 , * ,"]
)
def test_some_lines_never_fire(line: str) -> None:
    assert fires(line, "2019-06-19T10:20:30.5") == []


def test_a_time_is_looked_for_until_the_end_of_the_fifth_year() -> None:
    assert fires("0 0 0 29 2 *", "2096-03-01") == []
    assert fires("0 0 0 29 2 *", "2098-12-31T23:59:58") == []
    assert fires("0 0 0 29 2 *", "2098-12-31T23:59:59") == ["2104-02-29 00:00:00", "2108-02-29 00:00:00"]


def test_a_time_that_is_now_lies_behind() -> None:
    assert fires("0 0 12 * *", "2019-06-19T12:00:00", 1) == ["2019-06-20 12:00:00"]
    assert fires("0 0 12 * *", "2019-06-19T11:59:59.999999", 1) == ["2019-06-19 12:00:00"]


# --- zones -----------------------------------------------------------------------------------------------------------


def test_a_line_is_read_in_its_own_zone_else_in_the_given_one() -> None:
    after = at("2026-06-01")
    assert parse("0 0 12 * *", BERLIN).next(after) == at("2026-06-01T12:00", BERLIN)
    assert parse("CRON_TZ=Asia/Kolkata 0 0 12 * *", BERLIN).next(after) == at("2026-06-01T12:00", KOLKATA)
    assert parse("TZ=Local 0 0 12 * *", BERLIN).next(after) == at("2026-06-01T12:00", BERLIN)


def test_a_time_that_does_not_exist_is_skipped() -> None:
    assert fires("0 30 2 * * *", "2026-03-07T12:00", 2, NEW_YORK) == ["03-09 02:30:00 -0400", "03-10 02:30:00 -0400"]
    assert fires("0 30 2 * * *", "2026-03-28T12:00", 1, BERLIN) == ["03-30 02:30:00 +0200"]
    assert fires("0 15 2 * * *", "2026-10-03T12:00", 1, LORD_HOWE) == ["10-05 02:15:00 +1100"]
    # Midnight itself was skipped there; and a whole day here.
    assert fires("0 0 0 * * *", "2018-11-03T12:00", 1, SAO_PAULO) == ["11-05 00:00:00 -0200"]
    assert fires("0 0 12 * * *", "2011-12-29T13:00", 1, APIA) == ["12-31 12:00:00 +1400"]


def test_the_rest_of_an_hour_with_a_gap_fires() -> None:
    assert fires("0 */30 * * * *", "2026-03-08T01:15", 3, NEW_YORK) == [
        "03-08 01:30:00 -0500",
        "03-08 03:00:00 -0400",
        "03-08 03:30:00 -0400",
    ]
    assert fires("0 */15 2 * * *", "2026-10-03T12:00", 2, LORD_HOWE) == ["10-04 02:30:00 +1100", "10-04 02:45:00 +1100"]


@pytest.mark.parametrize("hour", ["1", "1,5", "0-2", "1/12"])
def test_a_time_that_comes_twice_fires_the_first_time_when_the_line_names_its_hours(hour: str) -> None:
    shown = fires(f"0 30 {hour} * * *", "2026-11-01T01:00", 4, NEW_YORK)
    assert [time for time in shown if "11-01 01:30" in time] == ["11-01 01:30:00 -0400"]


def test_daily_fires_once_on_each_day_of_a_year_with_both_changes() -> None:
    for zone in ZONES:
        times = next_fires(parse("0 0 4 * * *", zone), at("2026-01-01", zone), 365)
        assert [datetime.fromtimestamp(time // SECOND, zone).timetuple().tm_yday for time in times] == list(range(1, 366))
    times = next_fires(parse("0 30 2 * * *", BERLIN), at("2026-10-24", BERLIN), 3)
    assert [datetime.fromtimestamp(time // SECOND, BERLIN).day for time in times] == [24, 25, 26]


@pytest.mark.parametrize("hour", ["*", "?", "0-23", "*,1"])
def test_a_line_for_every_hour_goes_on_as_time_goes_on(hour: str) -> None:
    assert fires(f"0 30 {hour} * * *", "2026-11-01T00:45", 3, NEW_YORK) == [
        "11-01 01:30:00 -0400",
        "11-01 01:30:00 -0500",
        "11-01 02:30:00 -0500",
    ]
    assert fires(f"0 */30 {hour} * * *", "2026-04-05T01:15", 4, LORD_HOWE) == [
        "04-05 01:30:00 +1100",
        "04-05 01:30:00 +1030",
        "04-05 02:00:00 +1030",
        "04-05 02:30:00 +1030",
    ]


def test_every_knows_no_clock_changes() -> None:
    times = next_fires(parse("@every 1h", NEW_YORK), at("2026-11-01T00:30", NEW_YORK), 3)
    assert [later - earlier for earlier, later in pairwise(times)] == [3600 * SECOND] * 2


def test_every_keeps_the_rhythm_of_its_anchor() -> None:
    anchor = at("2026-01-01T00:00:10.7")
    timing = parse("@every 1m", UTC, anchor=anchor)
    assert timing.next(anchor) == at("2026-01-01T00:01:10")
    assert timing.next(at("2026-01-01T07:30:09.9")) == at("2026-01-01T07:30:10")
    assert timing.next(at("2026-01-01T07:30:10")) == at("2026-01-01T07:31:10")
    assert timing.next(at("2025-01-01")) == at("2026-01-01T00:01:10")


# --- against others --------------------------------------------------------------------------------------------------


def parts(least: int, most: int, *, stepped_star: bool = True) -> st.SearchStrategy[str]:
    """A field: a star, or a list of numbers and ranges."""
    number = st.integers(least, most)
    # cronsim reads 5-5/2 as 5/2; for v0.6.2 it is 5.
    span = st.tuples(number, number).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: f"{pair[0]}-{pair[1]}")
    one = st.one_of(number.map(str), span, st.builds(lambda s, n: f"{s}/{n}", span, st.integers(1, 20)))
    several = st.lists(one, min_size=1, max_size=3).map(",".join)
    star = st.just("*") | st.integers(1, 30).map(lambda n: f"*/{n}") if stepped_star else st.just("*")
    return star | several


FIELDS = (
    parts(0, 59),
    parts(0, 59),
    parts(0, 23),
    parts(1, 31, stepped_star=False),
    parts(1, 12),
    parts(0, 6, stepped_star=False),
)
LINES = st.tuples(*FIELDS).map(" ".join)
MOMENTS = st.integers(int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2037, 1, 1, tzinfo=UTC).timestamp()))


@given(LINES, MOMENTS)
def test_cronsim_finds_the_same_times(line: str, moment: int) -> None:
    """Where both mean the same: in UTC, without a step behind the star of a day (which v0.6.2 takes for a star)."""
    start = datetime.fromtimestamp(moment, UTC)
    ours = next_fires(parse(line, UTC), moment * SECOND, 5)
    theirs: list[int] = []
    for found in CronSim(line, start):
        if found.year > start.year + 5 or len(theirs) == 5:
            break
        theirs.append(round(found.timestamp()) * SECOND)
    if len(ours) < 5:  # each of ours is within five years of the one before
        assert ours[: len(theirs)] == theirs
    else:
        assert ours[: len(theirs)] == theirs[: len(ours)]


def allowed(line: Line, second: int, zone: tzinfo) -> bool:
    """Whether a line allows a second, by looking at the wall only: what v0.6.2 would see, but for what comes twice."""
    wall = datetime.fromtimestamp(second, zone)
    now = (wall.second, wall.minute, wall.hour, wall.day, wall.month, wall.isoweekday() % 7)
    fits = [value in field.values for value, field in zip(now, line.fields, strict=True)]
    *times, day, month, weekday = fits
    stars = line.fields[3].star or line.fields[5].star
    hours = line.fields[2]
    again = wall.fold == 1 and not (hours.star or len(hours.values) == 24)
    return all(times) and month and (day and weekday if stars else day or weekday) and not again


NEAR_CHANGES = st.one_of(
    st.tuples(st.just(NEW_YORK), st.just(at("2026-03-08T06:00"))),
    st.tuples(st.just(NEW_YORK), st.just(at("2026-11-01T05:00"))),
    st.tuples(st.just(BERLIN), st.just(at("2026-10-25T00:00"))),
    st.tuples(st.just(LORD_HOWE), st.just(at("2026-04-04T14:00"))),
    st.tuples(st.just(LORD_HOWE), st.just(at("2026-10-03T15:00"))),
    st.tuples(st.just(SAO_PAULO), st.just(at("2018-02-18T01:00"))),
    st.tuples(st.just(SAO_PAULO), st.just(at("2018-11-04T02:00"))),
    st.tuples(st.just(APIA), st.just(at("2011-12-30T09:30"))),
    st.tuples(st.just(DUBLIN), st.just(at("2026-10-25T00:30"))),
    st.tuples(st.just(UTC), st.just(at("2026-12-31T23:00"))),
)
COARSE = st.tuples(st.sampled_from(["0", "30"]), parts(0, 59), *FIELDS[2:]).map(" ".join)


@given(COARSE, NEAR_CHANGES, st.integers(-3600, 3600))
@example("0 0 0 * * *", (SAO_PAULO, at("2018-02-18T01:00")), 0)
def test_slow_reading_of_the_wall_finds_the_same_times(line: str, place: tuple[tzinfo, int], shift: int) -> None:
    zone, begin = place[0], place[1] // SECOND // 30 * 30 + shift // 30 * 30
    end, fields = begin + 4 * 3600, read(line)
    wanted = [second * SECOND for second in range(begin + 30, end + 1, 30) if allowed(fields, second, zone)]
    timing = parse(line, zone)
    found = []
    time = timing.next(begin * SECOND)
    while time is not None and time <= end * SECOND:
        found.append(time)
        time = timing.next(time)
    assert found == wanted
    assert timing.count(begin * SECOND, end * SECOND) == len(wanted)
    assert latest(timing, begin * SECOND, end * SECOND, 3) == wanted[-3:]


@given(LINES, st.sampled_from(ZONES), MOMENTS, st.integers(0, 40 * 86_400))
def test_counting_and_looking_back_agree_with_going_forward(line: str, zone: tzinfo, begin: int, length: int) -> None:
    timing = parse(line, zone)
    after, until = begin * SECOND, (begin + length) * SECOND
    assume(timing.count(after, until) < 500)
    found = [time for time in next_fires(timing, after, 500) if time <= until]
    assert timing.count(after, until) == len(found)
    assert latest(timing, after, until) == found[-1:]
    assert latest(timing, after, until, 7) == found[-7:]


@given(st.integers(1, 10**5), MOMENTS, MOMENTS, st.integers(0, 10**6))
def test_delays_are_counted_from_their_anchor(seconds: int, anchor: int, begin: int, length: int) -> None:
    timing = parse(f"@every {seconds}s", UTC, anchor=anchor * SECOND)
    found = timing.next(begin * SECOND)
    assert found is not None
    assert found > begin * SECOND
    assert (found // SECOND - anchor) % seconds == 0
    assert found >= (anchor + seconds) * SECOND
    until = (begin + length) * SECOND
    wanted = 0 if found > until else (until - found) // (seconds * SECOND) + 1
    assert timing.count(begin * SECOND, until) == wanted


def test_years_begin_and_end_with_changes_too() -> None:
    """The clocks of Kiribati's Line Islands skipped New Year's Eve of 1994; stretches end with years."""
    zone = ZoneInfo("Pacific/Kiritimati")
    assert fires("0 0 12 * * *", "1994-12-30T13:00", 2, zone) == ["01-01 12:00:00 +1400", "01-02 12:00:00 +1400"]
    assert datetime.fromtimestamp(at("1995-01-01", zone) // SECOND, zone).utcoffset() == timedelta(hours=14)
