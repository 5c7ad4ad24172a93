"""What an operator wishes of a transaction: raise it, cancel it, send it again.

A wish is a column of the transaction's row, so it survives whatever happens to the process that was asked. The confirmer obeys
it when it looks at the transaction's key: behind the receipts, so that what is mined is never cancelled, and with the tools of
its own raises. The write that stores the effect clears the wish; until then it is obeyed again after a crash.
"""

from __future__ import annotations

from typing import NamedTuple

import structlog

from adyton.domain.chain import Address, Head
from adyton.domain.errors import Conflict, NotFound
from adyton.domain.evm import checksum
from adyton.domain.gas import first_fee
from adyton.domain.transactions import Fee, SignedTransaction, Transaction, TransactionState
from adyton.domain.wishes import Wish, check_price, raised, refusal
from adyton.storage import operator_transactions as stored
from adyton.storage.transactions import says, sent_again, waits_on
from adyton.transactions import words
from adyton.transactions.bumps import Bumper
from adyton.transactions.parts import Parts

log = structlog.get_logger(__name__)


class Foreseen(NamedTuple):
    """What a wish would do now, in words; ``fee`` is the price it would be done at (None: nothing is signed), ``cost`` the most
    wei that its gas can cost."""

    words: str
    fee: Fee | None = None
    cost: int = 0


