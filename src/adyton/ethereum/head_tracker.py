"""Which chain is the chain: follows the node's heads and keeps the canonical headers.

A notification is a hint. One that extends the tip is taken as it is; anything else (a gap, a fork, an equal or a lower height)
makes the tracker ask for the latest block and believe that, so heads may come doubled, late, out of order or not at all.

A chain that loses a final block is followed like any other; an alarm is raised in the same write, for people to act on
(``ethereum.finality``).

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

from adyton.domain.canonical import CanonicalChain, Change, Fit, violation
from adyton.domain.chain import Hash, Head
from adyton.domain.errors import StorageUnavailable, TryAgain
from adyton.ethereum import codec, finality
from adyton.ethereum.ancestry import branch_to
from adyton.ethereum.client import Chain
from adyton.ethereum.errors import MalformedAnswer, RpcError
from adyton.ethereum.latest import Latest, Slot
from adyton.ethereum.rpc import RpcClient
from adyton.metrics import Metrics
from adyton.ports import Clock
from adyton.storage import alarms
from adyton.storage import heads as stored
from adyton.storage import logs as stored_logs
from adyton.storage.alarms import Alarm
from adyton.storage.database import Database

REMEMBERED = 10_000
"""Hashes of older canonical blocks that are kept after they were asked for."""
SECOND_WORD = 5.0
"""Seconds until a node is asked again that is behind everything kept: it lags, or the chain began anew."""

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

    ``history`` is how many headers are kept; a reorganisation that goes deeper starts the window afresh. ``finality_depth`` is
    how many blocks a reorganisation may take before it is an alarm. ``stall`` (seconds) is how long no head may arrive before
    the latest block is asked for: a subscription can die without a word.
    """

    def __init__(
        self,
        *,
        rpc: RpcClient,
        chain: Chain,
        db: Database,
        clock: Clock,
        metrics: Metrics,
        finality_depth: int,
        history: int = 100,
        stall: float = 30.0,
    ) -> None:
        self._rpc = rpc
        self._chain = chain
        self._db = db
        self._clock = clock
        self._metrics = metrics
        self._finality_depth = finality_depth
        self._history = history
        self._stall = stall
        self._canonical = CanonicalChain(history)
        self._older: OrderedDict[int, Hash] = OrderedDict()
        self._reorganisations = 0
        self._stored = True
        self._behind: Head | None = None
        self._tip_from = 0
        """The connection on which the tip was seen; 0: an earlier process saw it."""
        self._taken_in: tuple[Head, ...] = ()
        self._alarms: list[Alarm] = []
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
            self._taken_in = await self._older_than_kept()
        except StorageUnavailable as error:
            log.error("stored heads cannot be read", error=str(error))
            self._stored = False
        self._publish(connected=False, connection=0, problem=self._rpc.problem)

    async def _older_than_kept(self) -> tuple[Head, ...]:
        """The block through which logs were taken in, if it is older than the stored heads, or there are none."""
        cursor, root = await stored_logs.cursor(self._db), self._canonical.root
        if cursor is None or cursor.block_hash is None or (root is not None and root.number <= cursor.block_number):
            return ()
        return (Head(cursor.block_number, cursor.block_hash, "", 0),)

    async def _follow(self, connection: int) -> None:
        """One connection: look at the latest block at once, then heed hints, and look again when none come."""
        failures = 0
        hint: msgspec.Raw | None = None
        stalled = False
        while True:
            try:
                await self._heed(hint, stalled=stalled)
                self._publish(connected=True, connection=connection, problem=None)
                failures, wait = 0, self._patience
            except Exception as error:  # noqa: BLE001 - a defect must not end the following of heads; _tell logs it whole
                _tell(error, failures)
                if not self.state.connected:
                    self._publish(connected=False, connection=connection, problem=f"the chain's head is not known: {error}")
                wait = min(2.0**failures, self._stall)
                failures = min(failures + 1, 10)
            hint = await self._next_hint(wait)
            stalled = hint is None and failures == 0 and wait >= self._stall

    @property
    def _patience(self) -> float:
        """Seconds until the latest block is asked for when no hint comes.

        A node that lags by a few blocks is given time. One that is behind everything kept more likely shows a chain that began
        anew, and each block that passes before that is believed is one more that a replay must read.
        """
        root = self._canonical.root
        anew = self._behind is not None and root is not None and self._behind.number < root.number
        return min(SECOND_WORD, self._stall) if anew else self._stall

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
        old = self._canonical.heads
        change = self._canonical.rewind(latest.number)
        await self._settle(change, old, change.ancestor)

    def _waits_behind(self, latest: Head, told: Head | None) -> bool:
        """Whether the node is only behind what was seen (it lags, or the answer came from a slower machine behind the same
        address): then nothing moves back on its first word. Its second word counts, or the same one by notification.

        Not for blocks that are final and were seen on an earlier connection: they are another endpoint's, perhaps, and this one
        has yet to come to them. If they are gone after all, the next block that is on none of them tells."""
        tip, root = self._canonical.tip, self._canonical.root
        held = self._canonical.holds(latest.number, latest.hash)
        if tip is None or root is None or latest.number >= tip.number or not (held or latest.number < root.number):
            self._behind = None
            return False
        final = held and tip.number - latest.number > self._finality_depth and 0 < self._tip_from < self._rpc.link.connection
        confirmed = not final and (self._behind is not None or (told is not None and told.hash == latest.hash))
        if confirmed or self._behind is None:
            log.warning("the ethereum node is behind what was seen before", head=latest.number, moving_back=confirmed)
        self._behind = latest
        return not confirmed

    def _is_tip(self, head: Head) -> bool:
        tip = self._canonical.tip
        return tip is not None and tip.hash == head.hash

    async def _adopt(self, branch: list[Head]) -> None:
        tip, old = branch[-1], (*self._taken_in, *self._canonical.heads)
        joins = self._canonical.fit(branch[0]) in (Fit.EXTENDS, Fit.FORK)
        try:
            ancestor = None if joins else await finality.newest_common(old, tip, self._chain)
        except finality.CannotTell as why:
            log.warning("it cannot be told whether the chain has lost what was final", head=tip.number, because=str(why))
            old, ancestor = (), None
        # No await from here to the write: a loss of the connection finds either the old chain or the new one with its alarm.
        kept = bool(self._canonical.heads)
        change = self._canonical.adopt(branch)
        if kept and change.ancestor is None:
            self._forget_older()
        self._taken_in = ()
        await self._settle(change, old, change.ancestor if joins else ancestor)

    async def _settle(self, change: Change, old: tuple[Head, ...], ancestor: Head | None) -> None:
        """Count, tell and store what changed on the way from ``old``, of which ``ancestor`` is the newest that is left."""
        tip = self._canonical.heads[-1]
        if change.added or change.removed:
            self._tip_from = self._rpc.link.connection
            self._metrics.heads_received.inc()
        if change.removed:
            self._metrics.reorganisations.inc()
            log.info("chain reorganised", removed=len(change.removed), ancestor=change.ancestor and change.ancestor.number)
        found = violation(old, tip, ancestor, self._finality_depth)
        if found is not None:
            self._metrics.finality_violations.inc()
            alarm = finality.alarm(found, tip, self._finality_depth, self._clock.now())
            self._alarms.append(alarm)
            log.error(alarm.name, because=alarm.detail, cure=alarm.cure, depth=found.depth)
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
            # An alarm goes with the heads that it is about: stored without it, they would look as if nothing had happened.
            saved, raised = stored.save(wanted, oldest=heads[0].number, newest=heads[-1].number), tuple(self._alarms)
            await self._db.write(*saved, *map(alarms.raised, raised))
            self._alarms = self._alarms[len(raised) :]
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
