"""Durations as Go writes them: ``1h30m``, ``-1.5s``, ``500ms``; in whole nanoseconds, exactly."""

from __future__ import annotations

import re

_PART = re.compile(r"(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?(?P<unit>[^0-9.]*)")
_UNITS = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip
_LIMIT = 2**63
_MOST_DIGITS = 40  # more cannot matter within the limit


def parse_duration(text: str) -> int:
    """Nanoseconds, negative ones too; what is below one is dropped.

    Raises ValueError in the words of Go: an invalid duration, an unknown or a missing unit, or more than about 292 years.
    """
    rest = text[1:] if text[:1] in {"-", "+"} else text
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(f"time: invalid duration {text}")
    total = 0
    while rest:
        part = _PART.match(rest)
        if part is None or not (part["whole"] or part["fraction"]):
            raise ValueError(f"time: invalid duration {text}")
        total += _nanoseconds(part, text)
        if total >= _LIMIT:
            raise ValueError(f"time: invalid duration {text}")
        rest = rest[part.end() :]
    return -total if text[0] == "-" else total


def _nanoseconds(part: re.Match[str], text: str) -> int:
    unit = part["unit"]
    if not unit:
        raise ValueError(f"time: missing unit in duration {text}")
    if unit not in _UNITS:
        raise ValueError(f"time: unknown unit {unit} in duration {text}")
    whole, fraction = part["whole"].lstrip("0"), (part["fraction"] or "")[:_MOST_DIGITS]
    if len(whole) > _MOST_DIGITS:
        raise ValueError(f"time: invalid duration {text}")
    below: int = int(fraction or "0") * _UNITS[unit] // 10 ** len(fraction)
    return int(whole or "0") * _UNITS[unit] + below
