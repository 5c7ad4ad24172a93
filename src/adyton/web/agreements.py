"""Service agreements."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.access import Role
from adyton.domain.errors import Invalid
from adyton.services import agreements, features
from adyton.web import auth, jsonapi
from adyton.web.endpoint import Node, body_of
from adyton.web.failures import Unprocessable
from adyton.web.presenters.agreements import agreement_resource, request_resource


async def create(node: Node, request: Request) -> Response:
    """Agree to what is proposed, by anybody; of an operator who is logged in, to more."""
    features.need_service_agreements(node.parts)
    caller = await auth.session(node.parts, request)
    # What an operator's agreement may do is what their jobs may.
    trusted = caller is not None and caller.role is not None and caller.role.covers(Role.EDIT)
    try:
        made, job = await agreements.create(node.parts, await body_of(request), trusted=trusted)
    except Invalid as refused:
        raise Unprocessable(*refused.faults, code=refused.error_code) from None
    return jsonapi.shown(agreement_resource(made, job))


async def show(node: Node, request: Request) -> Response:
    """Show what was agreed to: as v0.6.2, the attributes are the normalised proposal itself."""
    return jsonapi.shown(request_resource(await agreements.get(node.parts, request.path_params["agreement_id"])))
