"""What an adapter is, and what it is given.

An adapter gets the task's params, merged and ready, and the run's data; it answers with an outcome and changes nothing itself.
Most are pure functions. What a job's author or a data source can do wrong is an ``Errored`` outcome, or ``Invalid`` for params
that cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol, TypeAlias, runtime_checkable

import msgspec

from adyton.domain.chain import Address
from adyton.domain.exchanges import Exchange
from adyton.domain.runs import Data, Outcome, RunStatus
from adyton.domain.transactions import Transaction

EXACT = "exact"
AS_V0_6_2 = "v0.6.2"


class AdapterSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings that adapters know. Payments are juels, ``http_timeout`` seconds for one attempt, ``http_limit`` bytes.

    ``numbers`` is ``exact``, or ``v0.6.2`` to round where that version rounded. ``keys`` are the addresses that the node can
    send from; None: not known. ``wasm_timeout`` is in seconds, ``wasm_memory_limit`` in bytes. ``bridge_response_url`` is the
    node's address as bridges see it; empty: not told.
    """

    min_incoming_confirmations: int = 3
    minimum_contract_payment: int = 10**18
    http_limit: int = 32768
    http_timeout: float = 15.0
    http_attempts: int = 5
    http_unrestricted: bool = False
    numbers: str = EXACT
    keys: Collection[Address] | None = None
    wasm_timeout: float = 5.0
    wasm_memory_limit: int = 16 << 20
    bridge_response_url: str = ""


class TaskContext(msgspec.Struct, frozen=True, kw_only=True):
    """Where the task stands: in which run, at which position, with which status; its transaction if it asked for one; and
    whether there is a connection to the chain. ``spec`` are the params that the job's author wrote, without what the run
    brings; only they may name secrets (None: nobody may). ``exchanges`` is where a task that asks over HTTP notes each exchange
    (None: nobody wants to know)."""

    run_id: str
    position: int
    status: RunStatus
    transaction: Transaction | None
    connected: bool
    spec: Data | None = None
    exchanges: list[Exchange] | None = None


class Adapter(Protocol):
    """What every adapter has."""

    @property
    def name(self) -> str:
        """The task type."""
        ...

    @property
    def pure(self) -> bool:
        """Whether it is a ``PureAdapter``: it touches nothing, and the same input gives the same outcome."""
        ...

    def check(self, params: Data, /) -> object:
        """Raises Invalid when a job could not have these params."""
        ...


class PureAdapter(Adapter, Protocol):
    """An adapter that only computes."""

    def perform(self, params: Data, data: Data, context: TaskContext, /) -> Outcome:
        """The outcome. Raises Invalid for params that cannot be read."""
        ...


class ActiveAdapter(Adapter, Protocol):
    """An adapter that speaks to the world."""

    async def perform(self, params: Data, data: Data, context: TaskContext, /) -> Outcome:
        """The outcome. Raises Invalid for params that cannot be read."""
        ...


class Question(msgspec.Struct, frozen=True):
    """What a task would ask of the world outside: whom, in words, how, and with which body. Secrets stay as they are named."""

    whom: str
    method: str
    url: str
    body: str


@runtime_checkable
class Asking(Protocol):
    """An adapter whose question may change something outside, so that a trial asks it only if told so: a bridge, a POST."""

    def question(self, params: Data, data: Data, context: TaskContext, /) -> Question | None:
        """What ``perform`` would ask; None when that changes nothing. Raises Invalid for params that cannot be read."""
        ...


Perform: TypeAlias = Callable[[Data, Data, TaskContext], Outcome]
Check: TypeAlias = Callable[[Data], object]


class Pure(msgspec.Struct, frozen=True):
    """A pure adapter made of functions."""

    name: str
    check: Check
    perform: Perform
    pure: bool = True
