"""The chain, and the Ethereum nodes by which it is followed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.responses import Response

from adyton.web.ui import plots
from adyton.web.ui.api import Answer, piece
from adyton.web.ui.formats import instant
from adyton.web.ui.page import View, Visit, go

_MINUTES = 60
_REREADS = 10
_CHECKS = ("chain", "endpoints", "head", "logs", "alarms")
"""The checks of /health that are about the chain."""


async def index(visit: Visit) -> View:
    """The chain, its endpoints with their last hour, and what is read again."""
    return await _page(visit)


async def replay(visit: Visit) -> View | Response:
    """Read blocks again."""
    number = visit.form.get("block", "").strip()
    answer = await visit.api.ask("POST", f"/v2/replay_from_block/{piece(number)}")
    return go("/chains#rereads", f"Blocks are read again from {number} on.") if answer.ok else await _page(visit, answer)


async def _page(visit: Visit, refused: Answer | None = None) -> View:
    api = visit.api
    chains, nodes, rereads = await asyncio.gather(
        api.get("/v2/chains"), api.get("/v2/nodes"), api.get("/v2/rereads", size=_REREADS)
    )
    now = datetime.fromtimestamp(visit.node.parts.clock.now() / 1_000_000, UTC)
    values = {
        "chains": chains.items,
        "nodes": [{**each, **_drawn(each["minutes"], now)} for each in nodes.items],
        "rereads": rereads.items,
        "about": _CHECKS,
        "block": visit.form.get("block", ""),
        "faults": [] if refused is None else refused.faults,
    }
    return View("connect/chains.html.j2", values, 200 if refused is None else refused.status, live=("heads",))


def _drawn(minutes: Sequence[Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """The last hour as plots, a place for each minute: also for those in which nothing was asked."""
    rows: list[dict[str, Any]] = [{"good": 0, "errors": 0, "latency": None} for _ in range(_MINUTES)]
    begins = now.replace(second=0, microsecond=0)
    for each in minutes:
        place = _MINUTES - 1 - (begins - instant(each["at"])) // timedelta(minutes=1)
        if 0 <= place < _MINUTES:
            rows[place] = {"good": each["calls"] - each["errors"], "errors": each["errors"], "latency": each["latency"]}
    return {
        "hour_calls": sum(each["calls"] for each in minutes),
        "hour_errors": sum(each["errors"] for each in minutes),
        "calls_plot": plots.bars(rows, ("good", "errors")),
        "latency_plot": plots.lines(rows, ("latency",)),
    }
