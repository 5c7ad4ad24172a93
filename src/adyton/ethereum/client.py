"""Ethereum's calls in the domain's values. Every method raises RpcError (the node's own words), RpcTimeout, Disconnected, and
MalformedAnswer if the node answered nonsense; nothing is repeated here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from adyton.domain.chain import Address, BlockTransaction, Hash, Head, Hex, Log, LogFilter, Receipt
from adyton.domain.market import FeeHistory
from adyton.ethereum import codec
from adyton.ethereum.connection import Call
from adyton.ethereum.errors import RpcError
from adyton.ethereum.rpc import RpcClient

T = TypeVar("T")


class Chain:
    """What the node may ask of the chain."""

    def __init__(self, rpc: RpcClient) -> None:
        self._rpc = rpc

    async def chain_id(self) -> int:
        """The id of the chain that the node serves."""
        return codec.chain_id(await self._rpc.call_raw("eth_chainId"))

    async def head(self, tag: str | int = "latest") -> Head | None:
        """The header at a height or tag; None if there is no such block (yet)."""
        return codec.head(await self._rpc.call_raw("eth_getBlockByNumber", codec.block(tag), False))

    async def heads(self, numbers: Sequence[int]) -> list[Head | None]:
        """The headers at several heights, in one batch."""
        return await self._batch(codec.head, [("eth_getBlockByNumber", (hex(number), False)) for number in numbers])

    async def head_by_hash(self, hash: Hash) -> Head | None:  # noqa: A002 - the field's word
        """The header with that hash, canonical or not; None if the node does not have it."""
        return codec.head(await self._rpc.call_raw("eth_getBlockByHash", hash, False))

    async def logs(self, wanted: LogFilter, first: int, last: int) -> list[Log]:
        """Logs of the blocks from ``first`` to ``last``, both included, as the node has them now."""
        return codec.logs(await self._rpc.call_raw("eth_getLogs", codec.log_filter(wanted, first, last)))

    async def logs_in_block(self, wanted: LogFilter, block: Hash) -> list[Log]:
        """Logs of the block with that hash. A node that does not have the block answers with an error."""
        return codec.logs(await self._rpc.call_raw("eth_getLogs", codec.block_filter(wanted, block)))

    async def receipts(self, hashes: Sequence[Hash]) -> list[Receipt | None]:
        """The receipts of transactions, in one batch; None for one that is not in a block."""
        return await self._batch(codec.receipt, [("eth_getTransactionReceipt", (item,)) for item in hashes])

    async def transaction_count(self, address: Address, tag: str) -> int:
        """The next nonce of an account: ``latest`` counts blocks, ``pending`` the node's pool as well."""
        return codec.quantity(await self._rpc.call_raw("eth_getTransactionCount", address, tag))

    async def balance(self, address: Address, block: str | int = "latest") -> int:
        """Wei, after that block."""
        return codec.quantity(await self._rpc.call_raw("eth_getBalance", address, codec.block(block)))

    async def block_transactions(self, number: int) -> list[BlockTransaction] | None:
        """The transactions of the block at a height, in order; None if there is no such block."""
        return codec.block_transactions(await self._rpc.call_raw("eth_getBlockByNumber", hex(number), True))

    async def fee_history(self, blocks: int, percentiles: Sequence[int]) -> FeeHistory:
        """What the last blocks took: their base fees, and the tips that so many percent of their gas paid at most."""
        return codec.fee_history(await self._rpc.call_raw("eth_feeHistory", hex(blocks), "latest", list(percentiles)))

    async def call(
        self,
        to: Address,
        data: Hex,
        *,
        sender: Address | None = None,
        block: str | int = "latest",
        gas: int | None = None,
    ) -> Hex:
        """What a contract answers. A revert is an RpcError (``reverts.revert_text`` says why)."""
        message = codec.message(to=to, data=data, sender=sender, gas=gas)
        return codec.data(await self._rpc.call_raw("eth_call", message, codec.block(block)))

    async def calls(
        self, calls: Sequence[tuple[Address, Hex, Address | None, int | None]], block: str | int
    ) -> list[Hex | RpcError]:
        """What contracts answer to calls (to, data, sender, gas), in order; one that failed has its RpcError there."""
        asked: list[Call] = [
            ("eth_call", (codec.message(to=to, data=data, sender=sender, gas=gas), codec.block(block)))
            for to, data, sender, gas in calls
        ]
        answers = await self._rpc.batch_raw(asked)
        return [answer if isinstance(answer, RpcError) else codec.data(answer) for answer in answers]

    async def send_raw(self, raw: Hex) -> Hash:
        """Hand a signed transaction to the nodes; returns its hash. After RpcTimeout or Disconnected it may have been taken."""
        return await self._rpc.broadcast(raw)

    async def estimate_gas(
        self,
        *,
        to: Address | None,
        data: Hex = "0x",
        sender: Address | None = None,
        value: int = 0,
    ) -> int:
        """Gas that a transaction would need now. A revert is an RpcError."""
        message = codec.message(to=to, data=data, sender=sender, value=value)
        return codec.quantity(await self._rpc.call_raw("eth_estimateGas", message))

    async def gas_price(self) -> int:
        """Wei per gas that the node suggests."""
        return codec.quantity(await self._rpc.call_raw("eth_gasPrice"))

    async def max_priority_fee(self) -> int:
        """Wei per gas that the node suggests as a tip."""
        return codec.quantity(await self._rpc.call_raw("eth_maxPriorityFeePerGas"))

    async def _batch(self, decode: Callable[[bytes | msgspec.Raw], T], calls: Sequence[Call]) -> list[T]:
        """Answers of calls that mean nothing one by one: the first error is raised."""
        values: list[T] = []
        for answer in await self._rpc.batch_raw(calls):
            if isinstance(answer, RpcError):
                raise answer
            values.append(decode(answer))
        return values
