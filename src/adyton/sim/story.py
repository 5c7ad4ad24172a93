"""A random while of a node's life with everything that can go wrong in it, and the account that is drawn up at its end.

A seed decides when requests come, which faults strike when and for how long, how the chain is reorganised, and at which steps
the node is killed. Then all faults stop, the world settles, and every request must have come to exactly one end.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from adyton.sim.account import Rules, audit, calm, check_account, reverted, settle
from adyton.sim.chain import GWEI
from adyton.sim.contracts import CONSUMER
from adyton.sim.entropy import stream
from adyton.sim.episodes import FAULTS, POOR, USUAL, Stage
from adyton.sim.faults import Faults
from adyton.sim.trace import Trace
from adyton.sim.world import ETHER, PRICE_JOB, World

FUSES_EACH = 60
"""Passes of the crash gate for each request within which a story's crashes fall; a request has somewhat more."""
CONFIRMATIONS = 3
CONSUMERS = (CONSUMER, "0x" + "c1" * 20)
ENDPOINTS = ("ws://simulated.example", "ws://another.example", "http://polled.example")
SEND_ONLY = "http://sender.example"


@dataclass
class Story:
    """What a seed leads to.

    ``faults``: names of those that may strike (``episodes.FAULTS``). ``kills``, ``reorganisations`` and ``episodes`` of other
    faults are how many at most; ``depth`` how deep reorganisations go at most: two blocks leave the requests alone that a node
    with three confirmations has begun to answer. ``board`` are the faults of the first Ethereum node from the beginning.
    """

    seed: int | str
    requests: int = 3
    kills: int = 4
    reorganisations: int = 8
    episodes: int = 6
    depth: int = 2
    faults: frozenset[str] = USUAL
    board: Faults | None = None
    asked: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """What was done to the node, and how often each fault of a switchboard struck."""
    seconds: float = 0.0
    """How long it lasted, simulated."""
    trace: Trace = field(default_factory=lambda: Trace(int))

    async def play(self) -> World:
        """Live through it until everything is settled, check the account, and return the world. Raises AssertionError, whose
        first line says what is wrong, and what ended the node by itself."""
        chance = stream(self.seed, "story")
        poor = "no-funds" in self.faults and chance.random() < 0.4
        async with self._make_world(chance, poor=poor) as world:
            self.trace = world.trace
            try:
                await self._live(world, self._plot(chance, poor=poor))
            finally:
                self._add_up(world)
        return world

    # --- what the seed decides -------------------------------------------------------------------------------------

    def _make_world(self, chance: random.Random, *, poor: bool) -> World:
        fuses = chance.sample(range(1, self._passes), chance.randint(0, self.kills))
        options: dict[str, Any] = {"balance": POOR if poor else 100 * ETHER}
        settings = self._settings(chance)
        if not self.faults <= USUAL and chance.random() < 0.15:
            options["base_fee"] = None
        if "crash" not in self.faults:
            fuses = []
        return World(self.seed, fuses=fuses, faults=self.board, settings=settings, **options)

    @property
    def _passes(self) -> int:
        """Passes of the crash gate within which crashes fall."""
        return FUSES_EACH * self.requests + 20

    def _settings(self, chance: random.Random) -> dict[str, str]:
        """What the node is told beside the usual."""
        settings: dict[str, str] = {}
        if not self.faults <= USUAL:
            settings["ETH_URL"] = ",".join(chance.sample(ENDPOINTS, chance.randint(1, len(ENDPOINTS))))
            if chance.random() < 0.3:
                settings["ETH_SECONDARY_URLS"] = SEND_ONLY
            settings["GAS_ESTIMATOR_MODE"] = chance.choice(("FeeHistory", "SuggestedPrice", "FixedPrice"))
            if chance.random() < 0.3:
                settings["ETH_MAX_GAS_PRICE_WEI"] = str(chance.choice((60, 200, 600)) * GWEI)
        return settings

    def _plot(self, chance: random.Random, *, poor: bool) -> list[tuple[float, str]]:
        """Moments, in seconds, and what happens then: a request, or the fault that begins."""
        moments = [(chance.uniform(0, 120), "request") for _ in range(self.requests)]
        if "reorganisation" in self.faults:
            count = chance.randint(0, self.reorganisations)
            moments += [(chance.uniform(0, 200), "reorganisation") for _ in range(count)]
        if poor:
            moments.append((0.0, "no-funds"))
        others = [name for name in FAULTS if name in self.faults - {"reorganisation", "no-funds"}]
        if others and not self.faults <= USUAL:
            moments += [(chance.uniform(0, 200), chance.choice(others)) for _ in range(chance.randint(1, self.episodes))]
        return sorted(moments)

    @property
    def rules(self) -> Rules:
        """What the account may hold."""
        deep = "reorganisation" in self.faults and self.depth >= CONFIRMATIONS
        return Rules(
            refusals=any(FAULTS[name].refuses for name in self.faults),
            reverts=deep or not self.faults.isdisjoint({"cancellation", "lagging-endpoint", "stale-heads"}),
        )

    # --- what happens ----------------------------------------------------------------------------------------------

    async def _live(self, world: World, plot: list[tuple[float, str]]) -> None:
        await world.until(lambda: world.node is not None, every=0.1)
        job = await world.create_job(PRICE_JOB)
        stage = Stage(world, stream(self.seed, "episodes"), self.depth, self.asked, self.counts)
        began = world.clock.monotonic()
        async with asyncio.TaskGroup() as episodes:
            for moment, event in plot:
                await world.breathe(max(0.0, began + moment - world.clock.monotonic()))
                if event == "request":
                    requester = CONSUMERS[len(self.asked) % len(CONSUMERS)]
                    self.asked.append(world.chain.request(job.id, {"number": len(self.asked)}, requester=requester))
                else:
                    episodes.create_task(FAULTS[event].play(stage), name=event)
        calm(world)
        await settle(world, self.asked, self.rules)
        check_account(world, self.asked, self.rules, cancelled=stage.cancelled)
        await audit(world)

    def _add_up(self, world: World) -> None:
        self.seconds = world.clock.monotonic()
        boards = [endpoint.faults for endpoint in world.ethereum.endpoints.values()]
        for board in [*boards, world.http.faults, world.disk]:
            for name, count in board.counts.items():
                what = f"{type(board).__name__.removesuffix('Faults').lower() or 'rpc'} {name.replace('_', ' ')}"
                self.counts[what] = self.counts.get(what, 0) + count
        self.counts["crashes"] = world.lives - 1
        answered = sum(bool(world.chain.answers(request)) for request in self.asked)
        closed = sum(
            world.chain.block_of(world.chain.transaction_of(request)) is not None and not world.chain.is_open(request)
            for request in self.asked
        )
        self.counts["answered"] = answered
        self.counts["cancelled"] = closed - answered
        self.counts["refused"] = len(self.asked) - closed
        self.counts["reverted transactions"] = len(reverted(world.chain))
