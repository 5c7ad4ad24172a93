"""Runs: the list with its filters, and one run."""

from __future__ import annotations

from adyton.domain.runs import RunStatus
from adyton.web.ui.page import View, Visit

SIZE = 50
FILTERS = ("jobSpecId", "status", "createdAfter", "createdBefore", "initiator", "requestId", "transactionHash")


async def index(visit: Visit) -> View:
    """The runs that the filters let through, newest first."""
    filters = {name: visit.query(name) for name in FILTERS}
    page = visit.query("page", "1")
    answer = await visit.api.get("/v2/runs", sort="-createdAt", size=SIZE, page=page, **filters)
    values = {"runs": answer.items, "count": answer.count, "number": int(page), "size": SIZE, "filters": filters}
    return View("runs.html.j2", {**values, "statuses": list(RunStatus)}, live=("runs",))
