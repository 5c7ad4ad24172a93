"""The balance monitor: looks at heads, remembers, says once when a threshold is crossed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from structlog.testing import capture_logs

from adyton.domain.chain import Address
from adyton.domain.errors import Disconnected
from adyton.metrics import Metrics
from adyton.services.balances import EVERY, BalanceMonitor, Holding, Kind, Minimums, Watched
from adyton.sim.clock import SimulatedClock
from support.outgoing import OutsideChain, simulated

KEY = "0x" + "01" * 20
CONTRACT = "0x" + "c0" * 20
TOKEN = "0x" + "14" * 20


class Chain:
    """What everybody holds; None: not told; or the error of every read."""

    def __init__(self) -> None:
        self.eth: dict[Address, int | None] = {KEY: 100}
        self.link: dict[Address, int | None] = {KEY: 3, CONTRACT: 7}
        self.fault: Exception | None = None
        self.price = 1
        self.reads = 0

    async def read(
        self, accounts: Sequence[Address], *, token: Address | None, holders: Sequence[Address]
    ) -> tuple[list[int | None], list[int | None]]:
        self.reads += 1
        if self.fault is not None:
            raise self.fault
        return [self.eth[each] for each in accounts], [self.link[each] if token else None for each in holders]

    async def cost_now(self, *, roughly: bool = False) -> int:
        assert roughly
        return self.price


class Watching:
    """A monitor at work."""

    def __init__(self, **options: Any) -> None:
        self.chain, self.heads, self.clock, self.metrics = Chain(), OutsideChain(), SimulatedClock(), Metrics()
        self.token: Address | None = TOKEN
        self.monitor = BalanceMonitor(
            reader=self.chain,
            heads=self.heads,
            costs=self.chain,
            clock=self.clock,
            metrics=self.metrics,
            watched=Watched(keys=lambda: [KEY], contracts=lambda: [CONTRACT, CONTRACT], token=lambda: self.token),
            **{"minimums": Minimums(), **options},
        )

    async def look(self) -> list[Any]:
        """Let it look once more; what it said."""
        with capture_logs() as said:
            self.heads.mine()
            await self.clock.sleep(EVERY + 1)
        return [each["event"] for each in said]

    @property
    def low(self) -> list[str]:
        """Whose balance is low."""
        return [each.address for each in self.monitor.view() if each.low is not None]

    @property
    def failures(self) -> float:
        """Balances that could not be read."""
        return float(self.metrics.registry.get_sample_value("adyton_balance_failures_total") or 0)


@asynccontextmanager
async def watching(**options: Any) -> AsyncIterator[Watching]:
    made = Watching(**options)
    running = asyncio.create_task(made.monitor.run())
    made.heads.connect()
    await made.clock.sleep(EVERY + 1)
    yield made
    running.cancel()
    await asyncio.wait([running])


@simulated
async def test_what_keys_and_contracts_hold_is_remembered_with_its_time() -> None:
    async with watching() as at:
        key, contract = at.monitor.view()
        assert key == Holding(KEY, Kind.KEY, 100, 3, key.at)
        assert contract == Holding(CONTRACT, Kind.CONTRACT, None, 7, key.at)
        at.chain.eth[KEY] = 99
        await at.look()
        assert at.monitor.view()[0].eth == 99
        assert at.monitor.view()[0].at > key.at


@simulated
async def test_many_heads_are_one_look() -> None:
    async with watching() as at:
        at.heads.mine(blocks=50)
        await at.clock.sleep(EVERY - 5)
        at.heads.mine(blocks=50)
        await at.clock.sleep(3)
        assert at.chain.reads <= 2


@simulated
async def test_a_key_below_the_minimum_is_told_once_and_so_is_its_end() -> None:
    async with watching(minimums=Minimums(eth=50)) as at:
        at.chain.eth[KEY] = 49
        assert await at.look() == ["a balance is low"]
        assert at.low == [KEY]
        assert await at.look() == []
        at.chain.eth[KEY] = 50
        assert await at.look() == ["a balance is no longer low"]
        assert at.low == []
        assert await at.look() == []


@simulated
async def test_without_a_minimum_a_key_must_hold_what_ten_answers_may_cost_now() -> None:
    async with watching() as at:
        at.chain.price = 10
        assert await at.look() == []
        at.chain.price = 11
        assert await at.look() == ["a balance is low"]
        assert "ETH, what 10 answers may cost now" in str(at.monitor.view()[0].low)


@simulated
async def test_a_contracts_link_is_watched_if_there_is_a_minimum() -> None:
    async with watching(minimums=Minimums(link=8)) as at:
        assert at.low == [CONTRACT]
        at.chain.link[CONTRACT] = 8
        assert await at.look() == ["a balance is no longer low"]


@simulated
async def test_what_cannot_be_read_is_counted_and_the_last_numbers_stay() -> None:
    async with watching() as at:
        before = at.monitor.view()
        at.chain.fault = Disconnected("gone")
        await at.look()
        assert (at.failures, at.monitor.view()) == (1, before)
        at.chain.fault = None
        at.chain.eth[KEY] = None
        await at.look()
        assert (at.failures, at.monitor.view()[0].eth, at.low) == (2, None, [])


@simulated
async def test_a_defect_does_not_end_the_watching() -> None:
    async with watching() as at:
        at.chain.fault = KeyError("what?")
        assert await at.look() == ["balances cannot be read, in a way that must not be"]
        at.chain.fault = None
        at.chain.eth[KEY] = 77
        await at.look()
        assert at.monitor.view()[0].eth == 77


@simulated
async def test_where_the_token_is_not_known_nobody_has_any() -> None:
    async with watching() as at:
        at.token = None
        await at.look()
        assert ([each.link for each in at.monitor.view()], at.failures) == ([None, None], 0)


@simulated
async def test_a_monitor_that_is_not_wanted_does_nothing() -> None:
    async with watching(enabled=False) as at:
        await at.look()
        assert (at.chain.reads, at.monitor.view()) == (0, ())
