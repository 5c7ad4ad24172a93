"""Blocks that are read once more, chunk by chunk, while log intake follows the chain.

A re-read is a row; how far it is stands in it, written together with what was found. So it goes on after a crash where it
was, and a chunk that is read twice changes nothing. Following the chain comes first: a chunk is asked for when log intake has
caught up, but waits for that no longer than ``_PATIENCE`` seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from adyton.domain.errors import Broken, Refused, TryAgain
from adyton.ethereum.errors import RpcError
from adyton.initiators.listening import Listening
from adyton.initiators.reading import LONGEST, Reader, Stride
from adyton.initiators.source import Heads
from adyton.initiators.writing import Book, Reading
from adyton.ports import Clock
from adyton.storage import rereads as stored
from adyton.storage.database import Database
from adyton.storage.rereads import Reread

log = structlog.get_logger(__name__)

_PATIENCE = 30.0
_LONGEST_PAUSE = 10.0


class Rereads:
    """Works off the re-reads that are asked for, the oldest first.

    ``height`` is the block through which log intake has followed the chain: nothing is read again beyond it. ``caught_up`` is
    set while log intake has nothing to do.
    """

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        heads: Heads,
        reader: Reader,
        book: Book,
        listening: Listening,
        height: Callable[[], int | None],
        caught_up: asyncio.Event,
        usual_range: int,
        finality_depth: int,
    ) -> None:
        self._db = db
        self._clock = clock
        self._heads = heads
        self._reader = reader
        self._book = book
        self._listening = listening
        self._height = height
        self._caught_up = caught_up
        self._finality_depth = finality_depth
        self._stride = Stride(usual_range, LONGEST)
        self._stirred = asyncio.Event()
        self._any = True

    def wake(self) -> None:
        """Say that a re-read has been stored. A crash before that changes nothing: the start looks at the rows."""
        self._any = True
        self._stirred.set()

    def nudge(self) -> None:
        """Say that log intake has come further: a re-read may have waited for that."""
        if self._any:
            self._stirred.set()

    async def run(self) -> None:
        """Work, for ever. A chunk that fails is repeated, with growing pauses, until it succeeds."""
        pause = 0.05
        while True:
            self._stirred.clear()
            try:
                await self._live_first()
                if not await self.step():
                    await self._stirred.wait()
                pause = 0.05
                continue
            except (RpcError, TryAgain, Refused, Broken) as fault:
                log.info("blocks could not be read again now; trying again", because=str(fault), seconds=round(pause, 2))
            except Exception:
                log.exception("blocks could not be read again, in a way that must not be; trying again")
            await self._clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _live_first(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._caught_up.wait()

    async def step(self) -> bool:
        """Read one chunk; False when there is none to be read now."""
        reread = next(iter(await stored.open_ones(self._db, limit=1)), None)
        self._any = reread is not None
        state, height = self._heads.state, self._height()
        if reread is None or height is None or state.head is None or not state.connected or reread.next_block > height:
            return False
        ears = await self._listening.refresh()
        through = min(reread.through_block, height, state.head.number)
        stretch = await self._reader.next(ears.filters, reread.next_block, through, state.head, self._stride)
        if self._listening.now() is not ears:
            return True  # a job came meanwhile, perhaps the one that this is for: the same blocks once more
        await self._book.take_in(
            Reading(
                logs=stretch.logs,
                first=reread.next_block,
                last=stretch.last,
                progress=stored.progress(reread, stretch.last + 1, self._clock.now()),
                again=True,
                every_job=reread.every_job,
                tried_below=max(0, state.head.number - self._finality_depth + 1),
            )
        )
        _tell(reread, stretch.last)
        return True


def _tell(reread: Reread, last: int) -> None:
    if last >= reread.through_block:
        log.info("blocks have been read again", reason=reread.reason, first=reread.from_block, last=reread.through_block)
    else:
        log.debug("blocks are being read again", reason=reread.reason, read=last, last=reread.through_block)
