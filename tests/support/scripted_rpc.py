"""An Ethereum node's end of the wire, in memory: it answers by a table of methods, and a test can make it misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from adyton.domain.chain import Hash, Head
from adyton.ethereum.endpoint_parts import Rules
from adyton.ethereum.rpc import RpcClient
from adyton.ports import ConnectionLost

URL = "wss://user:word@node.example:8546/v3/key?token=secret"
SHOWN_URL = "wss://node.example:8546"
SILENT = object()
"""As the result of a method: no answer comes."""


class Failure(Exception):
    """Raised by a method: the node's error object."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message} | ({} if data is None else {"data": data})


class ScriptedClock:
    """Time that passes only by sleeping. After ``naps`` sleeps it sleeps for ever."""

    def __init__(self, naps: int = 1000) -> None:
        self.slept: list[float] = []
        self.time = 0.0
        self._naps = naps
        self.exhausted = asyncio.Event()

    def now(self) -> int:
        return int(self.time * 1_000_000)

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        if len(self.slept) >= self._naps:
            self.exhausted.set()
            await asyncio.Event().wait()
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)


class NoChance:
    """Entropy without surprises."""

    def token(self, size: int) -> bytes:
        return bytes(size)

    def new_id(self) -> str:
        return "0" * 32

    def jitter(self) -> float:
        return 0.0


class ScriptedSocket:
    """One connection to the scripted node."""

    def __init__(self, node: ScriptedNode) -> None:
        self._node = node
        self._inbox: asyncio.Queue[bytes | ConnectionLost] = asyncio.Queue()
        self.subscriptions: dict[str, str] = {}
        self.closed = 0

    async def send(self, text: bytes) -> None:
        if self.closed:
            raise ConnectionLost("closed")
        self._node.take(self, json.loads(text))

    async def receive(self) -> bytes:
        message = await self._inbox.get()
        if isinstance(message, ConnectionLost):
            raise message
        return message

    async def close(self) -> None:
        self.closed += 1

    def deliver(self, message: object) -> None:
        """Let the client receive a message: bytes as they are, anything else as JSON."""
        self._inbox.put_nowait(message if isinstance(message, bytes) else json.dumps(message).encode())

    def cut(self, why: str = "the wire was cut") -> None:
        """Lose the connection."""
        self._inbox.put_nowait(ConnectionLost(why))

    def notify(self, topic: str, result: object) -> None:
        """Send a notification to every subscription of a topic."""
        for name, subscribed in self.subscriptions.items():
            if subscribed == topic:
                params = {"subscription": name, "result": result}
                self.deliver({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})


class ScriptedNode:
    """``ports.RpcTransport`` whose far end answers by ``methods``: name -> function of the parameters.

    ``refuse`` holds reasons for which the next openings fail. ``frames`` are the requests, as parsed JSON.
    """

    def __init__(self, *, chain_id: int = 1337) -> None:
        self.methods: dict[str, Callable[..., object]] = {
            "eth_chainId": lambda: hex(self.chain_id),
            "eth_unsubscribe": lambda name: True,
        }
        self.chain_id = chain_id
        self.refuse: list[str] = []
        self.sockets: list[ScriptedSocket] = []
        self.frames: list[Any] = []
        self.answer_batch: Callable[[list[Any]], object] = lambda answers: answers
        self._names = 0

    @property
    def socket(self) -> ScriptedSocket:
        """The newest connection."""
        return self.sockets[-1]

    def asked(self, method: str) -> list[Any]:
        """The parameters of each request of a method, batches included."""
        flat = [request for frame in self.frames for request in (frame if isinstance(frame, list) else [frame])]
        return [request["params"] for request in flat if request["method"] == method]

    async def open(self, url: str) -> ScriptedSocket:
        if self.refuse:
            raise ConnectionLost(self.refuse.pop(0))
        self.sockets.append(ScriptedSocket(self))
        return self.socket

    def take(self, socket: ScriptedSocket, frame: Any) -> None:
        self.frames.append(frame)
        if isinstance(frame, list):
            answers = [answer for request in frame if (answer := self._answer(socket, request)) is not SILENT]
            reply = self.answer_batch(answers)
        else:
            reply = self._answer(socket, frame)
        if reply is not SILENT:
            socket.deliver(reply)

    def _answer(self, socket: ScriptedSocket, request: Any) -> object:
        try:
            result = self._result(socket, request)
        except Failure as failure:
            return {"jsonrpc": "2.0", "id": request["id"], "error": failure.error}
        return SILENT if result is SILENT else {"jsonrpc": "2.0", "id": request["id"], "result": result}

    def _result(self, socket: ScriptedSocket, request: Any) -> object:
        method, params = request["method"], request["params"]
        if method in self.methods:
            return self.methods[method](*params)
        if method == "eth_subscribe":
            self._names += 1
            name = hex(self._names)
            socket.subscriptions[name] = params[0]
            return name
        raise Failure(-32601, f"the method {method} does not exist")


