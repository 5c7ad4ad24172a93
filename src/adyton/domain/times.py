"""Times as texts. Inside they are integers: microseconds since 1970-01-01 UTC; the years 1 to 9999 fit."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_UTC = _EPOCH.replace(tzinfo=None)  # shown without an offset, which is written as Z
_MICROSECOND = timedelta(microseconds=1)
_LAST_SECOND = 253_402_300_799
# RFC 3339 as Go reads it: capital T and Z, a full time, an offset; the day of a month is checked by datetime.
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))",
    re.ASCII,
)


def parse_rfc3339(text: str) -> int:
    """Microseconds of an RFC 3339 text such as ``2019-06-27T14:03:11.5+02:00``; digits below a microsecond are dropped.

    Raises ValueError, whose message says what is wrong, for anything else: a bare date, no offset, the 31st of June.
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is not a time; write it like 2019-06-27T14:03:11Z or 2019-06-27T16:03:11+02:00')
    year, month, day, hour, minute, second, fraction, sign, offset_hours, offset_minutes = found.groups()
    micros = int(((fraction or "") + "000000")[:6])
    try:
        zone = _zone(sign, offset_hours, offset_minutes)
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), micros, zone)
        return (moment.astimezone(UTC) - _EPOCH) // _MICROSECOND  # raises when the moment's year in UTC is not 1 to 9999
    except (ValueError, OverflowError) as wrong:
        raise ValueError(f'"{text}" is not a time: {wrong}') from None


def rfc3339(micros: int) -> str:
    """The RFC 3339 text in UTC, fractional digits without trailing zeros (as v0.6.2): ``2019-06-27T14:03:11.5Z``."""
    return f"{_moment(micros, 'T')}Z"


def seconds_text(seconds: int) -> str | None:
    """The RFC 3339 text of seconds since 1970; None for what lies beyond the year 9999: a contract's time may be any number."""
    return rfc3339(seconds * 1_000_000) if 0 <= seconds <= _LAST_SECOND else None


def go_time(micros: int) -> str:
    """The form in which v0.6.2 puts a time into a message: ``2019-06-27 14:03:11 +0000 UTC``."""
    return f"{_moment(micros, ' ')} +0000 UTC"


def _moment(micros: int, between: str) -> str:
    text = (_EPOCH_UTC + timedelta(microseconds=micros)).isoformat(between)
    return text.rstrip("0") if "." in text else text


def _zone(sign: str | None, hours: str | None, minutes: str | None) -> timezone:
    if sign is None or hours is None or minutes is None:
        return UTC
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError(f"there is no offset {sign}{hours}:{minutes}")
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(-offset if sign == "-" else offset)