class Foresight:
    """Tells what would come of a wish. Changes nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def foresee(self, transaction: Transaction, wish: Wish, price: int | None = None) -> Foreseen:
        """What a wish would do now. Raises Conflict (it makes no sense in the transaction's state, or nothing up to the ceiling
        would do), Invalid (the price), Disconnected."""
        refused = refusal(transaction, wish)
        if refused is not None:
            raise Conflict(refused, code="ADY-0706")
        if wish is Wish.RESEND:
            return Foreseen("the same bytes are sent again, which costs nothing", transaction.attempts[-1].fee)
        if transaction.state is TransactionState.UNSTARTED:
            return Foreseen("it is not sent; it has no nonce, so nothing has to be paid")
        self._check_key(transaction.from_address)
        fee = await self._fee(transaction, price)
        cost = fee.ceiling * transaction.gas_limit
        if wish is Wish.BUMP:
            return Foreseen(f"it is signed again at {fee.ceiling} wei a gas and sent", fee, cost)
        when = (
            ""
            if transaction.state is TransactionState.UNCONFIRMED
            else "; that begins when a node has it, or refuses it once more"
        )
        return Foreseen(
            f"a no-op at {fee.ceiling} wei a gas competes for its nonce, {transaction.nonce}; whichever is mined first "
            f"decides{when}",
            fee,
            cost,
        )

    async def cost_now(self, *, roughly: bool = False) -> int:
        """Wei that a transaction with the usual gas limit costs at most at a first price now; ``roughly``: the Ethereum node is
        not asked for prices. Raises Disconnected."""
        market = self._parts.estimator.known if roughly else await self._parts.estimator.market()
        fee = first_fee(self._parts.rules, self._parts.head().base_fee, market=market)
        return fee.ceiling * self._parts.rules.gas_limit

    def _check_key(self, sender: Address) -> None:
        if sender not in self._parts.signer.addresses():
            raise Conflict(
                f"the key file of {checksum(sender)} is not in ROOT/keys: nothing can be signed for it", code="ADY-0707"
            )

    async def _fee(self, transaction: Transaction, price: int | None) -> Fee:
        rules, newest = self._parts.rules, transaction.attempts[-1].fee
        if price is not None:
            check_price(rules, newest, price)
        fee = raised(rules, newest, price, self._parts.head().base_fee, await self._parts.estimator.market())
        if fee is None:
            raise Conflict(
                f"transaction {transaction.id} costs {newest.ceiling} wei a gas, and nothing up to ETH_MAX_GAS_PRICE_WEI, "
                f"{rules.price_max}, would replace it: raise that, start again, and ask again",
                code="ADY-0708",
            )
        return fee


class Wishes:
    """Obeys. All it knows is in the rows."""

    def __init__(self, parts: Parts, bumper: Bumper) -> None:
        self._parts = parts
        self._bumper = bumper

    async def obey(self, sender: Address, count: int, head: Head) -> None:
        """Do what is wished of a key's unconfirmed transactions. ``count``: the nonce that the chain uses next. Raises
        RpcError, TryAgain."""
        for transaction in await stored.wished(self._parts.db, sender):
            if transaction.nonce is None or transaction.nonce < count or not transaction.attempts:
                continue  # mined, or its nonce is lost: its receipt decides
            if transaction.wish == Wish.RESEND:
                await self._resend(transaction)
            elif transaction.wish == Wish.CANCEL and transaction.cancelling:
                await self._parts.db.write(stored.done(transaction))
            else:
                await self._replace(transaction, head)

    async def _resend(self, transaction: Transaction) -> None:
        """Send the same bytes. A crash before the write sends them once more."""
        now = self._parts.clock.now()
        await self._bumper.repeat(transaction)
        await self._parts.db.write(sent_again([transaction.id], now), stored.done(transaction))

    async def _replace(self, transaction: Transaction, head: Head) -> None:
        """Sign what takes the transaction's place: itself at a higher price, or a no-op."""
        noop = transaction.cancelling or transaction.wish == Wish.CANCEL
        fee = await self._fee(transaction, transaction.wish_price, head)
        if fee is None and transaction.wish_price is not None:
            # The price was enough when it was asked for, and has been outdone since.
            if transaction.wish == Wish.BUMP:
                await self._parts.db.write(stored.done(transaction))
                return
            fee = await self._fee(transaction, None, head)
        if fee is None:
            await self._cannot(transaction, words.at_ceiling(self._parts.rules), head)
            return
        try:
            signed = self._signed(transaction, fee, noop=noop)
        except NotFound as fault:
            await self._say(transaction, f"to be {_past(transaction)} by an operator, but {fault}")
            return
        now = self._parts.clock.now()
        # After a crash from here on, what replaces it is stored, perhaps sent, the wish is gone, and decide() sends it again.
        await self._parts.db.write(*stored.replaced(transaction, signed, fee, now, noop=noop))
        self._parts.metrics.transactions_bumped.labels(transaction.from_address).inc()
        log.warning(
            "cancelling a transaction, as an operator wished" if noop else "raising a price, as an operator wished",
            transaction=transaction.id,
            run=transaction.run_id,
            nonce=transaction.nonce,
            price=fee.ceiling,
        )
        await self._bumper.deliver(transaction, signed.raw, fee, head, noop=noop)

    async def _fee(self, transaction: Transaction, price: int | None, head: Head) -> Fee | None:
        newest, market = transaction.attempts[-1].fee, await self._parts.estimator.market()
        return raised(self._parts.rules, newest, price, head.base_fee, market)

    async def _cannot(self, transaction: Transaction, why: str, head: Head) -> None:
        """Nothing up to the ceiling replaces it. A raise is done with that; a cancellation waits for a higher ceiling."""
        if transaction.wish == Wish.CANCEL:
            await self._say(transaction, f"to be cancelled by an operator, but {why}")
            return
        await self._parts.db.write(waits_on(transaction.id, why, head.number), stored.done(transaction))

    async def _say(self, transaction: Transaction, waiting: str) -> None:
        if waiting == transaction.waiting:
            return
        log.warning("an operator's wish waits", transaction=transaction.id, run=transaction.run_id, because=waiting)
        await self._parts.db.write(says(transaction.id, waiting))

    def _signed(self, transaction: Transaction, fee: Fee, *, noop: bool) -> SignedTransaction:
        assert transaction.nonce is not None, "an unconfirmed transaction has a nonce"
        return self._parts.sign(transaction, transaction.nonce, fee, noop=noop)


def _past(transaction: Transaction) -> str:
    return "cancelled" if transaction.wish == Wish.CANCEL else "raised"
