"""Simulated Ethereum nodes: JSON-RPC over simulated connections, onto one simulated chain.

Each URL is an endpoint of its own, with its own faults and its own view of the chain. Requests on one connection arrive in
their order; answers may overtake each other, as geth's do; events of the subscriptions keep theirs.
"""

from __future__ import annotations

import asyncio
from collections import deque

from adyton.ports import ConnectionLost
from adyton.sim.blocks import Announcement
from adyton.sim.chain import SimulatedChain
from adyton.sim.entropy import stream
from adyton.sim.faults import Faults
from adyton.sim.loop import running_loop
from adyton.sim.methods import Methods
from adyton.sim.socket import SimulatedSocket
from adyton.sim.trace import Gate, Trace
from adyton.sim.view import View

LATENCY = (0.001, 0.015)
"""Seconds that a message takes one way."""


class Endpoint:
    """One Ethereum node. ``online`` of False refuses connections."""

    def __init__(self, seed: int | str, chain: SimulatedChain, trace: Trace, gate: Gate, faults: Faults) -> None:
        self.chain = chain
        self.faults = faults
        self.trace = trace
        self.gate = gate
        self.online = True
        self.view = View(chain)
        self.methods = Methods(self.view, faults)
        self.sockets: list[SimulatedSocket] = []
        self._random = stream(seed, "network")
        self._unheard: deque[Announcement] = deque()
        chain.listeners.append(self._hear)

    def latency(self) -> float:
        """Seconds for one message one way."""
        return self._random.uniform(*LATENCY)

    def disconnect(self, reason: str = "the node closed the connection") -> None:
        """Break every connection; what is on its way is lost."""
        for socket in list(self.sockets):
            socket.lose(reason)

    def go_offline(self) -> None:
        """Break every connection and refuse new ones until ``online`` is set again."""
        self.online = False
        self.disconnect("the node went away")

    def _hear(self, announcement: Announcement) -> None:
        self._unheard.append(announcement)
        if self.faults.lag > 0:
            self.faults.struck("lag")
            running_loop().call_later(self.faults.lag, self._learn)
        else:
            self._learn()

    def _learn(self) -> None:
        """Take the oldest change in; while some are late, later ones queue behind them."""
        announcement = self._unheard.popleft()
        self.view.apply(announcement)
        for socket in list(self.sockets):
            socket.announce(announcement)


class SimulatedEthereum:
    """Implements ``RpcTransport``. An endpoint comes into being when its URL is first asked for; the first is ``primary``, and
    ``faults``, ``online`` and ``methods`` are its own."""

    def __init__(self, seed: int | str, chain: SimulatedChain, trace: Trace, gate: Gate, faults: Faults | None = None) -> None:
        self.chain = chain
        self.endpoints: dict[str, Endpoint] = {}
        self.opened = 0
        self._seed = seed
        self._trace = trace
        self._gate = gate
        self._first: Endpoint | None = Endpoint(seed, chain, trace, gate, faults or Faults(seed))
        self.primary = self._first

    @property
    def faults(self) -> Faults:
        """The faults of the primary endpoint."""
        return self.primary.faults

    @property
    def methods(self) -> Methods:
        """The methods of the primary endpoint."""
        return self.primary.methods

    @property
    def online(self) -> bool:
        """Whether the primary endpoint takes connections."""
        return self.primary.online

    @online.setter
    def online(self, value: bool) -> None:
        self.primary.online = value
        for endpoint in self.endpoints.values():
            endpoint.online = value

    def endpoint(self, url: str) -> Endpoint:
        """The endpoint at a URL."""
        if url not in self.endpoints:
            self.endpoints[url] = self._first or self._another(url)
            self._first = None
        return self.endpoints[url]

    def _another(self, url: str) -> Endpoint:
        seed = f"{self._seed}/{url}"
        return Endpoint(seed, self.chain, self._trace, self._gate, Faults(seed))

    async def open(self, url: str) -> SimulatedSocket:
        """Connect. Raises ConnectionLost while the node is off line."""
        endpoint = self.endpoint(url)
        await self._gate.before(f"rpc open {url}")
        await asyncio.sleep(endpoint.latency())
        if not endpoint.online:
            raise ConnectionLost(f"{url}: connection refused")
        self.opened += 1
        self._trace.note("rpc", f"open {self.opened} {url}")
        socket = SimulatedSocket(endpoint, self.opened, running_loop(), events=url.startswith("ws"))
        endpoint.sockets.append(socket)
        return socket

    def disconnect(self, reason: str = "the node closed the connection") -> None:
        """Break every connection to every endpoint; what is on its way is lost."""
        for endpoint in self._all():
            endpoint.disconnect(reason)

    def forget_clients(self) -> None:
        """The process at the other end died: what it had sent still arrives."""
        for endpoint in self._all():
            for socket in list(endpoint.sockets):
                socket.lose("the client died", arrives=True)

    def go_offline(self) -> None:
        """Break every connection and refuse new ones until ``online`` is set again."""
        self.online = False
        self.disconnect("the node went away")

    def _all(self) -> list[Endpoint]:
        return list(self.endpoints.values()) or [self.primary]
