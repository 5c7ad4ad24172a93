"""Job specs."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.jobs import Job
from adyton.services import job_errors, job_lists, jobs, schedules
from adyton.web import filters, jsonapi
from adyton.web.auth import initiator_of
from adyton.web.endpoint import Node, body_of
from adyton.web.pages import Page, shown_by
from adyton.web.presenters.job_errors import errors_resource
from adyton.web.presenters.jobs import fires, job_resource


async def create(node: Node, request: Request) -> Response:
    """Create a job."""
    return _shown(node, await jobs.create(node.parts, await body_of(request), stranger=initiator_of(request) is not None))


async def show(node: Node, request: Request) -> Response:
    """Show a job; one that is archived only where ``archived=true`` asks for it."""
    archived = filters.flag(request, "archived")
    return _shown(node, await job_lists.find(node.parts, request.path_params["job_id"], archived=archived))


async def index(node: Node, request: Request) -> Response:
    """List the jobs that are not archived, or those of a state: of a name, with an initiator or a task of some type."""
    page, wanted, state = Page.of(request), filters.jobs(request), filters.job_state(request)
    found = await job_lists.page(node.parts, wanted, state, offset=page.offset, limit=page.size, descending=page.descending)
    shown = partial(job_resource, now=node.parts.clock.now())
    return await page.listed(request, found.of(shown_by(shown)), node.parts.lists.turns)


async def errors(node: Node, request: Request) -> Response:
    """Show what the newest errored runs of a job failed of, the same errors together."""
    found = await job_errors.of_job(node.parts, request.path_params["job_id"])
    return jsonapi.shown(errors_resource(found))


async def archive(node: Node, request: Request) -> Response:
    """Archive a job."""
    await jobs.archive(node.parts, request.path_params["job_id"])
    return jsonapi.nothing()


def _shown(node: Node, job: Job) -> Response:
    return jsonapi.shown(job_resource(job, node.parts.clock.now()), meta=fires(schedules.next_fires(node.parts, job)))
