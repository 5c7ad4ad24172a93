"""Templates become pages. Imported with the first page, so that a node does not start later for it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from adyton import __version__
from adyton.web.ui import assets, formats, nav
from adyton.web.ui.page import NOTICE, View, Visit

TEMPLATES = Path(__file__).parent / "templates"
_THEMES = frozenset({"light", "dark"})


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters |= {
        "between": formats.between,
        "bytes": formats.bytes_,
        "marked": formats.marked,
        "number": formats.number,
        "percent": formats.percent,
        "pretty": formats.pretty,
        "short": formats.short,
        "span": formats.span,
        "words": formats.words,
        "eth": partial(formats.amount, unit="ETH"),
        "gwei": partial(formats.amount, unit="gwei"),
        "link": partial(formats.amount, unit="LINK"),
    }
    made.globals |= {"asset": assets.url, "groups": nav.GROUPS, "version": __version__}
    return made


_MADE = _environment()
_SEEN: set[str] = set()
"""Templates that are compiled: the first rendering takes some tens of milliseconds, which are not the event loop's."""


async def rendered(visit: Visit, view: View, frame: dict[str, Any]) -> str:
    """A view as HTML."""
    values = {**_around(visit, view), **frame, **view.values}
    if view.template in _SEEN:
        return _MADE.get_template(view.template).render(values)
    text = await asyncio.to_thread(lambda: _MADE.get_template(view.template).render(values))
    _SEEN.add(view.template)
    return text


def _around(visit: Visit, view: View) -> dict[str, Any]:
    """What every template knows of the visit."""
    zone = formats.zone_of(visit.cookie("tz"))
    now = datetime.fromtimestamp(visit.node.parts.clock.now() / 1_000_000, UTC)
    kind, _, notice = visit.cookie(NOTICE).partition(":")
    theme = visit.cookie("theme")
    return {
        "visit": visit,
        "me": visit.caller,
        "may": visit.may,
        "here": visit.here,
        "path": visit.request.url.path,
        "live": view.live,
        "zone": getattr(zone, "key", "UTC"),
        "when": partial(formats.when, zone=zone),
        "ago": partial(formats.ago, now=now),
        "theme": theme if theme in _THEMES else "auto",
        "notice": notice,
        "notice_kind": "failed" if kind == "failed" else "done",
    }
