"""Has the chain lost what was final? Told from the blocks that were canonical and the chain as it is now.

The alarm that follows says what happened and from where to read again. Nothing is repaired here: what the loss of a final block
means for what was already answered is for a person to judge.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from adyton.domain.canonical import Violation
from adyton.domain.chain import Head
from adyton.ethereum.client import Chain
from adyton.ethereum.errors import MalformedAnswer, RpcError
from adyton.storage.alarms import CHAIN_REPLACED, FINALITY_VIOLATED, Alarm

log = structlog.get_logger(__name__)


class CannotTell(Exception):
    """The node does not give the headers that would answer the question."""


async def newest_common(old: Sequence[Head], tip: Head, chain: Chain) -> Head | None:
    """The newest of ``old`` (the oldest first) that is on the chain which ends in ``tip``; None if none is.

    The newest is asked first, then the middle of what is left: a chain that only went on costs one call. Raises CannotTell, and
    RpcTimeout and Disconnected as the calls do.
    """
    low, high = 0, sum(head.number <= tip.number for head in old)
    probe = high - 1
    while low < high:
        if await _on_chain(old[probe], tip, chain):
            low = probe + 1
        else:
            high = probe
        probe = (low + high) // 2
    return old[low - 1] if low else None


async def _on_chain(head: Head, tip: Head, chain: Chain) -> bool:
    if head.number == tip.number:
        return head.hash == tip.hash
    try:
        found = await chain.head(head.number)
    except (RpcError, MalformedAnswer) as error:
        raise CannotTell(f"block {head.number} was refused: {error}") from None
    if found is None or found.number != head.number:
        raise CannotTell(f"the node does not have block {head.number}")
    return found.hash == head.hash


def alarm(found: Violation, tip: Head, finality: int, now: int) -> Alarm:
    """The alarm for a violation; ``now`` in microseconds."""
    if found.ancestor is None:
        detail = (
            f"none of the blocks up to {found.last} that the node had seen is on the chain any more, whose newest block is "
            f"{tip.number} ({tip.hash}): the chain was restarted, or the Ethereum node shows another one or is far behind"
        )
        # How far back the chains differ is not known: nothing that was kept is left to tell.
        return Alarm(CHAIN_REPLACED, now, detail, 0)
    detail = (
        f"the blocks {found.first} to {found.last} were taken off the chain, {found.depth} deep, and ETH_FINALITY_DEPTH is "
        f"{finality}; answers that counted as safe may be gone"
    )
    return Alarm(FINALITY_VIOLATED, now, detail, found.first)
