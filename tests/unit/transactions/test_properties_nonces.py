"""Nonces under any order of answers, crashes, reorganisations and strangers: no gap, no nonce or payload twice.

The database, the broadcaster and the confirmer are the real ones, on simulated time; the chain beside them is a model that
follows a node's rules, and whose answers are bent.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from adyton.domain.chain import Hash
from adyton.domain.errors import Disconnected
from adyton.domain.evm import keccak
from adyton.domain.gas import GWEI, GasRules
from adyton.domain.transactions import TransactionState
from adyton.ethereum.errors import RpcError, RpcTimeout
from adyton.sim.loop import SimulatedLoop
from adyton.storage import foreign_nonces, keys
from adyton.storage.connect import open_memory
from support.outgoing import SENDER, Desk, OutsideChain, Sent, data_of

T = TypeVar("T")

EMPTY = "0x"
"""What strangers send, and the no-op that fills a gap which an evicted transaction of theirs has left."""
FINALITY = 8
"""Blocks after which the model's chain does not change any more."""
NOTHING = "0x"
"""The calldata of strangers, and of the no-ops that fill nonces which strangers left behind."""
Answer = Callable[[OutsideChain, Sent], Hash]


def _taken(fault: Exception) -> Answer:
    """The node takes the bytes, and says something else."""

    def answer(chain: OutsideChain, sent: Sent) -> Hash:
        chain.accept(sent)
        raise fault

    return answer


def _refused(fault: Exception) -> Answer:
    """The node does not take the bytes."""

    def answer(chain: OutsideChain, sent: Sent) -> Hash:
        raise fault

    return answer


ANSWERS: dict[str, Answer] = {
    "taken, no reply": _taken(RpcTimeout("no answer within 10 s")),
    "taken, connection lost": _taken(Disconnected("connection reset")),
    "taken, known": _taken(RpcError(-32000, "already known")),
    "taken, words nobody knows": _taken(RpcError(-32000, "flux capacitor not charged")),
    "not taken, no reply": _refused(RpcTimeout("no answer within 10 s")),
    "not taken, connection lost": _refused(Disconnected("connection reset")),
    "not taken, words nobody knows": _refused(RpcError(-32000, "flux capacitor not charged")),
    "not taken, underpriced": _refused(RpcError(-32000, "transaction underpriced")),
    "not taken, nonce too high": _refused(RpcError(-32000, "nonce too high")),
    "not taken, no funds": _refused(RpcError(-32000, "insufficient funds for gas * price + value")),
    "not taken, above the fee limit": _refused(RpcError(-32000, "tx fee (2.00 ether) exceeds the configured cap (1.00 ether)")),
    "not taken, pool full": _refused(RpcError(-32000, "txpool is full")),
    "not taken, too many requests": _refused(RpcError(429, "Too Many Requests")),
}


