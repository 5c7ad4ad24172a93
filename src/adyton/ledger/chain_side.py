"""What the chain says: requests, answers, cancellations, what our keys sent, and what that cost and brought.

These are values only; ``chain_reader`` fills them. Nothing here, and nothing there, asks the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from adyton.domain import evm
from adyton.domain.chain import Address, Hash, Hex
from adyton.domain.requests import AGREEMENT, ANSWERS, LAYOUTS, MANY_WORDS

FULFILMENTS: frozenset[Hex] = ANSWERS
"""Functions that take an answer, the request's id being their first word."""
PAYMENT_FOLLOWS: frozenset[Hex] = frozenset(
    {layout.selector for layout in LAYOUTS.values() if layout.repeats_callback} | {MANY_WORDS}
)
"""Those whose second word is the payment."""
CANCELLED: Hash = evm.event_topic("CancelOracleRequest(bytes32)")
RESPONDED: Hash = evm.event_topic("OracleResponse(bytes32)")
TRANSFERRED: Hash = evm.event_topic("Transfer(address,address,uint256)")

_SELECTOR = 10
_WORD = 64


class RequestKey(NamedTuple):
    """What a request is known by."""

    contract: Address
    request_id: Hash


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request's log. ``expiration`` (seconds) is None where the contract's version has none."""

    key: RequestKey
    job_topic: Hash
    block_number: int
    transaction_hash: Hash
    payment: int
    expiration: int | None = None
    prefix: Hex = "0x"
    """The fulfilment's calldata without the value: what the contract can be asked with whether it still waits."""


class Malformed(msgspec.Struct, frozen=True):
    """A log with a request's topic in which no request can be read."""

    contract: Address
    job_topic: Hash
    block_hash: Hash
    log_index: int


class Answered(msgspec.Struct, frozen=True):
    """A successful fulfilment. ``payment`` is None where the calldata does not repeat it."""

    transaction_hash: Hash
    sender: Address | None
    """None when a contract sent it on: its transaction is not addressed to the oracle."""
    block_number: int
    payment: int | None = None
    one_of_many: bool = False
    """The contract waits for the answer of each oracle of an agreement, and this is one of them."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction of one of our keys in a block. Amounts in wei; ``cost`` is gas used × effective price."""

    hash: Hash
    sender: Address
    nonce: int
    to: Address | None
    block_number: int
    time: int
    """Seconds, as its block says."""
    succeeded: bool
    cost: int
    value: int = 0
    answers: RequestKey | None = None
    """The request that it tries to fulfil."""


class KeySide(msgspec.Struct, frozen=True, kw_only=True):
    """A key before the first and after the last block. Balances are None where the chain does not remember them."""

    nonce_before: int
    nonce_after: int
    balance_before: int | None
    balance_after: int | None
    received: int = 0
    """Wei that transactions of others brought."""


class ContractSide(msgspec.Struct, frozen=True, kw_only=True):
    """An oracle contract's own account of its LINK, in juels; None where it cannot be known."""

    withdrawable_before: int | None
    withdrawable_after: int | None
    withdrawn: int | None
    reserved: int = 0
    """Refunds of cancelled requests that the contract goes on holding back from its owner: Operator contracts do not take
    them out of what they reserve."""


class ChainSide(msgspec.Struct, frozen=True, kw_only=True):
    """Everything between two blocks, both included."""

    first: int
    last: int
    time: int
    """Seconds, as the last block says."""
    contracts: Mapping[Address, ContractSide] = {}
    keys: Mapping[Address, KeySide] = {}
    asked: tuple[Asked, ...] = ()
    malformed: tuple[Malformed, ...] = ()
    answers: Mapping[RequestKey, tuple[Answered, ...]] = {}
    cancellations: Mapping[RequestKey, tuple[Hash, ...]] = {}
    closed_unseen: frozenset[RequestKey] = frozenset()
    """The contract does not wait any more, though no transaction to it and no log says why: a contract answered."""
    sent: tuple[Sent, ...] = ()


def fulfilled(to: Address | None, data: Hex) -> RequestKey | None:
    """The request that a transaction tries to fulfil, None if it is no fulfilment."""
    if to is None or data[:_SELECTOR] not in FULFILMENTS or len(data) < _SELECTOR + _WORD:
        return None
    return RequestKey(to, "0x" + data[_SELECTOR : _SELECTOR + _WORD])


def is_one_of_many(data: Hex) -> bool:
    """Whether a fulfilment is that of an agreement, which every oracle of it sends."""
    return data[:_SELECTOR] == AGREEMENT.selector


def payment_in(data: Hex) -> int | None:
    """The payment that a fulfilment repeats."""
    word = data[_SELECTOR + _WORD : _SELECTOR + 2 * _WORD]
    return int(word, 16) if data[:_SELECTOR] in PAYMENT_FOLLOWS and len(word) == _WORD else None
