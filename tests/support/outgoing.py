"""A chain for the transaction manager: a pool, blocks and receipts that follow a node's rules, and answers that can be bent.

It stands for the world outside. The database, the keystore's signing and the loops are the real ones, on simulated time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

import rlp  # type: ignore[import-untyped] # the reference decoder has no types
from coincurve import PrivateKey
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from adyton.domain.chain import Address, Hash, Head, Hex, Receipt
from adyton.domain.evm import keccak
from adyton.domain.gas import GWEI, GasRules
from adyton.domain.market import FeeHistory
from adyton.domain.transactions import Transaction, TransactionRequest, TransactionState
from adyton.ethereum.errors import RpcError
from adyton.ethereum.head_tracker import ChainState
from adyton.ethereum.latest import Latest
from adyton.keystore import Keystore, address_of
from adyton.metrics import Metrics
from adyton.sim.clock import SimulatedClock
from adyton.sim.entropy import SimulatedEntropy
from adyton.sim.loop import run
from adyton.storage import keys
from adyton.storage import transactions as stored
from adyton.storage.connect import open_memory
from adyton.storage.database import Database
from adyton.transactions.manager import TransactionManager

T = TypeVar("T")

CHAIN_ID = 17
FIRST = PrivateKey(b"\x46" * 32)
SECOND = PrivateKey(b"\x47" * 32)
SENDER = address_of(FIRST)
OTHER_SENDER = address_of(SECOND)
ORACLE = "0x" + "ab" * 20


class Sent(NamedTuple):
    """What the chain saw in signed bytes."""

    raw: Hex
    hash: Hash
    sender: Address
    nonce: int
    data: Hex
    price: int
    tip: int


def read(raw: Hex) -> Sent:
    """Decode signed bytes with another implementation than ours."""
    data = bytes.fromhex(raw[2:])
    sender = str(Account.recover_transaction(raw)).lower()
    if data[0] == 2:
        fields = TypedTransaction.from_bytes(HexBytes(data)).as_dict()
        price, tip = int(fields["maxFeePerGas"]), int(fields["maxPriorityFeePerGas"])
        nonce, payload = int(fields["nonce"]), bytes(fields["data"])
    else:
        items = rlp.decode(data)
        nonce, price, payload = int.from_bytes(items[0], "big"), int.from_bytes(items[1], "big"), items[5]
        tip = price
    return Sent(raw, f"0x{keccak(data).hex()}", sender, nonce, f"0x{payload.hex()}", price, tip)


class Block(NamedTuple):
    """A block of the simulated chain."""

    head: Head
    transactions: tuple[Sent, ...]


class OutsideChain:
    """One node and its chain.

    ``scripted``: what the next sends meet, first come first served, before the pool's own rules: an exception is raised in
    place of the answer, a callable is called with the bytes and may do anything, None is the ordinary answer. ``refuse`` is the
    same for every send while it is set. ``sent`` is every send, in order. ``trials`` says which calldata revert when they are
    tried. ``history`` holds for each past block the tips at the percentiles asked for (empty: an empty block), and
    ``suggested`` the price and the tip that the node suggests.
    """

    def __init__(self, *, base_fee: int | None = 10**9) -> None:
        self.base_fee = base_fee
        self.blocks: list[Block] = []
        self.pool: dict[tuple[Address, int], Sent] = {}
        self.sent: list[Sent] = []
        self.scripted: list[Exception | Callable[[Sent], object] | None] = []
        self.refuse: Callable[[Sent], Exception | None] | None = None
        self.reverting: set[Hex] = set()
        self.trials: Callable[[Hex], RpcError | None] = lambda _: None
        self.history: list[tuple[int, ...]] = []
        self.suggested = 30 * GWEI, 2 * GWEI
        self.counts: dict[str, Callable[[Address], int]] = {}
        self.fail: dict[str, Exception] = {}
        self.called: list[str] = []
        self._forks = 0
        self._state = Latest(ChainState(connected=False, connection=0, head=None, problem="not connected yet"))
        self._append(())

    # --- what the manager sees ---------------------------------------------------------------------------------------

    @property
    def state(self) -> ChainState:
        return self._state.value

    def updates(self) -> AsyncIterator[ChainState]:
        return self._state.updates()

    async def canonical_hash(self, number: int) -> Hash | None:
        self._meet("canonical_hash")
        return self.blocks[number].head.hash if number < len(self.blocks) else None

    async def transaction_count(self, address: Address, tag: str) -> int:
        self._meet("transaction_count")
        if tag in self.counts:
            return self.counts[tag](address)
        known = self.blocks if tag in {"latest", "pending"} else self.blocks[: int(tag, 16) + 1]
        count = sum(found.sender == address for block in known for found in block.transactions)
        while tag == "pending" and (address, count) in self.pool:
            count += 1
        return count

    async def receipts(self, hashes: Sequence[Hash]) -> list[Receipt | None]:
        self._meet("receipts")
        mined = {sent.hash: (block, sent) for block in self.blocks for sent in block.transactions}
        return [self._receipt(*mined[wanted]) if wanted in mined else None for wanted in hashes]

    async def send_raw(self, raw: Hex) -> Hash:
        self._meet("send_raw")
        sent = read(raw)
        self.sent.append(sent)
        script = self.scripted.pop(0) if self.scripted else None
        if callable(script):
            outcome = script(sent)
            if asyncio.iscoroutine(outcome):
                await outcome
        elif script is not None:
            raise script
        refusal = self.refuse(sent) if self.refuse else None
        if refusal is not None:
            raise refusal
        return self.accept(sent)

    async def call(
        self, to: Address, data: Hex, *, sender: Address | None = None, block: str | int = "latest", gas: int | None = None
    ) -> Hex:
        self._meet("call")
        raise revert("nope")

    async def calls(
        self, calls: Sequence[tuple[Address, Hex, Address | None, int | None]], block: str | int
    ) -> list[Hex | RpcError]:
        self._meet("calls")
        return [self.trials(data) or "0x" for _, data, _, _ in calls]

    async def estimate_gas(self, *, to: Address | None, data: Hex, sender: Address | None, value: int) -> int:
        self._meet("estimate_gas")
        refusal = self.trials(data)
        if refusal is not None:
            raise refusal
        return 21_000

    async def fee_history(self, blocks: int, percentiles: Sequence[int]) -> FeeHistory:
        self._meet("fee_history")
        newest = self.history[-blocks:]
        return FeeHistory(
            base_fees=tuple(0 if self.base_fee is None else self.base_fee for _ in newest),
            gas_used=tuple(0.5 if tips else 0.0 for tips in newest),
            tips=tuple(tips or (0,) * len(percentiles) for tips in newest),
        )

    async def gas_price(self) -> int:
        self._meet("gas_price")
        return self.suggested[0]

    async def max_priority_fee(self) -> int:
        self._meet("max_priority_fee")
        return self.suggested[1]

    # --- what happens outside ----------------------------------------------------------------------------------------

    def accept(self, sent: Sent) -> Hash:
        """Take bytes into the pool by the rules of a real one."""
        mined = [found for block in self.blocks for found in block.transactions if found.sender == sent.sender]
        if len(mined) > sent.nonce:
            raise RpcError(-32000, f"nonce too low: next nonce {len(mined)}, tx nonce {sent.nonce}")
        rival = self.pool.get((sent.sender, sent.nonce))
        if rival == sent:
            raise RpcError(-32000, "already known")
        if rival is not None and (sent.price * 100 < rival.price * 110 or sent.tip * 100 < rival.tip * 110):
            raise RpcError(-32000, "replacement transaction underpriced")
        self.pool[sent.sender, sent.nonce] = sent
        return sent.hash

    def connect(self) -> None:
        """The node is reachable, on a new connection."""
        self._publish(connected=True, connection=self.state.connection + 1)

    def disconnect(self) -> None:
        """The node is not reachable."""
        self._publish(connected=False, connection=self.state.connection)

    def mine(self, *, blocks: int = 1, only: Callable[[Sent], bool] = lambda _: True) -> Head:
        """Put what can be mined into a block, and publish the head; then more, empty unless something waits."""
        for _ in range(blocks):
            self._append(tuple(self._ready(only)))
            self._publish(connected=self.state.connected, connection=self.state.connection)
        return self.blocks[-1].head

    def reorganise(self, depth: int, *, keep: bool = False) -> Head:
        """Replace the newest ``depth`` blocks by as many others and one more. Their transactions go back to the pool, or with
        ``keep`` into the first of the new blocks."""
        self._forks += 1
        dropped = [sent for block in self.blocks[-depth:] for sent in block.transactions]
        del self.blocks[-depth:]
        if not keep:
            self.pool.update({(sent.sender, sent.nonce): sent for sent in dropped})
        for place in range(depth + 1):
            self._append(tuple(dropped) if keep and place == 0 else ())
        self._publish(connected=True, connection=self.state.connection)
        return self.blocks[-1].head

    def _ready(self, only: Callable[[Sent], bool]) -> list[Sent]:
        ready: list[Sent] = []
        counts: dict[Address, int] = {}
        for (sender, nonce), sent in sorted(self.pool.items()):
            mined = sum(found.sender == sender for block in self.blocks for found in block.transactions)
            if nonce == counts.setdefault(sender, mined) and only(sent):
                counts[sender] += 1
                ready.append(sent)
        for sent in ready:
            del self.pool[sent.sender, sent.nonce]
        return ready

    def _append(self, transactions: tuple[Sent, ...]) -> None:
        number = len(self.blocks)
        parent = self.blocks[-1].head.hash if self.blocks else "0x" + "0" * 64
        name = f"0x{keccak(f'{number} {self._forks} {parent} {len(transactions)}'.encode()).hex()}"
        self.blocks.append(Block(Head(number, name, parent, 1_600_000_000 + number, self.base_fee), transactions))

    def _receipt(self, block: Block, sent: Sent) -> Receipt:
        status = 0 if sent.data in self.reverting else 1
        return Receipt(sent.hash, block.head.number, block.head.hash, status, 100_000, sent.price)

    def _publish(self, *, connected: bool, connection: int) -> None:
        head = self.blocks[-1].head if self.blocks else None
        self._state.set(ChainState(connected, connection, head, None if connected else "gone"))

    def _meet(self, call: str) -> None:
        self.called.append(call)
        if call in self.fail:
            raise self.fail[call]


class Desk:
    """A manager, its database and its chain, with what tests do to them."""

    def __init__(
        self,
        chain: OutsideChain,
        db: Database,
        *,
        rules: GasRules | None = None,
        min_confirmations: int = 1,
        owners: Sequence[PrivateKey] = (FIRST,),
        **more: Any,
    ) -> None:
        self.chain = chain
        self.db = db
        self.clock = SimulatedClock()
        self.metrics = Metrics()
        self._made = 0
        self._options: dict[str, Any] = {
            "db": db,
            "chain": chain,
            "heads": chain,
            "keystore": Keystore(owners),
            "clock": self.clock,
            "entropy": SimulatedEntropy(7, self.clock),
            "rules": rules or GasRules(),
            "min_confirmations": min_confirmations,
            "chain_id": lambda: CHAIN_ID,
            "metrics": self.metrics,
            **more,
        }
        self.manager = TransactionManager(**self._options)
        self.running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Run the manager."""
        self.running = asyncio.get_running_loop().create_task(self.manager.run())

    async def crash(self) -> None:
        """Stop the manager where it is, and put a new one in its place that knows only what is stored."""
        assert self.running is not None
        self.running.cancel()
        await asyncio.wait([self.running])
        self.running = None
        self.manager = TransactionManager(**self._options)

    async def ask(self, *names: str, **wanted: Any) -> None:
        """Leave one transaction for each name, as tasks of runs with these names; its calldata is the name."""
        for name in names:
            request = TransactionRequest(to=ORACLE, data=data_of(name), **wanted)
            await self.db.write(self.manager.insert(request, run_id=name, task_position=0, now=self.clock.now()))
        self.manager.wake()

    async def of(self, name: str) -> Transaction:
        """The transaction of that name."""
        found = await stored.of_task(self.db, name, 0)
        assert found is not None, f"no transaction {name}"
        return found

    async def settle(self, seconds: float = 0.5) -> None:
        """Let everything go on for a (simulated) while."""
        await self.clock.sleep(seconds)

    async def until(self, name: str, state: TransactionState, *, seconds: float = 600) -> Transaction:
        """Wait until a transaction is in that state; fails after so many simulated seconds."""
        for _ in range(round(seconds * 10)):
            found = await self.of(name)
            if found.state is state:
                return found
            await self.clock.sleep(0.1)
        raise AssertionError(f"{name} is {found.state} and not {state}: {found}")


