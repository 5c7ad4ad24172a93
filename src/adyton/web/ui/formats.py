"""How values are written on the pages: short for the eye, exact for whoever hovers. Filters and functions of the templates.

Amounts come as the API has them, integers or decimal texts of wei and juels. Nothing is rounded away: the exact value is in the
title. Texts from outside are escaped here or by the template.
"""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from decimal import ROUND_DOWN, Decimal, localcontext
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from markupsafe import Markup, escape

NONE = Markup('<span class="none">–</span>')
_UNITS = {"ETH": 18, "LINK": 18, "gwei": 9}
_MOMENT = timedelta(seconds=1)
_DIGITS = 6
"""Digits behind the point that are shown."""
_LONGEST = 200
"""Digits that an amount may have; 256 bits have 78."""


class Exact(float):
    """A number that is no integer, which remembers how it was written: JSON has more digits, and larger ones, than floats."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Of the text of a number."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __str__(self) -> str:
        return self.text


def _html(text: str) -> Markup:
    """A piece of HTML, made here of words of our own and of what was escaped: ``Markup.format`` takes ten times as long, and a
    page has hundreds of these."""
    return Markup(text)  # noqa: S704 - see above


def zone_of(name: str) -> tzinfo:
    """The zone of that name, as a browser told it; UTC for what is none."""
    try:
        return ZoneInfo(name) if name and len(name) < 64 else ZoneInfo("UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def instant(text: str) -> datetime:
    """An instant as the API writes it, with up to nine digits of a second."""
    whole, dot, rest = text.removesuffix("Z").partition(".")
    digits = rest[:6].ljust(6, "0") if dot else "000000"
    return datetime.fromisoformat(f"{whole}.{digits}+00:00")


def when(text: str | None, zone: tzinfo, *, style: str = "full") -> Markup:
    """An instant in the visitor's zone, with the exact UTC on hover. ``style``: full, clock (time of day), date."""
    if not text:
        return NONE
    utc = instant(text)
    try:
        local = utc.astimezone(zone)
    except OverflowError:  # a contract's time may be the first or the last there is
        local = utc
    shown = local.strftime({"full": "%Y-%m-%d %H:%M:%S", "clock": "%H:%M:%S", "date": "%Y-%m-%d"}[style])
    exact = _exact(text)
    return _html(f'<time datetime="{escape(text)}" title="{escape(exact)}" data-style="{style}">{shown}</time>')


def ago(text: str | None, now: datetime) -> Markup:
    """How long ago an instant was, or how far ahead it is; exact on hover."""
    if not text:
        return NONE
    utc = instant(text)
    passed = now - utc
    words = "just now" if abs(passed) < _MOMENT else f"{span(passed)} ago" if passed > timedelta(0) else f"in {span(-passed)}"
    return _html(f'<time datetime="{escape(text)}" title="{escape(_exact(text))}" data-style="ago">{words}</time>')


def _exact(text: str) -> str:
    """An instant of the API with all its digits, six at least."""
    whole, _, digits = text.removesuffix("Z").partition(".")
    return f"{whole.replace('T', ' ')}.{digits.ljust(6, '0')} UTC"


def span(length: timedelta | float | None) -> str:
    """A length of time (seconds, or a timedelta) in its two largest units: ``3 d 4 h``, ``1.2 s``, ``12 ms``."""
    if length is None:
        return "–"
    seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
    if seconds < 0:
        return f"-{span(-seconds)}"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    whole = round(seconds)
    first = next(index for index, (_, size) in enumerate(units) if whole >= size)
    parts = []
    for name, size in units[first : first + 2]:
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts)


def between(start: str | None, end: str | None) -> str:
    """How long it took from one instant to another."""
    return span(instant(end) - instant(start)) if start and end else "–"


def amount(value: str | int | None, unit: str) -> Markup:
    """An amount of wei or juels in ETH, LINK or gwei, cut to six digits; exact on hover."""
    if value is None or value == "":
        return NONE
    exact = Decimal(str(value))
    with localcontext(prec=_LONGEST):
        scaled = exact.scaleb(-_UNITS[unit])
        shown = scaled.quantize(Decimal(1).scaleb(-_DIGITS), ROUND_DOWN) if scaled else Decimal(0)
    words = f"{shown:,f}"
    words = words.rstrip("0").rstrip(".") if "." in words else words
    if not shown and scaled:
        words = f"< 0.{'0' * (_DIGITS - 1)}1" if scaled > 0 else f"> -0.{'0' * (_DIGITS - 1)}1"
    base = "juels" if unit == "LINK" else "wei"
    title, value_ = f"{exact:,f} {base}", f"{exact:f}"
    return _html(
        f'<data class="amount" value="{value_}" title="{title}">{escape(words)} <span class="unit">{unit}</span></data>'
    )


def number(value: float | str | None) -> str:
    """A count with separators."""
    return "–" if value is None else f"{int(value):,}"


def percent(part: float | None, whole: float | None) -> str:
    """A share; one digit behind the point unless it is all or nothing. Never 100 % of what is not all."""
    if not whole or part is None:
        return "–"
    share = 100 * part / whole
    if part != whole and share > 99.9:
        return "99.9 %"
    return f"{share:.0f} %" if share in {0, 100} else f"{share:.1f} %"


def short(text: str | None, head: int = 8, tail: int = 6) -> Markup:
    """A hash, an address or an id with its middle left out; whole on hover, and for whoever copies it."""
    if not text:
        return NONE
    words = text if len(text) <= head + tail + 1 else f"{text[:head]}…{text[-tail:]}"
    return _html(f'<code class="hash" title="{escape(text)}">{escape(words)}</code>')


def pretty(value: Any) -> str:
    """JSON for people. Numbers keep their digits."""
    return msgspec.json.format(msgspec.json.encode(_raw(value)), indent=2).decode()


def _raw(value: Any) -> Any:
    """The same with the numbers as they were written."""
    match value:
        case Exact():
            return msgspec.Raw(value.text.encode())
        case dict():
            return {name: _raw(each) for name, each in value.items()}
        case list() | tuple():
            return [_raw(each) for each in value]
        case _:
            return value


def bytes_(value: float | None) -> str:
    """A number of bytes."""
    if value is None:
        return "–"
    size = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError


def words(text: str) -> str:
    """A name of the code as words: ``pending_confirmations`` -> ``pending confirmations``."""
    return text.replace("_", " ")


def marked(text: str) -> Markup:
    """A text with its `code` marked; nothing else of it is markup."""
    pieces = str(escape(text)).split("`")
    if len(pieces) % 2 == 0:
        return Markup("`".join(pieces))  # noqa: S704 - escaped above
    return Markup("".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(pieces)))  # noqa: S704 - escaped above
