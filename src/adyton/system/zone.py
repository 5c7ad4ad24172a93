"""The machine's time zone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LOCAL = Path("/etc/localtime")


def machine_zone(environment: Mapping[str, str] = os.environ, local: Path = _LOCAL) -> tzinfo:
    """The zone that ``TZ`` names, else that of ``/etc/localtime``, else UTC; as Go, and so v0.6.2, finds it. A ``TZ`` that
    names none is UTC."""
    if "TZ" in environment:
        return _named(environment["TZ"].removeprefix(":"))
    try:
        # The name is worth having: the file alone says when the clocks change, but not of what place.
        target = str(local.resolve(strict=True))
        name = target.rpartition("/zoneinfo/")[2]
        if name != target:
            return _named(name.removeprefix("posix/").removeprefix("right/"))
        with local.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC


def _named(name: str) -> tzinfo:
    try:
        if name.startswith("/"):
            with Path(name).open("rb") as file:
                return ZoneInfo.from_file(file, key=name)
        return ZoneInfo(name) if name not in {"", "UTC"} else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
