"""Requests: each that the chain asked for with its fate, one of them with its story, and those that are run again."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from adyton.web.ui.api import Answer, piece
from adyton.web.ui.page import View, Visit, go, local
from adyton.web.ui.story import Chapter, chapters

SIZE = 50
LOUD = 25
"""Unaccounted ones that are shown above every list."""
AT_ONCE = 100
"""Requests that one press of a button runs."""
OPEN = frozenset({"unaccounted", "refused", "expired"})
"""Fates of requests that can be run again."""
TABS = (
    ("", "All", "all"),
    ("unaccounted", "Unaccounted", "unaccounted"),
    ("in_progress", "In progress", "inProgress"),
    ("refused", "Refused", "refused"),
    ("expired", "Expired", "expired"),
    ("answered", "Answered", "answered"),
    ("cancelled", "Cancelled", "cancelled"),
)
"""The filter of each tab, its title, and the name of its count in the API."""


async def index(visit: Visit) -> View:
    """The requests of a fate, the newest first; above them those that are unaccounted for."""
    of = {"jobSpecId": visit.query("jobSpecId"), "contract": visit.query("contract")}
    fate, page = visit.query("filter"), visit.query("page", "1")
    answer, counted = await asyncio.gather(
        visit.api.get("/v2/requests", filter=fate, size=SIZE, page=page, **of), visit.api.get("/v2/requests/fates", **of)
    )
    counts = counted.item
    lost: list[dict[str, Any]] = []
    if counts["unaccounted"] and fate != "unaccounted":
        lost = (await visit.api.get("/v2/requests", filter="unaccounted", size=LOUD, **of)).items
    values = {"requests": answer.items, "count": answer.count, "number": int(page), "size": SIZE, "counts": counts}
    return View(
        "chain/requests.html.j2",
        {**values, "lost": lost, "filter": fate, "of": of, "tabs": TABS, "open": OPEN},
        live=("runs", "transactions", "heads"),
    )


async def show(visit: Visit) -> View:
    """One request: what is known of it, what happened, its runs."""
    name = piece(visit.param("request_id"))
    request = (await visit.api.get(f"/v2/requests/{name}")).item
    told, runs, job = await asyncio.gather(
        visit.api.ask("GET", f"/v2/explain/{piece(request['id'])}"),
        visit.api.get("/v2/runs", requestId=request["requestId"], sort="-createdAt", size=SIZE),
        visit.api.ask("GET", f"/v2/specs/{piece(request['jobId'])}"),
    )
    return View(
        "chain/request.html.j2",
        {
            "request": request,
            "chapter": _story(told),
            "faults": told.faults,
            "runs": runs.items,
            "job": job.item if job.ok else None,
            "open": OPEN,
        },
        live=("runs", "transactions", "heads"),
    )


def _story(told: Answer) -> Chapter | None:
    found = chapters(told.item) if told.ok else []
    return found[0] if found else None


async def run(visit: Visit) -> Response:
    """Run requests again: the one whose button was pressed, or all that are shown beside it."""
    only = visit.form.get("only", "")
    asked = [only] if only else list(dict.fromkeys(value for name, value in visit.fields if name == "id"))[:AT_ONCE]
    back = local(visit.form.get("back", ""), "/requests")
    # One after the other: each is a write of its own, so those that were begun before a crash stay begun.
    answers = [await visit.api.ask("POST", f"/v2/requests/{piece(each)}/runs") for each in asked]
    done = [answer for answer in answers if answer.ok]
    refused = [answer for answer in answers if not answer.ok]
    if not refused and len(done) == 1:
        return go(f"/runs/{done[0].item['id']}", "The request is run again: this is its new run.")
    if not asked:
        return go(back, "No request was chosen.", kind="failed")
    begun = f"{len(done)} of {len(asked)} requests are run again."
    if not refused:
        return go(back, begun)
    fault = refused[0].faults[0]
    words = f"Not run again: {fault.detail}" + (f" ({fault.code})" if fault.code else "")
    return go(back, f"{begun} {words}" if len(asked) > 1 else words, kind="failed")
