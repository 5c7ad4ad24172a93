"""A nonce that nobody holds, and that every transaction behind it waits for, is used by a no-op.

It should never be there: nonces are given out without gaps. But a nonce counts as used when the node's pool has something of
another program under it, or when a block of a time before a backup has; the pool may forget that, and the block leave the
chain. Then the key would be blocked for ever.
"""

from __future__ import annotations

import structlog

from adyton.domain.chain import Address, Head
from adyton.domain.gas import first_fee
from adyton.domain.transactions import Transaction, TransactionState
from adyton.ethereum.errors import RpcError
from adyton.storage import nonce_gaps
from adyton.transactions.parts import Parts

PATIENCE = 180.0
"""Seconds for which the transaction behind a gap must have waited: whoever holds the nonce may send it again."""

log = structlog.get_logger(__name__)


class GapFiller:
    """Looks at the nonce that the chain uses next."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def fill(self, sender: Address, count: int, head: Head) -> None:
        """Put a no-op under ``count``, the nonce that the chain uses next, if nobody has anything for it. It is stored like a
        raised price that may have been sent; whoever decides those sends it. Raises RpcError, TryAgain, NotFound (the key's
        file is gone)."""
        held = await nonce_gaps.first_held(self._parts.db, sender, count)
        now = self._parts.clock.now()
        if held is None or held.nonce == count or not held.open or held.since is None:
            return
        if now < held.since + round(PATIENCE * 1_000_000) or await self._someone_has(sender, count):
            return
        if sender not in self._parts.signer.addresses():
            return
        market = await self._parts.estimator.market()
        fee = first_fee(self._parts.rules, head.base_fee, market=market)
        limit = await self._gas(sender)
        signed = self._parts.sign(self._nothing(sender, count, now, limit), count, fee, noop=True)
        statements = await nonce_gaps.filled(self._parts.db, sender, count, signed, fee, gas_limit=limit, now=now)
        log.error(
            "a nonce of this node's key is missing, and those behind it wait for it; a no-op takes it",
            key=sender,
            nonce=count,
            waiting=held.nonce,
        )
        # After a crash from here on, the no-op is stored and perhaps sent.
        await self._parts.db.write(*statements)

    async def _gas(self, sender: Address) -> int:
        """What nothing costs on this chain, and a fifth more. An answer's limit would do as well, but nodes refuse what may
        cost more than their own cap on fees, and where prices are high that is soon reached."""
        try:
            needed = await self._parts.chain.estimate_gas(to=sender, data="0x", sender=sender, value=0)
        except RpcError as fault:
            log.info("the gas of a no-op cannot be estimated", key=sender, because=str(fault))
            return self._parts.rules.gas_limit
        return min(-(-needed * 6 // 5), self._parts.rules.gas_limit)

    async def _someone_has(self, sender: Address, nonce: int) -> bool:
        """Whether the node's pool has something under the nonce."""
        return await self._parts.chain.transaction_count(sender, "pending") > nonce

    def _nothing(self, sender: Address, nonce: int, now: int, gas_limit: int) -> Transaction:
        return Transaction(
            id=0,
            from_address=sender,
            to_address=sender,
            data="0x",
            value=0,
            gas_limit=gas_limit,
            gas_price=None,
            state=TransactionState.UNCONFIRMED,
            created_at=now,
            nonce=nonce,
        )
