"""Transactions that a node has and that are not mined: raised in price when it is time, sent again when nothing is heard.

A transaction here owns its nonce for good, so nothing is given up: a bump that is refused for ever is taken back, and the
attempts before it stay. One that an operator cancels is raised as the no-op that competes for its nonce.

A price may also be too high: for the node's own limit on fees, or for the key's funds. What was signed in a spike, and taken
nowhere because something else had the nonce, would block the key when a reorganisation frees it. So what is refused for that
when it is sent again is signed at today's price. No attempt is forgotten: another node may have it, and of one nonce only one
can be mined.
"""

from __future__ import annotations

import asyncio

import structlog

from adyton.domain.chain import Address, Head
from adyton.domain.errors import NotFound
from adyton.domain.gas import AboveMarket, AtCeiling, Bump, first_fee, next_step, repriced, undercuts
from adyton.domain.send_errors import TOO_DEAR, Meaning
from adyton.domain.transactions import Attempt, Fee, SignedTransaction, Transaction
from adyton.domain.wishes import Wish
from adyton.storage import operator_transactions
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
            await self.deliver(transaction, newest.raw, newest.fee, head, noop=newest.noop, doubtful=True)

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

    async def resend(self, sender: Address, count: int, head: Head, *, now: bool = False) -> None:
        """Send the same bytes of what nothing is heard of again; with ``now``, of everything not mined. What is too dear for
        the node or the key is then tried at a lower price."""
        waited = 0 if now else round(self._parts.resend_after * 1_000_000)
        sent_at = self._parts.clock.now()
        quiet = await stored.unheard(self._parts.db, sender, sent_at - waited, count, RESEND_AT_ONCE)
        if not quiet:
            return
        # One connection keeps the order, so the node gets them by nonce. A crash in between repeats them.
        replies = await asyncio.gather(*(self.repeat(found) for found in quiet))
        await self._parts.db.write(stored.sent_again([found.id for found in quiet], sent_at))
        for found, reply in zip(quiet, replies, strict=True):
            # Another wish is obeyed first.
            if reply.meaning in TOO_DEAR and found.wish in {None, Wish.CANCEL}:
                await self._lower(found, head)

    async def repeat(self, transaction: Transaction) -> Reply:
        """Send the newest bytes of a transaction again; a node that has them takes them as known. Raises Disconnected."""
        return await self._again(transaction, transaction.attempts[-1])

    async def _again(self, transaction: Transaction, attempt: Attempt) -> Reply:
        self._parts.metrics.transactions_resent.labels(transaction.from_address).inc()
        reply = await send(self._parts.chain, attempt.raw)
        if reply.meaning is not Meaning.KNOWN:
            _report("a node did not simply take a transaction that was sent again", transaction, reply)
        return reply

    async def _lower(self, transaction: Transaction, head: Head) -> None:
        """Sign again at today's price if that is clearly lower, what is to be cancelled as a no-op; otherwise send the cheaper
        attempts that there are, the dearest of them first."""
        newest, noop = transaction.attempts[-1], transaction.unwanted
        fee = first_fee(self._parts.rules, head.base_fee, transaction.gas_price, await self._parts.estimator.market())
        signed = self._resigned(transaction, fee, noop=noop) if undercuts(fee, newest.fee) else None
        if signed is None:
            cheaper = [each for each in transaction.attempts if each.noop is noop and each.fee.ceiling < newest.fee.ceiling]
            for attempt in sorted(cheaper, key=lambda each: each.fee.ceiling, reverse=True):
                if (await self._again(transaction, attempt)).meaning not in TOO_DEAR:
                    break
            return
        now = self._parts.clock.now()
        # After a crash from here on, it is stored and perhaps sent: decide() sends it again.
        await self._parts.db.write(*operator_transactions.replaced(transaction, signed, fee, now, noop=noop))
        log.info("sending again at a lower price", transaction=transaction.id, run=transaction.run_id, price=fee.ceiling)
        await self.deliver(transaction, signed.raw, fee, head, noop=noop)

    def _resigned(self, transaction: Transaction, fee: Fee, *, noop: bool) -> SignedTransaction | None:
        """Bytes that are no attempt yet; None if they are, or the key's file is gone."""
        try:
            signed = self._signed(transaction, fee, noop=noop)
        except NotFound:
            return None
        return None if signed.hash in {attempt.hash for attempt in transaction.attempts} else signed

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

    async def deliver(
        self, transaction: Transaction, raw: str, fee: Fee, head: Head, *, noop: bool, doubtful: bool = False
    ) -> None:
        """Send a stored attempt, raising it further while it is refused for its price. ``noop``: it is one. ``doubtful``: it
        may have been sent before, and somebody may have it whatever is said now; then it is not forgotten."""
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
            store = stored.bump_added if doubtful else stored.bump_repriced
            await self._parts.db.write(*store(transaction.id, signed, higher, now, noop=noop))
            raw, fee, doubtful = signed.raw, higher, False
        await self._record(transaction, reply, sent_at, head, noop=noop, doubtful=doubtful)

    async def _repriced(self, fee: Fee, head: Head) -> Fee | None:
        return repriced(self._parts.rules, fee, head.base_fee, await self._parts.estimator.market())

    async def _record(
        self, transaction: Transaction, reply: Reply, sent_at: int, head: Head, *, noop: bool, doubtful: bool
    ) -> None:
        if reply.meaning in _TAKEN:
            await self._parts.db.write(*stored.bump_delivered(transaction.id, sent_at))
            return
        waiting = words.waiting(reply, transaction.from_address, self._parts.rules)
        refused = reply.meaning in {Meaning.FATAL, Meaning.FEE_CAP, Meaning.UNDERPRICED}
        if refused and not (noop and _is_first_noop(transaction)):
            keep = doubtful and reply.meaning is not Meaning.FATAL
            end = stored.bump_kept if keep else stored.bump_dropped
            await self._parts.db.write(*end(transaction.id, waiting, head.number))
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
