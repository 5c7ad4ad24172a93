"""What the services work with, handed to each of them: no service looks anything up elsewhere.

The chain, the keys and the adapters are named by what is asked of them, so that a reader sees how little that is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from adyton.config import Config
from adyton.domain.chain import Address, Hex
from adyton.domain.runs import Data
from adyton.engine.engine import Engine
from adyton.engine.jobs import JobRegistry
from adyton.ethereum.head_tracker import ChainState
from adyton.metrics import Metrics
from adyton.ports import Clock, Entropy
from adyton.services.sessions import Sessions
from adyton.storage.database import Database


class Balances(Protocol):
    """Asks the chain what an account holds."""

    async def balance(self, address: Address) -> int:
        """Wei of an account. Raises RpcError, TryAgain."""
        ...

    async def call(self, to: Address, data: Hex) -> Hex:
        """What a contract's function returns. Raises RpcError, TryAgain."""
        ...


class ChainView(Protocol):
    """Shows the newest state of the chain."""

    @property
    def state(self) -> ChainState:
        """The newest state: connected or not, the head, what is wrong."""
        ...


class Keys(Protocol):
    """Knows the node's own accounts."""

    def addresses(self) -> tuple[Address, ...]:
        """The accounts that sign, oldest first."""
        ...


class TaskTypes(Protocol):
    """Knows what tasks there are."""

    def check(self, task_type: str, params: Data) -> None:
        """Raises Invalid when the type does not exist or cannot take these params."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of a node that the services use.

    ``link_contract`` gives the LINK token, None as long as it is not known: it may depend on the chain that the node finds.
    ``head_age_limit`` is the age in seconds at which the newest head counts as too old (0: never).
    """

    config: Config
    metrics: Metrics
    clock: Clock
    entropy: Entropy
    db: Database
    jobs: JobRegistry
    engine: Engine
    task_types: TaskTypes
    balances: Balances
    chain: ChainView
    keys: Keys
    sessions: Sessions
    link_contract: Callable[[], Address | None]
    head_age_limit: float = 180.0
