"""Outgoing transactions: a task leaves a row, and the rest follows from it.

::

    insert() -> unstarted -> [Broadcaster of the key] -> unconfirmed -> [Confirmer] -> confirmed -> safe -> settled()

The loops share nothing but the rows and a few wake-ups, each of which may be lost: a broadcaster looks again every half
minute, the confirmer at every head.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

import msgspec
import structlog

from adyton.domain.chain import Address
from adyton.domain.errors import Conflict, Invalid, StorageUnavailable
from adyton.domain.evm import checksum
from adyton.domain.gas import GasRules
from adyton.domain.transactions import TransactionRequest
from adyton.metrics import Metrics
from adyton.ports import Clock, Entropy
from adyton.storage import keys, operator_transactions
from adyton.storage import transactions as stored
from adyton.storage.database import Database, Statement
from adyton.transactions import broadcaster, confirmer
from adyton.transactions.estimators import Estimator, EstimatorRules, PriceCalls
from adyton.transactions.parts import ChainCalls, Heads, Parts, Prices, Signer
from adyton.transactions.reaper import Reaper, ReaperRules
from adyton.transactions.sending import BackOff
from adyton.transactions.settlements import Settlements
from adyton.transactions.trial import Trial
from adyton.transactions.wishes import Foresight

log = structlog.get_logger(__name__)

_SETTLING = 1.0
"""Seconds in which a choice of a key becomes a row, or never."""


class SendingCalls(ChainCalls, PriceCalls, Protocol):
    """All that is asked of the chain here."""


class TransactionManager:
    """Sends what tasks ask for and follows it until it is safe.

    ``min_confirmations`` (MIN_OUTGOING_CONFIRMATIONS) is the depth at which a transaction that is inserted from now on is
    safe, its own block counting as one. ``chain_id`` gives the chain's id once it is known. ``finality_depth``: blocks after
    which nothing on the chain changes. ``simulate`` SIMULATE_TRANSACTIONS: try transactions before they are sent.
    ``resend_after`` ETH_TX_RESEND_AFTER_THRESHOLD, seconds.
    """

    def __init__(
        self,
        *,
        db: Database,
        chain: SendingCalls,
        heads: Heads,
        keystore: Signer,
        clock: Clock,
        entropy: Entropy,
        rules: GasRules,
        min_confirmations: int,
        chain_id: Callable[[], int | None],
        metrics: Metrics,
        finality_depth: int = 50,
        estimator: EstimatorRules = EstimatorRules(),  # noqa: B008 - a value that never changes
        simulate: bool = False,
        resend_after: float = 30.0,
        reaper: ReaperRules = ReaperRules(),  # noqa: B008 - as above
    ) -> None:
        self._parts = Parts(
            db=db,
            chain=chain,
            heads=heads,
            signer=keystore,
            clock=clock,
            entropy=entropy,
            prices=Prices(rules),
            chain_id=chain_id,
            finality_depth=finality_depth,
            metrics=metrics,
            estimator=Estimator(chain=chain, heads=heads, clock=clock, rules=estimator),
            trial=Trial(db=db, chain=chain, heads=heads, finality_depth=finality_depth) if simulate else None,
            resend_after=resend_after,
        )
        self.foresight = Foresight(self._parts)
        self._reaper = Reaper(self._parts, reaper)
        self._min_confirmations = min_confirmations
        self._turns = dict.fromkeys(keystore.addresses(), 0)
        self._turn = itertools.count(1)
        self._settlements = Settlements()
        self._confirmer = confirmer.Confirmer(
            self._parts, confirmer.Listening(settled=self._settlements.tell, waiting=self.wake)
        )
        self._listening = broadcaster.Listening(
            sent=self._confirmer.wake,
            gap=self._confirmer.fill_gap,
            failed=lambda run_id: self._settlements.tell([run_id]),
        )
        self._broadcasters = {sender: self._broadcaster(sender) for sender in self._turns}
        self._loops: asyncio.TaskGroup | None = None
        self._sending: dict[Address, asyncio.Task[None]] = {}

    def _broadcaster(self, sender: Address) -> broadcaster.Broadcaster:
        return broadcaster.Broadcaster(sender, self._parts, self._listening)

    @property
    def price_default(self) -> int:
        """ETH_GAS_PRICE_DEFAULT as it counts now, in wei."""
        return self._parts.rules.price_default

    def with_price_default(self, wei: int) -> GasRules:
        """The rules with another ETH_GAS_PRICE_DEFAULT. Raises Invalid when it contradicts the others."""
        return msgspec.structs.replace(self._parts.rules, price_default=wei)

    def price_by(self, rules: GasRules) -> None:
        """Make prices by other rules from now on; what is signed keeps its price until it is raised."""
        self._parts.prices.rules = rules

    def next_sender(self, among: Sequence[Address] = ()) -> Address | None:
        """The key whose turn it is, of all or of those ``among`` which the choice is: the one that was least recently given
        something. None when there is no such key."""
        choice = [sender for sender in self._turns if not among or sender in among]
        if not choice:
            return None
        sender = min(choice, key=self._turns.__getitem__)
        self._turns[sender] = next(self._turn)
        return sender

    def _sender(self, request: TransactionRequest) -> Address:
        sender = self.next_sender(request.senders)
        if sender is None:
            pinned = ", ".join(checksum(each) for each in request.senders)
            raise Invalid(
                f"the node has no key {pinned}" if pinned and self._turns else "No Ethereum Accounts configured",
                code="ADY-0281",
            )
        return sender

    def insert(self, request: TransactionRequest, *, run_id: str, task_position: int, now: int) -> Statement:
        """The statement that leaves a transaction for a task run, to be written together with the task's own new state; then
        call ``wake``. It does nothing if the task run already has one. ``now`` in microseconds.

        Raises Invalid when the node has no key, or none of those that may send it.
        """
        return stored.insert(
            request,
            sender=self._sender(request),
            run_id=run_id,
            task_position=task_position,
            min_confirmations=request.confirmations or self._min_confirmations,
            gas_limit=self._parts.rules.gas_limit,
            now=now,
        )

    def insert_for_operator(
        self, request: TransactionRequest, *, purpose: str, idempotency_key: str | None, now: int
    ) -> Statement:
        """The statement that leaves a transaction which no task asked for (``purpose``: ``withdrawal`` or ``transfer``); then
        call ``wake``. It returns the row's id, or no row when there is one under that key of the caller. Raises Invalid as
        ``insert`` does."""
        return operator_transactions.insert(
            request,
            sender=self._sender(request),
            gas_limit=self._parts.rules.gas_limit,
            min_confirmations=self._min_confirmations,
            purpose=purpose,
            idempotency_key=idempotency_key,
            now=now,
        )

    def wished(self) -> None:
        """What an operator wishes of a transaction is durable."""
        self._confirmer.wake()

    def ended(self, run_id: str | None) -> None:
        """A transaction was given up, and that is durable."""
        self._settlements.tell([run_id])

    def wake(self) -> None:
        """Transactions have been inserted and are durable."""
        for each in self._broadcasters.values():
            each.wake()

    def settled(self) -> AsyncIterator[list[str]]:
        """Ids of runs whose transaction became safe, or failed for good, from this call on. A hint; the rows are the truth."""
        return self._settlements.listen()

    async def run(self) -> None:
        """Send and follow, for ever. Cancel to stop; what was in doubt then is sent again at the next start."""
        await self._ensure_keys()
        async with asyncio.TaskGroup() as loops:
            self._loops = loops
            for sender in self._broadcasters:
                self._send_for(sender)
            loops.create_task(self._confirmer.run(), name="confirmer")
            loops.create_task(self._reaper.run(), name="reaper")
            async for _ in self._parts.heads.updates():
                self._confirmer.wake()
                for each in self._broadcasters.values():
                    each.heed()

    async def add_sender(self, address: Address) -> None:
        """Send with one more key of the keystore. Its row is durable when this returns; a crash before leaves a key that the
        next start finds."""
        await keys.ensure(self._parts.db, [address], self._parts.clock.now())
        if address not in self._turns:
            self._turns[address] = 0
            self._broadcasters[address] = self._broadcaster(address)
            self._send_for(address)

    async def retire_sender(self, address: Address) -> None:
        """Give a key nothing more to send, for when it leaves the keystore. Raises Conflict, and the key goes on, while a
        transaction of it is not safe."""
        turn = self._turns.pop(address, None)
        try:
            # What was given to it a moment ago may not be stored yet.
            await self._parts.clock.sleep(_SETTLING)
            await self._check_safe(address)
        except BaseException:
            if turn is not None:
                self._turns[address] = turn
            raise
        sending = self._sending.pop(address, None)
        if sending is not None:
            sending.cancel()
        self._broadcasters.pop(address, None)

    async def _check_safe(self, address: Address) -> None:
        """Raises Conflict."""
        open_ones = await keys.unsafe_transactions(self._parts.db, address)
        if open_ones:
            raise Conflict(
                f"{checksum(address)} has {open_ones} transactions that are not safe yet; wait, or see `adyton txs doctor`",
                code="ADY-0810",
            )

    def _send_for(self, sender: Address) -> None:
        if self._loops is not None:
            self._sending[sender] = self._loops.create_task(self._broadcasters[sender].run(), name="broadcaster")

    async def _ensure_keys(self) -> None:
        """The keys' rows, on a database that may not be able to write yet."""
        delays = BackOff(self._parts.entropy)
        while True:
            try:
                await keys.ensure(self._parts.db, self._turns, self._parts.clock.now())
            except StorageUnavailable as fault:
                log.error("the keys cannot be stored; trying again", because=str(fault))
                await self._parts.clock.sleep(delays.next())
            else:
                return
