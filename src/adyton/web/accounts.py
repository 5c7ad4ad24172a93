"""The node's accounts."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain import evm
from adyton.services import accounts
from adyton.services.accounts import Balance
from adyton.web import jsonapi
from adyton.web.endpoint import Node


class AccountBalance(msgspec.Struct, frozen=True, rename="camel"):
    """What an account holds, in wei and juels; ``linkBalance`` is null where the LINK token is not known."""

    address: str
    eth_balance: str
    link_balance: str | None


async def balances(node: Node, _request: Request) -> Response:
    """Show what each account holds."""
    return jsonapi.shown([_resource(balance) for balance in await accounts.balances(node.parts)])


def _resource(balance: Balance) -> jsonapi.Resource:
    address = evm.checksum(balance.address)
    link = None if balance.link is None else str(balance.link)
    return jsonapi.Resource("accountBalances", address, AccountBalance(address, str(balance.eth), link))
