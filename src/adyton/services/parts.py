"""What the services work with, handed to each of them: no service looks anything up elsewhere.

The chain, the keys and the adapters are named by what is asked of them, so that a reader sees how little that is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import partial
from typing import Protocol

from adyton.adapters.bridge import BridgeAdapter
from adyton.config import Config
from adyton.domain.chain import Address, Hash, Hex, Receipt
from adyton.domain.gas import GasRules
from adyton.domain.jobs import TaskSpec
from adyton.domain.runs import Data
from adyton.domain.transactions import TransactionRequest
from adyton.engine.create import RunMaker
from adyton.engine.engine import Engine
from adyton.engine.jobs import JobRegistry
from adyton.ethereum.head_tracker import ChainState
from adyton.ethereum.views import EndpointView
from adyton.initiators.open_requests import OpenRequests
from adyton.metrics import Metrics
from adyton.ports import NO_DISK, NO_MAIL, Clock, Disk, Entropy, HttpTransport, LogLevels, LoneLevel, MailTransport
from adyton.services.alert_signals import AlertSignals
from adyton.services.audit import AuditLog
from adyton.services.balances import Holding
from adyton.services.edge import Edge
from adyton.services.explorer_view import ExplorerView
from adyton.services.known_tokens import Tokens
from adyton.services.live import Hub
from adyton.services.sessions import Sessions
from adyton.services.throttle import Throttle
from adyton.storage.bridges import Bridges
from adyton.storage.database import Database, Statement
from adyton.storage.lists import Lists
from adyton.transactions.wishes import Foresight


class Balances(Protocol):
    """Asks the chain what an account holds, and what it has sent."""

    async def balance(self, address: Address) -> int:
        """Wei of an account. Raises RpcError, TryAgain."""
        ...

    async def call(self, to: Address, data: Hex, *, sender: Address | None = None) -> Hex:
        """What a contract's function returns, to ``sender`` if one is named. Raises RpcError, TryAgain."""
        ...

    async def transaction_count(self, address: Address, tag: str) -> int:
        """The next nonce of an account: by blocks (``latest``) or with the node's pool (``pending``). Raises RpcError,
        TryAgain."""
        ...


class Outgoing(Protocol):
    """Sends transactions."""

    @property
    def foresight(self) -> Foresight:
        """Tells what would come of an operator's wish."""
        ...

    def insert_for_operator(
        self, request: TransactionRequest, *, purpose: str, idempotency_key: str | None, now: int
    ) -> Statement:
        """The statement that leaves a transaction which no task asked for. It returns the row's id, or no row when there is one
        under that key of the caller. Raises Invalid."""
        ...

    @property
    def price_default(self) -> int:
        """ETH_GAS_PRICE_DEFAULT as it counts now, in wei."""
        ...

    def with_price_default(self, wei: int) -> GasRules:
        """The rules with another one. Raises Invalid when it contradicts them."""
        ...

    def price_by(self, rules: GasRules) -> None:
        """Make prices by other rules from now on."""
        ...

    async def add_sender(self, address: Address) -> None:
        """Send with one more key of the keystore."""
        ...

    async def retire_sender(self, address: Address) -> None:
        """Give a key nothing more to send. Raises Conflict while a transaction of it is not safe."""
        ...

    def wake(self) -> None:
        """Say that it is stored."""
        ...

    def wished(self) -> None:
        """Say that a wish is stored."""
        ...

    def ended(self, run_id: str | None) -> None:
        """Say that a run's transaction was given up."""
        ...


class ChainView(Protocol):
    """Shows the newest state of the chain."""

    @property
    def state(self) -> ChainState:
        """The newest state: connected or not, the head, what is wrong."""
        ...

    async def canonical_hash(self, number: int) -> Hash | None:
        """The hash of the canonical block at a height; None when there is none. Raises RpcError, TryAgain."""
        ...


class Lookup(Protocol):
    """Looks transactions up on the chain. Every method raises RpcError, TryAgain."""

    async def receipt(self, transaction: Hash) -> Receipt | None:
        """The receipt; None when it is in no block of the chain."""
        ...

    async def known(self, transaction: Hash) -> bool:
        """Whether the Ethereum node knows the transaction, mined or not."""
        ...


class Intake(Protocol):
    """Log intake."""

    @property
    def height(self) -> int | None:
        """The block through which logs have been taken in; None before the first. Lower while the last ones are read again."""
        ...

    @property
    def reached(self) -> int | None:
        """The last block that was read, and is still on the chain or replaced; None before the first."""
        ...

    def wake(self) -> None:
        """Say that a re-read has been stored."""
        ...


