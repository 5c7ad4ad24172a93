"""Job specs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.jobs import Job
from adyton.services import jobs, schedules
from adyton.web import filters, jsonapi
from adyton.web.auth import initiator_of
from adyton.web.endpoint import Node, body_of
from adyton.web.pages import Page, shown_by
from adyton.web.presenters.jobs import fires, job_resource


async def create(node: Node, request: Request) -> Response:
    """Create a job."""
    return _shown(node, await jobs.create(node.parts, await body_of(request), stranger=initiator_of(request) is not None))


async def show(node: Node, request: Request) -> Response:
    """Show a job that is not archived."""
    return _shown(node, jobs.get(node.parts, request.path_params["job_id"]))


async def index(node: Node, request: Request) -> Response:
    """List the jobs that are not archived: of a name, with an initiator or a task of some type."""
    page, wanted = Page.of(request), filters.jobs(request)
    found = jobs.page(node.parts, wanted, offset=page.offset, limit=page.size, descending=page.descending)
    return await page.listed(request, found.of(shown_by(job_resource)), node.parts.lists.turns)


async def archive(node: Node, request: Request) -> Response:
    """Archive a job."""
    await jobs.archive(node.parts, request.path_params["job_id"])
    return jsonapi.nothing()


def _shown(node: Node, job: Job) -> Response:
    return jsonapi.shown(job_resource(job), meta=fires(schedules.next_fires(node.parts, job)))
