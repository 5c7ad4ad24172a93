"""Outgoing transactions."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.wishes import Wish
from adyton.services import doctor, transactions
from adyton.web import filters, jsonapi
from adyton.web.endpoint import Handler, Node, body_of
from adyton.web.pages import Page, shown_by
from adyton.web.presenters.transactions import attempt_resource, key_resource, transaction_resource, wish_resource


async def index(node: Node, request: Request) -> Response:
    """List transactions, newest first unless ``sort=createdAt``: those in some states, of a key, of a run, for a purpose."""
    page, wanted = Page.of(request), filters.transactions(request)
    descending = request.query_params.get("sort") != "createdAt"
    found = await transactions.page(node.parts, wanted, offset=page.offset, limit=page.size, descending=descending)
    return await page.listed(request, found.of(shown_by(transaction_resource)), node.parts.lists.turns)


async def attempts(node: Node, request: Request) -> Response:
    """List signed versions of transactions, newest first."""
    page = Page.of(request)
    found = await transactions.attempts_page(node.parts, offset=page.offset, limit=page.size)
    return await page.listed(request, found.of(shown_by(attempt_resource)), node.parts.lists.turns)


async def show(node: Node, request: Request) -> Response:
    """Show a transaction by the hash of one of its attempts, or by its id."""
    return jsonapi.shown(transaction_resource(await transactions.get(node.parts, request.path_params["name"])))


async def examine(node: Node, _request: Request) -> Response:
    """Say of each key what keeps it from sending."""
    return jsonapi.shown([key_resource(each) for each in await doctor.examine(node.parts)])


def wishes(wish: Wish) -> Handler:
    """The handler that leaves a wish."""

    async def handler(node: Node, request: Request) -> Response:
        name, dry = request.path_params["name"], filters.is_dry(request)
        return jsonapi.shown(wish_resource(await transactions.wish(node.parts, name, wish, await body_of(request), dry=dry)))

    return handler