class Keys(Protocol):
    """Knows the node's own accounts."""

    def addresses(self) -> tuple[Address, ...]:
        """The accounts that sign, oldest first."""
        ...

    def sign_message(self, address: Address, message: bytes) -> bytes:
        """An account's signature of a message, as wallets make it: r, s, and 27 or 28. Raises NotFound."""
        ...

    async def create(self, password: str, *, entropy: Entropy) -> Address:
        """Make a key. Raises Unauthenticated unless the password is the keystore's, as all that follow."""
        ...

    async def take_in(self, content: object, their_password: str, password: str) -> Address:
        """Add the key of a key file. Raises Invalid, Conflict."""
        ...

    async def give_out(self, address: Address, password: str, new_password: str) -> Mapping[str, object]:
        """A key file of one key. Raises NotFound, Invalid."""
        ...

    async def change_password(self, old: str, new: str) -> None:
        """Encrypt every key with another password. Raises Invalid."""
        ...

    async def check(self, password: str) -> None:
        """Whether the password is the keystore's."""
        ...

    async def remove(self, address: Address, *, hard: bool) -> None:
        """Forget a key. Raises NotFound, Conflict."""
        ...


class SqlLog(Protocol):
    """Whether SQL statements are written to the log."""

    speaks: bool


@dataclass(slots=True)
class NoSqlLog:
    """A switch that switches nothing: where nobody looks at it."""

    speaks: bool = False


class TaskTypes(Protocol):
    """Knows what tasks there are."""

    def check(self, task_type: str, params: Data) -> None:
        """Raises Invalid when the type does not exist or cannot take these params."""
        ...

    async def verify(self, tasks: Sequence[TaskSpec]) -> None:
        """What ``check`` cannot see: secrets that are not there, params that an installed adapter does not take. Raises Invalid
        with every fault."""
        ...

    def cost(self, task_type: str) -> int:
        """Juels that a request must pay for a task of that type."""
        ...

    def min_confirmations(self, task_type: str) -> int:
        """Confirmations of the request that a task of that type waits for at least. Raises Invalid as ``check``."""
        ...

    def bridge(self, name: str) -> BridgeAdapter | None:
        """What asks a bridge; None when there is none of that name, or another adapter has it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a node that the services use.

    ``lists`` are those of ``db``. ``link_contract`` gives the LINK token, None as long as it is not known: it may depend on the
    chain that the node finds. ``holdings`` shows what the balance monitor saw last. ``endpoints`` shows the
    Ethereum nodes, in the order in which they were given. ``chain_id`` gives the chain's id once it is known. ``levels`` and
    ``sql_log`` say what is written to the log.
    ``finality_depth`` is in blocks. ``http`` reaches external initiators; ``news`` is set when there is something
    that they are to be told. ``trying`` is held by each draft that is tried, so that the others wait. ``live`` hands events
    to those who watch, ``explorer`` shows how the line to one is. ``zone`` is that of cron lines which name none. ``edge`` is
    what the API's server says of itself. ``mail`` tells alerts to people, ``disk`` is that of ROOT, ``alerts`` wakes those who
    watch and tell.
    """

    config: Config
    metrics: Metrics
    clock: Clock
    entropy: Entropy
    db: Database
    lists: Lists
    jobs: JobRegistry
    bridges: Bridges
    engine: Engine
    task_types: TaskTypes
    balances: Balances
    outgoing: Outgoing
    chain: ChainView
    lookup: Lookup
    maker: RunMaker
    open_requests: OpenRequests
    keys: Keys
    intake: Intake
    sessions: Sessions
    tokens: Tokens
    throttle: Throttle
    audit: AuditLog
    http: HttpTransport
    link_contract: Callable[[], Address | None]
    holdings: Callable[[], Sequence[Holding]] = tuple
    endpoints: Callable[[], Sequence[EndpointView]] = tuple
    chain_id: Callable[[], int | None] = lambda: None
    levels: LogLevels = field(default_factory=LoneLevel)
    sql_log: SqlLog = field(default_factory=NoSqlLog)
    finality_depth: int = 50
    zone: tzinfo = UTC
    news: asyncio.Event = field(default_factory=asyncio.Event)
    trying: asyncio.Semaphore = field(default_factory=partial(asyncio.Semaphore, 4))
    live: Hub = field(default_factory=Hub)
    explorer: ExplorerView = field(default_factory=ExplorerView)
    edge: Edge = field(default_factory=Edge)
    alerts: AlertSignals = field(default_factory=AlertSignals)
    mail: MailTransport = NO_MAIL
    disk: Disk = NO_DISK
