"""The node's line to Ethereum: one endpoint is asked, the others stand by and take over.

To everybody who listens a switch looks like a new connection, so all look again by themselves and nothing depends on two
endpoints having said the same. What is done about each endpoint is in ``endpoint``, which of them is asked in ``choice``, and
when to look at them in ``watch``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import structlog

from adyton.domain import data
from adyton.domain.chain import Hash, Hex
from adyton.domain.errors import Disconnected
from adyton.ethereum.budget import Moved
from adyton.ethereum.connection import Answer, Call, Deliver
from adyton.ethereum.endpoint import Endpoint
from adyton.ethereum.endpoint_parts import Rules, Subscription, World
from adyton.ethereum.errors import MalformedAnswer, RpcError, WrongChain
from adyton.ethereum.fan_out import FanOut
from adyton.ethereum.latest import Latest
from adyton.ethereum.views import EndpointView, names, view
from adyton.ethereum.watch import Watch
from adyton.metrics import Metrics
from adyton.ports import Clock, Entropy, RpcTransport

log = structlog.get_logger(__name__)


class Link(msgspec.Struct, frozen=True):
    """How the line is. ``connection`` counts the connections made and the switches; ``problem`` says why there is none now."""

    connected: bool = False
    connection: int = 0
    chain_id: int | None = None
    problem: str | None = None


class RpcClient:
    """JSON-RPC calls to the Ethereum node at ``url`` (ws, wss, http or https), or to those of ``standbys``, in that order of
    preference, when it cannot be used. Transactions are handed to all of them, and to the ``send_only`` ones.

    ``expected_chain_id`` of None takes the chain of the first connection, and holds later ones to it. All calls raise
    Disconnected at once while there is no connection; nothing is queued, so nothing is lost in a crash that a caller believes
    sent.
    """

    def __init__(
        self,
        *,
        transport: RpcTransport,
        url: str,
        clock: Clock,
        entropy: Entropy,
        expected_chain_id: int | None,
        standbys: Sequence[str] = (),
        send_only: Sequence[str] = (),
        rules: Rules | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._rules = rules or Rules()
        self._chain_id = expected_chain_id
        self._metrics = metrics or Metrics()
        world = World(transport=transport, clock=clock, entropy=entropy, metrics=self._metrics)
        urls = (url, *standbys, *send_only)
        endpoints = [
            Endpoint(each, name, world=world, rules=self._rules, owner=self, lazy=place > len(standbys))
            for place, (each, name) in enumerate(zip(urls, names(urls), strict=True))
        ]
        self._primaries, self._send_only = endpoints[: 1 + len(standbys)], endpoints[1 + len(standbys) :]
        self._active: Endpoint | None = None
        self._subscriptions: list[Subscription] = []
        self._fan_out = FanOut()
        self._watch = Watch(self._primaries, rules=self._rules, clock=clock)
        self._served: Endpoint | None = None
        self._link = Latest(Link(problem="not connected yet"))

    # --- how it is ---------------------------------------------------------------------------------------------------

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

    def endpoints(self) -> tuple[EndpointView, ...]:
        """How each endpoint is, the preferred one first, those that are only sent to last."""
        return tuple(view(each, self._rules, active=each is self._active) for each in (*self._primaries, *self._send_only))

    # --- calls -------------------------------------------------------------------------------------------------------

    def subscribe(self, *params: object, deliver: Deliver) -> Subscription:
        """Ask for a standing ``eth_subscribe``, from the next connection on. Only the endpoint that is asked delivers; one that
        has no subscriptions is looked at for new heads instead."""
        subscription = Subscription(params, deliver)
        self._subscriptions.append(subscription)
        return subscription

    async def renew(self, subscription: Subscription) -> None:
        """Make a subscription again on this connection: the node seems to have forgotten it. Raises what ``call`` raises."""
        await self._live().renew(subscription)

    async def call(self, method: str, *params: object) -> Any:
        """The result of a call, numbers exact. Raises RpcError, RpcTimeout (the node may have done it), Disconnected, Throttled
        (it was not done), and MalformedAnswer for a result that is not JSON."""
        return _value(await self.call_raw(method, *params))

    async def call_raw(self, method: str, *params: object) -> msgspec.Raw:
        """The JSON of a call's result, to be decoded by type. Raises as ``call`` does."""
        while True:
            try:
                (answer,) = await self._live().exchange([(method, params)], batch=False)
            except Moved:
                continue
            if isinstance(answer, RpcError):
                raise answer
            return answer

    async def batch(self, calls: Sequence[Call]) -> list[Any | RpcError]:
        """The results of many calls, in order; a call that failed has its RpcError there. Raises RpcTimeout, Disconnected,
        Throttled."""
        answers = await self.batch_raw(calls)
        return [answer if isinstance(answer, RpcError) else _value(answer) for answer in answers]

    async def batch_raw(self, calls: Sequence[Call]) -> list[Answer]:
        """Like ``batch``, with the JSON of each result. One endpoint answers them all."""
        size = self._rules.batch_size
        while True:
            endpoint, answers = self._live(), list[Answer]()
            try:
                for start in range(0, len(calls), size):
                    answers += await endpoint.exchange(calls[start : start + size], batch=True)
            except Moved:
                continue
            return answers

    async def broadcast(self, raw: Hex) -> Hash:
        """Hand a signed transaction to every endpoint; returns its hash as soon as the one that is asked took it, or another
        one did in its place. Raises what ``call`` raises; an RpcError means that no endpoint took it."""
        while True:
            others = [each for each in self._primaries if each.usable and each is not self._active]
            try:
                return await self._fan_out.send(raw, self._active, [*others, *self._send_only], self.problem or "lost")
            except Moved:
                continue

    def _live(self) -> Endpoint:
        if self._active is None:
            raise Disconnected(f"no connection to the Ethereum node: {self.problem or 'lost'}", code="ADY-0600")
        return self._active

    # --- work --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep connected, for ever. Cancel to stop."""
        preferred, *standbys = self._primaries
        try:
            async with asyncio.TaskGroup() as parts:
                parts.create_task(preferred.run())
                for each in self._send_only:
                    parts.create_task(each.run())
                if standbys:
                    parts.create_task(self._watch.run(self._decide))
                    if self._chain_id is None:
                        await preferred.tried.wait()  # it, and not the quickest one, says which chain is ours
                for each in standbys:
                    parts.create_task(each.run())
        finally:
            await self._fan_out.close()

    # --- what endpoints ask and tell (endpoint.Owner) ----------------------------------------------------------------

    @property
    def subscriptions(self) -> Sequence[Subscription]:
        """What is subscribed to on every connection."""
        return self._subscriptions

    def saw(self, endpoint: Endpoint, number: int) -> None:
        """An endpoint has said how high it is."""
        if not endpoint.lazy:
            self._watch.saw(endpoint, number)

    def check_chain(self, served: int) -> None:
        """Raises WrongChain."""
        if self._chain_id is not None and served != self._chain_id:
            raise WrongChain(f"Ethereum ChainID doesn't match ETH_CHAIN_ID: config ID={self._chain_id}, eth RPC ID={served}")
        self._chain_id = served

    def told(self, endpoint: Endpoint, subscription: Subscription, notification: msgspec.Raw) -> None:
        """Only the endpoint that is asked is heard: a head of another one would be asked for where it is not known yet."""
        if endpoint is self._active:
            subscription.deliver(notification)

    def changed(self, endpoint: Endpoint) -> None:
        """An endpoint can be used, or no more."""
        if endpoint.lazy:
            return
        if endpoint is self._active:
            self._active = None
            endpoint.serving.clear()
        self._decide()

    def _decide(self) -> None:
        choice = self._watch.choose(self._active)
        if choice is None:
            self._say_lost()
        elif choice.endpoint is not self._active:
            self._activate(choice.endpoint, choice.because)

    def _activate(self, endpoint: Endpoint, because: str) -> None:
        """Ask this endpoint from now on. The old one, if it still has a connection, answers what it was asked; what waits for
        its turn there comes along."""
        old, self._active = self._active, endpoint
        if old is not None:
            old.serving.clear()
            old.budget.release()
        endpoint.serving.set()
        self._watch.activated(endpoint)
        if self._served is not None and self._served is not endpoint:
            self._metrics.rpc_failovers.inc()
            log.warning("another ethereum node is asked now", endpoint=endpoint.name, before=self._served.name, because=because)
        self._served = endpoint
        self._link.set(Link(connected=True, connection=self.link.connection + 1, chain_id=self._chain_id))
        for subscription, notification in endpoint.newest.items():
            subscription.deliver(notification)  # it came before this endpoint was heard
        if old is not None and self._watch.mute(old):
            old.drop(because)

    def _say_lost(self) -> None:
        problems = [f"{each.problem or each.where}" for each in self._primaries]
        self._link.set(Link(connection=self.link.connection, chain_id=self._chain_id, problem="; ".join(problems)))


def _value(raw: msgspec.Raw) -> Any:
    try:
        return data.parse(bytes(raw))
    except ValueError as error:
        raise MalformedAnswer(f"result: {error}") from None
