"""Where bridges send their late answers. No session: the bridge's token says who it is."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.bridges import bearer
from adyton.domain.errors import Unauthenticated
from adyton.services import callbacks
from adyton.services.callbacks import NotPending, NotResumed
from adyton.web import jsonapi
from adyton.web.endpoint import Node, body_of
from adyton.web.presenters.runs import run_resource


async def update(node: Node, request: Request) -> Response:
    """Take the late answer of the bridge that a run waits for. The run's next state is stored when the response goes out."""
    token = bearer(request.headers.get("authorization", ""))
    try:
        run, job = await callbacks.resume(node.parts, request.path_params["run_id"], token, await body_of(request))
    except NotPending as refusal:
        return jsonapi.refused(405, (str(refusal),), code=refusal.error_code)
    except NotResumed as refusal:
        return jsonapi.refused(500, (str(refusal),), code=refusal.error_code)
    except Unauthenticated as refusal:
        return Response(status_code=401, headers={jsonapi.CODE_HEADER: refusal.error_code})
    return jsonapi.shown(run_resource(run, job, stored_initiator=True))
