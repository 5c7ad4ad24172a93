"""Why did nothing happen?"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adyton.services import explain
from adyton.web import jsonapi
from adyton.web.endpoint import Node
from adyton.web.presenters.requests import explanation_resource


async def show(node: Node, request: Request) -> Response:
    """Tell step by step what became of a transaction, a request or a run."""
    return jsonapi.shown(explanation_resource(await explain.explain(node.parts, request.path_params["what"])))
