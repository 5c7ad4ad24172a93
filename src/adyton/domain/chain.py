"""What Ethereum gives us, as values: heads, logs, receipts, filters.

Hashes, addresses and byte strings are ``0x`` hex texts in lower case, everywhere: they are compared, stored and shown far
more often than they are computed with. Numbers are integers.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

Hash: TypeAlias = str
"""``0x`` and 64 lower-case hex digits."""
Address: TypeAlias = str
"""``0x`` and 40 lower-case hex digits; the checksummed form is made where a person reads it (``evm.checksum``)."""
Hex: TypeAlias = str
"""``0x`` and an even number of lower-case hex digits."""

ZERO_ADDRESS: Address = "0x" + "0" * 40


class Head(msgspec.Struct, frozen=True):
    """A block's header. ``hash`` is the block's hash (v0.6.2 stored the mix digest; a DEFECT not copied)."""

    number: int
    hash: Hash
    parent_hash: Hash
    timestamp: int
    """Seconds since the epoch, as the block says."""
    base_fee: int | None = None
    """Wei; None on a chain without EIP-1559."""


class Log(msgspec.Struct, frozen=True):
    """A log that a transaction in a block emitted."""

    address: Address
    topics: tuple[Hash, ...]
    data: Hex
    block_number: int
    block_hash: Hash
    transaction_hash: Hash
    transaction_index: int
    log_index: int
    removed: bool = False


class Receipt(msgspec.Struct, frozen=True):
    """The outcome of a mined transaction. ``status`` is 1 for success, 0 for reverted (1 on chains older than the field)."""

    transaction_hash: Hash
    block_number: int
    block_hash: Hash
    status: int
    gas_used: int
    effective_gas_price: int | None
    logs: tuple[Log, ...] = ()


class BlockTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction as its block has it. ``to`` of None makes a contract; ``value`` in wei; ``data`` is what it calls with."""

    hash: Hash
    sender: Address
    to: Address | None
    nonce: int
    value: int
    data: Hex


class LogFilter(msgspec.Struct, frozen=True):
    """Which logs to ask for: any of ``addresses`` (empty: every contract), and for each topic position any of the listed
    hashes (empty: anything)."""

    addresses: tuple[Address, ...] = ()
    topics: tuple[tuple[Hash, ...], ...] = ()
