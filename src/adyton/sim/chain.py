"""An Ethereum chain in memory: blocks on the simulated clock, a mempool, one oracle contract, reorganisations.

The state is never edited: it is what the canonical blocks make of the genesis. A reorganisation therefore changes nonces,
commitments and answers by itself, as on a real chain.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import cbor2

from adyton.sim.blocks import Announcement, Block, Genesis, MinedLog
from adyton.sim.clock import EPOCH, SimulatedClock
from adyton.sim.contracts import (
    BLOCK_GAS_TARGET,
    CANCEL,
    CONSUMER,
    ORACLE,
    Answer,
    Outcome,
    State,
    apply,
    request_calldata,
    request_id,
    word,
)
from adyton.sim.entropy import stream
from adyton.sim.mempool import Mempool
from adyton.sim.rlp import SimTransaction, Undecodable, hexed, keccak, read_transaction, unhex
from adyton.sim.trace import Trace

LINK_UNIT = 10**18
GWEI = 10**9
ELSEWHERE = b"signed elsewhere"
"""The bytes of a transaction that somebody else signed with the node's key."""


class SimulatedChain:
    """The chain. ``period`` is the mean time between blocks in seconds, each drawn within ``jitter`` of it.

    ``base_fee`` of None makes a chain from before EIP-1559. ``height`` blocks exist from the beginning. ``drift`` is the part
    by which the base fee changes with each block beside its wandering; EIP-1559 allows an eighth.
    """

    def __init__(
        self,
        seed: int | str,
        clock: SimulatedClock,
        trace: Trace,
        genesis: Genesis,
        *,
        chain_id: int = 1337,
        period: float = 12.0,
        jitter: float = 0.3,
        base_fee: int | None = 10 * GWEI,
        height: int = 5,
    ) -> None:
        self.chain_id = chain_id
        self.period = period
        self.listeners: list[Callable[[Announcement], None]] = []
        self._random = stream(seed, "chain")
        self._clock = clock
        self._trace = trace
        self._jitter = jitter
        self._genesis = State(balances=dict(genesis.balances), authorised=frozenset(genesis.authorised))
        self.state = self._genesis
        self._states: dict[str, State] = {}
        self.pool = Mempool(chain_id=chain_id)
        self.blocks: list[Block] = []
        self.by_hash: dict[str, Block] = {}
        self._included: dict[str, Block] = {}
        self._built = 0
        self._requests: dict[str, str] = {}
        self._jobs_asked = 0
        self.next_base_fee = base_fee
        self.drift = 0.0
        for ago in range(height, -1, -1):
            self._append(self._build([], EPOCH - int(ago * period), base_fee))

    # --- looking ---------------------------------------------------------------------------------------------------

    @property
    def head(self) -> Block:
        """The newest canonical block."""
        return self.blocks[-1]

    def block(self, number: int) -> Block | None:
        """The canonical block of a height, or None."""
        return self.blocks[number] if 0 <= number < len(self.blocks) else None

    def block_of(self, transaction: str) -> Block | None:
        """The canonical block that holds a transaction, or None."""
        return self._included.get(transaction)

    def age(self, block: Block) -> float:
        """The simulated seconds since this node learned of a block."""
        return self._clock.monotonic() - block.born

    def answers(self, identity: str) -> list[Answer]:
        """What the consumer was handed for a request, on the canonical chain."""
        return list(self.state.answers.get(identity, ()))

    def is_open(self, identity: str) -> bool:
        """Whether the oracle contract still waits for an answer to a request."""
        return identity in self.state.commitments

    def transaction_of(self, identity: str) -> str:
        """The hash of the transaction that made a request."""
        return self._requests[identity]

    def state_after(self, block: Block) -> State:
        """The state after a block, canonical or not. Not to be changed."""
        return self._states[block.hash]

    # --- asking and sending ----------------------------------------------------------------------------------------

    def request(
        self, job_id: str, data: Mapping[str, Any] | bytes, *, payment: int = LINK_UNIT, requester: str = CONSUMER
    ) -> str:
        """Put an oracle request into the mempool and return its id.

        ``data`` goes onto the chain as CBOR key/value pairs without the enclosing map, as consumer contracts write it; bytes go
        as they are. The id does not depend on the block, so that a request keeps it through a reorganisation.
        """
        self._jobs_asked += 1
        payload = data if isinstance(data, bytes) else b"".join(cbor2.dumps(k) + cbor2.dumps(v) for k, v in data.items())
        topic = job_id.encode().ljust(32, b"\0")
        calldata = request_calldata(topic, self._jobs_asked, payload, requester=requester, payment=payment)
        identity = request_id(requester, self._jobs_asked)
        self._requests[identity] = self._foreign(calldata, caller=requester)
        self._trace.note("request", f"{identity} job {job_id}")
        return identity

    def cancel(self, identity: str) -> str:
        """Put the requester's cancellation of an open request into the mempool and return the transaction's hash.

        It reverts in a block earlier than five minutes after the request's.
        """
        origin = self.block_of(self.transaction_of(identity))
        assert origin is not None, "the request is not on the chain"
        log = next(each.emitted for each in origin.logs if each.emitted.data[32:64] == unhex(identity))
        payment, function, expiration = log.data[64:96], log.data[128:160], log.data[160:192]
        requester = hexed(log.data[12:32])
        return self._foreign(CANCEL + unhex(identity) + payment + function + expiration, caller=requester)

    def fund(self, account: str, wei: int) -> str:
        """Put somebody's gift into the mempool and return the transaction's hash."""
        return self._foreign(b"", caller="", to=account, value=wei)

    def spend_nonce(self, account: str) -> str:
        """Put a transaction of ``account`` into the mempool that somebody else signed with its key, and return the hash."""
        self._built += 1
        nonce = self.pool.next_nonce(account, self.state)
        fee = 3 * (self.next_base_fee or 20 * GWEI) + 5 * GWEI
        prices: dict[str, Any] = {"tip_cap": 5 * GWEI, "fee_cap": fee}
        if self.next_base_fee is None:
            prices = {"tip_cap": fee, "fee_cap": fee, "gas_price": fee}
        transaction = SimTransaction(
            hash=hexed(keccak(b"own" + word(self._built))),
            sender=account,
            nonce=nonce,
            to="0x" + "5e" * 20,
            gas=21_000,
            chain_id=self.chain_id,
            raw=ELSEWHERE,
            **prices,
        )
        self.pool.add(transaction, self.state)
        self._trace.note("pool", f"{transaction.hash} from {account} nonce {nonce}, sent by somebody else")
        return transaction.hash

    def _foreign(self, data: bytes, *, caller: str, to: str = ORACLE, value: int = 0) -> str:
        self._built += 1
        sender = hexed(keccak(b"sender" + word(self._built))[12:])
        identity = hexed(keccak(b"transaction" + word(self._built)))
        # The tips of strangers vary, so that their transactions and the node's own come in any order within a block.
        tip = self._random.randint(1, 5 * GWEI)
        self.pool.add(
            SimTransaction(
                hash=identity, sender=sender, nonce=0, to=to, data=data, tip_cap=tip, fee_cap=10**15, caller=caller, value=value
            ),
            self.state,
        )
        return identity

    def submit(self, raw: bytes) -> str:
        """Take signed bytes into the mempool, as a node does for ``eth_sendRawTransaction``, and return the hash.

        Raises Undecodable or Rejected, both with geth's words.
        """
        transaction = read_transaction(raw)
        if transaction.gas_price is None and self.head.base_fee is None:
            raise Undecodable("transaction type not supported")
        self.pool.add(transaction, self.state)
        self._trace.note("pool", f"{transaction.hash} from {transaction.sender} nonce {transaction.nonce}")
        return transaction.hash

    # --- growing ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Mine for ever."""
        while True:
            await self._clock.sleep(self.period * self._random.uniform(1 - self._jitter, 1 + self._jitter))
            self.mine()

    def mine(self, count: int = 1) -> Block:
        """Add blocks from the mempool and return the last."""
        for _ in range(count):
            base_fee = self.next_base_fee
            block = self._build(self.pool.choose(self.state, base_fee or 0), self._now(), base_fee)
            self._append(block)
            self.pool.prune(self.state)
            self._announce(Announcement((), (block,)))
        return self.head

    def set_base_fee(self, base_fee: int) -> None:
        """Let the next block have this base fee; it wanders on from there."""
        self.next_base_fee = base_fee

    def reorganise(
        self,
        depth: int,
        *,
        length: int | None = None,
        lost: Collection[str] = (),
        out: Collection[str] = (),
        shift: int = 0,
        shuffle: bool = False,
    ) -> tuple[Block, ...]:
        """Replace the last ``depth`` blocks by a branch of ``length`` (one more, unless told otherwise) and return it.

        Transactions of the replaced blocks stay at their height, or ``shift`` blocks later, in their order or ``shuffle``\\ d;
        those in ``out`` go back to the mempool, and those in ``lost`` are gone for ever (their senders spent the nonce
        otherwise). What cannot be included in its new place goes back to the mempool as well.
        """
        assert 0 < depth < len(self.blocks), "deeper than the chain"
        removed = tuple(self.blocks[-depth:])
        self._rewind(depth)
        size = length or depth + 1
        plan: list[list[SimTransaction]] = [[] for _ in range(size)]
        for index, block in enumerate(removed):
            for transaction in block.transactions:
                if transaction.hash in out:
                    self.pool.put_back(transaction)
                elif transaction.hash not in lost:
                    plan[min(index + shift, size - 1)].append(transaction)
        added = tuple(self._regrow(plan, removed, shuffle=shuffle))
        self.pool.prune(self.state)
        self._announce(Announcement(removed, added))
        return added

    def _rewind(self, depth: int) -> None:
        for block in self.blocks[-depth:]:
            for transaction in block.transactions:
                self._included.pop(transaction.hash, None)
        del self.blocks[-depth:]
        self.state = self._states[self.head.hash]

    def _regrow(self, plan: list[list[SimTransaction]], removed: tuple[Block, ...], *, shuffle: bool) -> Iterable[Block]:
        for index, transactions in enumerate(plan):
            if shuffle:
                self._random.shuffle(transactions)
            old = removed[index] if index < len(removed) else None
            timestamp = old.timestamp + self._random.randint(0, 2) if old else self._now()
            base_fee = old.base_fee if old else self.next_base_fee
            block = self._build(transactions, timestamp, base_fee)
            self._append(block)
            yield block

    def _build(self, transactions: list[SimTransaction], timestamp: int, base_fee: int | None) -> Block:
        parent = self.blocks[-1] if self.blocks else None
        timestamp = max(timestamp, parent.timestamp + 1) if parent else timestamp
        self.state = self.state.copy()
        done, outcomes = self._execute(transactions, timestamp, base_fee or 0)
        self._built += 1
        parent_hash = parent.hash if parent else "0x" + "00" * 32
        names = b"".join(unhex(transaction.hash) for transaction in done)
        return Block(
            number=parent.number + 1 if parent else 0,
            hash=hexed(keccak(unhex(parent_hash) + word(timestamp) + word(base_fee or 0) + word(self._built) + names)),
            parent_hash=parent_hash,
            timestamp=timestamp,
            base_fee=base_fee,
            gas_used=sum(outcome.gas_used for outcome in outcomes),
            transactions=tuple(done),
            outcomes=tuple(outcomes),
            logs=_numbered(done, outcomes),
            born=self._clock.monotonic(),
        )

    def _execute(
        self, transactions: list[SimTransaction], timestamp: int, base_fee: int
    ) -> tuple[list[SimTransaction], list[Outcome]]:
        done, outcomes = [], []
        for transaction in transactions:
            if self._includable(transaction, base_fee):
                done.append(transaction)
                outcomes.append(apply(self.state, transaction, timestamp=timestamp, base_fee=base_fee))
            else:
                self.pool.put_back(transaction)
        return done, outcomes

    def _includable(self, transaction: SimTransaction, base_fee: int) -> bool:
        if transaction.nonce != self.state.nonces.get(transaction.sender, 0):
            return False
        affordable = self.state.balances.get(transaction.sender, 0) >= transaction.value + transaction.gas * transaction.fee_cap
        return transaction.is_foreign or (affordable and transaction.tip(base_fee) >= 0)

    def _append(self, block: Block) -> None:
        self.blocks.append(block)
        self.by_hash[block.hash] = block
        self._states[block.hash] = self.state
        for transaction in block.transactions:
            self._included[transaction.hash] = block
        if block.base_fee is not None:
            # What strangers burn beside the few transactions that the simulation knows moves the price both ways.
            foreign = self._random.randint(BLOCK_GAS_TARGET * 6 // 10, BLOCK_GAS_TARGET * 14 // 10)
            change = block.base_fee * (foreign - BLOCK_GAS_TARGET) // BLOCK_GAS_TARGET // 8
            self.next_base_fee = max(GWEI, block.base_fee + change + int(block.base_fee * self.drift))

    def _announce(self, announcement: Announcement) -> None:
        for block in announcement.removed:
            self._trace.note("removed", f"{block.number} {block.hash}")
        for block in announcement.added:
            self._trace.note("block", f"{block.number} {block.hash} {[transaction.hash for transaction in block.transactions]}")
        for listener in list(self.listeners):
            listener(announcement)

    def _now(self) -> int:
        return self._clock.now() // 1_000_000


def _numbered(transactions: list[SimTransaction], outcomes: list[Outcome]) -> tuple[MinedLog, ...]:
    logs: list[MinedLog] = []
    for position, (transaction, outcome) in enumerate(zip(transactions, outcomes, strict=True)):
        for emitted in outcome.logs:
            logs.append(MinedLog(emitted, transaction, position, len(logs)))
    return tuple(logs)
