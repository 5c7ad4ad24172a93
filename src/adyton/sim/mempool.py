"""The simulated node's pool of transactions that wait for a block, with geth's rules and geth's words."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from adyton.sim.contracts import State, intrinsic_gas
from adyton.sim.rlp import SimTransaction

BLOCK_GAS = 30_000_000
PRICE_BUMP = 10
FEE_CAP_ETHER = 1


class Rejected(Exception):
    """The pool does not take the transaction; the text is what geth says."""


class Mempool:
    """Transactions by sender and nonce. Those behind a gap wait, as in geth's queue."""

    def __init__(self, *, chain_id: int, minimum_tip: int = 1) -> None:
        self._chain_id = chain_id
        self._minimum_tip = minimum_tip
        self._waiting: dict[str, dict[int, SimTransaction]] = {}

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._waiting.values())

    def find(self, identity: str) -> SimTransaction | None:
        """The waiting transaction with a hash, or None."""
        return next((each for each in self if each.hash == identity), None)

    def __iter__(self) -> Iterator[SimTransaction]:
        for queue in self._waiting.values():
            yield from queue.values()

    def next_nonce(self, sender: str, state: State) -> int:
        """The first nonce of a sender that neither the chain nor the pool has."""
        nonce = state.nonces.get(sender, 0)
        queue = self._waiting.get(sender, {})
        while nonce in queue:
            nonce += 1
        return nonce

    def add(self, transaction: SimTransaction, state: State) -> None:
        """Take a transaction in. Raises Rejected."""
        if transaction.is_foreign:
            self._put(transaction)
            return
        self._check_form(transaction)
        if self.find(transaction.hash):
            raise Rejected("already known")
        self._check_account(transaction, state)
        self._check_replacement(transaction)
        self._put(transaction)

    def put_back(self, transaction: SimTransaction) -> None:
        """Take back a transaction that a reorganisation threw out of its block; the dearer of two with one nonce stays."""
        rival = self._waiting.get(transaction.sender, {}).get(transaction.nonce)
        if rival is None or rival.fee_cap < transaction.fee_cap:
            self._put(transaction)

    def drop(self, identity: str) -> None:
        """Forget a transaction, as a node under memory pressure does."""
        found = self.find(identity)
        if found is not None:
            del self._waiting[found.sender][found.nonce]

    def prune(self, state: State) -> None:
        """Forget what can never be mined any more because its nonce is used."""
        for sender in list(self._waiting):
            spent = state.nonces.get(sender, 0)
            kept = {nonce: each for nonce, each in self._waiting[sender].items() if nonce >= spent}
            self._waiting[sender] = kept
            if not kept:
                del self._waiting[sender]

    def choose(self, state: State, base_fee: int) -> list[SimTransaction]:
        """What goes into the next block: the highest tip first, each sender's nonces in order, as much as the gas allows."""
        heads: list[tuple[int, int, str, int]] = []
        for order, sender in enumerate(self._waiting):
            self._offer(heads, order, sender, state.nonces.get(sender, 0), base_fee)
        chosen, gas = [], 0
        while heads:
            _, order, sender, nonce = heapq.heappop(heads)
            candidate = self._waiting[sender][nonce]
            if gas + candidate.gas > BLOCK_GAS:
                continue
            gas += candidate.gas
            chosen.append(candidate)
            self._offer(heads, order, sender, nonce + 1, base_fee)
        return chosen

    def _offer(self, heads: list[tuple[int, int, str, int]], order: int, sender: str, nonce: int, base_fee: int) -> None:
        candidate = self._waiting[sender].get(nonce)
        if candidate is not None and (candidate.is_foreign or candidate.tip(base_fee) >= 0):
            heapq.heappush(heads, (-candidate.tip(base_fee), order, sender, nonce))

    def _put(self, transaction: SimTransaction) -> None:
        self._waiting.setdefault(transaction.sender, {})[transaction.nonce] = transaction

    def _check_form(self, new: SimTransaction) -> None:
        if new.fee_cap * new.gas > FEE_CAP_ETHER * 10**18:
            # Decimal digits without floats: hundredths of an ether.
            hundredths = new.fee_cap * new.gas // 10**16
            raise Rejected(f"tx fee ({hundredths // 100}.{hundredths % 100:02d} ether) exceeds the configured cap (1.00 ether)")
        if new.chain_id != self._chain_id:
            raise Rejected(f"invalid sender: invalid chain id for signer: have {new.chain_id} want {self._chain_id}")
        if new.tip_cap > new.fee_cap:
            raise Rejected("max priority fee per gas higher than max fee per gas")
        if new.gas > BLOCK_GAS:
            raise Rejected("exceeds block gas limit")
        needed = intrinsic_gas(new.data)
        if new.gas < needed:
            raise Rejected(f"intrinsic gas too low: gas {new.gas}, minimum needed {needed}")
        if new.tip_cap < self._minimum_tip:
            raise Rejected(f"transaction underpriced: gas tip cap {new.tip_cap}, minimum needed {self._minimum_tip}")

    def _check_account(self, new: SimTransaction, state: State) -> None:
        next_nonce = state.nonces.get(new.sender, 0)
        if new.nonce < next_nonce:
            raise Rejected(f"nonce too low: next nonce {next_nonce}, tx nonce {new.nonce}")
        balance, cost = state.balances.get(new.sender, 0), new.value + new.gas * new.fee_cap
        others = sum(each.value + each.gas * each.fee_cap for nonce, each in self._queue(new) if nonce != new.nonce)
        missing = cost + others - balance
        if missing > 0:
            queued = f"queued cost {others}, " if others else ""
            raise Rejected(
                f"insufficient funds for gas * price + value: balance {balance}, {queued}tx cost {cost}, overshot {missing}"
            )

    def _queue(self, new: SimTransaction) -> list[tuple[int, SimTransaction]]:
        return list(self._waiting.get(new.sender, {}).items())

    def _check_replacement(self, new: SimTransaction) -> None:
        old = self._waiting.get(new.sender, {}).get(new.nonce)
        if old is None:
            return
        enough = all(
            100 * after >= (100 + PRICE_BUMP) * before
            for before, after in ((old.tip_cap, new.tip_cap), (old.fee_cap, new.fee_cap))
        )
        if not enough:
            raise Rejected("replacement transaction underpriced")
