"""What the loops of this part are given: the chain as they see it, and the tools they share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple, Protocol

from adyton.domain.chain import Address, Hash, Head, Hex, Receipt
from adyton.domain.errors import Disconnected
from adyton.domain.gas import GasRules
from adyton.domain.transactions import Fee, SignedTransaction, Transaction, UnsignedTransaction
from adyton.domain.trials import Verdict
from adyton.ethereum.errors import RpcError
from adyton.ethereum.head_tracker import ChainState
from adyton.metrics import Metrics
from adyton.ports import Clock, Entropy
from adyton.storage.database import Database
from adyton.transactions.estimators import Estimator


class ChainCalls(Protocol):
    """The calls that sending and following transactions needs. Each raises RpcError, RpcTimeout or Disconnected."""

    async def transaction_count(self, address: Address, tag: str) -> int:
        """An account's next nonce: by blocks (``latest``, a height in hex) or with the node's pool (``pending``)."""
        ...

    async def receipts(self, hashes: Sequence[Hash]) -> list[Receipt | None]:
        """Receipts, in order; None for what is in no block."""
        ...

    async def send_raw(self, raw: Hex) -> Hash:
        """Hand signed bytes over."""
        ...

    async def calls(
        self, calls: Sequence[tuple[Address, Hex, Address | None, int | None]], block: str | int
    ) -> list[Hex | RpcError]:
        """What contracts answer to several calls (to, data, sender, gas), in order; an error where one did not answer."""
        ...

    async def estimate_gas(self, *, to: Address | None, data: Hex, sender: Address | None, value: int) -> int:
        """Gas that a transaction would need now; a revert is an RpcError."""
        ...

    async def call(
        self, to: Address, data: Hex, *, sender: Address | None = None, block: str | int = "latest", gas: int | None = None
    ) -> Hex:
        """What a contract answers, without a transaction."""
        ...


class Tries(Protocol):
    """Tries transactions before they are sent."""

    async def judge(self, transactions: Sequence[Transaction], head: Head) -> list[Verdict]:
        """What would become of each at that head, in order. Raises Disconnected, StorageUnavailable."""
        ...


class Heads(Protocol):
    """The chain's newest state, and which blocks are canonical."""

    @property
    def state(self) -> ChainState:
        """The newest state."""
        ...

    def updates(self) -> AsyncIterator[ChainState]:
        """The newest state, then each change; states may be skipped."""
        ...

    async def canonical_hash(self, number: int) -> Hash | None:
        """The hash of the canonical block at a height; None when it cannot be told."""
        ...


class Signer(Protocol):
    """Holds the keys."""

    def addresses(self) -> tuple[Address, ...]:
        """Whose keys."""
        ...

    def sign(self, address: Address, unsigned: UnsignedTransaction) -> SignedTransaction:
        """The same values give the same bytes. Raises NotFound."""
        ...


class Prices:
    """The rules of prices as they are now. An operator may change them while the node runs: each price is made by the rules of
    its moment."""

    def __init__(self, rules: GasRules) -> None:
        self.rules = rules


class Parts(NamedTuple):
    """The tools, the same for every loop. ``finality_depth``: blocks after which the chain counts as settled. ``trial`` is None
    when transactions are sent untried. ``resend_after``: seconds without news after which the same bytes are sent again."""

    db: Database
    chain: ChainCalls
    heads: Heads
    signer: Signer
    clock: Clock
    entropy: Entropy
    prices: Prices
    chain_id: Callable[[], int | None]
    finality_depth: int
    metrics: Metrics
    estimator: Estimator
    trial: Tries | None
    resend_after: float = 30.0

    @property
    def rules(self) -> GasRules:
        """The rules of prices as they are now."""
        return self.prices.rules

    def head(self) -> Head:
        """The newest head. Raises Disconnected when the chain cannot be reached."""
        state = self.heads.state
        if not state.connected or state.head is None:
            raise Disconnected(state.problem or "no head of the chain has been seen yet", code="ADY-0600")
        return state.head

    def sign(self, transaction: Transaction, nonce: int, fee: Fee, *, noop: bool = False) -> SignedTransaction:
        """The transaction's bytes under a nonce and at a price; with ``noop`` bytes that take its nonce and do nothing: the
        key sends itself nothing. Raises ValueError when its row cannot be a transaction."""
        chain_id = self.chain_id()
        if chain_id is None:
            raise Disconnected("the chain's id is not known yet", code="ADY-0600")
        unsigned = UnsignedTransaction(
            chain_id=chain_id,
            nonce=nonce,
            to=transaction.from_address if noop else transaction.to_address,
            value=0 if noop else transaction.value,
            data="0x" if noop else transaction.data,
            gas_limit=transaction.gas_limit,
            fee=fee,
        )
        return self.signer.sign(transaction.from_address, unsigned)
