"""One transaction, looked up by its hash: for people who ask what became of it."""

from __future__ import annotations

import msgspec

from adyton.domain.chain import Hash, Receipt
from adyton.ethereum.client import Chain
from adyton.ethereum.errors import MalformedAnswer
from adyton.ethereum.rpc import RpcClient

_transaction = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)


class TransactionLookup:
    """Asks the Ethereum node. Every method raises RpcError, TryAgain."""

    def __init__(self, chain: Chain, rpc: RpcClient) -> None:
        self._chain = chain
        self._rpc = rpc

    async def receipt(self, transaction: Hash) -> Receipt | None:
        """The receipt; None when it is in no block of the chain."""
        return (await self._chain.receipts([transaction]))[0]

    async def known(self, transaction: Hash) -> bool:
        """Whether the Ethereum node knows the transaction, mined or not."""
        try:
            return _transaction.decode(await self._rpc.call_raw("eth_getTransactionByHash", transaction)) is not None
        except msgspec.DecodeError as error:
            raise MalformedAnswer(f"transaction: {error}") from error
