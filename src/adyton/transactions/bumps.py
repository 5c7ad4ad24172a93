"""Transactions that a node has and that are not mined: raised in price when it is time, sent again when nothing is heard.

A transaction here owns its nonce for good, so nothing is given up: a bump that is refused for ever is taken back, and the
attempts before it stay.
"""

from __future__ import annotations

import asyncio

import structlog

from adyton.domain.chain import Address, Head
from adyton.domain.errors import NotFound
from adyton.domain.gas import AtCeiling, Bump, next_step, repriced
from adyton.domain.send_errors import Meaning
from adyton.domain.transactions import Attempt, Fee, SignedTransaction, Transaction
from adyton.storage import transactions as stored
from adyton.transactions import words
from adyton.transactions.parts import Parts
from adyton.transactions.sending import Reply, send

RESEND_AFTER = 30.0
"""Seconds without a receipt after which the same bytes are sent again: pools forget."""
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
            await self._deliver(transaction, transaction.attempts[-1].raw, transaction.attempts[-1].fee, head)

    async def bump(self, sender: Address, count: int, head: Head) -> None:
        """Raise what has waited too long. ``count``: the nonce that the chain uses next."""
        rules = self._parts.rules
        if rules.bump_threshold == 0:
            return
        since = head.number - rules.bump_threshold
        for transaction in await stored.impatient(self._parts.db, sender, since, count, rules.bump_depth):
            newest = transaction.attempts[-1] if transaction.attempts else None
            if newest is not None and newest.state == "broadcast":
                await self._raise(transaction, newest, head)

    async def resend(self, sender: Address, count: int, *, now: bool = False) -> None:
        """Send the same bytes of what nothing is heard of again; with ``now``, of everything not mined."""
        waited = 0 if now else round(RESEND_AFTER * 1_000_000)
        sent_at = self._parts.clock.now()
        quiet = await stored.unheard(self._parts.db, sender, sent_at - waited, count, RESEND_AT_ONCE)
        if not quiet:
            return
        # One connection keeps the order, so the node gets them by nonce. A crash in between repeats them.
        replies = await asyncio.gather(*(send(self._parts.chain, found.attempts[-1].raw) for found in quiet))
        for transaction, reply in zip(quiet, replies, strict=True):
            if reply.meaning is not Meaning.KNOWN:
                _report("a node did not simply take a transaction that was sent again", transaction, reply)
        await self._parts.db.write(stored.sent_again([found.id for found in quiet], sent_at))

    async def _raise(self, transaction: Transaction, newest: Attempt, head: Head) -> None:
        step = next_step(
            self._parts.rules,
            head=head,
            fee=newest.fee,
            mined_in=None,
            waiting_since=transaction.waiting_since,
            confirmations=transaction.min_confirmations,
        )
        if isinstance(step, AtCeiling):
            await self._wait_on(transaction, newest, words.at_ceiling(self._parts.rules), head)
        elif isinstance(step, Bump):
            try:
                signed = self._signed(transaction, step.fee)
            except NotFound as fault:
                await self._wait_on(transaction, newest, f"{fault}: its price cannot be raised", head)
                return
            # After a crash from here on, the bump is stored and perhaps sent: decide() sends it again.
            await self._parts.db.write(*stored.bumped(transaction.id, signed, step.fee, self._parts.clock.now()))
            log.info(
                "raising a transaction's price", transaction=transaction.id, run=transaction.run_id, price=step.fee.ceiling
            )
            await self._deliver(transaction, signed.raw, step.fee, head)

    async def _wait_on(self, transaction: Transaction, newest: Attempt, waiting: str, head: Head) -> None:
        """No higher price: the same bytes again, and say so."""
        await send(self._parts.chain, newest.raw)
        log.warning("a transaction waits", transaction=transaction.id, run=transaction.run_id, because=waiting)
        await self._parts.db.write(stored.waits_on(transaction.id, waiting, head.number))

    async def _deliver(self, transaction: Transaction, raw: str, fee: Fee, head: Head) -> None:
        """Send a stored bump, raising it further while it is refused for its price."""
        while True:
            sent_at = self._parts.clock.now()
            reply = await send(self._parts.chain, raw)
            if reply.meaning is not Meaning.KNOWN:
                _report("a node did not simply take a raised transaction", transaction, reply)
            higher = repriced(self._parts.rules, fee, head.base_fee) if reply.meaning is Meaning.UNDERPRICED else None
            if higher is None:
                break
            signed = self._signed(transaction, higher)
            await self._parts.db.write(*stored.bump_repriced(transaction.id, signed, higher, self._parts.clock.now()))
            raw, fee = signed.raw, higher
        await self._record(transaction, reply, sent_at, head)

    async def _record(self, transaction: Transaction, reply: Reply, sent_at: int, head: Head) -> None:
        if reply.meaning in _TAKEN:
            await self._parts.db.write(*stored.bump_delivered(transaction.id, sent_at))
        elif reply.meaning in {Meaning.FATAL, Meaning.FEE_CAP, Meaning.UNDERPRICED}:
            waiting = words.waiting(reply, transaction.from_address, self._parts.rules)
            await self._parts.db.write(*stored.bump_dropped(transaction.id, waiting, head.number))
        elif reply.meaning is Meaning.NO_FUNDS:
            # The bump stays undecided and is tried again at every head.
            waiting = words.waiting(reply, transaction.from_address, self._parts.rules)
            if waiting != transaction.waiting:
                await self._parts.db.write(stored.says(transaction.id, waiting))

    def _signed(self, transaction: Transaction, fee: Fee) -> SignedTransaction:
        assert transaction.nonce is not None, "an unconfirmed transaction has a nonce"
        return self._parts.sign(transaction, transaction.nonce, fee)


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
