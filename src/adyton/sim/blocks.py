"""Blocks of the simulated chain, as values."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from adyton.sim.contracts import Emitted, Outcome
from adyton.sim.rlp import SimTransaction


class MinedLog(msgspec.Struct, frozen=True):
    """A log in its place."""

    emitted: Emitted
    transaction: SimTransaction
    transaction_index: int
    index: int


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A block with what its transactions did."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    base_fee: int | None
    gas_used: int
    transactions: tuple[SimTransaction, ...]
    outcomes: tuple[Outcome, ...]
    logs: tuple[MinedLog, ...]
    born: float
    """The simulated second at which this node learned of it."""


class Announcement(msgspec.Struct, frozen=True):
    """A change of the canonical chain."""

    removed: tuple[Block, ...]
    added: tuple[Block, ...]


class Genesis(msgspec.Struct, frozen=True, kw_only=True):
    """What is true before the first block: who has how many wei, and whom the oracle contract lets answer."""

    balances: Mapping[str, int] = {}
    authorised: Collection[str] = ()
