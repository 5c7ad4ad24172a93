"""What log intake asks the chain for, and the Ethereum node as its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
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

    async def logs(self, wanted: LogFilter, first: int, last: int) -> tuple[list[Log], Head | None]:
        """Logs of a range of blocks, and the header of the last of them as the same node has it: None says that it does not
        have the block, so that the logs are not all."""
        ...

    async def logs_in_block(self, wanted: LogFilter, block: Hash) -> list[Log]:
        """Logs of one block; an error when the node does not have it."""
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


class NotThereYet(TryAgain):
    """The Ethereum node does not have a block that another one, or the same one a moment ago, knew of."""


class ChainLogs:
    """``LogSource`` over an Ethereum node."""

    def __init__(self, chain: Chain, rpc: Batches) -> None:
        self._chain = chain
        self._rpc = rpc

    async def head(self, tag: str | int = "latest") -> Head | None:
        """A block's header."""
        return await self._chain.head(tag)

    async def logs(self, wanted: LogFilter, first: int, last: int) -> tuple[list[Log], Head | None]:
        """Both in one frame, so that one machine of a provider answers both: eth_getLogs itself answers "no logs" for blocks
        that it does not have."""
        found, block = await self._rpc.batch_raw(
            [("eth_getLogs", (codec.log_filter(wanted, first, last),)), ("eth_getBlockByNumber", (hex(last), False))]
        )
        if isinstance(found, RpcError):
            raise found
        if isinstance(block, RpcError):
            raise block
        return codec.logs(found), codec.head(block)

    async def logs_in_block(self, wanted: LogFilter, block: Hash) -> list[Log]:
        """Logs of one block."""
        return await self._chain.logs_in_block(wanted, block)
