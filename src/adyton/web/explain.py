"""Why did nothing happen, and what does an error mean?"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adyton import codes
from adyton.services import error_pages, explain
from adyton.web import jsonapi
from adyton.web.endpoint import Node
from adyton.web.presenters.requests import explanation_resource


async def errors(_node: Node, request: Request) -> Response:
    """List the codes of errors that have a page; with ``q`` those whose page has all these words."""
    words = request.query_params.get("q", "")
    found = await error_pages.every(words)
    return jsonapi.listed([jsonapi.Resource("errorPages", line.code, line) for line in found], None, len(found))


async def show(node: Node, request: Request) -> Response:
    """Tell step by step what became of a transaction, a request or a run; or the page of an error's code."""
    what = request.path_params["what"]
    if (code := codes.asked(what)) is not None:
        page = await error_pages.page(code)
        return jsonapi.shown(jsonapi.Resource("errorPages", page.code, page))
    return jsonapi.shown(explanation_resource(await explain.explain(node.parts, what)))
