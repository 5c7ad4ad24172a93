"""A while in a node's life in which everything that starts a run and everything that a run waits for comes together.

Beside the requests on chain of every story there are cron and runat jobs, logs that start runs, clients, bridges and sleeps;
the same faults strike. In the end every time of a schedule, every log and every client has its run once, and every run has
come to an end that what happened to it explains.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from adyton import node as composition
from adyton.domain import bridges as bridge_rules
from adyton.domain.errors import Invalid, NotFound, StorageUnavailable
from adyton.domain.jobs import Job
from adyton.domain.times import rfc3339
from adyton.services import bridges, jobs, runs
from adyton.sim import engine_account
from adyton.sim.account import Rules, audit, calm, check_account, settle
from adyton.sim.bridges import DEADLINE, SimulatedBridge
from adyton.sim.contracts import ORACLE, REQUEST_EVENT
from adyton.sim.engine_account import Works
from adyton.sim.entropy import stream
from adyton.sim.episodes import FAULTS, Stage
from adyton.sim.story import CONSUMERS, Story
from adyton.sim.world import PRICE_JOB, PRICE_URL, NoAnswer, World

T = TypeVar("T")
BUSY_FOR = 240.0
"""Seconds within which everything is started."""
OF_ITSELF = 600
"""Passes of the crash gate that come of what starts by itself, among which crashes fall."""
ELSEWHERE = "0x" + "fe" * 20
"""A contract that is told the price each minute."""

BRIDGE = "pricebridge"
TO_INTEGER: list[dict[str, Any]] = [{"type": "multiply", "params": {"times": 100}}, {"type": "ethuint256"}, {"type": "ethtx"}]
JOBS: dict[str, dict[str, Any]] = {
    "bridged": {
        "initiators": [{"type": "runlog", "params": {"address": ORACLE}}],
        "tasks": [{"type": BRIDGE}, {"type": "noop"}, *TO_INTEGER],
    },
    "watcher": {
        "initiators": [{"type": "ethlog", "params": {"address": ORACLE, "topics": [[REQUEST_EVENT]]}}],
        "tasks": [{"type": "noop"}],
    },
    "ticker": {
        "initiators": [{"type": "cron", "params": {"schedule": "*/15 * * * * *", "missed": "all"}}],
        "tasks": [{"type": "noop"}],
    },
    "one by one": {
        "initiators": [{"type": "cron", "params": {"schedule": "*/20 * * * * *", "overlap": "skip"}}],
        "tasks": [{"type": BRIDGE}, {"type": "noop"}],
    },
    "teller": {
        "initiators": [{"type": "cron", "params": {"schedule": "0 * * * * *", "missed": "latest"}}],
        "tasks": [
            {"type": "httpget", "params": {"get": PRICE_URL}},
            {"type": "jsonparse", "params": {"path": ["USD"]}},
            *TO_INTEGER[:-1],
            {"type": "ethtx", "params": {"address": ELSEWHERE, "functionSelector": "tell(uint256)"}},
        ],
    },
    "asked": {"initiators": [{"type": "web"}], "tasks": [{"type": BRIDGE}, {"type": "noop"}]},
    "nap": {"initiators": [{"type": "web"}], "tasks": [{"type": "sleep"}, {"type": "noop"}]},
}


@dataclass
class EngineStory(Story):
    """What a seed leads to, with everything that runs are started by and wait for. ``works`` is what there was of it."""

    works: Works = field(default_factory=Works)

    def _settings(self, chance: random.Random) -> dict[str, str]:
        settings = super()._settings(chance)
        return settings | {"BRIDGE_ANSWER_DEADLINE": f"{DEADLINE:g}s", "BRIDGE_RESPONSE_URL": "http://node.example"}

    @property
    def _passes(self) -> int:
        return super()._passes + OF_ITSELF

    @property
    def rules(self) -> Rules:
        """Bridges refuse, whatever faults strike beside."""
        plain = super().rules
        return Rules(refusals=True, reverts=plain.reverts)

    async def _live(self, world: World, plot: list[tuple[float, str]]) -> None:
        await world.until(lambda: world.node is not None, every=0.1)
        chance = stream(self.seed, "engine")
        works = self.works
        works.bridge = SimulatedBridge(self.seed, world, BRIDGE)
        works.bridge.token = await self._surely(world, _make_bridge)
        works.jobs = {name: await self._make_job(world, job) for name, job in {"price": PRICE_JOB, **JOBS}.items()}
        stage = Stage(world, stream(self.seed, "episodes"), self.depth, self.asked, self.counts)
        began = world.clock.monotonic()
        async with asyncio.TaskGroup() as going_on:
            for moment, event in sorted([*plot, *_more(chance, self.requests)]):
                await world.breathe(max(0.0, began + moment - world.clock.monotonic()))
                if event == "request":
                    requester = CONSUMERS[len(self.asked) % len(CONSUMERS)]
                    job = works.jobs["bridged" if chance.random() < 0.5 else "price"]
                    self.asked.append(world.chain.request(job.id, {"number": len(self.asked)}, requester=requester))
                elif event in FAULTS:
                    going_on.create_task(FAULTS[event].play(stage), name=event)
                else:
                    going_on.create_task(self._start(world, event, chance), name=event)
        calm(world)
        # All of them: one that a dead node made unheard goes on by itself as well.
        for (job_id,) in await world.rows("SELECT DISTINCT job_id FROM initiators WHERE type = 'cron'"):
            await self._surely(world, _archive(str(job_id)))
        engine_account.check_waits(await engine_account.waiting(world), world)
        await settle(world, self.asked, self.rules)
        await world.until(lambda: not works.bridge.busy, within=2 * DEADLINE, every=10)
        await works.bridge.stop()
        check_account(world, self.asked, self.rules, cancelled=stage.cancelled)
        await audit(world)
        await engine_account.check(world, works, self.asked, self.rules)
        self._count(works)

    # --- what is started -------------------------------------------------------------------------------------------

    async def _start(self, world: World, event: str, chance: random.Random) -> None:
        """A client starts a run, or an operator makes a job that runs once."""
        number = self.works.next_number()
        if event == "once":
            at = world.clock.now() + int(chance.uniform(-20, 90) * 1_000_000)
            job = {"initiators": [{"type": "runat", "params": {"time": rfc3339(at)}}], "tasks": [{"type": "noop"}]}
            body = json.dumps(job).encode()
            made = await self._once(world, lambda node: jobs.create(node.services, body))
            if made is not None:
                self.works.once.add(made.id)
            return
        given: dict[str, Any] = {"number": number}
        if event == "nap":
            until = world.clock.now() + int(chance.choice((1, 30, 300)) * chance.random() * 1_000_000)
            given |= {"until": rfc3339(until)}
            self.works.wake[number] = until
        job_id, body = self.works.jobs[event].id, json.dumps(given).encode()
        started = await self._once(world, lambda node: runs.create_web(node.services, job_id, body))
        self.works.clients[number] = started is not None

    async def _once(self, world: World, what: Callable[[composition.Node], Awaitable[T]]) -> T | None:
        """Ask once. None when there was no answer: nobody knows what was done then."""
        try:
            return await world.ask(what)
        except (NoAnswer, StorageUnavailable):
            return None

    async def _make_job(self, world: World, job: dict[str, Any]) -> Job:
        return await self._surely(world, lambda node: jobs.create(node.services, json.dumps(job).encode()))

    async def _surely(self, world: World, what: Callable[[composition.Node], Awaitable[T]]) -> T:
        """Ask until there is an answer."""
        while True:
            try:
                return await world.ask(what)
            except (NoAnswer, StorageUnavailable):
                await world.breathe(1.0)

    def _count(self, works: Works) -> None:
        for manner in works.bridge.manners.values():
            self.counts[f"bridge: {manner}"] = self.counts.get(f"bridge: {manner}", 0) + 1


def _more(chance: random.Random, requests: int) -> list[tuple[float, str]]:
    """Moments of what clients and operators start."""
    kinds = ["asked"] * (2 * requests) + ["nap"] * requests + ["once"] * requests
    return [(chance.uniform(0, BUSY_FOR), kind) for kind in kinds]


async def _make_bridge(node: composition.Node) -> str:
    """Make the bridge; gives its incoming token. One that a dead node has made already is given a new one."""
    body = json.dumps({"name": BRIDGE, "url": f"http://{BRIDGE}.example/ask"}).encode()
    try:
        return (await bridges.create(node.services, bridge_rules.read_request(body)))[1]
    except Invalid:
        return (await bridges.rotate(node.services, BRIDGE))[1]


def _archive(job_id: str) -> Callable[[composition.Node], Awaitable[None]]:
    async def archive(node: composition.Node) -> None:
        try:
            await jobs.archive(node.services, job_id)
        except NotFound:
            return  # a node that died did it

    return archive
