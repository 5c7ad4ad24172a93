"""How the node is. Anyone may ask: load balancers and watchers have no session."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adyton.services import health
from adyton.services.health import Check
from adyton.web import jsonapi
from adyton.web.endpoint import Node


async def show(node: Node, _request: Request) -> Response:
    """Every check; 503 unless all pass."""
    checks = await health.report(node.parts, node.watch)
    return jsonapi.shown(_resources(checks), 200 if all(check.passing for check in checks) else 503)


async def ready(node: Node, request: Request) -> Response:
    """Only the status: 200 when the API can serve, 503 when not. ``?full`` shows the checks as well."""
    checks = await health.report(node.parts, node.watch)
    status = 200 if health.ready(checks) else 503
    return jsonapi.shown(_resources(checks), status) if "full" in request.query_params else Response(status_code=status)


def _resources(checks: list[Check]) -> list[jsonapi.Resource]:
    return [jsonapi.Resource("checks", check.name, check) for check in checks]
