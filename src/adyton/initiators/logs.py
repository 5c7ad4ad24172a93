"""Log intake: every log of every block, once, whatever happens in between.

The cursor (a row) says through which block logs have been taken in; a new head only wakes. Each pass asks for the logs of
the blocks behind the cursor, decides about them, and writes decisions, runs, requests and cursor in one operation. So a crash
at any await costs nothing: the next pass starts at the cursor. Reading a block twice is harmless: everything is keyed.

- Logs of a range are believed when the same answer shows that the node has the range's last block, on the chain we know; the
  newest block is asked for by its hash, so a node that does not have it says so instead of answering "no logs".
- Ranges shrink when the node refuses them or is too slow, and grow back.
- When the cursor's block is no longer on the chain, the last ``finality_depth`` blocks are read again.
- At every new connection the last blocks are read again, ``margin`` at least: another node may have been behind; and every
  ``look_back`` seconds the last ``finality_depth``: a node may have left logs out. Only what is new is written.
- Older blocks are read again where a row asks for it (``rereads``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from adyton.domain.chain import Address, Head
from adyton.domain.errors import Broken, Refused, TryAgain
from adyton.domain.event_logs import begun
from adyton.engine.create import RunMaker
from adyton.engine.engine import Engine
from adyton.engine.jobs import JobRegistry
from adyton.ethereum.errors import RpcError
from adyton.ethereum.head_tracker import ChainState
from adyton.initiators.beginning import first_block, wanted_before
from adyton.initiators.listening import Listening
from adyton.initiators.open_requests import OpenRequests
from adyton.initiators.reading import Reader, Stride
from adyton.initiators.rereads import Rereads
from adyton.initiators.source import ChainMoved, Heads, LogSource, NotThereYet
from adyton.initiators.writing import Book, Reading
from adyton.metrics import Metrics
from adyton.ports import Clock
from adyton.storage import logs as stored
from adyton.storage.database import Database
from adyton.storage.logs import Cursor

log = structlog.get_logger(__name__)

_LONGEST_PAUSE = 10.0


class LogIntake:
    """Follows the chain and starts runs for the requests found on it.

    ``own`` are contracts whose requests are accounted for whether or not a job listens to them. ``look_back`` is in seconds; 0
    looks back at connections only.
    """

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        chain: LogSource,
        heads: Heads,
        jobs: JobRegistry,
        maker: RunMaker,
        engine: Engine,
        open_requests: OpenRequests,
        metrics: Metrics,
        finality_depth: int,
        margin: int,
        longest_range: int,
        look_back: float = 0.0,
        own: Sequence[Address] = (),
    ) -> None:
        self._db = db
        self._clock = clock
        self._chain = chain
        self._heads = heads
        self._jobs = jobs
        self._finality_depth = finality_depth
        self._margin = margin
        self._look_back_every = look_back
        self._listening = Listening(db=db, clock=clock, jobs=jobs, own=own)
        self._reader = Reader(chain=chain, heads=heads, clock=clock, metrics=metrics, finality_depth=finality_depth)
        self._book = Book(
            db=db,
            clock=clock,
            heads=heads,
            listening=self._listening,
            maker=maker,
            engine=engine,
            open_requests=open_requests,
            metrics=metrics,
        )
        self._stride = Stride(longest_range)
        self._cursor: Cursor | None = None
        self._furthest = -1
        self._connection = 0
        self._looked_back = clock.monotonic()
        self._looked_to = -1
        self._caught_up = asyncio.Event()
        self.rereads = Rereads(
            db=db,
            clock=clock,
            heads=heads,
            reader=self._reader,
            book=self._book,
            listening=self._listening,
            height=lambda: self.height,
            caught_up=self._caught_up,
            usual_range=longest_range,
            finality_depth=finality_depth,
        )

    @property
    def height(self) -> int | None:
        """The block through which logs have been taken in; lower for a moment while the last blocks are read again."""
        return None if self._cursor is None else self._cursor.block_number

    @property
    def reached(self) -> int | None:
        """As ``height``, but that it does not sink while the last blocks are read again: where what is new begins."""
        head = self._heads.state.head
        if self._cursor is None or head is None:
            return self.height
        return max(self._cursor.block_number, min(self._furthest, head.number))

    @property
    def taken_in(self) -> Cursor | None:
        """That block, with its hash where it was read and not only begun at: if it is canonical, what is before it has been
        read as it is on the chain now."""
        return self._cursor

    def wake(self) -> None:
        """Say that a re-read has been stored."""
        self.rereads.wake()

    async def run(self) -> None:
        """Follow the chain, and read again what is asked for, for ever."""
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self.follow())
            parts.create_task(self.rereads.run())

    async def follow(self) -> None:
        """Follow the chain, for ever. A pass that fails is repeated, with growing pauses, until it succeeds."""
        async for state in self._heads.updates():
            pause = 0.05
            while state.connected and state.head is not None:
                self._caught_up.clear()
                try:
                    await self._catch_up(state, state.head)
                    self._caught_up.set()
                    self.rereads.nudge()
                    break
                except (ChainMoved, NotThereYet) as moment:
                    log.info("logs are taken in as soon as the chain is clear", because=str(moment), seconds=round(pause, 2))
                except (RpcError, TryAgain, Refused, Broken) as fault:
                    log.warning("logs could not be taken in; trying again", because=str(fault), seconds=round(pause, 2))
                except Exception:
                    log.exception("logs could not be taken in, in a way that must not be; trying again")
                await self._clock.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                state = self._heads.state  # noqa: PLW2901 - the newest head, not the one that failed

    # --- which blocks ------------------------------------------------------------------------------------------------

    async def _catch_up(self, state: ChainState, head: Head) -> None:
        cursor = await self._where(state, head)
        if state.connection != self._connection:
            self._cursor = cursor = _back(cursor, max(self._margin, self._finality_depth))
            self._connection = state.connection
        cursor = await self._on_chain(cursor, head)
        while cursor.block_number < head.number:
            cursor = await self._pass(cursor, head)
        await self._look_back(head)

    async def _where(self, state: ChainState, head: Head) -> Cursor:
        if self._cursor is None:
            cursor = await stored.cursor(self._db)
            if cursor is None:
                cursor = await self._begin(head)
                self._connection = state.connection
            self._furthest = cursor.block_number
            # A process before this one may have read its last blocks while they were young, and not have looked back.
            self._looked_to = max(cursor.block_number, head.number - self._finality_depth) - self._finality_depth
            self._cursor = cursor
        return self._cursor

    async def _begin(self, head: Head) -> Cursor:
        """The first cursor of a node that has never read this chain. What its jobs want from before is a re-read, stored in
        the same write, and so is where ethlog initiators begin that do not say: a crash leaves all of it or none."""
        jobs = list(self._jobs.jobs.values())
        first = await first_block(self._chain, jobs, head.number, self._margin)
        cursor = Cursor(first - 1, None)
        await self._db.write(*wanted_before(jobs, first, self._clock.now()), stored.advance(cursor), stored.begins(first))
        for job in jobs:
            if job.id in self._jobs.jobs and (known := begun(job, cursor.block_number)) is not job:
                self._jobs.add(known)
        self.rereads.wake()
        return cursor

    async def _on_chain(self, cursor: Cursor, head: Head) -> Cursor:
        """The cursor, or one far enough back if its block has left the chain."""
        if cursor.block_number <= head.number:
            if cursor.block_hash is None:
                return cursor
            canonical = await self._heads.canonical_hash(cursor.block_number)
            if canonical == cursor.block_hash:
                return cursor
            if canonical is None:
                raise ChainMoved(f"block {cursor.block_number} cannot be found on the chain now")
        log.info("the chain was reorganised; reading again", block=cursor.block_number, back=self._finality_depth)
        self._cursor = back = _back(Cursor(min(cursor.block_number, head.number), None), self._finality_depth)
        return back

    # --- one pass ----------------------------------------------------------------------------------------------------

    async def _pass(self, cursor: Cursor, head: Head) -> Cursor:
        """Take in the next blocks; returns the new cursor, durable."""
        ears = await self._listening.refresh()
        first = cursor.block_number + 1
        stretch = await self._reader.next(ears.filters, first, head.number, head, self._stride)
        await self._check_unbroken(cursor, head)
        reached = Cursor(stretch.last, stretch.block_hash)
        again = first <= self._furthest
        await self._book.take_in(
            Reading(logs=stretch.logs, first=first, last=stretch.last, progress=stored.advance(reached), again=again)
        )
        self._furthest = max(self._furthest, stretch.last)
        if self._listening.now() is not ears:
            # A job came while these blocks were read without it. A crash here is made good by the look back at the next start.
            return cursor
        self._cursor = reached
        return reached

    async def _check_unbroken(self, cursor: Cursor, head: Head) -> None:
        """What the passes before have read must be of the branch that this one read."""
        recent = cursor.block_hash is not None and cursor.block_number > head.number - self._finality_depth
        if recent and await self._heads.canonical_hash(cursor.block_number) != cursor.block_hash:
            raise ChainMoved(f"block {cursor.block_number} left the chain while the next ones were read")

    async def _look_back(self, head: Head) -> None:
        """Now and then, read the blocks once more that may still change: a node may have answered with some logs missing. None
        is left out that was so young when it was read, however many blocks have come since the last look."""
        now = self._clock.monotonic()
        if not self._look_back_every or now - self._looked_back < self._look_back_every:
            return
        first = max(0, min(head.number - self._finality_depth, self._looked_to) + 1)
        while first <= head.number:
            ears = await self._listening.refresh()
            stretch = await self._reader.next(ears.filters, first, head.number, head, self._stride)
            await self._book.take_in(Reading(logs=stretch.logs, first=first, last=stretch.last, again=True))
            first = stretch.last + 1
        self._looked_back, self._looked_to = now, head.number - self._margin


def _back(cursor: Cursor, blocks: int) -> Cursor:
    return Cursor(max(-1, cursor.block_number - blocks), None)
