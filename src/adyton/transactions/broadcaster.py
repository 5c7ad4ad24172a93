"""The loop that sends a key's transactions, one after the other.

What it guarantees, each by a constraint of the database as well:

- A transaction's nonce and signed bytes are durable before the bytes are sent, and at most one transaction of a key is in
  that doubtful state. After a crash or a lost connection those bytes are sent again before anything else.
- Nonces have no gaps and are never used for two payloads: the next one is given out in the commit that records that the one
  before was taken.
- Every answer that does not say no is read as perhaps yes. Only words that mean "never, at any price" give a nonce back.

What it does not guarantee: that a sent transaction is mined. From ``unconfirmed`` on the confirmer looks after it.

In a steady flow a transaction costs one commit and one call: the commit that records an answer also starts the next
transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import NamedTuple

import structlog

from adyton.domain.chain import Address, Hex
from adyton.domain.errors import Broken, Conflict, Disconnected, Refused, StorageUnavailable, TryAgain
from adyton.domain.gas import first_fee, repriced, undercuts
from adyton.domain.send_errors import DOUBTFUL, TOO_DEAR, Meaning
from adyton.domain.transactions import Fee, Transaction
from adyton.domain.wishes import Wish
from adyton.ethereum.errors import RpcError
from adyton.storage import keys, operator_transactions
from adyton.storage import transactions as stored
from adyton.storage.database import Statement
from adyton.transactions import nonces, words
from adyton.transactions.ahead import Ahead
from adyton.transactions.parts import Parts
from adyton.transactions.sending import BackOff, Reply, send

log = structlog.get_logger(__name__)


class Prepared(NamedTuple):
    """A transaction in progress: its nonce and bytes are durable. ``doubtful``: a node may have these bytes, whatever the next
    answer is."""

    transaction: Transaction
    nonce: int
    fee: Fee
    raw: Hex
    hash: str
    doubtful: bool = False


class Taken(NamedTuple):
    """A node has it, or may have. ``expected`` is False when the answer says that nonces are not as we believed."""

    sent_at: int
    expected: bool = True


class Never(NamedTuple):
    """No node will ever take it."""

    error: str


class Listening(NamedTuple):
    """Whom the loop tells: ``sent`` when it has nothing left to send, ``gap`` when the node misses earlier transactions of
    the key, ``failed`` when a run's transaction can never be mined."""

    sent: Callable[[], None]
    gap: Callable[[Address], None]
    failed: Callable[[str | None], None]


