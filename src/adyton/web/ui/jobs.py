"""Jobs: the list with its search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adyton.domain.jobs import JobState
from adyton.web.ui import job_flow
from adyton.web.ui.page import View, Visit

SIZE = 50
FILTERS = ("search", "initiator", "task", "state")


async def index(visit: Visit) -> View:
    """The jobs that the filters let through, the newest first, with what was counted of each: two questions to the API."""
    filters = {name: visit.query(name) for name in FILTERS}
    page = visit.query("page") or "1"
    answer = await visit.api.ask("GET", "/v2/specs", sort="-createdAt", size=SIZE, page=page, **filters)
    found = answer.items if answer.ok else []
    numbers = await counted(visit, [each["id"] for each in found if each.get("state") != JobState.ARCHIVED])
    values = {
        "jobs": [_row(each, numbers.get(each["id"])) for each in found],
        "count": answer.count if answer.ok else 0,
        "number": int(page) if answer.ok else 1,
        "size": SIZE,
        "filters": filters,
        "faults": answer.faults,
        "states": list(JobState),
        "kinds": job_flow.KINDS,
    }
    return View("jobs/list.html.j2", values, answer.status, live=("runs",))


async def counted(visit: Visit, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What was ever counted of these jobs, which are not archived, by their ids."""
    if not ids:
        return {}
    answer = await visit.api.get("/v2/statistics/jobs", ids=ids, size=len(ids))
    return {each["id"]: each for each in answer.items}


def _row(job: Mapping[str, Any], numbers: Mapping[str, Any] | None) -> dict[str, Any]:
    starts, chain = job_flow.in_short(job)
    return {
        "name": None,
        **job,
        "starts": starts,
        "chain": chain,
        "state": job.get("state", JobState.ACTIVE),
        "numbers": numbers,
    }
