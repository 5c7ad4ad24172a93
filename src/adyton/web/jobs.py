"""Job specs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.jobs import Job
from adyton.services import jobs, schedules
from adyton.web import jsonapi
from adyton.web.auth import initiator_of
from adyton.web.endpoint import Node, body_of
from adyton.web.pages import Page
from adyton.web.presenters.jobs import fires, job_resource


async def create(node: Node, request: Request) -> Response:
    """Create a job."""
    return _shown(node, await jobs.create(node.parts, await body_of(request), stranger=initiator_of(request) is not None))


async def show(node: Node, request: Request) -> Response:
    """Show a job that is not archived."""
    return _shown(node, jobs.get(node.parts, request.path_params["job_id"]))


async def index(node: Node, request: Request) -> Response:
    """List the jobs that are not archived."""
    page = Page.of(request)
    found, count = await jobs.page(node.parts, offset=page.offset, limit=page.size, descending=page.descending)
    return jsonapi.listed([job_resource(job) for job in found], page.links(request, count), count)


async def archive(node: Node, request: Request) -> Response:
    """Archive a job."""
    await jobs.archive(node.parts, request.path_params["job_id"])
    return jsonapi.nothing()


def _shown(node: Node, job: Job) -> Response:
    return jsonapi.shown(job_resource(job), meta=fires(schedules.next_fires(node.parts, job)))
