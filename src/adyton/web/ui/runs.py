"""Runs: the list with its filters."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from urllib.parse import urlencode

from adyton.domain.runs import RunStatus
from adyton.web.ui import formats
from adyton.web.ui.outside import visible
from adyton.web.ui.page import View, Visit

SIZE = 50
UNSTARTED = "unstarted"
"""How the API is asked for the status whose word is empty."""
_UNFINISHED = [status.value or UNSTARTED for status in RunStatus if not status.finished]
STATUSES = (
    ("", "any"),
    (",".join(_UNFINISHED), "not finished"),
    *((status.value or UNSTARTED, formats.words(status.value or UNSTARTED)) for status in RunStatus),
)
"""What a status is asked for as, and its words."""
INITIATORS = ("web", "runlog", "cron", "runat", "ethlog", "external", "execagreement")
PRESETS = (
    ("1h", "last hour", timedelta(hours=1)),
    ("24h", "last 24 hours", timedelta(days=1)),
    ("7d", "last 7 days", timedelta(days=7)),
)
"""Times that are asked for often: name, words, how long."""
_TEXTS = ("jobSpecId", "status", "initiator", "requestId", "transactionHash")
_LOCAL = ("createdAfter", "createdBefore")
_MORE = (*_LOCAL, "requestId", "transactionHash")
"""Filters that are folded away until one of them is used."""
_JOBS = 100
"""Jobs that are known by name, and offered while one types."""


async def index(visit: Visit) -> View:
    """The runs that the filters let through, newest first."""
    zone = formats.zone_of(visit.query("tz") or visit.cookie("tz"))
    chosen = {name: visit.query(name).strip() for name in (*_TEXTS, *_LOCAL)}
    asked = {**chosen, **{name: _utc(chosen[name], zone) for name in _LOCAL}, **_since(visit)}
    page = visit.query("page", "1")
    answer, jobs = await asyncio.gather(
        visit.api.ask("GET", "/v2/runs", sort="-createdAt", size=SIZE, page=page, **asked),
        visit.api.get("/v2/specs", size=_JOBS, sort="-createdAt"),
    )
    number = int(page) if answer.ok and page else 1
    values = {
        "runs": answer.items if answer.ok else [],
        "count": answer.count if answer.ok else 0,
        "faults": answer.faults,
        "number": number,
        "size": SIZE,
        "filters": {**chosen, **{name: _local(chosen[name], zone) for name in _LOCAL}},
        "filtered": any(asked.values()),
        "more": any(chosen[name] for name in _MORE),
        "statuses": STATUSES,
        "initiators": INITIATORS,
        "presets": [(words, _with(visit, last=name), visit.query("last") == name) for name, words, _ in PRESETS],
        "any_time": _with(visit),
        "filter_zone": getattr(zone, "key", "UTC"),
        "jobs": jobs.items,
        "names": {job["id"]: job["name"] for job in jobs.items if job.get("name")},
        "visible": visible,
    }
    # Further back new runs would only push away what somebody reads.
    live = ("runs",) if number == 1 else ()
    return View("runs/index.html.j2", values, 200 if answer.ok else answer.status, live=live)


# --- times -----------------------------------------------------------------------------------------------------------


def _since(visit: Visit) -> Mapping[str, str]:
    """Where a preset begins; it counts over what was typed."""
    length = next((length for name, _, length in PRESETS if name == visit.query("last")), None)
    if length is None:
        return {}
    now = datetime.fromtimestamp(visit.node.parts.clock.now() / 1_000_000, UTC)
    return {"createdAfter": f"{now - length:%Y-%m-%dT%H:%M:%S}Z", "createdBefore": ""}


def _utc(text: str, zone: tzinfo) -> str:
    """A date and time of a zone, as browsers send it, as RFC 3339 in UTC. What is neither stays: the API says what is wrong."""
    try:
        local = datetime.fromisoformat(text)
        if local.tzinfo is not None:
            return text
        moment = local.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return text
    return f"{moment.isoformat(timespec='seconds').removesuffix('+00:00')}Z"


def _local(text: str, zone: tzinfo) -> str:
    """The same for the field where it stands: a link may have named it in UTC."""
    try:
        given = datetime.fromisoformat(text)
        local = given if given.tzinfo is None else given.astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return ""
    return local.isoformat(timespec="minutes" if not local.second else "seconds")


def _with(visit: Visit, **more: str) -> str:
    """This list with the same filters, but for the times."""
    kept = {name: visit.query(name) for name in _TEXTS if visit.query(name)}
    query = urlencode({**kept, **more})
    return f"/runs?{query}" if query else "/runs"
