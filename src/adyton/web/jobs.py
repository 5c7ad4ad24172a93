"""Job specs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adyton.services import jobs
from adyton.web import jsonapi
from adyton.web.endpoint import Node, body_of
from adyton.web.pages import Page
from adyton.web.presenters.jobs import job_resource


async def create(node: Node, request: Request) -> Response:
    """Create a job."""
    return jsonapi.shown(job_resource(await jobs.create(node.parts, await body_of(request))))


async def show(node: Node, request: Request) -> Response:
    """Show a job that is not archived."""
    return jsonapi.shown(job_resource(jobs.get(node.parts, request.path_params["job_id"])))


async def index(node: Node, request: Request) -> Response:
    """List the jobs that are not archived."""
    page = Page.of(request)
    found, count = await jobs.page(node.parts, offset=page.offset, limit=page.size, descending=page.descending)
    return jsonapi.listed([job_resource(job) for job in found], page.links(request, count), count)


async def archive(node: Node, request: Request) -> Response:
    """Archive a job."""
    await jobs.archive(node.parts, request.path_params["job_id"])
    return jsonapi.nothing()