class Key(RuleBasedStateMachine):
    """One key, its transactions, and a chain that does what it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=SimulatedLoop)
        self.names: list[str] = []
        self.strangers = 0

    def run(self, wanted: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(wanted)

    @initialize()
    def begin(self) -> None:
        self.chain = OutsideChain()

        async def make() -> Desk:
            desk = Desk(
                self.chain,
                open_memory(),
                rules=GasRules(bump_threshold=3, tip_default=GWEI),
                min_confirmations=2,
                finality_depth=FINALITY,
            )
            await keys.ensure(desk.db, [SENDER], desk.clock.now())
            self.chain.connect()
            desk.start()
            await desk.settle(0.01)
            return desk

        self.desk = self.run(make())

    # --- what happens ------------------------------------------------------------------------------------------------

    @rule(count=st.integers(1, 3))
    def ask(self, count: int) -> None:
        names = [f"tx{len(self.names) + place}" for place in range(count)]
        self.names += names
        self.run(self.desk.ask(*names))

    @rule(seconds=st.sampled_from([0.001, 0.1, 2.0, 40.0]))
    def wait(self, seconds: float) -> None:
        self.run(self.desk.settle(seconds))

    @rule(answers=st.lists(st.sampled_from(sorted(ANSWERS)), min_size=1, max_size=4))
    def bend(self, answers: list[str]) -> None:
        """The next sends are answered so."""
        self.chain.scripted += [partial(ANSWERS[name], self.chain) for name in answers]

    @rule(blocks=st.integers(1, 4))
    def mine(self, blocks: int) -> None:
        self.chain.mine(blocks=blocks)
        self.run(self.desk.settle(0.05))

    @precondition(lambda self: len(self.chain.blocks) > 5)
    @rule(depth=st.integers(1, 4), keep=st.booleans())
    def reorganise(self, depth: int, keep: bool) -> None:
        self.chain.reorganise(depth, keep=keep)
        self.run(self.desk.settle(0.05))

    @rule(which=st.integers(0, 9))
    def evict(self, which: int) -> None:
        waiting = sorted(self.chain.pool)
        if waiting:
            del self.chain.pool[waiting[which % len(waiting)]]

    @rule()
    def crash(self) -> None:
        async def again() -> None:
            await self.desk.crash()
            self.desk.start()
            await self.desk.settle(0.01)

        self.run(again())

    @rule(seconds=st.sampled_from([0.0, 5.0]))
    def reconnect(self, seconds: float) -> None:
        self.chain.disconnect()
        self.run(self.desk.settle(seconds))
        self.chain.connect()
        self.run(self.desk.settle(0.01))

    @precondition(lambda self: self.strangers < 3)
    @rule()
    def use_the_key_elsewhere(self) -> None:
        self.strangers += 1

        async def count() -> int:
            return await self.chain.transaction_count(SENDER, "pending")

        identity = f"0x{keccak(f'stranger {self.strangers}'.encode()).hex()}"
        self.chain.accept(Sent("0x", identity, SENDER, self.run(count()), EMPTY, 50 * GWEI, 50 * GWEI))

    # --- what always holds -------------------------------------------------------------------------------------------

    @invariant()
    def one_nonce_one_payload(self) -> None:
        """Of the bytes that were ever sent, and of the rows."""
        payloads: defaultdict[int, set[str]] = defaultdict(set)
        for sent in self.chain.sent:
            payloads[sent.nonce].add(sent.data)
        assert all(len(each) == 1 for each in payloads.values()), payloads

    @invariant()
    def no_payload_twice(self) -> None:
        mined = [sent.data for block in self.chain.blocks for sent in block.transactions if sent.data != NOTHING]
        assert len(mined) == len(set(mined)), "an answer was paid for twice"

    @invariant()
    def no_gap(self) -> None:
        """Every nonce that was given out belongs to a row, or to a stranger that was noticed, and one at most is in doubt."""
        rows, strange = self.run(self._nonces())
        taken = [nonce for nonce, _ in rows if nonce is not None]
        assert len(taken) == len(set(taken)), "a nonce was given to two transactions"
        # What the key had sent before it came here is not this node's to account for.
        known = {*taken, *strange}
        assert set(range(min(known, default=0), max(known, default=0))) <= known, "a nonce was left out"
        assert sum(state == TransactionState.IN_PROGRESS for _, state in rows) <= 1

    async def _nonces(self) -> tuple[list[tuple[int | None, str]], set[int]]:
        rows: Any = await self.desk.db.read("SELECT nonce, state FROM transactions ORDER BY id")
        noticed = await foreign_nonces.of(self.desk.db)
        return rows, {nonce for each in noticed for nonce in range(each.first, each.last + 1)}

    # --- how it ends -------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Nothing goes wrong any more: everything is mined, once, and every nonce is accounted for."""
        try:
            if hasattr(self, "desk"):
                self.run(self._end())
        finally:
            self.runner.close()

    async def _end(self) -> None:
        self.chain.scripted.clear()
        self.chain.connect()
        for _ in range(20 * FINALITY):
            await self.desk.settle(40)
            self.chain.mine()
            states = {(await self.desk.of(name)).state for name in self.names}
            if states <= {TransactionState.SAFE}:
                break
        assert states <= {TransactionState.SAFE}, [await self.desk.of(name) for name in self.names]
        mined = [sent for block in self.chain.blocks for sent in block.transactions]
        assert sorted(sent.data for sent in mined if sent.data != NOTHING) == sorted(map(data_of, self.names))
        assert [sent.nonce for sent in mined] == list(range(len(mined)))
        assert self.desk.running is not None
        self.desk.running.cancel()
        await asyncio.wait([self.desk.running])
        await self.desk.db.close()


Key.TestCase.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestNonces = Key.TestCase