class Broadcaster:
    """Sends for one key. Keys do not wait for each other."""

    def __init__(self, address: Address, parts: Parts, listening: Listening) -> None:
        self._address = address
        self._parts = parts
        self._listening = listening
        self._delays = BackOff(parts.entropy)
        self._signal = asyncio.Event()
        self._ahead = Ahead(address, parts, listening.failed)
        self._sent = parts.metrics.transactions_sent.labels(address)
        self._busy = False
        self._looked_at = parts.clock.monotonic()
        self._log = log.bind(key=address)

    def wake(self) -> None:
        """There are new rows."""
        self._ahead.wake()
        self._signal.set()

    def heed(self) -> None:
        """The chain's state changed."""
        self._signal.set()

    async def run(self) -> None:
        """Send, for ever, through lost connections, a failing database and defects. Cancel to stop."""
        while True:
            connection = await self._connected()
            try:
                await self._serve(connection)
            except Disconnected as fault:
                self._log.info("sending stops: no connection to the chain", because=str(fault))
            except (TryAgain, RpcError, Refused, Broken) as fault:
                self._log.warning("sending failed; trying again", because=str(fault))
            except Exception:  # noqa: BLE001 - a key must not be blocked by a defect; it is logged with its context
                self._log.exception("sending failed in a way that it must not; trying again")
            await self._pause(connection)

    async def _serve(self, connection: int) -> None:
        """One connection: first what may have been sent before, then what waits, oldest first."""
        self._ahead.forget()
        prepared = await self._leftover()
        nonce: int | None = None
        while self._on(connection):
            if prepared is None:
                nonce = await nonces.derive(self._parts, self._address) if nonce is None else nonce
                prepared = await self._begin(nonce)
            if prepared is None:
                self._say_idle()
                # An idle look also asks the chain again: something else may have used the key meanwhile.
                nonce = nonce if await self._work() else None
                continue
            fate = await self._deliver(prepared, connection)
            nonce, prepared = await self._record(prepared, fate)
            self._delays.reset()

    # --- preparing ---------------------------------------------------------------------------------------------------

    async def _leftover(self) -> Prepared | None:
        """What a crash, or a connection that was lost, left in progress."""
        transaction = await stored.in_progress(self._parts.db, self._address)
        if transaction is None:
            return None
        if transaction.nonce is None or not transaction.attempts:
            raise Broken(
                f"transaction {transaction.id} is in progress without a nonce or without signed bytes", code="ADY-0011"
            )
        attempt = transaction.attempts[-1]
        self._log.info(
            "sending again what may have been sent",
            transaction=transaction.id,
            run=transaction.run_id,
            nonce=transaction.nonce,
            attempt=attempt.hash,
        )
        return Prepared(transaction, transaction.nonce, attempt.fee, attempt.raw, attempt.hash, doubtful=True)

    async def _begin(self, nonce: int) -> Prepared | None:
        """Give the oldest waiting transaction its nonce; None if none waits. After a crash here it is in progress or still
        waiting, and has not been sent."""
        found = await self._next(nonce)
        if found is None:
            return None
        prepared, statements = found
        try:
            await self._parts.db.write(*statements)
        except Conflict:
            self._ahead.forget()
            raise
        return prepared

    async def _next(self, nonce: int) -> tuple[Prepared, tuple[Statement, ...]] | None:
        """The oldest waiting transaction, signed for ``nonce``, and the statements that start it."""
        while (transaction := await self._ahead.next()) is not None:
            market = await self._parts.estimator.market()
            fee = first_fee(self._parts.rules, self._parts.head().base_fee, transaction.gas_price, market)
            try:
                signed = self._parts.sign(transaction, nonce, fee)
            except (ValueError, OverflowError, TypeError) as fault:
                await self._reject(transaction, f"the transaction cannot be signed: {fault}")
                continue
            statements = stored.started(transaction, nonce, signed, fee, self._parts.clock.now())
            return Prepared(transaction, nonce, fee, signed.raw, signed.hash), statements
        return None

    async def _reject(self, transaction: Transaction, error: str) -> None:
        await self._parts.db.write(stored.rejected(transaction.id, error))
        self._log.error("a transaction cannot be sent", transaction=transaction.id, run=transaction.run_id, because=error)
        self._listening.failed(transaction.run_id)

    # --- sending -----------------------------------------------------------------------------------------------------

    async def _deliver(self, prepared: Prepared, connection: int) -> Taken | Never:
        """Send the bytes until it is known what became of them. Raises Disconnected when that can't be known now: they stay
        in progress, and are sent again."""
        said = prepared.transaction.waiting
        while True:
            sent_at = self._parts.clock.now()
            # After a crash from here on the bytes may be out; they are in the database, and nothing else has the nonce.
            reply = await send(self._parts.chain, prepared.raw)
            if reply.meaning is Meaning.KNOWN:
                return Taken(sent_at)
            self._report(prepared, reply)
            priced = await self._priced_anew(prepared, reply)
            if priced is not None:
                prepared = priced
                continue
            fate = await self._fate(prepared, reply, sent_at) or await self._unwanted(prepared, sent_at)
            if fate is not None:
                return fate
            prepared = prepared._replace(doubtful=prepared.doubtful or reply.meaning in DOUBTFUL)
            said = await self._say(prepared, words.waiting(reply, self._address, self._parts.rules), said)
            await self._pause(connection)
            if not self._on(connection):
                raise Disconnected("the connection changed while a transaction was being sent", code="ADY-0600")

    async def _fate(self, prepared: Prepared, reply: Reply, sent_at: int) -> Taken | Never | None:
        """What an answer other than yes means; None: try again later."""
        match reply.meaning:
            case Meaning.FATAL:
                return Never(reply.words)
            case Meaning.NONCE_TOO_LOW | Meaning.REPLACEMENT_UNDERPRICED:
                # These bytes after a crash, or something else with the same nonce: the confirmer finds out which.
                return Taken(sent_at, expected=False)
            case Meaning.POOL_FULL:
                # The confirmer bumps it or sends it again; the ones behind it would meet the same full pool.
                await self._parts.clock.sleep(self._delays.next())
                return Taken(sent_at)
            case Meaning.NONCE_TOO_HIGH:
                self._listening.gap(self._address)
        return Taken(sent_at, expected=False) if await self._arrived(prepared) else None

    async def _unwanted(self, prepared: Prepared, sent_at: int) -> Taken | None:
        """Leave what an operator cancels to the confirmer, as if a node had it, and one may: a no-op can then compete for its
        nonce. It must not be pressed on a node that may refuse it for ever."""
        found = await operator_transactions.get(self._parts.db, prepared.transaction.id)
        return Taken(sent_at, expected=False) if found is not None and found.wish == Wish.CANCEL else None

    async def _arrived(self, prepared: Prepared) -> bool:
        """Whether the chain, or the node's pool, has used the nonce or has the bytes, whatever was answered."""
        try:
            if await self._parts.chain.transaction_count(self._address, "pending") > prepared.nonce:
                return True
            (receipt,) = await self._parts.chain.receipts([prepared.hash])
        except Disconnected:
            raise
        except (RpcError, TryAgain) as fault:
            self._log.debug("it cannot be told whether a transaction arrived", attempt=prepared.hash, because=str(fault))
            return False
        return receipt is not None

    async def _priced_anew(self, prepared: Prepared, reply: Reply) -> Prepared | None:
        """The transaction at another price, if that is what the answer asks for and there is one."""
        if reply.meaning is Meaning.UNDERPRICED:
            return await self._reprice(prepared)
        if reply.meaning in TOO_DEAR:
            return await self._lower(prepared)
        return None

    async def _lower(self, prepared: Prepared) -> Prepared | None:
        """Sign again at today's price if that is clearly lower: what was signed while prices were high must not hold up the key
        when they have fallen. Another node may have taken the dearer bytes, so they stay among the transaction's attempts."""
        transaction, market = prepared.transaction, await self._parts.estimator.market()
        fee = first_fee(self._parts.rules, self._parts.head().base_fee, transaction.gas_price, market)
        if not undercuts(fee, prepared.fee):
            return None
        signed = self._parts.sign(transaction, prepared.nonce, fee)
        try:
            await self._parts.db.write(*stored.added(transaction.id, signed, fee, self._parts.clock.now()))
        except Conflict:
            return None  # these very bytes are an attempt already
        self._log.info("sending at a lower price", transaction=transaction.id, run=transaction.run_id, price=fee.ceiling)
        return prepared._replace(fee=fee, raw=signed.raw, hash=signed.hash, doubtful=False)

    async def _reprice(self, prepared: Prepared) -> Prepared | None:
        """Sign again at a price that the node may take; None at the ceiling. If the refused bytes were never accepted, the new
        ones take their place: after a crash it is one or the other that is sent."""
        market = await self._parts.estimator.market()
        fee = repriced(self._parts.rules, prepared.fee, self._parts.head().base_fee, market)
        if fee is None:
            return None
        signed = self._parts.sign(prepared.transaction, prepared.nonce, fee)
        store = stored.added if prepared.doubtful else stored.repriced
        await self._parts.db.write(*store(prepared.transaction.id, signed, fee, self._parts.clock.now()))
        self._log.info(
            "sending at a higher price",
            transaction=prepared.transaction.id,
            run=prepared.transaction.run_id,
            price=fee.ceiling,
        )
        return prepared._replace(fee=fee, raw=signed.raw, hash=signed.hash, doubtful=False)

    async def _say(self, prepared: Prepared, waiting: str, said: str | None) -> str:
        if waiting != said:
            await self._parts.db.write(stored.says(prepared.transaction.id, waiting))
        return waiting

    def _report(self, prepared: Prepared, reply: Reply) -> None:
        tell = self._log.error if reply.meaning in words.ALARMING else self._log.warning
        tell(
            "the ethereum node did not simply take a transaction",
            transaction=prepared.transaction.id,
            run=prepared.transaction.run_id,
            nonce=prepared.nonce,
            attempt=prepared.hash,
            meaning=reply.meaning.value,
            because=reply.words,
        )

    # --- recording ---------------------------------------------------------------------------------------------------

    async def _record(self, prepared: Prepared, fate: Taken | Never) -> tuple[int | None, Prepared | None]:
        """Write what became of a transaction, and start the next in the same commit.

        Returns the next nonce (None: to be derived) and the next transaction (None: none waits). After a crash before the
        commit, the same bytes are sent again; the answer is then "known" or "nonce too low".
        """
        self._busy = True
        transaction = prepared.transaction
        if isinstance(fate, Never):
            await self._parts.db.write(*stored.refused(transaction.id, fate.error))
            self._listening.failed(transaction.run_id)
            return None, None
        taken = (keys.advance(self._address, prepared.nonce), *stored.accepted(transaction.id, fate.sent_at))
        # What has to ask the chain first must not keep this record waiting.
        ready = fate.expected and self._ahead.ready and self._parts.estimator.fresh
        following = await self._next(prepared.nonce + 1) if ready else None
        if following is None or not await self._write_both(taken, following[1]):
            await self._parts.db.write(*taken)
            following = None
        self._sent.inc()
        self._log.debug(
            "transaction sent",
            transaction=transaction.id,
            run=transaction.run_id,
            nonce=prepared.nonce,
            attempt=prepared.hash,
        )
        return prepared.nonce + 1 if fate.expected else None, following[0] if following else None

    async def _write_both(self, taken: tuple[Statement, ...], start: tuple[Statement, ...]) -> bool:
        """False when the next transaction was taken back meanwhile, which must not keep this one from being recorded."""
        try:
            await self._parts.db.write(*taken, *start)
        except Conflict:
            self._ahead.forget()
            return False
        except StorageUnavailable:
            self._ahead.forget()
            raise
        return True

    def _say_idle(self) -> None:
        if self._busy:
            self._busy = False
            self._listening.sent()

    # --- waiting -----------------------------------------------------------------------------------------------------

    def _on(self, connection: int) -> bool:
        state = self._parts.heads.state
        return state.connected and state.head is not None and state.connection == connection

    async def _connected(self) -> int:
        """Wait for a connection on which a head was seen; its number."""
        while not self._on(self._parts.heads.state.connection):
            self._signal.clear()
            await self._signal.wait()
        return self._parts.heads.state.connection

    async def _work(self) -> bool:
        """Wait for new rows, another connection or a head; False if it is time to look without having been called."""
        if self._ahead.more:
            return True
        rest = self._looked_at + self._ahead.patience - self._parts.clock.monotonic()
        if rest > 0:
            self._signal.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._signal.wait()
                return True
        self._looked_at = self._parts.clock.monotonic()
        self._ahead.wake()
        return False

    async def _pause(self, connection: int) -> None:
        """Back off; a new connection ends it early, new rows do not."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._delays.next()):
                while self._on(connection):
                    self._signal.clear()
                    await self._signal.wait()
