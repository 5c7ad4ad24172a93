"""The contracts of the simulated chain: what `Oracle` and LINK do to the chain's state.

`Oracle` is modelled after the 0.4 contract: a request is remembered by a commitment to its payment, callback and expiration; a
fulfilment must echo exactly these, deletes the commitment and hands the answer to the consumer; a second one reverts. Left out:
the LINK token's transfer in front of a request (tests call ``oracleRequest`` themselves) and the owner.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec

from adyton.sim.rlp import SimTransaction, hexed, keccak, unhex

LINK = "0x" + "11" * 20
ORACLE = "0x" + "0a" * 20
CONSUMER = "0x" + "c0" * 20

REQUEST_EVENT = "0xd8d7ecc4800d25fa53ce0372f13a416d98907a7ef3d8d3bdd79cf4fe75529c65"
CANCEL_EVENT = "0xa7842b9ec549398102c0d91b1b9919b2f20558aefdadf57528a95c6cd3292e93"

ORACLE_REQUEST = unhex("40429946")
FULFILL = unhex("4ab0d190")
CANCEL = unhex("6ee4d553")
WITHDRAWABLE = unhex("50188301")
AUTHORISED = unhex("d3e9c314")
BALANCE_OF = unhex("70a08231")
CALLBACK = unhex("042f2b65")

EXPIRY = 300
CONSUMER_GAS = 400_000
GAS = {ORACLE_REQUEST: 140_000, FULFILL: 95_000, CANCEL: 60_000}
REVERTED_GAS = 32_000
BLOCK_GAS_TARGET = 15_000_000


class Revert(Exception):
    """The contract refused; the text is the one in its ``require``."""

    @property
    def data(self) -> str:
        """The revert's bytes, ``Error(string)``."""
        return hexed(unhex("08c379a0") + word(32) + _counted(str(self).encode(), padded=True))


class Answer(msgspec.Struct, frozen=True):
    """What the consumer was handed."""

    request_id: str
    value: bytes
    transaction_hash: str
    sender: str

    @property
    def number(self) -> int:
        """The value as an unsigned integer."""
        return int.from_bytes(self.value, "big")


class Emitted(msgspec.Struct, frozen=True):
    """A log before it has a place in a block."""

    address: str
    topics: tuple[str, ...]
    data: bytes


class Outcome(msgspec.Struct, frozen=True):
    """What a transaction did."""

    status: int
    gas_used: int
    logs: tuple[Emitted, ...] = ()
    revert: str | None = None


@dataclass
class State:
    """The chain's state after a block. Only what the node can see."""

    nonces: dict[str, int] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    link: dict[str, int] = field(default_factory=dict)
    commitments: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, tuple[Answer, ...]] = field(default_factory=dict)
    authorised: frozenset[str] = frozenset()
    withdrawable: int = 0

    def copy(self) -> State:
        """A state that can be changed without changing this one."""
        return replace(
            self,
            nonces=dict(self.nonces),
            balances=dict(self.balances),
            link=dict(self.link),
            commitments=dict(self.commitments),
            answers=dict(self.answers),
        )


def word(value: int) -> bytes:
    """A 32-byte word."""
    return value.to_bytes(32, "big")


def address_word(address: str) -> bytes:
    """An address as a word."""
    return unhex(address).rjust(32, b"\0")


def _counted(data: bytes, *, padded: bool) -> bytes:
    tail = b"\0" * (-len(data) % 32) if padded else b""
    return word(len(data)) + data + tail


def request_id(requester: str, counter: int) -> str:
    """The id that the contract gives to a requester's ``counter``-th request."""
    return hexed(keccak(unhex(requester) + word(counter)))


def commitment(payment: int, callback: str, function: bytes, expiration: int) -> bytes:
    """What the contract remembers of a request."""
    return keccak(word(payment) + unhex(callback) + function + word(expiration))


def request_calldata(job_topic: bytes, counter: int, payload: bytes, *, requester: str, payment: int) -> bytes:
    """``oracleRequest`` with the sender and payment that the LINK token would have written into it."""
    head = [address_word(requester), word(payment), job_topic, address_word(requester), CALLBACK.ljust(32, b"\0")]
    return ORACLE_REQUEST + b"".join([*head, word(counter), word(1), word(0x100)]) + _counted(payload, padded=True)


def intrinsic_gas(data: bytes) -> int:
    """The gas that a transaction costs before anything runs."""
    zeros = data.count(0)
    return 21_000 + 4 * zeros + 16 * (len(data) - zeros)


def apply(state: State, transaction: SimTransaction, *, timestamp: int, base_fee: int) -> Outcome:
    """Execute a transaction that may be included, and change ``state`` accordingly."""
    state.nonces[transaction.sender] = transaction.nonce + 1
    try:
        logs = call_contract(state, transaction, timestamp)
        used = GAS.get(transaction.data[:4], 0) if transaction.to == ORACLE else 0
        outcome = Outcome(1, max(used, intrinsic_gas(transaction.data)), logs)
    except Revert as error:
        outcome = Outcome(0, max(REVERTED_GAS, intrinsic_gas(transaction.data)), revert=str(error))
    _settle(state, transaction, outcome, base_fee)
    return outcome


