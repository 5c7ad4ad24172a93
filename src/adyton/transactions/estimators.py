"""Where the price of a transaction comes from, apart from the operator's rules: what the market pays now.

It is asked for when something is to be signed, at most once a head and once a second, and an answer that does not come in time
is not waited for: the last one counts, and before there is one the operator's defaults. So no price, right or wrong, ever
holds a transaction up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import structlog

from adyton.domain.chain import Hash
from adyton.domain.errors import Disconnected, TryAgain
from adyton.domain.market import HIGH_PERCENTILE, FeeHistory, Market, market_of
from adyton.ethereum.errors import RpcError
from adyton.ethereum.head_tracker import ChainState
from adyton.ports import Clock

FIXED, FEE_HISTORY, SUGGESTED = "FixedPrice", "FeeHistory", "SuggestedPrice"
SECONDS = 1.0
"""How long an answer may take."""
SLOW = f"no answer within {SECONDS:g} s"
EVERY = 1.0
"""Seconds for which an answer counts, however many blocks come: some chains make one for each transaction."""

log = structlog.get_logger(__name__)


class PriceCalls(Protocol):
    """The calls that tell what is paid. Each raises RpcError, RpcTimeout or Disconnected."""

    async def fee_history(self, blocks: int, percentiles: Sequence[int]) -> FeeHistory:
        """What so many of the newest blocks took."""
        ...

    async def gas_price(self) -> int:
        """Wei that the node suggests for a legacy transaction."""
        ...

    async def max_priority_fee(self) -> int:
        """Wei that the node suggests as a tip."""
        ...


class Head(Protocol):
    """The newest head."""

    @property
    def state(self) -> ChainState:
        """The chain's newest state."""
        ...


class EstimatorRules(NamedTuple):
    """GAS_ESTIMATOR_MODE, and for FeeHistory over how many blocks (BLOCK_HISTORY_ESTIMATOR_BLOCK_HISTORY_SIZE) and which
    percentile of their gas (_TRANSACTION_PERCENTILE)."""

    mode: str = FIXED
    blocks: int = 24
    percentile: int = 60


class Estimator:
    """Knows what the market pays, as of the newest head; remembers it for all keys."""

    def __init__(self, *, chain: PriceCalls, heads: Head, clock: Clock, rules: EstimatorRules) -> None:
        self._chain = chain
        self._heads = heads
        self._clock = clock
        self._rules = rules
        self._market: Market | None = None
        self._asked_for: Hash | None = None
        self._asked_at = 0.0
        self._failing = False
        self._asking = asyncio.Lock()

    @property
    def fresh(self) -> bool:
        """Whether ``market`` answers without asking anybody."""
        head = self._heads.state.head
        if self._rules.mode == FIXED or head is None or self._asked_for == head.hash:
            return True
        return self._asked_for is not None and self._clock.monotonic() < self._asked_at + EVERY

    @property
    def known(self) -> Market | None:
        """What was paid when it was last asked; None: never, or nobody knew."""
        return self._market

    async def market(self) -> Market | None:
        """What is paid now; None: the operator's defaults count. Raises Disconnected when the connection is lost meanwhile."""
        if self.fresh:
            return self._market
        async with self._asking:
            head = self._heads.state.head
            if head is not None and not self.fresh:
                await self._ask()
                self._asked_for, self._asked_at = head.hash, self._clock.monotonic()
        return self._market

    async def _ask(self) -> None:
        """Ask once; whatever is wrong, the last answer stays."""
        try:
            async with asyncio.timeout(SECONDS):
                found = await (self._history() if self._rules.mode == FEE_HISTORY else self._suggested())
        except Disconnected:
            raise
        except (RpcError, TryAgain, TimeoutError) as fault:
            if not self._failing:
                counts = "the configured prices count" if self._market is None else "the last answer counts"
                log.warning(
                    "the ethereum node does not tell prices", mode=self._rules.mode, because=str(fault) or SLOW, so=counts
                )
            self._failing = True
            return
        if self._failing:
            log.info("the ethereum node tells prices again", mode=self._rules.mode)
        self._failing = False
        # Too few blocks with transactions: what they paid before is a better guess than nothing.
        self._market = found or self._market

    async def _history(self) -> Market | None:
        return market_of(await self._chain.fee_history(self._rules.blocks, (self._rules.percentile, HIGH_PERCENTILE)))

    async def _suggested(self) -> Market:
        head = self._heads.state.head
        price = await self._chain.gas_price()
        has_base_fee = head is not None and head.base_fee is not None
        return Market(tip=await self._chain.max_priority_fee() if has_base_fee else price, price=price)
