"""One connection to a simulated Ethereum node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from adyton.ports import ConnectionLost
from adyton.sim.blocks import Announcement
from adyton.sim.faults import Faults
from adyton.sim.loop import SimulatedLoop
from adyton.sim.methods import Methods, RpcFault
from adyton.sim.shapes import header, log_json, matching
from adyton.sim.trace import Gate, Trace

STEP = 0.000_001
"""The least time between two messages of one direction, so that their order is kept."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Peer(Protocol):
    """What a connection needs of its endpoint."""

    faults: Faults
    methods: Methods
    trace: Trace
    gate: Gate
    sockets: list[SimulatedSocket]

    def latency(self) -> float:
        """Seconds for one message one way."""
        ...


class SimulatedSocket:
    """Implements ``RpcSocket``. ``events`` says whether subscriptions are offered: over HTTP they are not."""

    def __init__(self, node: Peer, number: int, loop: SimulatedLoop, *, events: bool = True) -> None:
        self._node = node
        self._name = str(number)
        self._loop = loop
        self._events = events
        self._incoming: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._subscriptions: dict[str, tuple[str, dict[str, Any]]] = {}
        self._reason: str | None = None
        self._deaf = False
        self._last_arrival = 0.0
        self._last_event = 0.0

    async def send(self, text: bytes) -> None:
        """Hand one text over. Raises ConnectionLost."""
        what = f"rpc {text[:120].decode(errors='replace')}"
        await self._node.gate.before(what)
        self._check_open()
        self._node.trace.note("rpc>", f"{self._name} {text.decode()}")
        if self._node.faults.strikes("dropped"):
            self.lose("connection reset by peer")
            raise ConnectionLost("connection reset by peer")
        self._last_arrival = max(self._last_arrival + STEP, self._loop.time() + self._node.latency())
        self._loop.call_at(self._last_arrival, self._arrive, text)
        await self._node.gate.after(what)

    async def receive(self) -> bytes:
        """The next text. Raises ConnectionLost."""
        await self._node.gate.before("rpc receive")
        text = await self._incoming.get() if self._reason is None or not self._incoming.empty() else None
        if text is None:
            self._check_open()
            raise ConnectionLost("the connection was closed")
        self._node.trace.note("rpc<", f"{self._name} {text.decode()}")
        return text

    async def close(self) -> None:
        """Close; may be called twice."""
        self.lose("closed by us", arrives=True)

    def lose(self, reason: str, *, arrives: bool = False) -> None:
        """Break the connection: no answer comes any more, and unless it ``arrives``, what was sent is lost on its way."""
        if self._reason is not None:
            return
        self._reason = reason
        self._deaf = not arrives
        self._node.sockets.remove(self)
        self._node.trace.note("rpc", f"lost {self._name}: {reason}")
        self._incoming.put_nowait(None)

    def _check_open(self) -> None:
        if self._reason is not None:
            raise ConnectionLost(self._reason)

    # --- the node's side -------------------------------------------------------------------------------------------

    def _arrive(self, text: bytes) -> None:
        faults = self._node.faults
        if self._deaf:
            return
        if faults.frozen:
            faults.struck("frozen")
            return
        message = _decode(text)
        calls = message if isinstance(message, list) else [message]
        answers = [self._answer(call) for call in calls]
        sends = any(call.get("method") == "eth_sendRawTransaction" for call in calls)
        if (sends and faults.strikes("lost_replies")) or faults.strikes("closed"):
            self.lose("connection reset by peer")
            return
        reply = answers if isinstance(message, list) else answers[0]
        self._loop.call_later(self._node.latency() + faults.delay(), self._deliver, _encode(reply))

    def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": call.get("id")}
        method, params = str(call.get("method")), call.get("params") or []
        own: dict[str, Callable[..., Any]] = {"eth_subscribe": self._subscribe, "eth_unsubscribe": self._unsubscribe}
        try:
            return reply | {"result": own[method](*params) if method in own else self._node.methods.call(method, params)}
        except RpcFault as fault:
            error: dict[str, Any] = {"code": fault.code, "message": str(fault)}
            return reply | {"error": error if fault.data is None else error | {"data": fault.data}}

    def _subscribe(self, kind: str, wanted: dict[str, Any] | None = None) -> str:
        if not self._events:
            raise RpcFault(-32000, "notifications not supported")
        if kind not in {"newHeads", "logs"}:
            raise RpcFault(-32601, f'no "{kind}" subscription in eth namespace')
        identity = f"0x{int(self._name):x}{len(self._subscriptions) + 1:04x}"
        self._subscriptions[identity] = (kind, wanted or {})
        return identity

    def _unsubscribe(self, identity: str) -> bool:
        if self._subscriptions.pop(identity, None) is None:
            raise RpcFault(-32000, "subscription not found")
        return True

    def announce(self, announcement: Announcement) -> None:
        """Tell the subscribers of a change of the chain."""
        for identity, (kind, wanted) in list(self._subscriptions.items()):
            for event in self._heads(announcement) if kind == "newHeads" else self._logs(announcement, wanted):
                self._notify(identity, event)

    @staticmethod
    def _heads(announcement: Announcement) -> list[dict[str, Any]]:
        return [header(block) for block in announcement.added]

    @staticmethod
    def _logs(announcement: Announcement, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        gone = [log_json(log, block, removed=True) for block in announcement.removed for log in matching(block, wanted)]
        return gone + [log_json(log, block) for block in announcement.added for log in matching(block, wanted)]

    def _notify(self, identity: str, event: dict[str, Any]) -> None:
        faults = self._node.faults
        if faults.frozen or faults.strikes("missed_heads"):
            return
        text = _encode({"jsonrpc": "2.0", "method": "eth_subscription", "params": {"subscription": identity, "result": event}})
        if faults.strikes("late_heads"):
            self._loop.call_later(faults.draw(faults.late_seconds), self._deliver, text)
            return
        for _ in range(2 if faults.strikes("doubled_heads") else 1):
            self._last_event = max(self._last_event + STEP, self._loop.time() + self._node.latency())
            self._loop.call_at(self._last_event, self._deliver, text)

    def _deliver(self, text: bytes) -> None:
        if self._reason is None:
            self._incoming.put_nowait(text)