def _settle(state: State, transaction: SimTransaction, outcome: Outcome, base_fee: int) -> None:
    moved = transaction.value if outcome.status else 0
    state.balances[transaction.to] = state.balances.get(transaction.to, 0) + moved
    if not transaction.is_foreign:
        state.balances[transaction.sender] -= moved + outcome.gas_used * transaction.price(base_fee)


def call_contract(state: State, transaction: SimTransaction, timestamp: int) -> tuple[Emitted, ...]:
    """Run the called contract's code, if there is any. Raises Revert before it has changed anything."""
    if transaction.to != ORACLE:
        return ()
    functions = {ORACLE_REQUEST: _oracle_request, FULFILL: _fulfill, CANCEL: _cancel}
    function = functions.get(transaction.data[:4])
    if function is None:
        raise Revert("function selector was not recognized and there's no fallback function")
    return function(state, transaction, _Words(transaction.data[4:]), timestamp)


class _Words:
    """Calldata read by words; what is missing reads as zero, as in the EVM."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def raw(self, position: int) -> bytes:
        return self._data[32 * position : 32 * position + 32].ljust(32, b"\0")

    def integer(self, position: int) -> int:
        return int.from_bytes(self.raw(position), "big")

    def address(self, position: int) -> str:
        return hexed(self.raw(position)[12:])

    def tail(self, position: int) -> bytes:
        start = self.integer(position)
        length = int.from_bytes(self._data[start : start + 32], "big")
        return self._data[start + 32 : start + 32 + length]


def _oracle_request(state: State, transaction: SimTransaction, words: _Words, timestamp: int) -> tuple[Emitted, ...]:
    requester, payment, callback, function = words.address(0), words.integer(1), words.address(3), words.raw(4)[:4]
    identity = request_id(requester, words.integer(5))
    if identity in state.commitments:
        raise Revert("Must use a unique ID")
    expiration = timestamp + EXPIRY
    state.commitments[identity] = commitment(payment, callback, function, expiration)
    state.link[ORACLE] = state.link.get(ORACLE, 0) + payment
    head = [address_word(requester), unhex(identity), word(payment), address_word(callback), words.raw(4), word(expiration)]
    data = b"".join([*head, words.raw(6), word(0x100)]) + _counted(words.tail(7), padded=True)
    return (Emitted(ORACLE, (REQUEST_EVENT, hexed(words.raw(2))), data),)


def _fulfill(state: State, transaction: SimTransaction, words: _Words, timestamp: int) -> tuple[Emitted, ...]:
    identity, payment = hexed(words.raw(0)), words.integer(1)
    if (transaction.caller or transaction.sender) not in state.authorised:
        raise Revert("Not an authorized node to fulfill requests")
    if identity not in state.commitments:
        raise Revert("Must have a valid requestId")
    if state.commitments[identity] != commitment(payment, words.address(2), words.raw(3)[:4], words.integer(4)):
        raise Revert("Params do not match request ID")
    if transaction.gas - intrinsic_gas(transaction.data) - 30_000 < CONSUMER_GAS:
        raise Revert("Must provide consumer enough gas")
    del state.commitments[identity]
    state.withdrawable += payment
    answer = Answer(identity, words.raw(5), transaction.hash, transaction.sender)
    state.answers[identity] = (*state.answers.get(identity, ()), answer)
    return ()


def _cancel(state: State, transaction: SimTransaction, words: _Words, timestamp: int) -> tuple[Emitted, ...]:
    identity, payment, expiration = hexed(words.raw(0)), words.integer(1), words.integer(3)
    caller = transaction.caller or transaction.sender
    if state.commitments.get(identity) != commitment(payment, caller, words.raw(2)[:4], expiration):
        raise Revert("Params do not match request ID")
    if expiration > timestamp:
        raise Revert("Request is not expired")
    del state.commitments[identity]
    state.link[ORACLE] -= payment
    state.link[caller] = state.link.get(caller, 0) + payment
    return (Emitted(ORACLE, (CANCEL_EVENT, identity), b""),)


def view(state: State, to: str, data: bytes) -> bytes | None:
    """The answer of a contract's view function, or None if it has no such function."""
    argument = hexed(data[4:36].ljust(32, b"\0")[12:])
    if (to, data[:4]) == (LINK, BALANCE_OF):
        return word(state.link.get(argument, 0))
    if (to, data[:4]) == (ORACLE, WITHDRAWABLE):
        return word(state.withdrawable)
    if (to, data[:4]) == (ORACLE, AUTHORISED):
        return word(int(argument in state.authorised))
    return None
