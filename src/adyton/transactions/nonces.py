"""Which nonce a key uses next: the largest of what the rows, the key's own count and the chain say.

None of the three alone is right: rows may have been deleted or restored from a backup, the chain's count forgets what was
evicted from the pool, and another program may use the key. Nonces that something else used are adopted: they are noted as
such in the write that goes on behind them, so every nonce of a key is accounted for.
"""

from __future__ import annotations

import structlog

from adyton.domain.chain import Address
from adyton.storage import foreign_nonces, keys
from adyton.storage.database import Statement
from adyton.storage.foreign_nonces import ForeignNonces
from adyton.transactions.parts import Parts

SECOND_LOOK = 1.0
"""Seconds until the chain's count, when it is a surprise, is asked for again."""

log = structlog.get_logger(__name__)


async def derive(parts: Parts, address: Address) -> int:
    """The key's next nonce, stored as such. To be asked while nothing of the key is in progress: at start, on each
    connection, and whenever a node's answer does not fit what is stored.

    Raises RpcError, TryAgain; Conflict when the key's row changed meanwhile.
    """
    recorded = await keys.recorded(parts.db, address)
    pending = await parts.chain.transaction_count(address, "pending")
    ours = max(recorded.next_nonce, 0 if recorded.highest is None else recorded.highest + 1)
    is_new = recorded == keys.Recorded(0, None)
    if pending > ours and not is_new:
        # One machine behind an address may say anything once; a nonce left out on its word would block the key for minutes.
        await parts.clock.sleep(SECOND_LOOK)
        pending = min(pending, await parts.chain.transaction_count(address, "pending"))
    nonce = max(ours, pending)
    statements: list[Statement] = []
    if nonce != recorded.next_nonce:
        statements.append(keys.catch_up(address, recorded.next_nonce, nonce))
    if pending > ours and not is_new:
        statements.append(foreign_nonces.adopted(ForeignNonces(address, ours, pending - 1, parts.clock.now())))
    if statements:
        # A crash before this is durable derives it again.
        await parts.db.write(*statements)
    if pending > ours and is_new:
        log.info("the key has sent before it came here", key=address, nonce=pending)
    elif pending > ours:
        _report(parts, address, recorded, pending - ours, pending)
    return nonce


def _report(parts: Parts, address: Address, recorded: keys.Recorded, foreign: int, pending: int) -> None:
    parts.metrics.foreign_nonces.labels(address).inc(foreign)
    log.error(
        "the chain has transactions of this key that this node did not send: another program uses the key, or the database "
        "was restored from a backup",
        key=address,
        chain_nonce=pending,
        own_nonce=recorded.next_nonce,
        nonces=foreign,
    )
