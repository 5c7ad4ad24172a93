"""A whole node on a simulated world: clock, chance, chain, HTTP, and a real database in memory.

::

    async with World(seed=7) as world:
        job = await world.create_job(PRICE_JOB)
        request = world.chain.request(job.id, {"path": ["USD"]})
        await world.until(lambda: world.chain.answers(request))

Everything that the node does to the world is in ``world.trace``, and so is every line that it logs. The trace of a seed is
always the same, so a failure is replayed by its seed.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar

import structlog
from coincurve import PrivateKey

from adyton import node as composition
from adyton.config import Config
from adyton.domain.errors import StorageUnavailable
from adyton.domain.jobs import Job
from adyton.keystore import Keystore
from adyton.services import jobs as job_service
from adyton.sim.blocks import Genesis
from adyton.sim.chain import SimulatedChain
from adyton.sim.clock import SimulatedClock
from adyton.sim.contracts import ORACLE
from adyton.sim.crash import CrashGate, Life, bury
from adyton.sim.entropy import SimulatedEntropy, stream
from adyton.sim.ethereum import SimulatedEthereum
from adyton.sim.faults import DiskFaults, Faults
from adyton.sim.http import SimulatedHttp, ok
from adyton.sim.loop import OWNER
from adyton.sim.mail import SimulatedMail
from adyton.sim.trace import Trace, TracedDatabase
from adyton.storage.connect import open_memory
from adyton.storage.database import Row

T = TypeVar("T")
KEY = b"\x46" * 32
NODE = "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"
"""The address of ``KEY``, the node's only key."""
ETHER = 10**18
PRICE_URL = "https://prices.example/eth"

PRICE_JOB: dict[str, Any] = {
    "initiators": [{"type": "runlog", "params": {"address": ORACLE}}],
    "tasks": [
        {"type": "httpget", "params": {"get": PRICE_URL}},
        {"type": "jsonparse", "params": {"path": ["USD"]}},
        {"type": "multiply", "params": {"times": 100}},
        {"type": "ethuint256"},
        {"type": "ethtx"},
    ],
}
PRICE = 16542
"""What ``PRICE_JOB`` answers: the source says 165.42."""

SETTINGS = {
    "ROOT": "/nonexistent/adyton",
    "ETH_URL": "ws://simulated.example",
    "ETH_CHAIN_ID": "1337",
    "MIN_INCOMING_CONFIRMATIONS": "3",
    "MIN_OUTGOING_CONFIRMATIONS": "4",
}


class NoAnswer(Exception):
    """The node was down, or died before it answered: whether it did what was asked is not known."""


