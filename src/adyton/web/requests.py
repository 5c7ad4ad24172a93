"""Requests: list them, show one, run one again."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.chain import Address
from adyton.domain.errors import Fault
from adyton.services import requests
from adyton.storage.fates import Chosen
from adyton.web import jsonapi
from adyton.web.endpoint import Node
from adyton.web.failures import Unprocessable
from adyton.web.pages import Page, shown_by
from adyton.web.presenters.requests import counts_resource, request_resource
from adyton.web.presenters.runs import run_resource

_ADDRESS = re.compile("0x[0-9a-f]{40}")


async def index(node: Node, request: Request) -> Response:
    """List requests, the newest first unless ``sort=createdAt``; ``filter``, ``jobSpecId`` and ``contract`` choose."""
    page = Page.of(request)
    query = request.query_params
    found = await requests.page(
        node.parts,
        _chosen(query.get("filter", "")),
        job_id=query.get("jobSpecId") or None,
        contract=_contract(query.get("contract", "")),
        offset=page.offset,
        limit=page.size,
        descending=query.get("sort") != "createdAt",
    )
    return await page.listed(request, found.of(shown_by(request_resource)), node.parts.lists.turns)


async def fates(node: Node, request: Request) -> Response:
    """Count requests by fate; ``jobSpecId`` and ``contract`` choose."""
    query = request.query_params
    found = await requests.counts(
        node.parts, job_id=query.get("jobSpecId") or None, contract=_contract(query.get("contract", ""))
    )
    return jsonapi.shown(counts_resource(found))


async def show(node: Node, request: Request) -> Response:
    """Show one request and what became of it."""
    return jsonapi.shown(request_resource(await requests.get(node.parts, request.path_params["request_id"])))


async def run(node: Node, request: Request) -> Response:
    """Run a request again. The run is stored when the response goes out."""
    started, job = await requests.run_again(node.parts, request.path_params["request_id"])
    head = node.parts.chain.state.head
    return jsonapi.shown(run_resource(started, job, head=None if head is None else head.number))


def _chosen(text: str) -> Chosen:
    if not text:
        return Chosen.ALL
    try:
        return Chosen(text)
    except ValueError:
        words = f'invalid filter param: "{text}"; it is one of {", ".join(Chosen)}'
        raise Unprocessable(Fault(words, parameter="filter"), code="ADY-0622") from None


def _contract(text: str) -> Address | None:
    if text and not _ADDRESS.fullmatch(text.lower()):
        words = f'invalid contract param: "{text}"; an address is 0x and 40 hex digits'
        raise Unprocessable(Fault(words, parameter="contract"), code="ADY-0622")
    return text.lower() or None
