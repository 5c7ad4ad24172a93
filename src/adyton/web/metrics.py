"""Metrics, for Prometheus: anyone may ask, unless PROMETHEUS_AUTH_TOKEN is set. And the same for people, as values."""

from __future__ import annotations

import hmac
import math
from collections.abc import Mapping, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.access import NOBODY, Caller
from adyton.services import metric_list, metrics
from adyton.services.metric_list import Family
from adyton.services.parts import Parts
from adyton.web import jsonapi
from adyton.web.endpoint import Node
from adyton.web.jsonapi import Resource


class SampleAttributes(msgspec.Struct, frozen=True):
    """A number with its labels; null is one that is none. Of a histogram ``of`` is ``count`` or ``sum``, else ""."""

    labels: Mapping[str, str]
    value: float | None
    of: str


class MetricAttributes(msgspec.Struct, frozen=True):
    """A family of numbers: what it says (``about``), and where docs/metrics.md has it (``group``)."""

    name: str
    group: str
    about: str
    kind: str
    samples: Sequence[SampleAttributes]


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


async def index(node: Node, _request: Request) -> Response:
    """List every metric with its numbers now, as ``/metrics`` has them, without buckets of histograms."""
    return jsonapi.shown([_resource(each) for each in await metric_list.current(node.parts, node.watch)])


def _resource(found: Family) -> Resource:
    samples = [SampleAttributes(s.labels, s.value if math.isfinite(s.value) else None, s.of) for s in found.samples]
    return Resource("metrics", found.name, MetricAttributes(found.name, found.group, found.about, found.kind, samples))
