"""Switchboards: what a hostile Ethereum node, a tired source and a failing disk do. Everything is off by default.

A test may change a switchboard while the simulation runs.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from adyton.sim.entropy import stream

T = TypeVar("T")


@dataclass
class Switchboard:
    """Chances, drawn from a stream of the seed's, and a way to switch everything off."""

    seed: int | str = 0
    counts: dict[str, int] = field(default_factory=dict)
    """How often each fault struck."""
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = stream(self.seed, type(self).__name__.lower())

    def strikes(self, name: str) -> bool:
        """Whether the fault of that field happens now: the field is its chance."""
        chance = getattr(self, name)
        if chance <= 0 or self._random.random() >= chance:
            return False
        self.struck(name)
        return True

    def struck(self, name: str) -> None:
        """Count a fault that has happened."""
        self.counts[name] = self.counts.get(name, 0) + 1

    def draw(self, span: tuple[float, float]) -> float:
        """A number between two."""
        return self._random.uniform(*span)

    def choose(self, among: Sequence[T]) -> T:
        """One of several."""
        return self._random.choice(among)

    def set(self, **values: object) -> None:
        """Set several fields."""
        for name, value in values.items():
            assert name in self.__dataclass_fields__, name
            setattr(self, name, value)

    def calm(self, *names: str) -> None:
        """Switch some fields off, or all of them."""
        for each in dataclasses.fields(self):
            if each.name in names or (not names and each.name not in {"seed", "counts", "_random"}):
                setattr(self, each.name, each.default)


@dataclass
class Faults(Switchboard):
    """What an Ethereum node does to the node that asks it: chances in [0, 1] for each message, and sizes."""

    slow: float = 0.0
    """An answer takes ``slow_seconds`` longer."""
    slow_seconds: tuple[float, float] = (1.0, 20.0)
    dropped: float = 0.0
    """The connection breaks instead of the request being read."""
    closed: float = 0.0
    """The connection ends after the request was carried out, without a word."""
    lost_replies: float = 0.0
    """A transaction is taken, and the connection breaks before the node hears of it."""
    frozen: bool = False
    """Connections stay, but nothing is read, answered or told."""
    limited: float = 0.0
    """Too many requests: a call is refused."""
    gateway: float = 0.0
    """Something between answers in the node's place, with a status of HTTP's; now and then the node has done what was asked."""

    missing_receipts: float = 0.0
    """``eth_getTransactionReceipt`` answers null although there is one."""
    receipt_lag: float = 0.0
    """Receipts are null for so many seconds after their block came."""
    stale_heads: float = 0.0
    """``latest`` answers from ``stale_blocks`` ago."""
    stale_blocks: int = 3
    hidden_logs: float = 0.0
    """``eth_getLogs`` leaves a log out while its block is younger than ``hidden_seconds``."""
    hidden_seconds: float = 90.0
    empty_logs: float = 0.0
    """``eth_getLogs`` is answered by a machine that does not have the last ``stale_blocks`` yet, and says nothing of it."""
    header_not_found: float = 0.0
    """A question about a block that is younger than ``unknown_seconds`` fails: "header not found"."""
    unknown_seconds: float = 30.0
    log_limit: int = 10_000
    """``eth_getLogs`` fails when it finds more."""
    range_limit: int = 0
    """``eth_getLogs`` fails for more blocks than this; 0: any number."""

    known: float = 0.0
    """A transaction that is taken is answered with "already known"."""
    underpriced: float = 0.0
    """A transaction is refused: the node wants more at this moment."""
    nonce_too_high: float = 0.0
    """A transaction is refused: the node says that it does not know the ones before it."""

    missed_heads: float = 0.0
    """A subscription leaves an event out."""
    doubled_heads: float = 0.0
    """A subscription says an event twice."""
    late_heads: float = 0.0
    """A subscription says an event ``late_seconds`` later, behind younger ones."""
    late_seconds: tuple[float, float] = (5.0, 30.0)
    lag: float = 0.0
    """The endpoint hears of blocks so many seconds late."""

    def delay(self) -> float:
        """Extra seconds for an answer."""
        return self.draw(self.slow_seconds) if self.strikes("slow") else 0.0


@dataclass
class DiskFaults(Switchboard):
    """What a disk does to the writes of the database."""

    slow: float = 0.0
    """A write takes ``slow_seconds``."""
    slow_seconds: tuple[float, float] = (0.5, 5.0)
    full: bool = False
    """No write succeeds, and nothing of it is written."""
    unsure: float = 0.0
    """A write succeeds, and the node is told that it may not have."""


@dataclass
class SourceFaults(Switchboard):
    """What HTTP sources do: chances in [0, 1] for each exchange."""

    slow: float = 0.0
    """The answer takes ``slow_seconds``, or the request times out."""
    slow_seconds: tuple[float, float] = (2.0, 30.0)
    refused: float = 0.0
    """Nobody listens."""
    errors: float = 0.0
    """An answer with a status of 500 or 503."""
    garbage: float = 0.0
    """An answer that is not what was asked for: HTML, half a JSON text, a JSON text without the field."""


def tired(seed: int | str) -> Faults:
    """A node that fails in every way it knows, now and then, and works in between."""
    return Faults(
        slow=0.05,
        dropped=0.01,
        missing_receipts=0.2,
        receipt_lag=3.0,
        stale_heads=0.1,
        lost_replies=0.2,
        missed_heads=0.1,
        doubled_heads=0.1,
        seed=seed,
    )
