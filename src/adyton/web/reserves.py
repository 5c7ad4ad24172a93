"""What keys and contracts held when somebody looked last."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.evm import checksum
from adyton.domain.times import rfc3339
from adyton.services import reserves
from adyton.services.balances import Kind
from adyton.services.reserves import Reserve
from adyton.web import jsonapi
from adyton.web.endpoint import Node


class BalanceAttributes(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """An account as the balance monitor saw it at ``seenAt``: wei and juels, null where they are not known; ``low`` says what
    is too little, null when nothing is. Of a key also its transactions that are not final: ``unsent``, ``inFlight`` (with a
    nonce, not mined), ``mined``; ``waiting`` of them say what they wait for."""

    address: str
    kind: Kind
    eth_balance: str | None
    link_balance: str | None
    seen_at: str | None
    low: str | None
    unsent: int
    in_flight: int
    mined: int
    waiting: int


async def index(node: Node, _request: Request) -> Response:
    """Show what each key and each contract held when the balance monitor looked last; nobody is asked."""
    return jsonapi.shown([_resource(each) for each in await reserves.every(node.parts)])


def _resource(each: Reserve) -> jsonapi.Resource:
    address, seen = checksum(each.address), each.holding
    attributes = BalanceAttributes(
        address=address,
        kind=each.kind,
        eth_balance=None if seen is None or seen.eth is None else str(seen.eth),
        link_balance=None if seen is None or seen.link is None else str(seen.link),
        seen_at=None if seen is None else rfc3339(seen.at),
        low=None if seen is None else seen.low,
        unsent=each.unsent,
        in_flight=each.in_flight,
        mined=each.mined,
        waiting=each.waiting,
    )
    return jsonapi.Resource("balances", f"{each.kind}-{address}", attributes)
