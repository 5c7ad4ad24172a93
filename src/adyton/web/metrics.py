"""Metrics, for Prometheus. Anyone may ask, unless PROMETHEUS_AUTH_TOKEN is set."""

from __future__ import annotations

import hmac

from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.access import NOBODY, Caller
from adyton.services import metrics
from adyton.services.parts import Parts
from adyton.web.endpoint import Node


async def scraper(parts: Parts, request: Request) -> Caller | None:
    """Whoever sends the token as a bearer may call; anyone, if there is none."""
    token = parts.config.prometheus_auth_token
    if not token:
        return NOBODY
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    matches = hmac.compare_digest(given.strip().encode(), token.encode())
    return NOBODY if matches and kind.lower() == "bearer" else None


async def show(node: Node, request: Request) -> Response:
    """Every metric, in the format that the Accept header asks for."""
    text, content_type = await metrics.exposition(node.parts, node.watch, request.headers.get("accept", ""))
    return Response(text, headers={"content-type": content_type})
