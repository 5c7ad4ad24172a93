"""Reading logs: as many blocks at once as the Ethereum node answers for, and nothing believed that it may not have."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from adyton.domain.chain import Hash, Head, Log, LogFilter
from adyton.ethereum import limits
from adyton.ethereum.errors import RpcError, RpcTimeout
from adyton.initiators.source import ChainMoved, Heads, LogSource, NotThereYet
from adyton.metrics import Metrics
from adyton.ports import Clock

log = structlog.get_logger(__name__)

LONGEST = 100_000
"""Blocks that one query asks for at most, where it may ask for more than ETH_LOG_BACKFILL_BATCH_SIZE."""
_PATIENCE = 20
"""Good answers at a ceiling before it is raised by a quarter."""
_SLOW, _TOO_SLOW = 2.0, 5.0
"""Seconds: a query that takes the first is not asked for more, one that takes the second for less."""
_MANY, _TOO_MANY = 2000, 10_000
"""Logs, in the same sense."""


class Stride:
    """How many blocks one query asks for: ``usual`` at first, ``longest`` at most.

    What a node refuses is not tried again for a while, so a provider with a limit is refused once and not at every turn.
    """

    def __init__(self, usual: int, longest: int | None = None) -> None:
        self.blocks = usual
        self._longest = max(usual, longest or 0)
        self._ceiling = self._longest
        self._good = 0

    def refused(self, blocks: int) -> None:
        """The node does not answer for so many blocks at once."""
        self.blocks = self._ceiling = max(1, blocks // 2)
        self._good = 0

    def failed(self, blocks: int) -> None:
        """No answer for so many blocks came in time, or an error that may have to do with their number."""
        self.blocks = max(1, blocks // 2)

    def answered(self, blocks: int, seconds: float, logs: int) -> None:
        """An answer came."""
        if seconds > _TOO_SLOW or logs > _TOO_MANY:
            self.blocks = max(1, blocks // 2)
            return
        if seconds > _SLOW or logs > _MANY or blocks < self.blocks:
            return
        self._good += 1
        if self._good >= _PATIENCE and self.blocks >= self._ceiling:
            self._ceiling = min(self._longest, self._ceiling + max(1, self._ceiling // 4))
            self._good = 0
        self.blocks = min(self.blocks * 2, self._ceiling)


class Stretch(msgspec.Struct, frozen=True):
    """The logs of some blocks, each once and in the chain's order; ``last`` is the last of the blocks, with its hash."""

    last: int
    block_hash: Hash | None
    logs: list[Log]


class Reader:
    """Reads logs of canonical blocks."""

    def __init__(self, *, chain: LogSource, heads: Heads, clock: Clock, metrics: Metrics, finality_depth: int) -> None:
        self._chain = chain
        self._heads = heads
        self._clock = clock
        self._metrics = metrics
        self._finality_depth = finality_depth

    async def next(self, wanted: Sequence[LogFilter], first: int, through: int, head: Head, stride: Stride) -> Stretch:
        """The logs that any filter finds from the block ``first`` on, of as many blocks as the node answers for, at most up to
        ``through``.

        Refused ranges are asked for in smaller parts at once. Raises RpcError, RpcTimeout, Disconnected; ChainMoved when the
        node has other blocks than those known to be canonical; NotThereYet when it lags. Nothing is written.
        """
        if not wanted:
            return Stretch(through, await self._hash(through), [])
        while True:
            last = min(first + stride.blocks - 1, through)
            began = self._clock.monotonic()
            try:
                stretch = await self._read(wanted, first, last, head)
            except RpcTimeout:
                stride.failed(last - first + 1)
                raise
            except RpcError as error:
                await self._refused(error, first, last, stride)
                continue
            stride.answered(last - first + 1, self._clock.monotonic() - began, len(stretch.logs))
            return stretch

    async def _refused(self, error: RpcError, first: int, last: int, stride: Stride) -> None:
        """Make the stride smaller, or raise what a smaller one does not help against."""
        if limits.header_not_found(error):
            raise NotThereYet(f"the Ethereum node does not have block {last} yet: {error.message}") from error
        if limits.too_many(error) and last > first:
            self._metrics.log_range_refusals.inc()
            log.debug("a range of blocks was refused; asking for half of it", first=first, last=last, because=error.message)
            stride.refused(last - first + 1)
            return
        stride.failed(last - first + 1)
        raise error

    async def _read(self, wanted: Sequence[LogFilter], first: int, last: int, head: Head) -> Stretch:
        if first == last:
            # By hash: a node without the block says so, and limits of ranges do not apply.
            block_hash = head.hash if last == head.number else await self._hash(last)
            return Stretch(last, block_hash, in_order(await self._chain.logs_in_block(wanted, block_hash)))
        logs, block = await self._chain.logs(wanted, first, last)
        if block is None:
            raise NotThereYet(f"the Ethereum node does not have block {last} yet")
        await self._check_canonical(logs, block, head)
        return Stretch(last, block.hash, in_order(logs))

    async def _hash(self, number: int) -> Hash:
        found = await self._heads.canonical_hash(number)
        if found is None:
            raise NotThereYet(f"block {number} cannot be found on the chain now")
        return found

    async def _check_canonical(self, logs: list[Log], block: Head, head: Head) -> None:
        """Blocks that may still change must be the ones we know; older ones are final."""
        seen = {entry.block_number: entry.block_hash for entry in logs} | {block.number: block.hash}
        for number, block_hash in seen.items():
            if number > head.number - self._finality_depth and await self._heads.canonical_hash(number) != block_hash:
                raise ChainMoved(f"the logs of block {number} are of another branch than its header")


def in_order(logs: list[Log]) -> list[Log]:
    """Each log once, in the chain's order, whatever the node answered."""
    once = {(entry.block_hash, entry.log_index): entry for entry in logs}
    return sorted(once.values(), key=lambda entry: (entry.block_number, entry.log_index))
