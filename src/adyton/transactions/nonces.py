"""Which nonce a key uses next: the largest of what the rows, the key's own count and the chain say.

None of the three alone is right: rows may have been deleted or restored from a backup, the chain's count forgets what was
evicted from the pool, and another program may use the key.
"""

from __future__ import annotations

import structlog

from adyton.domain.chain import Address
from adyton.storage import keys
from adyton.transactions.parts import Parts

log = structlog.get_logger(__name__)


async def derive(parts: Parts, address: Address) -> int:
    """The key's next nonce, stored as such. To be asked while nothing of the key is in progress: at start, on each
    connection, and whenever a node's answer does not fit what is stored.

    Raises RpcError, TryAgain; Conflict when the key's row changed meanwhile.
    """
    recorded = await keys.recorded(parts.db, address)
    pending = await parts.chain.transaction_count(address, "pending")
    ours = max(recorded.next_nonce, 0 if recorded.highest is None else recorded.highest + 1)
    nonce = max(ours, pending)
    if pending > ours:
        _report(address, recorded, pending)
    if nonce != recorded.next_nonce:
        # A crash before this is durable derives it again.
        await parts.db.write(keys.catch_up(address, recorded.next_nonce, nonce))
    return nonce


def _report(address: Address, recorded: keys.Recorded, pending: int) -> None:
    if recorded == keys.Recorded(0, None):
        log.info("the key has sent before it came here", key=address, nonce=pending)
        return
    log.error(
        "the chain has transactions of this key that this node did not send: another program uses the key, or the database "
        "was restored from a backup",
        key=address,
        chain_nonce=pending,
        own_nonce=recorded.next_nonce,
    )
