"""The headers between a new block and the canonical chain."""

from __future__ import annotations

import structlog

from adyton.domain.canonical import CanonicalChain, Fit
from adyton.domain.chain import Hash, Head
from adyton.ethereum.client import Chain
from adyton.ethereum.errors import MalformedAnswer, RpcError, RpcTimeout

NEAR = 2
"""Gaps up to here are walked one parent at a time; for a wider one the headers are asked for by height first, in one batch."""

log = structlog.get_logger(__name__)


async def branch_to(head: Head, canonical: CanonicalChain, chain: Chain, history: int) -> list[Head]:
    """The headers from the first that is not canonical up to ``head``, the oldest first.

    Parents are followed by hash until one is canonical, or for ``history`` blocks: if no common ancestor can be had the branch
    stands alone and replaces the whole chain, since a node that has dropped old headers must not stop anything.

    Raises RpcTimeout and Disconnected; a node that refuses one header only ends the search.
    """
    floor = max(head.number - history + 1, 0)
    tip, root = canonical.tip, canonical.root
    can_meet = tip is not None and tip.number >= floor
    lowest = max(floor, root.number) if can_meet and root is not None else floor
    known = await _by_height(head, canonical, chain, floor)
    branch = [head]
    while branch[-1].number > lowest and canonical.fit(branch[-1]) in (Fit.FIRST, Fit.GAP):
        parent = known.get(branch[-1].parent_hash)
        if parent is None and can_meet:
            parent = await _parent(branch[-1], chain)
        if parent is None or parent.number != branch[-1].number - 1:
            break
        branch.append(parent)
    branch.reverse()
    return branch


async def _by_height(head: Head, canonical: CanonicalChain, chain: Chain, floor: int) -> dict[Hash, Head]:
    """Headers below ``head`` by their hashes: a guess that spares calls. Only those that turn out to be parents are used."""
    tip = canonical.tip
    joins = tip is not None and tip.number >= floor
    first = tip.number + 1 if joins and tip is not None else floor
    if head.number - first <= (NEAR if joins else 0):
        return {}
    try:
        found = await chain.heads(range(first, head.number))
    except (RpcError, RpcTimeout, MalformedAnswer) as error:
        log.debug("headers by height were refused", error=str(error))  # a node may not know batches at all
        return {}
    return {item.hash: item for item in found if item is not None}


async def _parent(head: Head, chain: Chain) -> Head | None:
    try:
        parent = await chain.head_by_hash(head.parent_hash)
    except (RpcError, MalformedAnswer) as error:
        log.warning("a parent header was refused", number=head.number - 1, error=str(error))
        return None
    return parent if parent is not None and parent.hash == head.parent_hash else None
