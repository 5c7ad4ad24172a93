"""The node's accounts."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adyton.domain import evm
from adyton.services import accounts
from adyton.services.accounts import Balance
from adyton.web import jsonapi
from adyton.web.endpoint import Node


async def balances(node: Node, _request: Request) -> Response:
    """Show what each account holds."""
    return jsonapi.shown([_resource(balance) for balance in await accounts.balances(node.parts)])


def _resource(balance: Balance) -> jsonapi.Resource:
    address = evm.checksum(balance.address)
    link = None if balance.link is None else str(balance.link)
    attributes = {"address": address, "ethBalance": str(balance.eth), "linkBalance": link}
    return jsonapi.Resource("accountBalances", address, attributes)
