"""One Ethereum node: a line that is made again whenever it is lost, what is known of its head, and how often it may be asked.

A connection is offered only after the peer has proven, before anything else is asked, that it serves the configured chain, and
after the standing subscriptions were made on it. What happened in a gap is not told: the subscriptions start afresh, and their
owners ask for what they missed.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress

import msgspec
import structlog

from adyton.domain.errors import Disconnected, TryAgain
from adyton.domain.urls import redact
from adyton.ethereum import codec, limits
from adyton.ethereum.budget import Budget, Moved
from adyton.ethereum.connection import Answer, Call, Connection
from adyton.ethereum.endpoint_parts import Owner, Rules, Subscription, World
from adyton.ethereum.errors import GatewayFailed, MalformedAnswer, RpcError, RpcTimeout, WrongChain
from adyton.ethereum.height import Height
from adyton.ethereum.tally import Outcome, Tally
from adyton.ports import ConnectionLost

BACK_OFF = (0, 1, 2, 4, 8, 10)
"""Seconds before the n-th attempt in a row, as v0.6.2; the last repeats."""
SETTLED = 10.0
"""Seconds after which a connection that was lost counts as a good one: the next attempt is made at once."""
JITTER = 0.1
PROBE = 2.0
"""Seconds that a node has to answer when it is only asked whether it is there."""
POLL, POLL_OFTEN, POLL_SELDOM = 1.0, 0.5, 2.0
"""Seconds between looks for a new head where no notifications come: at first, and at the least and most."""
LOOKS = 4
"""Looks in the time that a block takes."""
GATEWAY = frozenset(range(300, 600)) - {400, 413, 429}
"""Codes of errors that are HTTP's: the node itself may never have seen the call, or may have done it. Not those that blame the
call itself, nor that there were too many."""
GATEWAY_FAILURES = 3
"""So many of them in a row, and another endpoint had better be asked."""

log = structlog.get_logger(__name__)


class _Told(msgspec.Struct):
    """As much of a header as is looked at here."""

    number: str
    hash: str


_told = msgspec.json.Decoder(_Told | None)


class Endpoint:
    """The node at ``url`` (ws, wss, http or https). ``name`` is for people and metrics, and holds no credentials.

    ``lazy``: a connection is made when somebody wants to ``reach`` it, and nothing is subscribed to. All calls raise
    Disconnected at once while there is no connection; nothing is queued, so nothing is lost in a crash that a caller believes
    sent.
    """

    def __init__(self, url: str, name: str, *, world: World, rules: Rules, owner: Owner, lazy: bool = False) -> None:
        self.name = name
        self.where = redact(url)
        self.lazy = lazy
        self.budget = Budget(clock=world.clock, limit=rules.rate_limit)
        self.tally = Tally(name, world.metrics, world.clock)
        self.connection: Connection | None = None
        self.problem: str | None = "not connected yet"
        self.failing: str | None = None
        self.wrong_chain = False
        self.height = Height(world.clock)
        self.behind = 0
        self.tried = asyncio.Event()
        self.serving = asyncio.Event()
        self._url = url
        self._world = world
        self._rules = rules
        self._owner = owner
        self._clock = world.clock
        self._wanted = asyncio.Event()
        self._names: dict[Subscription, str | int] = {}
        self.newest: dict[Subscription, msgspec.Raw] = {}
        self._gateway_failures = 0

    # --- what is known of it -----------------------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Whether calls can be made."""
        return self.connection is not None

    def _saw(self, number: int) -> None:
        self.height.saw(number)
        self._owner.saw(self, number)

    # --- calls -------------------------------------------------------------------------------------------------------

    async def exchange(self, calls: Sequence[Call], *, batch: bool, urgent: bool = False) -> list[Answer]:
        """The answers of calls, in order; one that failed has its RpcError there. A batch is one frame, unless the budget, or a
        refusal, asks for smaller ones; two calls always stay together.

        Raises RpcTimeout, GatewayFailed, Disconnected, Throttled, and Moved.
        """
        until = self._clock.monotonic() + self._rules.timeout
        answers: list[Answer] = []
        piece = self.budget.piece(len(calls))
        while len(answers) < len(calls):
            asked = calls[len(answers) : len(answers) + piece]
            self._live()
            await self.budget.turn(len(asked), until=until, urgent=urgent)
            got = await self._frame(self._live(), asked, batch=batch)
            refusal = next((a for a in got if isinstance(a, RpcError) and limits.throttled(a)), None)
            if refusal is None:
                self.budget.answered()
                answers += got
            else:
                # Not done, so all of it may be asked again; what belongs together must come from one answer.
                self.refused(refusal)
                piece = max(2, len(asked) // 2)
        return answers

    async def _frame(self, connection: Connection, calls: Sequence[Call], *, batch: bool) -> list[Answer]:
        with self.tally.frame(calls) as frame:
            try:
                answers = await connection.exchange(calls, batch=batch)
            except RpcTimeout:
                frame.outcome = Outcome.TIMEOUT
                raise
            except Disconnected:
                frame.outcome = Outcome.LOST
                raise
            frame.answers = answers
        self._heed_gateway(answers)
        return answers

    def _heed_gateway(self, answers: Sequence[Answer]) -> None:
        failure = next((a for a in answers if isinstance(a, RpcError) and a.code in GATEWAY), None)
        if failure is None:
            if self.failing is not None:
                log.info("the ethereum node answers again", url=self.where)
            self._gateway_failures = 0
            self.failing = None
            return
        self._gateway_failures += 1
        if self._gateway_failures >= GATEWAY_FAILURES:
            if self.failing is None:
                log.warning("the ethereum node does not answer any more", url=self.where, because=failure.message)
            self.failing = failure.message
        raise GatewayFailed(f"{self.where}: {failure.message}")

    async def look(self) -> bool:
        """Ask how high it is, past the budget. Returns whether it answered; if not, it is ``failing`` until it does."""
        connection = self.connection
        if connection is None:
            return False
        try:
            async with asyncio.timeout(PROBE):
                (answer,) = await self._frame(connection, [("eth_blockNumber", ())], batch=False)
        except TimeoutError:
            self.failing = self.failing or f"no answer within {PROBE:g} s"
            return False
        except TryAgain as error:
            self.failing = self.failing or str(error)
            return False
        if not isinstance(answer, RpcError):
            with suppress(MalformedAnswer):
                self._saw(codec.quantity(answer))
            self.budget.answered()
        elif limits.throttled(answer):
            self.refused(answer)
        return True

    def refused(self, refusal: RpcError) -> None:
        """It was asked too often."""
        self.tally.throttled()
        before = self.budget.exhausted
        self.budget.refused(limits.rest_asked_for(refusal))
        tell = log.warning if self.budget.exhausted and not before else log.debug  # once in a while is nothing to report
        tell("the ethereum node wants to be asked less often", endpoint=self.name, error=refusal.message)

    def _live(self) -> Connection:
        if self.connection is None:
            raise Disconnected(f"no connection to the Ethereum node: {self.problem or 'lost'}", code="ADY-0600")
        return self.connection

    # --- the line ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep connected, for ever; if ``lazy``, be connected when that is wanted. Cancel to stop."""
        failures, ended = 0, -math.inf
        while True:
            if self.lazy:
                await self._wanted.wait()
                self._wanted.clear()
            delay = BACK_OFF[min(failures, len(BACK_OFF) - 1)] - (self._clock.monotonic() - ended)
            if delay > 0:
                await self._clock.sleep(delay * (1 + JITTER * self._world.entropy.jitter()))
            log.debug("connecting to the ethereum node", url=self.where, attempt=failures + 1)
            lived = await self._attempt()
            ended = self._clock.monotonic()
            failures = 0 if lived >= SETTLED else 1 if lived > 0 else failures + 1

    async def reach(self) -> None:
        """Have a lazy endpoint connected, or try to: it is back when one attempt has ended either way."""
        self.tried.clear()
        self._wanted.set()
        await self.tried.wait()

    def drop(self, why: str) -> None:
        """Give the connection up and make another: whoever waits for an answer gets Disconnected."""
        if self.connection is not None:
            self.connection.drop(f"{self.where}: {why}")

    async def _attempt(self) -> float:
        """One connection from opening to loss; returns for how many seconds it could be used (0: never)."""
        since: float | None = None
        try:
            async with asyncio.timeout(self._rules.timeout):
                socket = await self._world.transport.open(self._url)
            async with Connection(socket, timeout=self._rules.timeout) as connection:
                await self._greet(connection)
                since = self._clock.monotonic()
                self._offer(connection)
                self._lost(await self._until_lost(connection))
        except WrongChain as error:
            log.error("wrong chain", url=self.where, error=str(error))
            self._lost(str(error), wrong_chain=True)
        except TimeoutError:
            self._lost(f"{self.where}: no connection within {self._rules.timeout:g} s")
        except (ConnectionLost, TryAgain) as error:
            self._lost(str(error))
        except RpcError as error:
            self._lost(f"{self.where} answered: {error.message}")
        except Exception as error:
            # A defect of ours, or of a library, must cost a connection and not the node.
            log.exception("the connection failed in a way that it must not", url=self.where)
            self._lost(f"{self.where}: internal error ({type(error).__name__})")
        finally:
            self.connection = None
        return 0.0 if since is None else max(self._clock.monotonic() - since, 0.001)

    async def _greet(self, connection: Connection) -> None:
        """Before anything else: is it our chain? Then the subscriptions, so that none is ever made on a wrong one."""
        self._names.clear()
        self.newest.clear()
        (answer,) = await self._frame(connection, [("eth_chainId", ())], batch=False)
        if isinstance(answer, RpcError):
            if limits.throttled(answer):
                self.refused(answer)
            raise answer
        self._owner.check_chain(codec.chain_id(answer))
        if not self.lazy and self._url.startswith("ws"):
            for subscription in self._owner.subscriptions:
                await self._establish(connection, subscription)

    async def _establish(self, connection: Connection, subscription: Subscription) -> None:
        """A node that refuses a subscription is still good for calls: it is asked for heads instead, and the owner of any other
        subscription looks for himself."""

        def deliver(notification: msgspec.Raw) -> None:
            self._heed(subscription, notification)

        try:
            self._names[subscription] = await connection.subscribe(subscription.params, deliver)
        except RpcError as error:
            log.warning("the node refused a subscription", url=self.where, params=subscription.params, error=error.message)

    async def renew(self, subscription: Subscription) -> None:
        """Make a subscription again on this connection: the node seems to have forgotten it. Raises what calls raise."""
        connection, old = self._live(), self._names.pop(subscription, None)
        if old is None:
            return
        await self._establish(connection, subscription)
        try:
            await connection.unsubscribe(old)
        except RpcError as error:
            log.debug("the node did not know the old subscription", error=error.message)

    async def _until_lost(self, connection: Connection) -> str:
        polled = [each for each in self._owner.subscriptions if each.heads and each not in self._names and not self.lazy]
        poller = asyncio.create_task(self._poll(polled)) if polled else None
        try:
            return await connection.lost()
        finally:
            if poller is not None:
                poller.cancel()
                await asyncio.wait({poller})

    def _offer(self, connection: Connection) -> None:
        self.connection, self.problem, self.failing, self.wrong_chain = connection, None, None, False
        self.height, self.behind = Height(self._clock), 0
        log.info("connected to the ethereum node", url=self.where, chain=self._owner.chain_id)
        self.tried.set()
        self._owner.changed(self)

    def _lost(self, why: str, *, wrong_chain: bool = False) -> None:
        self.connection, self.problem, self.wrong_chain = None, why, wrong_chain
        self._names.clear()
        log.warning("no connection to the ethereum node", url=self.where, error=why)
        self.budget.release()
        self.tried.set()
        self._owner.changed(self)

    # --- heads -------------------------------------------------------------------------------------------------------

    def _heed(self, subscription: Subscription, notification: msgspec.Raw) -> None:
        if subscription.heads:
            with suppress(ValueError):
                head = _told.decode(notification)
                if head is not None:
                    self._saw(int(head.number, 16))
        self.newest[subscription] = notification
        self._owner.told(self, subscription, notification)

    async def _poll(self, subscriptions: Sequence[Subscription]) -> None:
        """Where no notifications come: look for a new head while this endpoint serves, and tell of it as if one had come."""
        shown: str | None = None
        while True:
            await self.serving.wait()
            await self._clock.sleep(self._patience)
            try:
                (answer,) = await self.exchange([("eth_getBlockByNumber", ("latest", False))], batch=False)
                head = None if isinstance(answer, RpcError) else _told.decode(answer)
                if head is not None and head.hash == shown:
                    self._saw(int(head.number, 16))
            except (TryAgain, Moved, ValueError) as error:
                log.debug("the latest block could not be asked for", url=self.where, error=str(error))
                continue
            if isinstance(answer, RpcError) or head is None or head.hash == shown:
                continue
            shown = head.hash
            for subscription in subscriptions:
                self._heed(subscription, answer)

    @property
    def _patience(self) -> float:
        """Seconds until the next look: some looks for each block, fewer while the node wants to be asked less."""
        block_time = self.height.block_time
        wait = POLL if block_time is None else min(max(block_time / LOOKS, POLL_OFTEN), POLL_SELDOM)
        return max(wait, LOOKS / self.budget.pace) if self.budget.slowed else wait
