"""What the node has done, over time and of each job, and how it is at a glance."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.errors import Fault
from adyton.domain.statistics import Step
from adyton.domain.times import parse_rfc3339
from adyton.services import statistics
from adyton.web import filters, jsonapi
from adyton.web.endpoint import Node
from adyton.web.failures import Unprocessable
from adyton.web.pages import Page, shown_by
from adyton.web.presenters.statistics import job_statistics_resource, overview_resource, statistics_resource

STEPS = {step.name.lower(): step for step in Step}
USUAL = {Step.HOUR: 24, Step.DAY: 30}
"""How many steps are shown when ``since`` does not say."""
MOST = 2000
"""Steps of one answer."""
_FIRST = parse_rfc3339("0001-01-01T00:00:00Z")
"""No time before it can be written."""


async def index(node: Node, request: Request) -> Response:
    """Show what was done hour by hour, or day by day, in UTC, the oldest first: also of the steps in which nothing was. The one
    under way is the last."""
    step = _step(request.query_params.get("step", ""))
    until = filters.time(request, "until")
    end = node.parts.clock.now() + 1 if until is None else until
    since = filters.time(request, "since")
    begin = max(_FIRST, step.floor(end - 1) - (USUAL[step] - 1) * step.micros) if since is None else since
    _check(step, begin, end)
    found = await statistics.series(node.parts, step, begin, end, job_id=request.query_params.get("jobSpecId") or None)
    return jsonapi.shown([statistics_resource(each) for each in found])


async def jobs(node: Node, request: Request) -> Response:
    """List the jobs that are not archived, as ``GET /v2/specs`` does, with what was ever counted of each."""
    page = Page.of(request)
    ids = [each.strip() for text in request.query_params.getlist("ids") for each in text.split(",")]
    wanted = [each for each in ids if each]
    found = await statistics.of_jobs(
        node.parts, wanted or None, offset=page.offset, limit=page.size, descending=page.descending
    )
    return await page.listed(request, found.of(shown_by(job_statistics_resource)), node.parts.lists.turns)


async def overview(node: Node, _request: Request) -> Response:
    """Show how the node is at a glance."""
    return jsonapi.shown(overview_resource(await node.overseer.overview()))


def _step(text: str) -> Step:
    if not text:
        return Step.HOUR
    if text not in STEPS:
        words = f'invalid step param: "{text}"; it is one of {", ".join(STEPS)}'
        raise Unprocessable(Fault(words, code="ADY-1310", parameter="step"))
    return STEPS[text]


def _check(step: Step, begin: int, end: int) -> None:
    """Raises Unprocessable when a span ends before it begins, or has too many steps."""
    if end <= begin:
        raise Unprocessable(Fault("since must be before until", code="ADY-1311", parameter="since"))
    if (end - step.floor(begin)) // step.micros >= MOST:
        words = f"that are more than {MOST} steps: ask for a shorter time, or for longer steps"
        raise Unprocessable(Fault(words, code="ADY-1311", parameter="since"))