class World:
    """The world of one seed. ``settings`` are environment names of the node's configuration; ``fuses`` are the passes of the
    crash gate at which the node is killed, to be started again after ``downtime`` seconds (drawn between the two). ``balance``
    is what the node's key holds at first, in wei."""

    def __init__(
        self,
        seed: int | str,
        *,
        settings: Mapping[str, str] | None = None,
        fuses: Iterable[int] = (),
        downtime: tuple[float, float] = (0.5, 60.0),
        faults: Faults | None = None,
        balance: int = 100 * ETHER,
        **chain: Any,
    ) -> None:
        self.random = stream(seed, "world")
        self.clock = SimulatedClock()
        began = self.clock.now()
        self.trace = Trace(lambda: self.clock.now() - began)
        self.gate = CrashGate(self.trace, fuses)
        genesis = Genesis(balances={NODE: balance}, authorised=[NODE])
        self.chain = SimulatedChain(seed, self.clock, self.trace, genesis, **chain)
        self.ethereum = SimulatedEthereum(seed, self.chain, self.trace, self.gate, faults)
        self.http = SimulatedHttp(seed, self.trace, self.gate)
        self.mail = SimulatedMail(seed, self.trace, self.gate)
        self.http.route(PRICE_URL, ok('{"USD": 165.42}'))
        self.config = Config.load(SETTINGS | dict(settings or {}))
        for url in (*self.config.eth_url, *self.config.eth_secondary_urls):
            self.ethereum.endpoint(url)
        self.node: composition.Node | None = None
        self.lives = 0
        self._entropy = SimulatedEntropy(seed, self.clock)
        self._memory = open_memory()
        self.disk = DiskFaults(seed)
        self.database = TracedDatabase(self._memory, self.trace, self.gate, self.disk)
        self._downtime = downtime
        self._next_downtime: float | None = None
        self._keystore = Keystore([PrivateKey(KEY)])
        self._life: Life | None = None
        self._failure: BaseException | None = None
        self._background: list[asyncio.Task[None]] = []
        self._logging: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        """Start the chain and the node."""
        self._logging = structlog.get_config()
        structlog.configure(processors=[self._log], cache_logger_on_first_use=False)
        self._background = [asyncio.create_task(self.chain.run()), asyncio.create_task(self._supervise())]
        await self.boot()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        await self.kill("the end")
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        structlog.configure(**self._logging)
        await self._memory.close()

    # --- the node's life -------------------------------------------------------------------------------------------

    async def boot(self) -> None:
        """Start the node on the rows that are there."""
        self.lives += 1
        life = self._life = Life(self.lives)
        self.trace.note("boot", f"life {life.number}")
        token = OWNER.set(life)
        try:
            running = asyncio.create_task(self._live())
        finally:
            OWNER.reset(token)
        running.add_done_callback(self._ended)
        while self.node is None and not running.done() and life.alive:
            await self.clock.sleep(0.001)

    async def _live(self) -> None:
        self.node = await composition.build(
            self.config,
            clock=self.clock,
            entropy=self._entropy,
            rpc_transport=self.ethereum,
            http_transport=self.http,
            mail_transport=self.mail,
            database=self.database,
            keystore=self._keystore,
        )
        await self.node.run()

    def _ended(self, running: asyncio.Task[None]) -> None:
        if running.cancelled():
            return
        error = running.exception() or RuntimeError("the node stopped by itself")
        if self.node is None and isinstance(error, StorageUnavailable):
            # A process that cannot start on a failing disk ends, and whoever runs it starts it again.
            self.strike()
        else:
            self._failure = error

    async def kill(self, why: str) -> None:
        """End the node as ``kill -9`` does: nothing that it still had in mind happens."""
        life, self._life, self.node = self._life, None, None
        if life is not None:
            self.trace.note("kill", f"life {life.number}: {why}")
            life.alive = False
            self.ethereum.forget_clients()
            await bury(life)

    async def crash(self, downtime: float = 1.0) -> None:
        """Kill the node and start it again after ``downtime`` seconds."""
        await self.kill("crash")
        await self.clock.sleep(downtime)
        await self.boot()

    def strike(self, downtime: float | None = None) -> None:
        """Kill the node now, unless it is dead; it comes back after ``downtime`` seconds, or as many as after a fuse."""
        if self._life is not None and self._life.alive:
            self._life.alive = False
            self._next_downtime = downtime
            self.gate.died.set()

    async def _supervise(self) -> None:
        """Start the node again whenever something has killed it."""
        while True:
            await self.gate.died.wait()
            self.gate.died.clear()
            downtime, self._next_downtime = self._next_downtime, None
            await self.crash(self.random.uniform(*self._downtime) if downtime is None else downtime)

    # --- what a test does and sees ---------------------------------------------------------------------------------

    async def create_job(self, job: Mapping[str, Any]) -> Job:
        """Create a job as the API does."""
        assert self.node is not None, "the node is down"
        return await job_service.create(self.node.services, json.dumps(job).encode())

    async def ask(self, what: Callable[[composition.Node], Awaitable[T]]) -> T:
        """What the node answers to a client, who asks it over HTTP: it works on that as long as it lives. Raises NoAnswer, and
        what ``what`` raises."""
        node, life = self.node, self._life
        if node is None or life is None or not life.alive:
            raise NoAnswer("the node is down")
        token = OWNER.set(life)
        try:
            asking = asyncio.ensure_future(what(node))
        finally:
            OWNER.reset(token)
        await asyncio.wait({asking})
        if asking.cancelled():
            raise NoAnswer("the node died")
        return asking.result()

    async def rows(self, sql: str, *params: str | int) -> list[Row]:
        """Read the database as the test, not as the node."""
        return await self._memory.read(sql, params)

    async def run_of(self, request: str) -> tuple[str, str | None]:
        """Status and error of a request's run; ``("none", None)`` when there is none."""
        rows = await self.rows("SELECT status, error FROM runs WHERE request_id = ? AND superseded_by IS NULL", request)
        assert len(rows) <= 1, "a request has several runs"
        return (str(rows[0][0]), None if rows[0][1] is None else str(rows[0][1])) if rows else ("none", None)

    async def until(self, condition: Callable[[], Any | Awaitable[Any]], *, within: float = 3600.0, every: float = 1.0) -> None:
        """Return when a condition holds, asked ``every`` so many seconds. Raises what ended the node by itself, and
        AssertionError after ``within`` simulated seconds."""
        deadline = self.clock.monotonic() + within
        while not await _value(condition):
            if self.clock.monotonic() > deadline:
                self.fail(f"not so within {within:g} s")
            await self.breathe(every)

    async def breathe(self, seconds: float) -> None:
        """Let time pass. Raises what ended the node by itself."""
        if self._failure is not None:
            raise self._failure
        await self.clock.sleep(seconds)

    async def until_completed(self, *requests: str, within: float = 3600.0) -> None:
        """Return when the runs of all these requests are completed."""

        async def completed() -> bool:
            return [await self.run_of(each) for each in requests] == [("completed", None)] * len(requests)

        await self.until(completed, within=within)

    async def pass_blocks(self, count: int) -> None:
        """Return when the chain is ``count`` blocks higher."""
        goal = self.chain.head.number + count
        await self.until(lambda: self.chain.head.number >= goal)

    def fail(self, words: str) -> NoReturn:
        """Raise AssertionError with the end of the trace."""
        end = "\n".join(line[:400] for line in self.trace.lines[-60:])
        raise AssertionError(f"{words}\n{end}")

    def _log(self, logger: object, level: str, event: Mapping[str, Any]) -> NoReturn:
        fields = " ".join(f"{name}={value!r}" for name, value in event.items() if name not in {"event", "exc_info"})
        self.trace.note("log", f"{level} {event['event']} {fields}")
        raise structlog.DropEvent


async def _value(condition: Callable[[], Any]) -> bool:
    found = condition()
    return bool(await found if inspect.isawaitable(found) else found)
