"""Which jobs use a bridge or an external initiator."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.errors import Fault
from adyton.services import uses
from adyton.services.uses import Use, Used
from adyton.web import jsonapi
from adyton.web.endpoint import Node
from adyton.web.failures import Unprocessable

MOST = 100
"""Names in one question."""


class UsingJob(msgspec.Struct, frozen=True):
    """A job; ``name`` is null where its author gave it none."""

    id: str
    name: str | None


class UseAttributes(msgspec.Struct, frozen=True):
    """How many jobs that are not archived use it; ``jobs`` are the oldest twenty of them."""

    kind: Used
    name: str
    count: int
    jobs: list[UsingJob]


async def index(node: Node, request: Request) -> Response:
    """Say which jobs use bridges, or external initiators, of these names."""
    try:
        kind = Used(request.query_params.get("kind", ""))
    except ValueError:
        raise _wrong("kind", f"kind must be one of {', '.join(Used)}") from None
    names = [name for name in request.query_params.get("names", "").split(",") if name]
    if len(names) > MOST:
        raise _wrong("names", f"names may hold {MOST} names with commas between, not {len(names)}")
    return jsonapi.shown([_resource(use) for use in uses.of(node.parts, kind, names)])


def _resource(use: Use) -> jsonapi.Resource:
    attributes = UseAttributes(use.kind, use.name, use.count, [UsingJob(job.id, job.name) for job in use.jobs])
    return jsonapi.Resource("uses", use.name, attributes)


def _wrong(name: str, detail: str) -> Unprocessable:
    return Unprocessable(Fault(detail, parameter=name), code="ADY-1352")
