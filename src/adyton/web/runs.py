"""Runs."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.jobs import Job
from adyton.domain.run_errors import code_of
from adyton.domain.runs import Run
from adyton.services import cancellation, retention, runs, traces
from adyton.web import auth, filters, jsonapi
from adyton.web.endpoint import Node, body_of
from adyton.web.failures import Unprocessable
from adyton.web.jsonapi import Resource
from adyton.web.pages import Page
from adyton.web.presenters.runs import run_resource
from adyton.web.presenters.traces import trace_resource


async def create(node: Node, request: Request) -> Response:
    """Start a run by hand, or for an external initiator. It is stored when the response goes out."""
    caller = auth.initiator_of(request)
    run, job = await runs.create_web(node.parts, request.path_params["job_id"], await body_of(request), caller=caller)
    return jsonapi.shown(run_resource(run, job))


async def show(node: Node, request: Request) -> Response:
    """Show a run of a job that is not archived."""
    run, job = await runs.get(node.parts, request.path_params["run_id"])
    awaited = await runs.awaited(node.parts, [run])
    code = code_of(run)
    meta = None if code is None else {"errorCode": code}
    return jsonapi.shown(run_resource(run, job, head=_height(node), awaited=awaited), meta=meta)


async def trace(node: Node, request: Request) -> Response:
    """Show a run in detail: when each task began and ended, what it was given and left, its HTTP exchanges, what it sent."""
    return jsonapi.shown(trace_resource(await traces.of(node.parts, request.path_params["run_id"]), _height(node)))


async def index(node: Node, request: Request) -> Response:
    """List the runs of jobs that are not archived: of one job, of some statuses, and what else ``filters`` know."""
    page, wanted = Page.of(request), filters.runs(request)
    found = await runs.page(node.parts, wanted, offset=page.offset, limit=page.size, descending=page.descending)
    head = _height(node)

    async def resources(part: Sequence[tuple[Run, Job]]) -> list[Resource]:
        awaited = await runs.awaited(node.parts, [run for run, _ in part])
        # As v0.6.2, lists show the stored form of the initiator: clients parse each.
        return [run_resource(run, job, head=head, awaited=awaited, stored_initiator=True) for run, job in part]

    return await page.listed(request, found.of(resources), node.parts.lists.turns)


async def cancel(node: Node, request: Request) -> Response:
    """Cancel a run (as v0.7.0)."""
    run, job = await cancellation.cancel(node.parts, request.path_params["run_id"])
    return jsonapi.shown(run_resource(run, job))


async def bulk_delete(node: Node, request: Request) -> Response:
    """Delete finished runs for good: of the statuses, and not changed since the time, that the body names."""
    try:
        await retention.delete_asked(node.parts, await body_of(request))
    except retention.Undeletable as wrong:
        raise Unprocessable(*wrong.faults, code=wrong.error_code) from None
    return jsonapi.nothing()


def _height(node: Node) -> int | None:
    head = node.parts.chain.state.head
    return head.number if head is not None else None
