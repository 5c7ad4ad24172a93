"""Transactions that a node has and that are not mined: raised in price when it is time, sent again when nothing is heard.

A transaction here owns its nonce for good, so nothing is given up: a bump that is refused for ever is taken back, and the
attempts before it stay. One that an operator cancels is raised as the no-op that competes for its nonce.
"""

from __future__ import annotations

import asyncio

import structlog

from adyton.domain.chain import Address, Head
from adyton.domain.errors import NotFound
from adyton.domain.gas import AboveMarket, AtCeiling, Bump, next_step, repriced
from adyton.domain.send_errors import Meaning
from adyton.domain.transactions import Attempt, Fee, SignedTransaction, Transaction
from adyton.domain.wishes import Wish
from adyton.storage import transactions as stored
from adyton.transactions import words
from adyton.transactions.parts import Parts
from adyton.transactions.sending import Reply, send

RESEND_AT_ONCE = 100
"""Transactions of a key that are sent again in one go, lowest nonces first."""

_TAKEN = frozenset({Meaning.KNOWN, Meaning.NONCE_TOO_LOW, Meaning.REPLACEMENT_UNDERPRICED, Meaning.POOL_FULL})

log = structlog.get_logger(__name__)


class Bumper:
    """Raises prices and repeats. All it knows is in the rows."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def decide(self, sender: Address, head: Head) -> None:
        """Send bumps again of which it is not known whether a node has them: a crash, a lost answer, no funds."""
        for transaction in await stored.undecided(self._parts.db, sender):
            newest = transaction.attempts[-1]
            await self.deliver(transaction, newest.raw, newest.fee, head, noop=newest.noop)

    async def bump(self, sender: Address, count: int, head: Head) -> None:
        """Raise what has waited too long. ``count``: the nonce that the chain uses next."""
        rules = self._parts.rules
        if rules.bump_threshold == 0:
            return
        since = head.number - rules.bump_threshold
        for transaction in await stored.impatient(self._parts.db, sender, since, count, rules.bump_depth):
            newest = transaction.attempts[-1] if transaction.attempts else None
            # What is to be cancelled must not be raised; it says itself why that has not begun.
            if newest is not None and newest.state == "broadcast" and transaction.wish != Wish.CANCEL:
                await self._raise(transaction, newest, head)

    async def resend(self, sender: Address, count: int, *, now: bool = False) -> None:
        """Send the same bytes of what nothing is heard of again; with ``now``, of everything not mined."""
        waited = 0 if now else round(self._parts.resend_after * 1_000_000)
        sent_at = self._parts.clock.now()
        quiet = await stored.unheard(self._parts.db, sender, sent_at - waited, count, RESEND_AT_ONCE)
        if not quiet:
            return
        # One connection keeps the order, so the node gets them by nonce. A crash in between repeats them.
        await asyncio.gather(*(self.repeat(found) for found in quiet))
        await self._parts.db.write(stored.sent_again([found.id for found in quiet], sent_at))

    async def repeat(self, transaction: Transaction) -> None:
        """Send the newest bytes of a transaction again; a node that has them takes them as known. Raises Disconnected."""
        self._parts.metrics.transactions_resent.labels(transaction.from_address).inc()
        reply = await send(self._parts.chain, transaction.attempts[-1].raw)
        if reply.meaning is not Meaning.KNOWN:
            _report("a node did not simply take a transaction that was sent again", transaction, reply)

    async def _raise(self, transaction: Transaction, newest: Attempt, head: Head) -> None:
        step = next_step(
            self._parts.rules,
            head=head,
            fee=newest.fee,
            mined_in=None,
            waiting_since=transaction.waiting_since,
            confirmations=transaction.min_confirmations,
            market=await self._parts.estimator.market(),
            priced_since=newest.broadcast_before,
        )
        if isinstance(step, AtCeiling):
            await self._wait_on(transaction, words.at_ceiling(self._parts.rules), head)
        elif isinstance(step, AboveMarket):
            await self._wait_on(transaction, step.words, head)
        elif isinstance(step, Bump):
            await self._replace(transaction, step.fee, head)

    async def _replace(self, transaction: Transaction, fee: Fee, head: Head) -> None:
        noop = transaction.cancelling
        try:
            signed = self._signed(transaction, fee, noop=noop)
        except NotFound as fault:
            await self._wait_on(transaction, f"{fault}: its price cannot be raised", head)
            return
        # After a crash from here on, the bump is stored and perhaps sent: decide() sends it again.
        await self._parts.db.write(*stored.bumped(transaction.id, signed, fee, self._parts.clock.now(), noop=noop))
        self._parts.metrics.transactions_bumped.labels(transaction.from_address).inc()
        log.info("raising a transaction's price", transaction=transaction.id, run=transaction.run_id, price=fee.ceiling)
        await self.deliver(transaction, signed.raw, fee, head, noop=noop)

    async def _wait_on(self, transaction: Transaction, waiting: str, head: Head) -> None:
        """No higher price: the same bytes again, and say so."""
        await self.repeat(transaction)
        log.warning("a transaction waits", transaction=transaction.id, run=transaction.run_id, because=waiting)
        await self._parts.db.write(stored.waits_on(transaction.id, waiting, head.number))

    async def deliver(self, transaction: Transaction, raw: str, fee: Fee, head: Head, *, noop: bool) -> None:
        """Send a stored attempt, raising it further while it is refused for its price. ``noop``: it is one."""
        while True:
            sent_at = self._parts.clock.now()
            reply = await send(self._parts.chain, raw)
            if reply.meaning is not Meaning.KNOWN:
                _report("a node did not simply take a raised transaction", transaction, reply)
            higher = await self._repriced(fee, head) if reply.meaning is Meaning.UNDERPRICED else None
            if higher is None:
                break
            signed = self._signed(transaction, higher, noop=noop)
            now = self._parts.clock.now()
            await self._parts.db.write(*stored.bump_repriced(transaction.id, signed, higher, now, noop=noop))
            raw, fee = signed.raw, higher
        await self._record(transaction, reply, sent_at, head, noop=noop)

    async def _repriced(self, fee: Fee, head: Head) -> Fee | None:
        return repriced(self._parts.rules, fee, head.base_fee, await self._parts.estimator.market())

    async def _record(self, transaction: Transaction, reply: Reply, sent_at: int, head: Head, *, noop: bool) -> None:
        if reply.meaning in _TAKEN:
            await self._parts.db.write(*stored.bump_delivered(transaction.id, sent_at))
            return
        waiting = words.waiting(reply, transaction.from_address, self._parts.rules)
        refused = reply.meaning in {Meaning.FATAL, Meaning.FEE_CAP, Meaning.UNDERPRICED}
        if refused and not (noop and _is_first_noop(transaction)):
            await self._parts.db.write(*stored.bump_dropped(transaction.id, waiting, head.number))
        elif (refused or reply.meaning is Meaning.NO_FUNDS) and waiting != transaction.waiting:
            # The attempt stays undecided and is tried again at every head. So does the first no-op, whatever is said of it:
            # without it the transaction would be wanted again.
            await self._parts.db.write(stored.says(transaction.id, waiting))

    def _signed(self, transaction: Transaction, fee: Fee, *, noop: bool) -> SignedTransaction:
        assert transaction.nonce is not None, "an unconfirmed transaction has a nonce"
        return self._parts.sign(transaction, transaction.nonce, fee, noop=noop)


def _is_first_noop(transaction: Transaction) -> bool:
    """Whether no node has taken a no-op of the transaction yet."""
    return not any(attempt.noop and attempt.state == "broadcast" for attempt in transaction.attempts)


def _report(event: str, transaction: Transaction, reply: Reply) -> None:
    tell = log.error if reply.meaning in words.ALARMING else log.info
    tell(
        event,
        transaction=transaction.id,
        run=transaction.run_id,
        nonce=transaction.nonce,
        meaning=reply.meaning.value,
        because=reply.words,
    )
