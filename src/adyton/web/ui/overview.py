"""The first page: whether the oracle is well, what it did lately, and what to do first on a node that is new."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from adyton.web.ui import plots
from adyton.web.ui.page import View, Visit

STEPS = ("hour", "day")
_LATEST = 6
_FATES = (
    ("answered", "answered", "the chain shows an answer"),
    ("inProgress", "in_progress", "a run or its transaction is under way"),
    ("refused", "refused", "not taken, or its run failed; the reason is written down"),
    ("expired", "expired", "the same, and its requester may take the payment back"),
    ("cancelled", "cancelled", "by its requester"),
    ("unaccounted", "unaccounted", "neither an answer nor a reason why not; must read 0"),
)
"""Each fate: as the API's overview calls it, as the list of requests does, and what it means."""


async def index(visit: Visit) -> View:
    """Health with reasons, today's requests, plots, money, the latest runs and problems."""
    step = visit.query("step") if visit.query("step") in STEPS else STEPS[0]
    api = visit.api
    overview, series, nodes, keys, alerts, runs, problems = await asyncio.gather(
        api.get("/v2/overview"),
        api.get("/v2/statistics", step=step),
        api.get("/v2/nodes"),
        api.get("/v2/keys/eth"),
        api.get("/v2/alerts", status="raised", size=_LATEST),
        api.get("/v2/runs", sort="-createdAt", size=_LATEST),
        api.get("/v2/runs", sort="-createdAt", size=_LATEST, status="errored"),
    )
    now = overview.item
    values = {
        "now": now,
        "fates": _FATES,
        "step": step,
        "steps": STEPS,
        "series": series.items,
        "latency": plots.lines(series.items, ("p50", "p95")),
        "outcomes": plots.bars(series.items, ("completed", "errored", "cancelled")),
        "nodes": nodes.items,
        "keys": keys.items,
        "alerts": alerts.items,
        "runs": runs.items,
        "problems": problems.items,
        "todo": _todo(now, keys.items),
    }
    return View("overview/index.html.j2", values, live=("runs", "heads", "alerts"))


def _todo(now: Mapping[str, Any], keys: Sequence[Mapping[str, Any]]) -> list[tuple[str, bool]]:
    """What a new node needs before it can answer, and whether it is done; nothing once it has worked."""
    if now["jobs"] and now["month"]["runs"]:
        return []
    funded = any(int(key["ethBalance"] or 0) > 0 for key in keys)
    return [("fund", funded), ("job", bool(now["jobs"]))]
