"""Which chain is the chain: follows the node's heads and keeps the canonical headers.

A notification is a hint. One that extends the tip is taken as it is; anything else (a gap, a fork, an equal or a lower height)
makes the tracker ask for the latest block and believe that, so heads may come doubled, late, out of order or not at all.

What it guarantees: the state that listeners get names a head whose ancestors are the canonical headers kept here, and those
were stored before (a database that cannot write only delays the storing). What it does not: show every block. Listeners look
at the newest state and ask for the rest by height.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator

import msgspec
import structlog

from adyton.domain.canonical import CanonicalChain, Change, Fit
from adyton.domain.chain import Hash, Head
from adyton.domain.errors import StorageUnavailable, TryAgain
from adyton.ethereum import codec
from adyton.ethereum.ancestry import branch_to
from adyton.ethereum.client import Chain
from adyton.ethereum.errors import MalformedAnswer, RpcError
from adyton.ethereum.latest import Latest, Slot
from adyton.ethereum.rpc import RpcClient
from adyton.storage import heads as stored
from adyton.storage.database import Database

REMEMBERED = 10_000
"""Hashes of older canonical blocks that are kept after they were asked for."""

log = structlog.get_logger(__name__)


class ChainState(msgspec.Struct, frozen=True):
    """What is known of the chain now. ``connection`` counts the connections made, so a listener that skipped a short loss sees
    it; ``head`` stays the last one known while disconnected; ``problem`` says, without credentials, why there is none."""

    connected: bool
    connection: int
    head: Head | None
    problem: str | None


class HeadTracker:
    """Follows the canonical chain over ``rpc``.

    ``history`` is how many headers are kept; a reorganisation that goes deeper starts the window afresh. ``stall`` (seconds) is
    how long no head may arrive before the latest block is asked for: a subscription can die without a word.
    """

    def __init__(self, *, rpc: RpcClient, chain: Chain, db: Database, history: int = 100, stall: float = 30.0) -> None:
        self._rpc = rpc
        self._chain = chain
        self._db = db
        self._history = history
        self._stall = stall
        self._canonical = CanonicalChain(history)
        self._older: OrderedDict[int, Hash] = OrderedDict()
        self._reorganisations = 0
        self._stored = True
        self._behind = False
        self._hints = Slot[msgspec.Raw]()
        self._state = Latest(ChainState(connected=False, connection=0, head=None, problem="not connected yet"))
        self._subscription = rpc.subscribe("newHeads", deliver=self._hints.put)

    @property
    def state(self) -> ChainState:
        """The newest state."""
        return self._state.value

    @property
    def connected(self) -> bool:
        """Whether there is a connection and a head has been seen on it."""
        return self.state.connected

    @property
    def problem(self) -> str | None:
        """What keeps the chain from being followed, without credentials; None if nothing does."""
        return self.state.problem

    def updates(self) -> AsyncIterator[ChainState]:
        """The newest state at once, then each change; a slow listener skips states and holds nobody up."""
        return self._state.updates()

    async def canonical_hash(self, number: int) -> Hash | None:
        """The hash of the canonical block at a height; None above the head, or if the node has no such block.

        Recent heights come from memory, older ones are asked for once. Raises RpcError, RpcTimeout, MalformedAnswer or
        Disconnected when the node had to be asked: nothing follows from that about the block.
        """
        recent = self._canonical.at(number)
        if recent is not None:
            return recent.hash
        tip = self._canonical.tip
        if tip is None or number < 0 or number > tip.number:
            return None
        return self._older.get(number) or await self._ask(number)

    async def run(self) -> None:
        """Follow the chain, for ever: through losses of the connection and whatever the node sends. Cancel to stop."""
        await self._load()
        follower: asyncio.Task[None] | None = None
        async with asyncio.TaskGroup() as parts:
            async for link in self._rpc.updates():
                if follower is not None:
                    # Wherever it was: adopted heads are stored again if their write did not return, and the first look on
                    # the next connection starts from what is kept.
                    follower.cancel()
                    await asyncio.wait({follower})
                    follower = None
                if link.connected:
                    follower = parts.create_task(self._follow(link.connection))
                else:
                    self._publish(connected=False, connection=link.connection, problem=link.problem)

    async def _load(self) -> None:
        """What was canonical when the node stopped, so that a reorganisation meanwhile is seen as one."""
        try:
            self._canonical = CanonicalChain(self._history, await stored.load(self._db))
        except StorageUnavailable as error:
            log.error("stored heads cannot be read", error=str(error))
            self._stored = False
        self._publish(connected=False, connection=0, problem=self._rpc.problem)

    async def _follow(self, connection: int) -> None:
        """One connection: look at the latest block at once, then heed hints, and look again when none come."""
        failures = 0
        hint: msgspec.Raw | None = None
        stalled = False
        while True:
            try:
                await self._heed(hint, stalled=stalled)
                self._publish(connected=True, connection=connection, problem=None)
                failures, wait = 0, self._stall
            except Exception as error:  # noqa: BLE001 - a defect must not end the following of heads; _tell logs it whole
                _tell(error, failures)
                if not self.state.connected:
                    self._publish(connected=False, connection=connection, problem=f"the chain's head is not known: {error}")
                wait = min(2.0**failures, self._stall)
                failures = min(failures + 1, 10)
            hint = await self._next_hint(wait)
            stalled = hint is None and failures == 0

    async def _next_hint(self, wait: float) -> msgspec.Raw | None:
        try:
            async with asyncio.timeout(wait):
                return await self._hints.take()
        except TimeoutError:
            return None

    async def _heed(self, hint: msgspec.Raw | None, *, stalled: bool) -> None:
        told = _told(hint)
        if told is not None and self._canonical.fit(told) is Fit.EXTENDS:
            await self._adopt([told])
        elif told is None or not self._is_tip(told):
            await self._look(told, stalled=stalled)
        elif not self._stored:
            await self._store(())

    async def _look(self, told: Head | None, *, stalled: bool) -> None:
        """Ask which block is the latest and make it the tip."""
        latest = await self._chain.head("latest")
        if latest is None:
            raise MalformedAnswer("the node has no latest block")
        if stalled and not self._is_tip(latest):
            log.warning("no heads arrived although the chain went on; subscribing again", head=latest.number)
            await self._rpc.renew(self._subscription)
        if self._waits_behind(latest, told):
            return
        if self._canonical.fit(latest) is not Fit.KNOWN:
            # Only reads until the branch is complete: a loss of the connection in the middle changes nothing.
            await self._adopt(await branch_to(latest, self._canonical, self._chain, self._history))
            return
        self._canonical.refresh(latest)
        await self._settle(self._canonical.rewind(latest.number))

    def _waits_behind(self, latest: Head, told: Head | None) -> bool:
        """Whether the node is only behind what was seen (it lags, or the answer came from a slower machine behind the same
        address): then nothing moves back on its first word. Its second word counts, or the same one by notification."""
        tip, root = self._canonical.tip, self._canonical.root
        behind = tip is not None and latest.number < tip.number
        behind = (
            behind and root is not None and (latest.number < root.number or self._canonical.holds(latest.number, latest.hash))
        )
        confirmed = self._behind or (told is not None and told.hash == latest.hash)
        self._behind = behind
        if behind:
            log.warning("the ethereum node is behind what was seen before", head=latest.number, moving_back=confirmed)
        return behind and not confirmed

    def _is_tip(self, head: Head) -> bool:
        tip = self._canonical.tip
        return tip is not None and tip.hash == head.hash

    async def _adopt(self, branch: list[Head]) -> None:
        old = self._canonical.tip
        change = self._canonical.adopt(branch)
        if old is not None and change.ancestor is None:
            self._forget_older()
        await self._settle(change)

    async def _settle(self, change: Change) -> None:
        if change.removed:
            log.info("chain reorganised", removed=len(change.removed), ancestor=change.ancestor and change.ancestor.number)
        if change.added or change.removed or not self._stored:
            await self._store(change.added)

    async def _store(self, added: tuple[Head, ...]) -> None:
        """Store what changed; everything kept, if the last write did not return.

        A database that cannot write does not stop the node from following the chain: these rows only tell a restart what had
        been seen. Without them it takes the chain as it then is, and log intake compares hashes with its own cursor.
        """
        heads = self._canonical.heads
        wanted = added if self._stored else heads
        self._stored = False
        try:
            # Cancelled or crashed here, the rows are old or new as a whole; both are a chain that once was canonical.
            await self._db.write(*stored.save(wanted, oldest=heads[0].number, newest=heads[-1].number))
            self._stored = True
        except StorageUnavailable as error:
            log.error("heads cannot be stored yet", error=str(error))

    def _publish(self, *, connected: bool, connection: int, problem: str | None) -> None:
        self._state.set(ChainState(connected, connection, self._canonical.tip, problem))

    async def _ask(self, number: int) -> Hash | None:
        before = self._reorganisations
        head = await self._chain.head(number)
        if head is None or head.number != number:
            return None
        if before == self._reorganisations:  # otherwise the answer may be from the chain that was left meanwhile
            self._older[number] = head.hash
            if len(self._older) > REMEMBERED:
                self._older.popitem(last=False)
        return head.hash

    def _forget_older(self) -> None:
        """The kept headers no longer grow from the ones before them, so neither do the older blocks asked for."""
        self._reorganisations += 1
        self._older.clear()


def _tell(error: Exception, failures: int) -> None:
    """Log why the head is not known: what the node or the line did, or a defect of ours."""
    if isinstance(error, RpcError | TryAgain):
        log.warning("the chain's head is not known", error=str(error), failures=failures)
    else:
        log.error("the chain cannot be followed, in a way that must not be; trying again", exc_info=error)


def _told(hint: msgspec.Raw | None) -> Head | None:
    """The header in a notification; None makes the tracker ask."""
    if hint is None:
        return None
    try:
        return codec.head(hint)
    except MalformedAnswer as error:
        log.warning("unreadable head from the ethereum node", error=str(error))
        return None
