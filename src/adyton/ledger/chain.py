"""What the ledger asks of the chain. ``ethereum.client.Chain`` answers it, real or simulated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from adyton.domain.chain import Address, BlockTransaction, Hash, Head, Hex, Log, LogFilter, Receipt


class ChainReader(Protocol):
    """What the ledger asks of the chain; ``ethereum.client.Chain`` answers."""

    async def head(self, tag: str | int = "latest") -> Head | None: ...
    async def heads(self, numbers: Sequence[int]) -> list[Head | None]: ...
    async def logs(self, wanted: LogFilter, first: int, last: int) -> list[Log]: ...
    async def block_transactions(self, number: int) -> list[BlockTransaction] | None: ...
    async def receipts(self, hashes: Sequence[Hash]) -> list[Receipt | None]: ...
    async def transaction_count(self, address: Address, tag: str) -> int: ...
    async def balance(self, address: Address, block: str | int = "latest") -> int: ...
    async def call(
        self,
        to: Address,
        data: Hex,
        *,
        sender: Address | None = None,
        block: str | int = "latest",
        gas: int | None = None,
    ) -> Hex: ...
