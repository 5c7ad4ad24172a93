"""Outgoing transactions: a task leaves a row, and the rest follows from it.

::

    insert() -> unstarted -> [Broadcaster of the key] -> unconfirmed -> [Confirmer] -> confirmed -> safe -> settled()

The loops share nothing but the rows and a few wake-ups, each of which may be lost: a broadcaster looks again every half
minute, the confirmer at every head.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import structlog

from adyton.domain.chain import Address
from adyton.domain.errors import Invalid, StorageUnavailable
from adyton.domain.gas import GasRules
from adyton.domain.transactions import TransactionRequest
from adyton.ports import Clock, Entropy
from adyton.storage import keys
from adyton.storage import transactions as stored
from adyton.storage.database import Database, Statement
from adyton.transactions import broadcaster, confirmer
from adyton.transactions.parts import ChainCalls, Heads, Parts, Signer
from adyton.transactions.sending import BackOff
from adyton.transactions.settlements import Settlements

log = structlog.get_logger(__name__)


class TransactionManager:
    """Sends what tasks ask for and follows it until it is safe.

    ``min_confirmations`` (MIN_OUTGOING_CONFIRMATIONS) is the depth at which a transaction that is inserted from now on is
    safe, its own block counting as one. ``chain_id`` gives the chain's id once it is known. ``finality_depth``: blocks after
    which nothing on the chain changes.
    """

    def __init__(
        self,
        *,
        db: Database,
        chain: ChainCalls,
        heads: Heads,
        keystore: Signer,
        clock: Clock,
        entropy: Entropy,
        rules: GasRules,
        min_confirmations: int,
        chain_id: Callable[[], int | None],
        finality_depth: int = 50,
    ) -> None:
        self._parts = Parts(
            db=db,
            chain=chain,
            heads=heads,
            signer=keystore,
            clock=clock,
            entropy=entropy,
            rules=rules,
            chain_id=chain_id,
            finality_depth=finality_depth,
        )
        self._min_confirmations = min_confirmations
        self._senders = keystore.addresses()
        self._turn = 0
        self._settlements = Settlements()
        self._confirmer = confirmer.Confirmer(
            self._parts, confirmer.Listening(settled=self._settlements.tell, waiting=self.wake)
        )
        listening = broadcaster.Listening(
            sent=self._confirmer.wake,
            gap=self._confirmer.fill_gap,
            failed=lambda run_id: self._settlements.tell([run_id]),
        )
        self._broadcasters = [broadcaster.Broadcaster(sender, self._parts, listening) for sender in self._senders]

    def next_sender(self) -> Address | None:
        """The key whose turn it is; None when there is no key."""
        if not self._senders:
            return None
        sender = self._senders[self._turn % len(self._senders)]
        self._turn += 1
        return sender

    def insert(self, request: TransactionRequest, *, run_id: str, task_position: int, now: int) -> Statement:
        """The statement that leaves a transaction for a task run, to be written together with the task's own new state; then
        call ``wake``. It does nothing if the task run already has one. ``now`` in microseconds.

        Raises Invalid when the node has no key.
        """
        sender = self.next_sender()
        if sender is None:
            raise Invalid("No Ethereum Accounts configured")
        return stored.insert(
            request,
            sender=sender,
            run_id=run_id,
            task_position=task_position,
            min_confirmations=self._min_confirmations,
            now=now,
        )

    def wake(self) -> None:
        """Transactions have been inserted and are durable."""
        for each in self._broadcasters:
            each.wake()

    def settled(self) -> AsyncIterator[list[str]]:
        """Ids of runs whose transaction became safe, or failed for good, from this call on. A hint; the rows are the truth."""
        return self._settlements.listen()

    async def run(self) -> None:
        """Send and follow, for ever. Cancel to stop; what was in doubt then is sent again at the next start."""
        await self._ensure_keys()
        async with asyncio.TaskGroup() as loops:
            for each in self._broadcasters:
                loops.create_task(each.run(), name="broadcaster")
            loops.create_task(self._confirmer.run(), name="confirmer")
            async for _ in self._parts.heads.updates():
                self._confirmer.wake()
                for each in self._broadcasters:
                    each.heed()

    async def _ensure_keys(self) -> None:
        """The keys' rows, on a database that may not be able to write yet."""
        delays = BackOff(self._parts.entropy)
        while True:
            try:
                await keys.ensure(self._parts.db, self._senders, self._parts.clock.now())
            except StorageUnavailable as fault:
                log.error("the keys cannot be stored; trying again", because=str(fault))
                await self._parts.clock.sleep(delays.next())
            else:
                return
