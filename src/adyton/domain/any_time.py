"""A time in nearly any form, as v0.6.2 took it for ``params.time``, ``until`` of a sleep and ``endAt`` of an agreement.

A number, or digits in a text, count since 1970 or are a date, by how many there are. Of other texts the year may come first or
last; between slashes the month comes before the day. Without an offset a time is UTC. A zone that is only an abbreviation
(``CEST``) is refused unless an offset stands before it: v0.6.2 read every one as UTC, silently hours off.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999."""
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_WEEKDAY = r"(?:(?:mon|tue|tues|wed|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?,?\ +)?"
_NAME = (
    r"(?P<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
_TIME = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?(?:\ ?(?P<half>[ap]m))?"
_ZONE = r"(?:\ ?(?:Z|UTC|GMT|(?P<offset>[+-]\d\d:?\d\d)(?:\ \(?[A-Z]{1,5}\)?)?))?"
_DATES = (
    r"(?P<year>\d{4})-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?",
    r"(?P<year>\d{4})([/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})",
    r"(?P<month>\d{1,2})([/.])(?P<day>\d{1,2})\2(?P<year>\d{4}|\d\d)",
    rf"{_WEEKDAY}{_NAME}\ +{_DAY},?\ +{_YEAR}",
    rf"{_WEEKDAY}{_DAY}[\ -]{_NAME},?[\ -]{_YEAR}",
)
_FORMS = (
    *(re.compile(rf"{date}(?:(?:T|,?\ +|\ at\ ){_TIME}{_ZONE})?", re.ASCII | re.IGNORECASE) for date in _DATES),
    # As C and Unix write dates, the year last.
    re.compile(rf"{_WEEKDAY}{_NAME}\ +{_DAY}\ +{_TIME}{_ZONE}\ +{_YEAR}", re.ASCII | re.IGNORECASE),
)
_PACKED = {4: "%Y", 8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}
"""Digits that are a date, by how many there are."""
_DIGITS = re.compile(r"[0-9]+")
_MOST_BITS = 64
_NEITHER = "a time is a number or a text, such as 1529445491 or 2018-06-19T22:17:19Z"


def parse(value: object) -> int | None:
    """Microseconds since 1970; None for null and "". Digits below a microsecond are dropped.

    Raises ValueError, whose message says what is wrong, for everything that v0.6.2 refused: other JSON values, negative numbers
    and fractions, one to three digits, a month beyond 12.
    """
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        if value.bit_length() > _MOST_BITS:
            raise ValueError("the number lies too far in the future or the past")
        return _text(str(value))
    if isinstance(value, str):
        return _text(value)
    found = f'Could not find format for "{value}": a number must be whole' if isinstance(value, Decimal | float) else _NEITHER
    raise ValueError(found)


def _text(text: str) -> int:
    if len(text) <= 19 and _DIGITS.fullmatch(text):
        return _digits(text)
    for form in _FORMS:
        if found := form.fullmatch(text):
            return _moment(text, {name: part or "" for name, part in found.groupdict().items()})
    raise ValueError(f'Could not find format for "{text[:80]}"; write it like 2018-06-19T22:17:19Z')


def _digits(text: str) -> int:
    """As v0.6.2: up to 10 digits are seconds, up to 13 milliseconds, up to 16 microseconds, more are nanoseconds."""
    count = len(text)
    if count < 4:
        raise ValueError(f"unrecognized format, too short {text}")
    if form := _PACKED.get(count):
        try:
            return (datetime.strptime(f"{text}+0000", f"{form}%z") - _EPOCH) // _MICROSECOND
        except ValueError:
            raise ValueError(f'"{text}" is no date in the form {_shape(count)}') from None
    micros = int(text) * 1_000_000
    if count > 16:
        micros = int(text) // 1000
    elif count > 13:
        micros = int(text)
    elif count > 10:
        micros = int(text) * 1000
    if micros > _LAST or (count > 16 and int(text) >= 2**63):
        raise ValueError(f'"{text}" lies too far in the future')
    return micros


def _shape(count: int) -> str:
    return "YYYYMMDDhhmmss"[:count]


def _moment(text: str, parts: dict[str, str]) -> int:
    month = _MONTHS.index(parts["name"][:3].lower()) + 1 if parts.get("name") else int(parts["month"])
    if not 1 <= month <= 12:
        raise ValueError(f'parsing time "{text}": month out of range')
    year = int(parts["year"])
    if len(parts["year"]) == 2:
        year += 1900 if year >= 69 else 2000
    try:
        moment = datetime(
            year,
            month,
            int(parts["day"] or 1),
            _hour(int(parts["hour"] or 0), parts["half"].lower()),
            int(parts["minute"] or 0),
            int(parts["second"] or 0),
            int(f"{parts['fraction']}000000"[:6]),
            _zone(parts["offset"]),
        )
    except ValueError as wrong:
        raise ValueError(f'parsing time "{text}": {wrong}') from None
    micros = (moment - _EPOCH) // _MICROSECOND
    if not _FIRST <= micros <= _LAST:
        raise ValueError(f'parsing time "{text}": the year is not 1 to 9999')
    return micros


def _hour(hour: int, half: str) -> int:
    if not half:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("hour out of range")
    return hour % 12 + (12 if half == "pm" else 0)


def _zone(offset: str) -> timezone:
    if not offset:
        return UTC
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError(f"there is no offset {offset}")
    shift = timedelta(hours=hours, minutes=minutes)
    return timezone(-shift if offset[0] == "-" else shift)
