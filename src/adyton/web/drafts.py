"""Drafts over HTTP: judged, tried, and applied as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from adyton.domain.access import Role
from adyton.domain.plans import Action
from adyton.services import apply, drafts, tries
from adyton.web import filters, jsonapi
from adyton.web.auth import caller_of
from adyton.web.endpoint import Node, body_of
from adyton.web.presenters.drafts import change_resources, draft_resource, export_resource, try_resource
from adyton.web.record import note

T = TypeVar("T")
_LISTED = 50


async def validate(node: Node, request: Request) -> Response:
    """Say what is wrong with a job, and what a new one would be, without making it."""
    return jsonapi.shown(draft_resource(await drafts.validate(node.parts, await body_of(request))))


async def attempt(node: Node, request: Request) -> Response:
    """Try a job: perform its tasks, store nothing, send nothing."""
    role = caller_of(request).role
    may_edit = role is None or role.covers(Role.EDIT)
    body = await body_of(request)
    tried = await _while_connected(request, tries.attempt(node.parts, body, may_edit=may_edit))
    return jsonapi.shown(try_resource(tried))


async def apply_all(node: Node, request: Request) -> Response:
    """Have the node's jobs as files say, all of it or nothing."""
    plan = await apply.apply(node.parts, await body_of(request))
    changes = {each.action.value: _keys(plan, each.action) for each in plan.changes}
    note(request, None, applied=plan.applied, changes=changes)
    meta = {"applied": plan.applied, "plan": plan.mark}
    return jsonapi.shown(change_resources(plan.changes, applied=plan.applied), meta=meta)


def _keys(plan: apply.Plan, action: Action) -> list[str] | int:
    """For the audit log: which keys, or only how many where nothing happened or a list would be long."""
    keys = [each.key for each in plan.changes if each.action is action]
    return keys if action is not Action.UNCHANGED and len(keys) <= _LISTED else len(keys)


async def export(node: Node, request: Request) -> Response:
    """Show the request that would make a job: for a file that is applied. One of an archived job only where ``archived=true``
    asks for it."""
    archived = filters.flag(request, "archived")
    job, spec = await drafts.exported(node.parts, request.path_params["job_id"], archived=archived)
    return jsonapi.shown(export_resource(job, spec))


async def _while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What comes of some work, which is stopped when the client goes away. Raises ClientDisconnect then."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