class ScriptedBlocks:
    """A block tree behind the scripted node; ``latest`` is the tip that the node believes in."""

    def __init__(self, node: ScriptedNode) -> None:
        self.by_hash: dict[Hash, Head] = {}
        self.latest: Head | None = None
        self.hidden: set[Hash] = set()
        self._node = node
        node.methods["eth_getBlockByNumber"] = self._by_number
        node.methods["eth_getBlockByHash"] = lambda block, _: self._shown(self.by_hash.get(block))

    def grow(self, parent: Head | None, count: int = 1, *, fork: int = 0) -> list[Head]:
        """Blocks on top of ``parent`` (None: from block 0), which the node's head then is the last of."""
        grown: list[Head] = []
        for _ in range(count):
            number = parent.number + 1 if parent else 0
            parent = make_head(number, parent=parent.hash if parent else block_hash(0, 255), fork=fork)
            self.by_hash[parent.hash] = parent
            grown.append(parent)
        self.latest = grown[-1]
        return grown

    def announce(self, head: Head) -> None:
        """Notify the client of a head."""
        self._node.socket.notify("newHeads", head_json(head))

    def _by_number(self, tag: str, _: bool) -> object:
        wanted = self.latest
        if tag != "latest":
            while wanted is not None and wanted.number > int(tag, 16):
                wanted = self.by_hash.get(wanted.parent_hash)
            if wanted is None or wanted.number != int(tag, 16):
                return None
        return self._shown(wanted)

    def _shown(self, head: Head | None) -> object:
        return None if head is None or head.hash in self.hidden else head_json(head)


def block_hash(number: int, fork: int = 0) -> Hash:
    """A hash in which a person can read the height and the fork."""
    return f"0x{fork:02x}{number:062x}"


def make_head(number: int, *, parent: Hash | None = None, fork: int = 0) -> Head:
    """A header; the parent is the one below on the same fork if none is given."""
    above = block_hash(number - 1, fork) if parent is None else parent
    return Head(number, block_hash(number, fork), above, 1_600_000_000 + number, 7)


def head_json(head: Head) -> dict[str, object]:
    """A header as nodes send it."""
    return {
        "number": hex(head.number),
        "hash": head.hash,
        "parentHash": head.parent_hash,
        "timestamp": hex(head.timestamp),
        "mixHash": "0x" + "ee" * 32,
        "baseFeePerGas": hex(head.base_fee or 0),
        "transactions": [],
    }


def make_client(node: ScriptedNode, **options: Any) -> RpcClient:
    """A client of the scripted node; options replace its arguments."""
    rules = Rules(timeout=options.pop("timeout", 5.0))
    arguments: dict[str, Any] = {"clock": ScriptedClock(), "entropy": NoChance(), "expected_chain_id": 1337, "rules": rules}
    return RpcClient(transport=node, url=URL, **(arguments | options))


async def connected(client: RpcClient, connection: int = 1) -> None:
    """Wait for the n-th connection."""
    async with asyncio.timeout(5):
        async for link in client.updates():
            if link.connected and link.connection >= connection:
                return


async def problem(client: RpcClient, text: str) -> str:
    """Wait until the client says that it has a certain problem."""
    async with asyncio.timeout(5):
        async for link in client.updates():
            if link.problem is not None and text in link.problem:
                return link.problem
    raise AssertionError


@asynccontextmanager
async def running(*parts: Callable[[], Any]) -> AsyncIterator[None]:
    """Run long-lived parts for the length of a block; a fault of one fails the test."""
    tasks = [asyncio.create_task(part()) for part in parts]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome
