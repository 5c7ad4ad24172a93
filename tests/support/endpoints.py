"""Several Ethereum nodes of one chain that grows by itself, for the simulated loop; each can be made to fail in its own way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from adyton.ethereum.endpoint_parts import Rules
from adyton.ethereum.rpc import RpcClient
from adyton.ethereum.views import EndpointView
from adyton.metrics import Metrics
from adyton.ports import ConnectionLost
from adyton.sim.clock import SimulatedClock
from support.scripted_rpc import Failure, NoChance, ScriptedNode, ScriptedSocket, head_json, make_head

HASH = "0x" + "ab" * 32
LATENCY = 0.01


class ChainNode(ScriptedNode):
    """One of the nodes. ``down`` refuses connections; ``frozen`` keeps them and says nothing; ``stuck`` and ``deaf`` nodes
    answer, but learn, or tell, of no more blocks; ``busy`` is the error that calls get."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.head = 100
        self.down = self.frozen = self.stuck = self.deaf = False
        self.busy: Failure | None = None
        self.opens_after = 0.0
        self.sent: list[str] = []
        self.methods["eth_blockNumber"] = lambda: hex(self.head)
        self.methods["eth_getBlockByNumber"] = lambda tag, _: head_json(make_head(self.head))
        self.methods["eth_sendRawTransaction"] = self._send
        self.methods["test_slow"] = lambda: self.head

    def _send(self, raw: str) -> object:
        self.sent.append(raw)
        return HASH

    async def open(self, url: str) -> ScriptedSocket:
        await asyncio.sleep(LATENCY + self.opens_after)
        if self.down:
            raise ConnectionLost(f"{self.url}: Connection refused")
        return await super().open(url)

    def take(self, socket: ScriptedSocket, frame: Any) -> None:
        if self.frozen:
            self.frames.append(frame)
            return
        asyncio.get_running_loop().call_later(LATENCY, super().take, socket, frame)

    def _result(self, socket: ScriptedSocket, request: Any) -> object:
        if self.busy is not None:
            raise self.busy
        return super()._result(socket, request)

    def cut(self) -> None:
        """Lose every connection."""
        for socket in self.sockets:
            socket.cut(f"{self.url}: the wire was cut")

    def learn(self, number: int) -> None:
        """There is a new block."""
        if self.stuck:
            return
        self.head = number
        if not self.frozen and not self.deaf:
            for socket in self.sockets:
                socket.notify("newHeads", head_json(make_head(number)))


class Stage:
    """The nodes, and the client of them. ``url(place)`` names them: the scheme is theirs, and their host ``node<place>``."""

    def __init__(
        self, schemes: Sequence[str], *, secondary: Sequence[str] = (), block_time: float = 1.0, **options: Any
    ) -> None:
        self.clock = SimulatedClock()
        self.nodes = [ChainNode(f"{scheme}://node{place}.example") for place, scheme in enumerate((*schemes, *secondary))]
        self.block_time = block_time
        self.metrics = Metrics()
        self.heard: list[tuple[float, int]] = []
        self.links: list[tuple[float, int]] = []
        chain = options.pop("expected_chain_id", 1337)
        urls = [f"{node.url}/v3/secret{place}" for place, node in enumerate(self.nodes)]
        self.rpc = RpcClient(
            transport=self,
            url=urls[0],
            standbys=urls[1 : len(schemes)],
            send_only=urls[len(schemes) :],
            clock=self.clock,
            entropy=NoChance(),
            expected_chain_id=chain,
            rules=Rules(**options),
            metrics=self.metrics,
        )
        self.rpc.subscribe("newHeads", deliver=self._hear)

    async def open(self, url: str) -> ScriptedSocket:
        """``ports.RpcTransport``."""
        return await next(node for node in self.nodes if url.startswith(node.url)).open(url)

    def _hear(self, notification: msgspec.Raw) -> None:
        self.heard.append((self.clock.monotonic(), int(msgspec.json.decode(notification)["number"], 16)))

    async def _grow(self) -> None:
        number = 100
        while True:
            await asyncio.sleep(self.block_time)
            number += 1
            for node in self.nodes:
                node.learn(number)

    async def _follow(self) -> None:
        async for link in self.rpc.updates():
            if link.connected:
                self.links.append((self.clock.monotonic(), link.connection))

    @asynccontextmanager
    async def playing(self) -> AsyncIterator[Stage]:
        """The chain grows, and the client is at work."""
        tasks = [asyncio.create_task(part()) for part in (self._grow, self.rpc.run, self._follow)]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    raise outcome

    def view(self, place: int) -> EndpointView:
        """How an endpoint is said to be."""
        return self.rpc.endpoints()[place]

    @property
    def active(self) -> int | None:
        """The place of the endpoint that is asked."""
        return next((place for place, each in enumerate(self.rpc.endpoints()) if each.active), None)

    async def until(self, condition: Callable[[], bool], within: float = 120.0) -> float:
        """Wait for something; returns for how many seconds it took."""
        began = self.clock.monotonic()
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.01)
        return self.clock.monotonic() - began

    async def settle(self, seconds: float = 20.0) -> None:
        """Let everybody connect, and some blocks pass."""
        await asyncio.sleep(seconds)

    def count(self, name: str, **labels: str) -> float:
        """A counter's value."""
        return self.metrics.registry.get_sample_value(f"adyton_{name}_total", labels) or 0.0
