"""What visitors type into forms, as the API reads it."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from adyton.web.ui import formats
from adyton.web.ui.page import Visit


def instant(visit: Visit, text: str) -> str:
    """A date and time of the visitor's zone (``2026-01-31T08:30``, as browsers send it) as RFC 3339 in UTC. Anything else stays
    as it is: the API takes a whole RFC 3339 text, and says what is wrong with the rest."""
    return _utc(visit, text, timedelta(0))


def end_of_day(visit: Visit, text: str) -> str:
    """The same of a date alone (``2026-01-31``): the end of that day."""
    return _utc(visit, text, timedelta(days=1)) if len(text) == len("2026-01-31") else text


def _utc(visit: Visit, text: str, later: timedelta) -> str:
    try:
        local = datetime.fromisoformat(text)
        if local.tzinfo is not None:
            return text
        if later:
            local = datetime.combine(local.date(), time()) + later
        moment = local.replace(tzinfo=formats.zone_of(visit.cookie("tz"))).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z" if moment.year >= 1000 else text
