"""When a cron line fires.

A line fires at the whole seconds whose wall time in its zone it allows: v0.6.2 searched second by second, so to speak, and so
does this, but for the searching. Where clocks change:

* a wall time that does not exist (clocks go forward) is skipped: there is no such second. A daily ``0 30 2 * * *`` does not
  fire on that day, as in v0.6.2;
* a wall time that comes twice (clocks go back) was found twice by v0.6.2. Here a line that names its hours fires the first time
  only: what is meant to happen once a day happens once. A line for every hour (``*``, ``?``, ``*/2``, or all 24) goes on as
  the time goes on, both times round, or it would pause for an hour.

``@every`` counts from an anchor, so that a node that restarts keeps the rhythm.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import islice
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from adyton.domain import crontab
from adyton.domain.crontab import Field, Line

_SECOND = 1_000_000
_DAY = 86_400
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_YEARS = 5
"""How far ahead a time is looked for, as v0.6.2: to the end of the fifth year after this one."""
_LAST_YEAR = 9998


class Schedule(Protocol):
    """Says when something fires. Times are microseconds since the epoch."""

    def next(self, after: int) -> int | None:
        """The first time behind ``after``, a whole second; None when there is none within five years."""
        ...

    def count(self, after: int, until: int) -> int:
        """How many times there are behind ``after``, up to and with ``until``."""
        ...


def parse(text: str, zone: tzinfo, *, anchor: int | None = None) -> Schedule:
    """The schedule of a cron line, in ``zone`` unless it names one. ``anchor`` is when ``@every`` begins to count; without one,
    each time counts from the one before. Raises ValueError in the words of v0.6.2."""
    line = crontab.read(text)
    if line.every is not None:
        named_zone(line.zone, zone)
        return Every(line.every, None if anchor is None else anchor // _SECOND)
    return Times(line, named_zone(line.zone, zone))


def check(text: str) -> None:
    """Raises ValueError when a line cannot be read, or names a zone that does not exist."""
    named_zone(crontab.read(text).zone, UTC)


def named_zone(name: str | None, default: tzinfo) -> tzinfo:
    """The zone of that name; ``Local``, as Go says, is the default. Raises ValueError when there is none."""
    if name in {None, "Local"}:
        return default
    assert name is not None
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"provided bad location {name}: unknown time zone {name}; use a name such as Europe/Berlin or UTC"
        ) from None


def latest(schedule: Schedule, after: int, until: int, keep: int = 1) -> list[int]:
    """The last times behind ``after``, up to and with ``until``: at most ``keep`` of them, in order."""
    low, high = after // _SECOND, until // _SECOND
    if schedule.count(after, until) > keep:
        while high - low > 1:
            middle = (low + high) // 2
            if schedule.count(middle * _SECOND, until) >= keep:
                low = middle
            else:
                high = middle
        after = low * _SECOND
    return [time for time in next_fires(schedule, after, keep) if time <= until]


def fires(schedule: Schedule, after: int) -> Iterator[int]:
    """Every time behind ``after``."""
    found = schedule.next(after)
    while found is not None:
        yield found
        found = schedule.next(found)


def next_fires(schedule: Schedule, after: int, count: int) -> list[int]:
    """The first times behind ``after``."""
    return list(islice(fires(schedule, after), count))


class Every(msgspec.Struct, frozen=True):
    """Fires each so many seconds, counted from ``anchor`` (seconds since the epoch) if there is one."""

    seconds: int
    anchor: int | None

    def next(self, after: int) -> int:
        """The first time behind ``after``; never before the anchor and one delay."""
        now = after // _SECOND
        passed = 0 if self.anchor is None else (now - self.anchor) // self.seconds
        base = now if self.anchor is None else self.anchor + max(0, passed) * self.seconds
        return (base + self.seconds) * _SECOND

    def count(self, after: int, until: int) -> int:
        """How many times there are behind ``after``, up to and with ``until``."""
        first = self.next(after)
        return max(0, (until - first) // (self.seconds * _SECOND) + 1)


class Times:
    """Fires at the wall times of a zone that six fields allow."""

    __slots__ = ("_days", "_every_day", "_hours", "_minutes", "_months", "_never", "_repeats", "_seconds", "_zone")

    def __init__(self, line: Line, zone: tzinfo) -> None:
        second, minute, hour, day, month, weekday = line.fields
        self._zone = zone
        self._seconds, self._minutes, self._hours = second.values, minute.values, hour.values
        self._months = frozenset(month.values)
        self._days = _Days(day, weekday)
        self._every_day = self._days.all
        self._never = not all((second.values, minute.values, hour.values, month.values))
        self._repeats = hour.star or len(hour.values) == 24

    def next(self, after: int) -> int | None:
        """The first time behind ``after``. Where the clocks do not change it costs some microseconds."""
        if self._never:
            return None
        start = after // _SECOND + 1
        last_year = _year(start, self._zone) + _YEARS
        for stretch in _stretches(self._zone, start, min(last_year, _LAST_YEAR)):
            begin = max(start, stretch.begin if self._repeats else stretch.begin + stretch.again)
            found = self._wall(begin + stretch.offset, stretch.end + stretch.offset, last_year)
            if found is not None:
                return (found - stretch.offset) * _SECOND
        return None

    def count(self, after: int, until: int) -> int:
        """How many times there are behind ``after``, up to and with ``until``. Looks at each day, not at each time."""
        start, end = after // _SECOND + 1, until // _SECOND + 1
        if self._never or end <= start:
            return 0
        found = 0
        for stretch in _stretches(self._zone, start, datetime.fromtimestamp(end, UTC).year):
            begin = max(start, stretch.begin if self._repeats else stretch.begin + stretch.again)
            stop = min(end, stretch.end)
            if begin < stop:
                found += self._walls(begin + stretch.offset, stop + stretch.offset)
        return found

    def _walls(self, begin: int, end: int) -> int:
        """How many allowed wall times there are from ``begin`` on and before ``end``."""
        (first, time), (last, stop) = divmod(begin, _DAY), divmod(end, _DAY)
        found = 0
        day = self._day(first, last, _LAST_YEAR)
        while day is not None:
            found += self._before(stop if day == last else _DAY) - (self._before(time) if day == first else 0)
            day = self._day(day + 1, last, _LAST_YEAR)
        return found

    def _before(self, time: int) -> int:
        """How many allowed seconds of a day lie before ``time``."""
        hours, minutes, seconds = self._hours, self._minutes, self._seconds
        hour, rest = divmod(time, 3600)
        minute, second = divmod(rest, 60)
        at = bisect_left(hours, hour)
        found = at * len(minutes) * len(seconds)
        if at == len(hours) or hours[at] != hour:
            return found
        at = bisect_left(minutes, minute)
        found += at * len(seconds)
        if at == len(minutes) or minutes[at] != minute:
            return found
        return found + bisect_left(seconds, second)

    def _wall(self, begin: int, end: int, last_year: int) -> int | None:
        """The first allowed wall time from ``begin`` on and before ``end``, both as seconds since 1970 by the wall's clock."""
        day, time = divmod(begin, _DAY)
        last_day = (end - 1) // _DAY
        while (allowed := self._day(day, last_day, last_year)) is not None:
            if allowed > day:
                day, time = allowed, 0
            found = self._time(time)
            if found is not None:
                at = day * _DAY + found
                return at if at < end else None
            day, time = day + 1, 0
        return None

    def _day(self, day: int, last_day: int, last_year: int) -> int | None:
        """The first allowed day from ``day`` on; days count since 1970."""
        while day <= last_day:
            when = date.fromordinal(day + _EPOCH_DAY)
            if when.year > last_year:
                return None
            if when.month not in self._months:
                following = date(when.year + when.month // 12, when.month % 12 + 1, 1)
                day = following.toordinal() - _EPOCH_DAY
            elif self._every_day or self._days.allow(when):
                return day
            else:
                day += 1
        return None

    def _time(self, time: int) -> int | None:
        """The first allowed second of a day from ``time`` on."""
        hours, minutes, seconds = self._hours, self._minutes, self._seconds
        hour, rest = divmod(time, 3600)
        minute, second = divmod(rest, 60)
        at = bisect_left(hours, hour)
        if at == len(hours):
            return None
        if hours[at] > hour:
            return hours[at] * 3600 + minutes[0] * 60 + seconds[0]
        within = self._within_hour(minute, second)
        if within is not None:
            return hour * 3600 + within
        if at + 1 == len(hours):
            return None
        return hours[at + 1] * 3600 + minutes[0] * 60 + seconds[0]

    def _within_hour(self, minute: int, second: int) -> int | None:
        minutes, seconds = self._minutes, self._seconds
        at = bisect_left(minutes, minute)
        if at < len(minutes) and minutes[at] == minute:
            place = bisect_left(seconds, second)
            if place < len(seconds):
                return minute * 60 + seconds[place]
            at += 1
        return minutes[at] * 60 + seconds[0] if at < len(minutes) else None


class _Days:
    """Which days are allowed: by the day of the month and the weekday, or by either of them when neither was a star."""

    __slots__ = ("_both", "_month_days", "_weekdays", "all")

    def __init__(self, day: Field, weekday: Field) -> None:
        self._month_days = frozenset(day.values)
        self._weekdays = frozenset(weekday.values)
        self._both = day.star or weekday.star
        self.all = len(self._month_days) == 31 and len(self._weekdays) == 7

    def allow(self, when: date) -> bool:
        by_month, by_week = when.day in self._month_days, when.isoweekday() % 7 in self._weekdays
        return (by_month and by_week) if self._both else (by_month or by_week)


# --- zones -----------------------------------------------------------------------------------------------------------


class Stretch(NamedTuple):
    """A time between two changes of a zone's clocks: from ``begin`` to before ``end``, seconds since the epoch, in which the
    wall shows ``offset`` seconds more. Its first ``again`` seconds show wall times that have been before."""

    begin: int
    end: int
    offset: int
    again: int


def _stretches(zone: tzinfo, start: int, last_year: int) -> Iterator[Stretch]:
    """The stretches from the one of ``start`` on, through a year."""
    year = datetime.fromtimestamp(start, UTC).year
    while year <= last_year + 1:
        for stretch in _stretches_of(zone, year):
            if stretch.end > start:
                yield stretch
        year += 1


@lru_cache(maxsize=1024)
def _stretches_of(zone: tzinfo, year: int) -> tuple[Stretch, ...]:
    """The stretches of a year (in UTC) of a zone; the first begins with the year. Looks at each day once: a zone does not say
    when its clocks change, and none ever changed them twice in a day."""
    begin, end = _seconds(date(year, 1, 1)), _seconds(date(year + 1, 1, 1))
    found: list[Stretch] = []
    since, offset, again = begin, _offset(begin, zone), _again(zone, begin)
    for day in range(begin + _DAY, end + _DAY, _DAY):
        later = _offset(min(day, end - 1), zone)
        if later == offset:
            continue
        change = _change(zone, day - _DAY, min(day, end - 1))
        found.append(Stretch(since, change, offset, again))
        since, again, offset = change, max(0, offset - later), later
    return (*found, Stretch(since, end, offset, again))


def _again(zone: tzinfo, begin: int) -> int:
    """How much of the wall's time is a repetition where a year begins: after a change on New Year's Eve or at midnight."""
    before = _offset(begin - _DAY, zone)
    offset = _offset(begin, zone)
    if before <= offset:
        return 0
    return max(0, _change(zone, begin - _DAY, begin) + before - offset - begin)


def _change(zone: tzinfo, low: int, high: int) -> int:
    """The first second with the new offset: that of ``high``, while ``low`` still has the old one."""
    old = _offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, zone) == old:
            low = middle
        else:
            high = middle
    return high


def _offset(seconds: int, zone: tzinfo) -> int:
    shift = datetime.fromtimestamp(seconds, zone).utcoffset()
    assert shift is not None  # of a time with a zone
    return shift // timedelta(seconds=1)


def _year(seconds: int, zone: tzinfo) -> int:
    return datetime.fromtimestamp(seconds, zone).year


def _seconds(day: date) -> int:
    return (day.toordinal() - _EPOCH_DAY) * _DAY
