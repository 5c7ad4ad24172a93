"""What log intake asks the chain for, and the Ethereum node as its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Protocol

import msgspec

from adyton.domain.chain import Hash, Head, Log, LogFilter
from adyton.domain.errors import TryAgain
from adyton.ethereum import codec
from adyton.ethereum.client import Chain
from adyton.ethereum.errors import RpcError
from adyton.ethereum.head_tracker import ChainState


class LogSource(Protocol):
    """What log intake asks the chain for. Every call raises RpcError, TryAgain."""

    async def head(self, tag: str | int = "latest") -> Head | None:
        """A block's header."""
        ...

    async def logs(self, wanted: Sequence[LogFilter], first: int, last: int) -> tuple[list[Log], Head | None]:
        """Logs of a range of blocks that any filter finds (one that several find is there as often), and the header of the last
        of them as the same node has it: None says that it does not have the block, so that the logs are not all."""
        ...

    async def logs_in_block(self, wanted: Sequence[LogFilter], block: Hash) -> list[Log]:
        """Logs of one block that any filter finds; an error when the node does not have it."""
        ...


class Heads(Protocol):
    """What log intake needs of the head tracker."""

    @property
    def state(self) -> ChainState:
        """The newest state."""
        ...

    def updates(self) -> AsyncIterator[ChainState]:
        """The newest state, then each change."""
        ...

    async def canonical_hash(self, number: int) -> Hash | None:
        """The hash of the canonical block at a height; None when it can't be told now."""
        ...


class Batches(Protocol):
    """Makes several calls in one frame."""

    async def batch_raw(self, calls: Sequence[tuple[str, Sequence[object]]]) -> Sequence[msgspec.Raw | RpcError]:
        """The JSON of each result, or the error that took its place. Raises TryAgain."""
        ...


class ChainMoved(TryAgain):
    """The chain was reorganised while it was read, or another branch was read; what was read counts for nothing."""

    usual = "ADY-0608"


class NotThereYet(TryAgain):
    """The Ethereum node does not have a block that another one, or the same one a moment ago, knew of."""

    usual = "ADY-0607"


class ChainLogs:
    """``LogSource`` over an Ethereum node."""

    def __init__(self, chain: Chain, rpc: Batches) -> None:
        self._chain = chain
        self._rpc = rpc

    async def head(self, tag: str | int = "latest") -> Head | None:
        """A block's header."""
        return await self._chain.head(tag)

    async def logs(self, wanted: Sequence[LogFilter], first: int, last: int) -> tuple[list[Log], Head | None]:
        """All in one frame, so that one machine of a provider answers all of it: eth_getLogs itself answers "no logs" for
        blocks that it does not have."""
        asked = [("eth_getLogs", (codec.log_filter(each, first, last),)) for each in wanted]
        *found, block = await self._rpc.batch_raw([*asked, ("eth_getBlockByNumber", (hex(last), False))])
        return _logs(found), codec.head(_sound(block))

    async def logs_in_block(self, wanted: Sequence[LogFilter], block: Hash) -> list[Log]:
        """Logs of one block."""
        if len(wanted) == 1:
            return await self._chain.logs_in_block(wanted[0], block)
        return _logs(await self._rpc.batch_raw([("eth_getLogs", (codec.block_filter(each, block),)) for each in wanted]))


def _logs(answers: Iterable[msgspec.Raw | RpcError]) -> list[Log]:
    """The logs in all the answers. Raises RpcError."""
    return [entry for answer in answers for entry in codec.logs(_sound(answer))]


def _sound(answer: msgspec.Raw | RpcError) -> msgspec.Raw:
    """An answer that is none of the errors. Raises RpcError."""
    if isinstance(answer, RpcError):
        raise answer
    return answer
