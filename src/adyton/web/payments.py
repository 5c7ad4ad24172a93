"""Payments of the operator."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adyton.services import payments, transactions
from adyton.web import jsonapi
from adyton.web.endpoint import Node, body_of
from adyton.web.filters import is_dry
from adyton.web.presenters.payments import foreseen_resource, withdrawable_resource
from adyton.web.presenters.transactions import transaction_resource


async def withdraw(node: Node, request: Request) -> Response:
    """Send LINK that an oracle contract has earned to an address; with ``dryRun`` only say what would be sent."""
    if is_dry(request):
        foreseen = await payments.foresee_withdrawal(node.parts, await body_of(request), _key(request))
        return jsonapi.shown(foreseen_resource(foreseen))
    found = await payments.withdraw(node.parts, await body_of(request), _key(request))
    return jsonapi.shown(transaction_resource(transactions.shown(found)))


async def transfer(node: Node, request: Request) -> Response:
    """Send ether of one of the node's keys to an address; with ``dryRun`` only say what would be sent."""
    if is_dry(request):
        foreseen = await payments.foresee_transfer(node.parts, await body_of(request), _key(request))
        return jsonapi.shown(foreseen_resource(foreseen))
    found = await payments.transfer(node.parts, await body_of(request), _key(request))
    return jsonapi.shown(transaction_resource(transactions.shown(found)))


async def withdrawable(node: Node, _request: Request) -> Response:
    """Show what can be withdrawn from each oracle contract."""
    return jsonapi.shown([withdrawable_resource(each) for each in await payments.withdrawable(node.parts)])


def _key(request: Request) -> str | None:
    return request.headers.get("idempotency-key")
