"""An outgoing transaction: what is wanted, how it is priced, how far it has come.

States::

    unstarted   a task asked for it; it has no nonce
    in_progress it has a nonce and signed bytes that are stored and may have been sent
    unconfirmed a node has taken it
    confirmed   it is in a block
    safe        the block is as deep as the task asked for; its run goes on
    fatal_error it can never be mined, or is not to be; it holds no nonce

An unstarted transaction may also be taken back whole, when a reorganisation changed what its task wants sent. Only two moves
go back. A reorganisation returns a mined transaction to unconfirmed, also a safe one as long as the chain may still change
there: its nonce is needed by those behind it. And when something else used the key and its nonce, provably and deeper than
the chain can still change, the transaction can never be mined under that nonce and starts again.

The table of legal moves is ``MOVES``. The database holds what a row of each state looks like in CHECK constraints, and each
update names the state that it starts from.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from adyton.domain.chain import Address, Hash, Hex, Receipt

DEFAULT_GAS_LIMIT = 500_000
"""As v0.6.2: an Oracle demands 400,000 gas left for the consumer, so less always reverts."""


class TransactionState(StrEnum):
    """How far a transaction has come."""

    UNSTARTED = "unstarted"
    IN_PROGRESS = "in_progress"
    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    SAFE = "safe"
    FATAL_ERROR = "fatal_error"


S = TransactionState
MOVES: dict[TransactionState, frozenset[TransactionState]] = {
    S.UNSTARTED: frozenset({S.IN_PROGRESS, S.FATAL_ERROR}),
    S.IN_PROGRESS: frozenset({S.UNCONFIRMED, S.FATAL_ERROR}),
    S.UNCONFIRMED: frozenset({S.CONFIRMED, S.UNSTARTED, S.FATAL_ERROR}),
    S.CONFIRMED: frozenset({S.SAFE, S.UNCONFIRMED}),
    S.SAFE: frozenset({S.UNCONFIRMED}),
    S.FATAL_ERROR: frozenset(),
}


class TransactionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a task wants sent. ``gas_limit`` and ``gas_price`` (wei) of None mean the node's own. ``senders`` are the keys that
    may send it; empty: any of the node's. ``confirmations`` is how deep its block must be; None: the node's own depth."""

    to: Address
    data: Hex
    value: int = 0
    gas_limit: int | None = None
    gas_price: int | None = None
    senders: tuple[Address, ...] = ()
    confirmations: int | None = None


class Fee(msgspec.Struct, frozen=True, kw_only=True):
    """A price in wei: legacy (``gas_price``) or EIP-1559 (``tip_cap`` and ``fee_cap``)."""

    gas_price: int | None = None
    tip_cap: int | None = None
    fee_cap: int | None = None

    @property
    def ceiling(self) -> int:
        """The most that a unit of gas can cost."""
        return self.gas_price if self.gas_price is not None else self.fee_cap or 0


class UnsignedTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is signed. A fee with ``gas_price`` makes it a legacy transaction, any other type 2."""

    chain_id: int
    nonce: int
    to: Address
    value: int
    data: Hex
    gas_limit: int
    fee: Fee


class SignedTransaction(msgspec.Struct, frozen=True):
    """The bytes to send and the hash under which the chain will know them."""

    raw: Hex
    hash: Hash


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One signed, priced version of a transaction. ``raw`` is the signed bytes; once stored they never change.

    ``broadcast_before`` is the first head seen after the send (None until then): the block before which it cannot have
    been mined is unknown, the block from which waiting is counted is this one.
    """

    id: int
    transaction_id: int
    hash: Hash
    fee: Fee
    raw: Hex
    state: str
    """``in_progress`` (stored, perhaps sent) or ``broadcast`` (a node has it)."""
    created_at: int
    broadcast_before: int | None = None
    noop: bool = False
    """It carries nothing to nobody: an operator took the nonce away from the transaction."""


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction's row, with its attempts newest last."""

    id: int
    from_address: Address
    to_address: Address
    data: Hex
    value: int
    gas_limit: int
    gas_price: int | None
    state: TransactionState
    created_at: int
    run_id: str | None = None
    task_position: int | None = None
    nonce: int | None = None
    broadcast_at: int | None = None
    error: str | None = None
    """Why it can never be mined; only in ``fatal_error``."""
    waiting: str | None = None
    """What an operator should know about its waiting: no funds, the price ceiling. None when it only waits its turn."""
    waiting_since: int | None = None
    """The head from which the blocks until the next bump are counted."""
    min_confirmations: int = 0
    receipt: Receipt | None = None
    receipt_status: int | None = None
    """The receipt's status, where the database can ask for it."""
    revert_reason: str | None = None
    purpose: str | None = None
    """What a transaction that no task asked for is: ``withdrawal`` or ``transfer``."""
    idempotency_key: str | None = None
    """The caller's, so that asking twice sends once."""
    wish: str | None = None
    """What an operator asked for: ``bump``, ``cancel`` or ``resend``; None once it is done."""
    wish_price: int | None = None
    """Wei a gas that the wish is to be done at; None: the node's own choice."""
    attempts: tuple[Attempt, ...] = ()

    @property
    def reverted(self) -> bool:
        """It was mined, and did nothing."""
        return self.receipt is not None and self.receipt.status == 0

    @property
    def cancelling(self) -> bool:
        """A no-op competes for its nonce; whichever is mined first decides."""
        return any(attempt.noop for attempt in self.attempts)

    @property
    def unwanted(self) -> bool:
        """An operator wants it cancelled, whether that has begun or not."""
        return self.wish == "cancel" or self.cancelling

    @property
    def cancelled(self) -> bool:
        """The no-op was mined in its place."""
        mined = None if self.receipt is None else self.receipt.transaction_hash
        return any(attempt.noop and attempt.hash == mined for attempt in self.attempts)

    @property
    def failure(self) -> str | None:
        """Why the transaction did not do what it was sent for, or None: it never can be mined, it reverted, or an operator
        cancelled it."""
        if self.state is TransactionState.FATAL_ERROR:
            return self.error or "transaction failed"
        if self.cancelled:
            return "cancelled by an operator: its nonce was used by a no-op"
        if self.receipt is not None and self.reverted:
            because = f": {self.revert_reason}" if self.revert_reason else ""
            return f"transaction {self.receipt.transaction_hash} reverted on-chain{because}"
        return None
