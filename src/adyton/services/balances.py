"""The loop that watches what the node's keys and its contracts hold.

It only looks: the newest numbers stay in memory, for /health and /metrics, and a line of the log says when a key or a contract
has come below what it needs, or above again. Nothing depends on it, so a crash costs one look.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec
import structlog

from adyton.domain.chain import Address
from adyton.domain.errors import TryAgain
from adyton.domain.evm import checksum, eighteen
from adyton.ethereum.errors import RpcError
from adyton.ethereum.head_tracker import ChainState
from adyton.metrics import Metrics
from adyton.ports import Clock

EVERY = 15.0
"""Seconds between two looks, however many heads come."""
ANSWERS = 10
"""A key that cannot pay so many answers is low, when no minimum is set."""

log = structlog.get_logger(__name__)


class Kind(StrEnum):
    """Whose balance it is."""

    KEY = "key"
    CONTRACT = "contract"


class Holding(msgspec.Struct, frozen=True):
    """What an account held at a time (microseconds): ``eth`` in wei (None: not asked), ``link`` in juels (None: not known).
    ``low`` says what is too little, in words; None: nothing is."""

    address: Address
    kind: Kind
    eth: int | None
    link: int | None
    at: int
    low: str | None = None


class Reads(Protocol):
    """Asks for balances."""

    async def read(
        self, accounts: Sequence[Address], *, token: Address | None, holders: Sequence[Address]
    ) -> tuple[list[int | None], list[int | None]]:
        """Wei of accounts, and units of a token of holders; None where the Ethereum node did not say. Raises TryAgain."""
        ...


class Heads(Protocol):
    """The chain's states."""

    @property
    def state(self) -> ChainState:
        """The newest state."""
        ...

    def updates(self) -> AsyncIterator[ChainState]:
        """The newest state, then each change; states may be skipped."""
        ...


class Costs(Protocol):
    """Knows prices."""

    async def cost_now(self, *, roughly: bool = False) -> int:
        """Wei that an answer costs at most now; ``roughly``: nobody is asked. Raises Disconnected."""
        ...


class Watched(NamedTuple):
    """Whose balances: each is asked anew at each look. ``token`` is LINK, None as long as it is not known."""

    keys: Callable[[], Sequence[Address]]
    contracts: Callable[[], Sequence[Address]]
    token: Callable[[], Address | None]


class Minimums(NamedTuple):
    """ETH_BALANCE_MINIMUM_WEI (0: what ten answers cost) and LINK_BALANCE_MINIMUM_JUELS (0: none)."""

    eth: int = 0
    link: int = 0


class BalanceMonitor:
    """Watches. ``enabled`` is BALANCE_MONITOR_ENABLED."""

    def __init__(
        self,
        *,
        reader: Reads,
        heads: Heads,
        costs: Costs,
        clock: Clock,
        metrics: Metrics,
        watched: Watched,
        minimums: Minimums,
        enabled: bool = True,
    ) -> None:
        self._reader = reader
        self._heads = heads
        self._costs = costs
        self._clock = clock
        self._metrics = metrics
        self._watched = watched
        self._minimums = minimums
        self._enabled = enabled
        self._holdings: dict[tuple[Kind, Address], Holding] = {}

    def view(self) -> tuple[Holding, ...]:
        """What was seen last, keys first; empty before the first look."""
        return tuple(self._holdings.values())

    async def run(self) -> None:
        """Look at heads, for ever. Cancel to stop; returns at once when it is not enabled."""
        if not self._enabled:
            return
        async for state in self._heads.updates():
            if not state.connected or state.head is None:
                continue
            try:
                await self._look()
            except (TryAgain, RpcError) as fault:
                self._metrics.balance_failures.inc()
                log.info("balances cannot be read now", because=str(fault))
            except Exception:
                self._metrics.balance_failures.inc()
                log.exception("balances cannot be read, in a way that must not be")
            await self._clock.sleep(EVERY)

    async def _look(self) -> None:
        keys, contracts = list(self._watched.keys()), list(dict.fromkeys(self._watched.contracts()))
        holders = [*((Kind.KEY, key) for key in keys), *((Kind.CONTRACT, contract) for contract in contracts)]
        token = self._watched.token()
        eth, link = await self._reader.read(keys, token=token, holders=[address for _, address in holders])
        refused = eth.count(None) + (link.count(None) if token is not None else 0)
        if refused:
            self._metrics.balance_failures.inc(refused)
        least = self._minimums.eth or ANSWERS * await self._costs.cost_now(roughly=True)
        wei = [*eth, *([None] * len(contracts))]
        now = self._clock.now()
        seen: dict[tuple[Kind, Address], Holding] = {}
        for (kind, address), held, units in zip(holders, wei, link, strict=True):
            low = self._low(kind, held, units, least)
            seen[kind, address] = Holding(address, kind, held, units, now, low)
        self._tell(seen)
        self._holdings = seen

    def _low(self, kind: Kind, eth: int | None, link: int | None, least: int) -> str | None:
        if kind is Kind.KEY:
            if eth is None or eth >= least:
                return None
            why = "ETH_BALANCE_MINIMUM_WEI" if self._minimums.eth else f"what {ANSWERS} answers may cost now"
            return f"it holds {eighteen(eth)} ETH, less than {eighteen(least)} ETH, {why}"
        if link is None or link >= self._minimums.link:
            return None
        return f"it holds {eighteen(link)} LINK, less than {eighteen(self._minimums.link)} LINK, LINK_BALANCE_MINIMUM_JUELS"

    def _tell(self, seen: dict[tuple[Kind, Address], Holding]) -> None:
        """One line for each threshold that was crossed since the last look."""
        for name, holding in seen.items():
            before = self._holdings.get(name)
            was_low = before is not None and before.low is not None
            if holding.low is not None and not was_low:
                log.warning("a balance is low", of=holding.kind.value, address=checksum(holding.address), because=holding.low)
            elif holding.low is None and was_low:
                log.info("a balance is no longer low", of=holding.kind.value, address=checksum(holding.address))
