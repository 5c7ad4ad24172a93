"""A transaction is tried with eth_call before it gets a nonce: what would revert is not paid for.

An answer that is not sent is lost money as well, so a revert counts only when it is certain that it is the chain's last word:
the request that is answered must be in a canonical block that the trial has seen, and a second look must say the same
(``Ahead`` takes it at the next head), because an endpoint that lags may answer for an older block than it was asked about.
Anything but a revert says nothing, and the transaction is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from adyton.domain.chain import Hash, Head
from adyton.domain.errors import Disconnected, TryAgain
from adyton.domain.transactions import Transaction
from adyton.domain.trials import Outcome, Place, Verdict, judged
from adyton.ethereum import reverts
from adyton.ethereum.errors import RpcError
from adyton.storage import transaction_runs
from adyton.storage.database import Database
from adyton.transactions.parts import ChainCalls, Heads

SECONDS = 2.0
"""How long the answer for a page may take; after that everything on it is sent untried."""

log = structlog.get_logger(__name__)


class Trial:
    """Tries transactions of every key. ``finality_depth``: blocks after which nothing on the chain changes."""

    def __init__(self, *, db: Database, chain: ChainCalls, heads: Heads, finality_depth: int) -> None:
        self._db = db
        self._chain = chain
        self._heads = heads
        self._finality_depth = finality_depth

    async def judge(self, transactions: Sequence[Transaction], head: Head) -> list[Verdict]:
        """What would become of each at that head, in order. One batch of calls; reads only. Raises Disconnected,
        StorageUnavailable."""
        refusals = await self._refusals(transactions, head)
        run_ids = [t.run_id for t, refusal in zip(transactions, refusals, strict=True) if refusal and t.run_id is not None]
        places = await transaction_runs.places(self._db, run_ids) if run_ids else {}
        canonical = {block: await self._canonical(block) for block in {place.block for place in places.values()}}
        return [
            self._verdict(transaction, refusal, places, canonical, head) if refusal else Verdict(Outcome.SEND)
            for transaction, refusal in zip(transactions, refusals, strict=True)
        ]

    def _verdict(
        self,
        transaction: Transaction,
        refusal: RpcError,
        places: Mapping[str, Place],
        canonical: Mapping[int, Hash | None],
        head: Head,
    ) -> Verdict:
        place = places.get(transaction.run_id or "")
        if place is None:
            return Verdict(Outcome.REVERTS, reverts.revert_text(refusal))
        outcome = judged(transaction.data, place, canonical[place.block], head, self._finality_depth)
        return Verdict(outcome, reverts.revert_text(refusal))

    async def _refusals(self, transactions: Sequence[Transaction], head: Head) -> list[RpcError | None]:
        """For each transaction the revert that it meets, or None."""
        plain = [each for each in transactions if each.value == 0]
        calls = [(each.to_address, each.data, each.from_address, each.gas_limit) for each in plain]
        met: dict[int, object] = {}
        try:
            async with asyncio.timeout(SECONDS):
                answers = await self._chain.calls(calls, head.number) if calls else []
                met = {each.id: answer for each, answer in zip(plain, answers, strict=True)}
                for each in transactions:
                    if each.value:
                        met[each.id] = await self._estimated(each)
        except Disconnected:
            raise
        except (RpcError, TryAgain, TimeoutError) as fault:
            log.info("transactions cannot be tried before they are sent", because=str(fault))
        found = [met.get(each.id) for each in transactions]
        return [answer if isinstance(answer, RpcError) and is_revert(answer) else None for answer in found]

    async def _estimated(self, transaction: Transaction) -> object:
        """What an estimate of its gas says about a transaction that carries value, which a batch of calls does not know."""
        try:
            return await self._chain.estimate_gas(
                to=transaction.to_address, data=transaction.data, sender=transaction.from_address, value=transaction.value
            )
        except RpcError as refusal:
            return refusal

    async def _canonical(self, block: int) -> Hash | None:
        try:
            return await self._heads.canonical_hash(block)
        except (RpcError, TryAgain) as fault:
            log.info("it can't be told which block is canonical", block=block, because=str(fault))
            return None


def is_revert(error: RpcError) -> bool:
    """Whether the contract refused, rather than the node."""
    return reverts.revert_data(error) is not None or "revert" in error.message.lower()
