"""The node's line to Ethereum: one websocket that is made again whenever it is lost.

A connection is offered to callers only after the peer has proven, before anything else is asked, that it serves the configured
chain, and after the standing subscriptions were made on it. What happened in a gap is not told: the subscriptions start
afresh, and their owners ask for what they missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import structlog

from adyton.domain import data
from adyton.domain.errors import Disconnected, TryAgain
from adyton.domain.urls import redact
from adyton.ethereum import codec
from adyton.ethereum.connection import Answer, Call, Connection, Deliver
from adyton.ethereum.errors import MalformedAnswer, RpcError, WrongChain
from adyton.ethereum.latest import Latest
from adyton.ports import Clock, ConnectionLost, Entropy, RpcTransport

BACK_OFF = (0, 1, 2, 4, 8, 10)
"""Seconds before the n-th attempt in a row, as v0.6.2; the last repeats."""
SETTLED = 10.0
"""Seconds after which a connection that was lost counts as a good one: the next attempt is made at once."""
BATCH_LIMIT = 100
"""Calls in one frame; many providers refuse more."""
JITTER = 0.1

log = structlog.get_logger(__name__)


class Link(msgspec.Struct, frozen=True):
    """How the line is. ``connection`` counts the connections made; ``problem`` says why there is none now."""

    connected: bool = False
    connection: int = 0
    chain_id: int | None = None
    problem: str | None = None


class Subscription:
    """A standing subscription: made again on every connection. ``deliver`` is called by the reader with each notification's
    JSON, so it must only put it somewhere."""

    def __init__(self, params: Sequence[object], deliver: Deliver) -> None:
        self.params = tuple(params)
        self.deliver = deliver
        self.name: str | int | None = None


class RpcClient:
    """JSON-RPC calls to the Ethereum node at ``url`` (ws or wss).

    ``expected_chain_id`` of None takes the chain of the first connection, and holds later ones to it. ``timeout`` (seconds)
    bounds opening a connection and each frame. All calls raise Disconnected at once while there is no connection; nothing is
    queued, so nothing is lost in a crash that a caller believes sent.
    """

    def __init__(
        self,
        *,
        transport: RpcTransport,
        url: str,
        clock: Clock,
        entropy: Entropy,
        expected_chain_id: int | None,
        timeout: float = 10.0,
    ) -> None:
        self._transport = transport
        self._url = url
        self._where = redact(url)
        self._clock = clock
        self._entropy = entropy
        self._chain_id = expected_chain_id
        self._timeout = timeout
        self._subscriptions: list[Subscription] = []
        self._connection: Connection | None = None
        self._link = Latest(Link(problem="not connected yet"))

    @property
    def link(self) -> Link:
        """How the line is now."""
        return self._link.value

    @property
    def connected(self) -> bool:
        """Whether calls can be made."""
        return self.link.connected

    @property
    def problem(self) -> str | None:
        """Why there is no connection, for people; holds no credentials."""
        return self.link.problem

    @property
    def chain_id(self) -> int | None:
        """The configured chain, or the one that the first connection had; None until then."""
        return self._chain_id

    def updates(self) -> AsyncIterator[Link]:
        """The link now, then after each change; a slow listener skips."""
        return self._link.updates()

    def subscribe(self, *params: object, deliver: Deliver) -> Subscription:
        """Ask for a standing ``eth_subscribe``, from the next connection on."""
        subscription = Subscription(params, deliver)
        self._subscriptions.append(subscription)
        return subscription

    async def renew(self, subscription: Subscription) -> None:
        """Make a subscription again on this connection: the node seems to have forgotten it. Raises what ``call`` raises."""
        connection, old = self._live(), subscription.name
        await self._establish(connection, subscription)
        if old is not None:
            try:
                await connection.unsubscribe(old)
            except RpcError as error:
                log.debug("the node did not know the old subscription", error=error.message)

    async def call(self, method: str, *params: object) -> Any:
        """The result of a call, numbers exact. Raises RpcError, RpcTimeout (the node may have done it), Disconnected, and
        MalformedAnswer for a result that is not JSON."""
        return _value(await self.call_raw(method, *params))

    async def call_raw(self, method: str, *params: object) -> msgspec.Raw:
        """The JSON of a call's result, to be decoded by type. Raises as ``call`` does."""
        return await self._live().call(method, params)

    async def batch(self, calls: Sequence[Call]) -> list[Any | RpcError]:
        """The results of many calls, in order; a call that failed has its RpcError there. Raises RpcTimeout, Disconnected."""
        answers = await self.batch_raw(calls)
        return [answer if isinstance(answer, RpcError) else _value(answer) for answer in answers]

    async def batch_raw(self, calls: Sequence[Call]) -> list[Answer]:
        """Like ``batch``, with the JSON of each result."""
        answers: list[Answer] = []
        for start in range(0, len(calls), BATCH_LIMIT):
            answers += await self._live().batch(calls[start : start + BATCH_LIMIT])
        return answers

    async def run(self) -> None:
        """Keep connected, for ever. Cancel to stop."""
        failures = 0
        while True:
            delay = BACK_OFF[min(failures, len(BACK_OFF) - 1)]
            if delay:
                await self._clock.sleep(delay * (1 + JITTER * self._entropy.jitter()))
            log.debug("connecting to the ethereum node", url=self._where, attempt=failures + 1)
            lived = await self._attempt()
            failures = 0 if lived >= SETTLED else 1 if lived > 0 else failures + 1

    async def _attempt(self) -> float:
        """One connection from opening to loss; returns for how many seconds it could be used (0: never)."""
        since: float | None = None
        try:
            async with asyncio.timeout(self._timeout):
                socket = await self._transport.open(self._url)
            async with Connection(socket, timeout=self._timeout) as connection:
                await self._greet(connection)
                since = self._clock.monotonic()
                self._offer(connection)
                self._lost(await connection.lost())
        except WrongChain as error:
            log.error("wrong chain", url=self._where, error=str(error))
            self._lost(str(error))
        except TimeoutError:
            self._lost(f"{self._where}: no connection within {self._timeout:g} s")
        except (ConnectionLost, TryAgain) as error:
            self._lost(str(error))
        except RpcError as error:
            self._lost(f"{self._where} answered: {error.message}")
        except Exception as error:
            # A defect of ours, or of a library, must cost a connection and not the node.
            log.exception("the connection failed in a way that it must not", url=self._where)
            self._lost(f"{self._where}: internal error ({type(error).__name__})")
        finally:
            self._connection = None
        return 0.0 if since is None else max(self._clock.monotonic() - since, 0.001)

    async def _greet(self, connection: Connection) -> None:
        """Before anything else: is it our chain? Then the subscriptions, so that none is ever made on a wrong one."""
        self._check(codec.chain_id(await connection.call("eth_chainId", ())))
        for subscription in self._subscriptions:
            subscription.name = None
            await self._establish(connection, subscription)

    def _check(self, served: int) -> None:
        if self._chain_id is not None and served != self._chain_id:
            raise WrongChain(f"Ethereum ChainID doesn't match ETH_CHAIN_ID: config ID={self._chain_id}, eth RPC ID={served}")
        self._chain_id = served

    async def _establish(self, connection: Connection, subscription: Subscription) -> None:
        """A node that refuses a subscription is still good for calls; its owner polls, so this is only said."""
        try:
            subscription.name = await connection.subscribe(subscription.params, subscription.deliver)
        except RpcError as error:
            log.warning("the node refused a subscription", params=subscription.params, error=error.message)

    def _live(self) -> Connection:
        if self._connection is None:
            raise Disconnected(f"no connection to the Ethereum node: {self.problem or 'lost'}")
        return self._connection

    def _offer(self, connection: Connection) -> None:
        self._connection = connection
        count = self.link.connection + 1
        log.info("connected to the ethereum node", url=self._where, chain=self._chain_id, connection=count)
        self._link.set(Link(connected=True, connection=count, chain_id=self._chain_id))

    def _lost(self, why: str) -> None:
        self._connection = None
        log.warning("no connection to the ethereum node", url=self._where, error=why)
        self._link.set(Link(connection=self.link.connection, chain_id=self._chain_id, problem=why))


def _value(raw: msgspec.Raw) -> Any:
    try:
        return data.parse(bytes(raw))
    except ValueError as error:
        raise MalformedAnswer(f"result: {error}") from None
