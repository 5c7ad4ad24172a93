"""Explain: what happened to a transaction, a request or a run, step by step."""

from __future__ import annotations

import re

from starlette.responses import Response

from adyton.web.ui.api import piece
from adyton.web.ui.page import View, Visit, go
from adyton.web.ui.requests import OPEN
from adyton.web.ui.story import chapters

LATEST = 6
_LEFT_OUT = re.compile(r"[\s\u200b-\u200d\ufeff\"'`<>,;]+")


async def show(visit: Visit) -> View | Response:
    """The box, and the story of what was put into it."""
    given = visit.query("what")
    asked = _LEFT_OUT.sub("", given)
    if not asked:
        latest = await visit.api.get("/v2/requests", size=LATEST)
        return View(
            "chain/explain.html.j2", {"what": given.strip(), "told": None, "faults": [], "latest": latest.items, "open": OPEN}
        )
    answer = await visit.api.ask("GET", f"/v2/explain/{piece(asked)}")
    if answer.ok and answer.document["data"]["type"] == "errorPages":
        return go(f"/errors/{answer.item['id']}")
    values = {
        "what": asked,
        "told": chapters(answer.item) if answer.ok else None,
        "faults": answer.faults,
        "latest": [],
        "open": OPEN,
    }
    return View(
        "chain/explain.html.j2",
        values,
        200 if answer.ok else answer.status,
        live=("runs", "transactions", "heads") if answer.ok else (),
    )
