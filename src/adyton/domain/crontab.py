"""A cron line as v0.6.2 reads it.

Five or six fields: second, minute, hour, day of the month, month and, optionally, weekday. So ``* * * * *`` is every second
and ``0 * * * *`` every minute; that is not what other crons make of five fields. A field is a list of ``*``, ``?`` (the same),
``n``, ``a-b``, each with ``/step`` if need be; months and weekdays have names, and there is no weekday 7. ``@hourly`` and its
kin are lines with a name, ``@every 90s`` is a delay. In front of all of them ``CRON_TZ=Europe/Berlin`` (or ``TZ=``) names a
zone, as later versions have it; the line behind it reads no differently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from adyton.domain.durations import parse_duration


class Bounds(NamedTuple):
    """What a field may hold."""

    least: int
    most: int
    names: Mapping[str, int] = {}


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
SECOND, MINUTE, HOUR, DAY = Bounds(0, 59), Bounds(0, 59), Bounds(0, 23), Bounds(1, 31)
MONTH = Bounds(1, 12, {name: n for n, name in enumerate(_MONTHS, 1)})
WEEKDAY = Bounds(0, 6, {name: n for n, name in enumerate(_WEEKDAYS)})
_FIELDS = (SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY)

_DESCRIPTORS = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
_EVERY = "@every "
_ZONE = re.compile(r"(?:CRON_TZ|TZ)=(\S*)\s*(.*)", re.DOTALL)
_INTEGER = re.compile(r"[+-]?[0-9]+")
_INT64 = 2**63
_SPACES = "\t\n\v\f\r \x85\xa0"
"""What Go takes for the space between fields, as far as a line may hold it."""


class Field(msgspec.Struct, frozen=True):
    """The values that a field allows, in order; ``star`` when one of its parts was ``*`` or ``?``, with a step or without."""

    values: tuple[int, ...]
    star: bool


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A cron line that could be read. ``zone`` is the name that it brings along, ``every`` the delay of an ``@every`` in
    seconds (None: the six ``fields`` say when)."""

    zone: str | None
    every: int | None = None
    fields: tuple[Field, ...] = ()


def read(text: str) -> Line:
    """Read a line. Raises ValueError in the words of v0.6.2; whether the zone exists is not looked at."""
    zone = None
    if named := _ZONE.fullmatch(text):
        zone, text = named[1], named[2]
    if text.startswith(_EVERY):
        return Line(zone=zone, every=_delay(text))
    if text.startswith("@"):
        if text not in _DESCRIPTORS:
            raise ValueError(f"Unrecognized descriptor: {text}")
        return Line(zone=zone, fields=_fields(_DESCRIPTORS[text]))
    return Line(zone=zone, fields=_fields(text))


def _delay(text: str) -> int:
    """Whole seconds, at least one: what is below a second is dropped, what is below one second (negative too) is one."""
    try:
        return max(1, parse_duration(text.removeprefix(_EVERY)) // 10**9)
    except ValueError as wrong:
        raise ValueError(f"Failed to parse duration {text}: {wrong}") from None


def _fields(text: str) -> tuple[Field, ...]:
    found = [part for part in re.split(f"[{_SPACES}]+", text) if part]
    if len(found) not in {5, 6}:
        raise ValueError(f"Expected 5 to 6 fields, found {len(found)}: {text}")
    if len(found) == 5:
        found.append("*")
    return tuple(_field(part, bounds) for part, bounds in zip(found, _FIELDS, strict=True))


def _field(text: str, bounds: Bounds) -> Field:
    """Empty parts of the list are passed over; a field of commas alone allows nothing."""
    values: set[int] = set()
    star = False
    for part in filter(None, text.split(",")):
        values.update(_range(part, bounds))
        star = star or _is_star(part)
    return Field(tuple(sorted(values)), star)


def _is_star(part: str) -> bool:
    return part.partition("/")[0].partition("-")[0] in {"*", "?"}


def _range(part: str, bounds: Bounds) -> range:
    """The values of one part of a list. As v0.6.2, what follows a hyphen behind a star is not looked at."""
    span, *steps = part.split("/")
    low, *high = span.split("-")
    if low in {"*", "?"}:
        first, last = bounds.least, bounds.most
    else:
        first = last = _number(low, bounds)
        if len(high) > 1:
            raise ValueError(f"Too many hyphens: {part}")
        if high:
            last = _number(high[0], bounds)
    step = 1
    if len(steps) > 1:
        raise ValueError(f"Too many slashes: {part}")
    if steps:
        step = _integer(steps[0])
        if not high:
            last = bounds.most  # n/step goes on to the end
    _check(part, bounds, first, last, step)
    return range(first, last + 1, step)


def _check(part: str, bounds: Bounds, first: int, last: int, step: int) -> None:
    if first < bounds.least:
        raise ValueError(f"Beginning of range ({first}) below minimum ({bounds.least}): {part}")
    if last > bounds.most:
        raise ValueError(f"End of range ({last}) above maximum ({bounds.most}): {part}")
    if first > last:
        raise ValueError(f"Beginning of range ({first}) beyond end of range ({last}): {part}")
    if step == 0:
        raise ValueError(f"Step of range should be a positive number: {part}")


def _number(text: str, bounds: Bounds) -> int:
    known = bounds.names.get(text.lower())
    return _integer(text) if known is None else known


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(f'Failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    # No bound has so many digits, and the interpreter reads only some thousands.
    number = int(text) if len(text) < 100 else _INT64
    if not -_INT64 <= number < _INT64:
        raise ValueError(f'Failed to parse int from {text}: strconv.Atoi: parsing "{text}": value out of range')
    if number < 0:
        raise ValueError(f"Negative number ({number}) not allowed: {text}")
    return number