def revert(reason: str) -> RpcError:
    """How a node says that a contract refused."""
    word = reason.encode().hex().ljust(64, "0")
    return RpcError(3, "execution reverted", f"0x08c379a0{32:064x}{len(reason):064x}{word}")


def data_of(name: str) -> Hex:
    """The calldata that carries a name."""
    return f"0x{name.encode().hex()}"


@asynccontextmanager
async def desk(chain: OutsideChain | None = None, **options: Any) -> AsyncIterator[Desk]:
    """A desk on an empty database, its manager running, the chain connected."""
    chain = chain or OutsideChain()
    made = Desk(chain, open_memory(), **options)
    await keys.ensure(made.db, made._options["keystore"].addresses(), made.clock.now())
    chain.connect()
    made.start()
    await made.settle(0.01)
    try:
        yield made
    finally:
        if made.running is not None:
            made.running.cancel()
            await asyncio.wait([made.running])
        await made.db.close()


def simulated(scenario: Callable[[], Coroutine[Any, Any, T]]) -> Callable[[], T]:
    """A test that runs on simulated time."""

    def test() -> T:
        return run(scenario(), longest=7200)

    test.__name__ = scenario.__name__
    test.__doc__ = scenario.__doc__
    test.__module__ = scenario.__module__
    return test
