"""Handing a signed transaction to every endpoint at once.

The active endpoint's yes is enough, and nobody waits for the others. Its no is not enough: another one may have taken the
bytes, and a caller who believes that nobody has them might sign others for the same nonce. So after a no the others are heard,
and if one of them was handed the bytes and stays silent, nobody knows. Lest it keep a key in doubt for ever, such a one is
handed bytes only after a yes, until it has answered once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from adyton.domain import evm
from adyton.domain.chain import Hash, Hex
from adyton.domain.errors import Disconnected, TryAgain
from adyton.domain.send_errors import Meaning, classify
from adyton.ethereum import codec
from adyton.ethereum.budget import Moved
from adyton.ethereum.connection import Call
from adyton.ethereum.endpoint import Endpoint
from adyton.ethereum.errors import RpcError, RpcTimeout, Throttled

PATIENCE = 2.0
"""Seconds in which the active endpoint answers before another one's yes counts, and in which the others answer after its no."""
REACH = 10.0
"""Seconds in which an endpoint that is only sent to must be connected."""
OUTSTANDING = 64
"""Offers to one endpoint that may wait; it is left out while it has so many."""
CONCLUSIVE = {Meaning.KNOWN, Meaning.NONCE_TOO_LOW}
"""No other endpoint knows better."""

log = structlog.get_logger(__name__)


class Offer:
    """The bytes at one endpoint. ``fault`` of None, when ``task`` is done: it took them. ``handed``: it may have them."""

    def __init__(self, endpoint: Endpoint, raw: Hex) -> None:
        self.endpoint = endpoint
        self.handed = False
        self.answer: bytes = b""
        self.fault: Exception | None = None
        self._raw = raw
        self.task = asyncio.create_task(self._make())

    @property
    def taken(self) -> bool:
        """Whether it has the bytes now."""
        if not self.task.done() or self.task.cancelled():
            return False
        return bool(self.answer) or _meaning(self.fault) is Meaning.KNOWN

    @property
    def unknown(self) -> bool:
        """Whether it may have the bytes, and does not say."""
        return self.handed and not self.taken and not isinstance(self.fault, RpcError | Throttled | Moved)

    async def _make(self) -> None:
        try:
            await self._reach()
            self.handed = True
            (answer,) = await self.endpoint.exchange([_call(self._raw)], batch=False, urgent=True)
            if isinstance(answer, RpcError):
                self.fault = answer
            else:
                self.answer = bytes(answer)
        except (TryAgain, Moved, TimeoutError) as fault:
            self.fault = fault
        except Exception as fault:
            log.exception("a transaction could not be handed over, in a way that must not be", endpoint=self.endpoint.name)
            self.fault = fault

    async def _reach(self) -> None:
        if self.endpoint.lazy and not self.endpoint.usable:
            async with asyncio.timeout(REACH):
                await self.endpoint.reach()
        if not self.endpoint.usable:
            raise Disconnected(f"{self.endpoint.problem}", code="ADY-0600")


class FanOut:
    """Sends. ``close`` gives up what is still on its way to endpoints that nobody waits for."""

    def __init__(self) -> None:
        self._offers: set[Offer] = set()
        self._doubtful: set[Endpoint] = set()

    async def send(self, raw: Hex, active: Endpoint | None, others: Sequence[Endpoint], why_not: str) -> Hash:
        """Hand over signed bytes; returns their hash. ``why_not`` is the reason for which there is no active endpoint.

        Raises the active endpoint's RpcError only if no other one took the bytes, or may have; RpcTimeout, Throttled, Moved and
        Disconnected as ``Endpoint.exchange``, MalformedAnswer.
        """
        if active is not None and not others:
            (answer,) = await active.exchange([_call(raw)], batch=False, urgent=True)
            if isinstance(answer, RpcError):
                raise answer
            return codec.block_hash(answer)
        first = None if active is None else self._offer(active, raw)
        # After a crash from here on any of them may have the bytes; they are in the database.
        rest = [self._offer(other, raw) for other in others if other not in self._doubtful and self._room(other)]
        if first is not None:
            await asyncio.wait({first.task}, timeout=PATIENCE)
            if first.taken:
                for other in others:
                    if other in self._doubtful and self._room(other):
                        self._offer(other, raw)
            if first.taken or (first.task.done() and _meaning(first.fault) in CONCLUSIVE):
                return _result(first)
        return await self._hear(
            raw, first, rest, Disconnected(f"no connection to the Ethereum node: {why_not}", code="ADY-0600")
        )

    async def _hear(self, raw: Hex, first: Offer | None, rest: Sequence[Offer], without: Exception) -> Hash:
        """The active endpoint has said no, or nothing yet: what do the others say?"""
        while not any(offer.taken for offer in rest):
            silent = {offer.task for offer in rest if not offer.task.done()}
            if first is not None and not first.task.done():
                await asyncio.wait({first.task, *silent}, return_when=asyncio.FIRST_COMPLETED)
                if first.taken:
                    return _result(first)
            elif not silent or not (await asyncio.wait(silent, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED))[0]:
                break
        taker = next((offer for offer in rest if offer.taken), None)
        fault = (first and first.fault) or without
        if taker is not None:
            said = "it is silent" if first is not None and not first.task.done() else str(fault)
            log.warning("another ethereum node took a transaction", endpoint=taker.endpoint.name, because=said)
            return "0x" + evm.keccak(bytes.fromhex(raw[2:])).hex()
        doubtful = self._withdraw(rest)
        if doubtful and isinstance(fault, RpcError):
            raise RpcTimeout(f"{', '.join(doubtful)}: no answer yet to a transaction of which another says: {fault}")
        raise fault

    def _withdraw(self, offers: Sequence[Offer]) -> list[str]:
        """Hand the bytes to nobody else; the names of those who may have them."""
        for offer in offers:
            offer.task.cancel()
        doubtful = [offer.endpoint for offer in offers if offer.unknown]
        self._doubtful.update(doubtful)
        return [endpoint.name for endpoint in doubtful]

    def _room(self, endpoint: Endpoint) -> bool:
        return sum(offer.endpoint is endpoint for offer in self._offers) < OUTSTANDING

    def _offer(self, endpoint: Endpoint, raw: Hex) -> Offer:
        offer = Offer(endpoint, raw)
        self._offers.add(offer)
        offer.task.add_done_callback(lambda _: self._ended(offer))
        return offer

    def _ended(self, offer: Offer) -> None:
        self._offers.discard(offer)
        if offer.taken or isinstance(offer.fault, RpcError):
            self._doubtful.discard(offer.endpoint)

    async def close(self) -> None:
        """Give up every offer."""
        tasks = {offer.task for offer in self._offers}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _call(raw: Hex) -> Call:
    return "eth_sendRawTransaction", (raw,)


def _meaning(fault: Exception | None) -> Meaning:
    return classify(fault.message) if isinstance(fault, RpcError) else Meaning.UNKNOWN


def _result(offer: Offer) -> Hash:
    if offer.fault is not None:
        raise offer.fault
    return codec.block_hash(offer.answer)
