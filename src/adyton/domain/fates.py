"""What became of a request: exactly one of six fates, decided from what the rows say of it.

``RULES`` is the whole of it: the first rule that fits decides. What the chain says outranks what the node did, and no fate but
"unaccounted" goes without a reason that was written down when it happened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from adyton.domain import evm
from adyton.domain.chain import Hash
from adyton.domain.requests import Closing, End, Request
from adyton.domain.runs import Run, RunStatus
from adyton.domain.transactions import Transaction, TransactionState

SENDS = "ethtx"
"""The task type that answers on the chain, in messages."""
SENDING = frozenset({SENDS, "ethtxabiencode"})
"""Every task type that does."""
NOT_ASKED = "and not the contract that was asked"
"""Of a job that names whom its task calls, in messages."""
REFUSED = "refused"
"""The decision about a request of which nothing came."""


class Kind(StrEnum):
    """The six fates."""

    ANSWERED = "answered"
    CANCELLED = "cancelled"
    IN_PROGRESS = "in progress"
    EXPIRED = "expired"
    REFUSED = "refused"
    UNACCOUNTED = "unaccounted"


class Fate(msgspec.Struct, frozen=True):
    """What became of a request. ``reason`` is for people; ``transaction`` is the one that closed it, or is on its way."""

    kind: Kind
    reason: str
    transaction: Hash | None = None


class Case(NamedTuple):
    """What is known of a request. ``run`` is its newest run, ``transactions`` those that it asked for, ``now`` the chain's time
    in seconds."""

    request: Request
    run: Run | None
    transactions: Sequence[Transaction]
    now: int

    @property
    def answer(self) -> Transaction | None:
        """The transaction of ours that answered it, as far as the chain is known."""
        return next((each for each in self._done if each.to_address == self.request.contract), None)

    @property
    def elsewhere(self) -> Transaction | None:
        """A transaction of ours that did what the job wanted of a contract that was not asked."""
        return next((each for each in self._done if each.to_address != self.request.contract), None)

    @property
    def _done(self) -> list[Transaction]:
        return [each for each in self.transactions if each.receipt is not None and each.failure is None]

    @property
    def closing(self) -> Closing | None:
        """What the chain says of its end."""
        return self.request.closed

    @property
    def moving(self) -> Transaction | None:
        """A transaction that may still be mined, or become safe."""
        return next((each for each in self.transactions if each.state not in _SETTLED), None)

    @property
    def sends(self) -> bool:
        """Whether the job of its run answers on the chain."""
        return self.run is not None and any(task.spec.type in SENDING for task in self.run.tasks)

    @property
    def reason(self) -> str:
        """Why there is no answer, as it was written down; empty when nothing was."""
        if self.request.decision == REFUSED:
            return self.request.reason or ""
        if self.run is None:
            return ""
        if self.run.error and not failed_elsewhere(self.request, self.run):
            return self.run.error
        if self.run.status is RunStatus.COMPLETED and not self.sends:
            return f"job {self.run.job_id} sends no answer: it has no {SENDS} task"
        if (other := self.elsewhere) is not None:
            return f"run {self.run.id} called {evm.checksum(other.to_address)}, {NOT_ASKED}"
        return next((each.failure or "" for each in self.transactions if each.cancelled), "")


def failed_elsewhere(request: Request, run: Run) -> bool:
    """Whether the run failed where the request no longer is: a reorganisation has moved it, and its log was found only later.
    What was wrong there (that it had left the chain, that its answer reverted) says nothing about it here."""
    return run.status is RunStatus.ERRORED and run.request is not None and run.request.block_hash != request.block_hash


_SETTLED = (TransactionState.SAFE, TransactionState.FATAL_ERROR)


class Rule(NamedTuple):
    """One fate: when it fits, and its words."""

    kind: Kind
    fits: Callable[[Case], bool]
    words: Callable[[Case], str]
    transaction: Callable[[Case], Hash | None] = lambda _: None


def fate(request: Request, run: Run | None, transactions: Sequence[Transaction], now: int) -> Fate:
    """What became of a request.

    ``run`` is its newest run, ``transactions`` those that it asked for, ``now`` the time of the newest block in seconds.
    """
    case = Case(request, run, transactions, now)
    rule = next(rule for rule in RULES if rule.fits(case))
    return Fate(rule.kind, rule.words(case), rule.transaction(case))


# --- words -----------------------------------------------------------------------------------------------------------


def _closed(case: Case, how: End) -> bool:
    return case.closing is not None and case.closing.how is how


def _closing_words(case: Case) -> str:
    assert case.closing is not None, "the rule says so"
    by = "by its requester" if case.closing.how is End.CANCELLED else "by us" if case.answer is not None else ""
    return f"{by} in block {case.closing.block_number}".strip()


def _closing_transaction(case: Case) -> Hash | None:
    return None if case.closing is None else case.closing.transaction_hash


def _answer_words(case: Case) -> str:
    assert case.answer is not None, "the rule says so"
    assert case.answer.receipt is not None, "an answer has a receipt"
    where = f"by us in block {case.answer.receipt.block_number}"
    return where if case.answer.state is TransactionState.SAFE else f"{where}, which is not as deep yet as was asked for"


def _mined(transaction: Transaction | None) -> Hash | None:
    if transaction is None:
        return None
    if transaction.receipt is not None:
        return transaction.receipt.transaction_hash
    return transaction.attempts[-1].hash if transaction.attempts else None


_PROGRESS = {
    RunStatus.UNSTARTED: "is about to start",
    RunStatus.IN_PROGRESS: "is being worked on",
    RunStatus.PENDING_CONFIRMATIONS: "waits for its transaction to be as deep in the chain as asked for",
    RunStatus.PENDING_CONNECTION: "waits for a connection to the chain",
    RunStatus.PENDING_BRIDGE: "waits for an external adapter",
    RunStatus.PENDING_SLEEP: "sleeps",
}


def _progress(case: Case) -> str:
    assert case.run is not None, "the rule says so"
    if case.run.wake_height is not None:
        return f"run {case.run.id} waits for block {case.run.wake_height}, when the request has its confirmations"
    waiting = "" if case.moving is None or not case.moving.waiting else f": {case.moving.waiting}"
    return f"run {case.run.id} {_PROGRESS[case.run.status]}{waiting}"


def _again(case: Case) -> str:
    assert case.moving is not None, "the rule says so"
    because = f": {case.moving.waiting}" if case.moving.waiting else ""
    return f"its answer left the chain; transaction {case.moving.id} is {case.moving.state.value} again{because}"


def _unknown(case: Case) -> str:
    """What is known, when there is no reason."""
    run = case.run
    if run is None:
        named = case.request.run_id
        return "no run was started, and nothing says why" if named is None else f"its run {named} is not there"
    if failed_elsewhere(case.request, run):
        return f"run {run.id} failed in another block than the one where the request is now: {run.error}"
    if run.status is not RunStatus.COMPLETED:
        return f"run {run.id} is {run.status.value} and does not say why"
    failed = next((each.failure for each in reversed(case.transactions) if each.failure is not None), None)
    if failed is None:
        return f"run {run.id} is completed, but there is no transaction of it that answers"
    return f"run {run.id} is completed, but its answer was undone: {failed}"


# --- the table -------------------------------------------------------------------------------------------------------

RULES: tuple[Rule, ...] = (
    Rule(Kind.ANSWERED, lambda case: _closed(case, End.ANSWERED), _closing_words, _closing_transaction),
    Rule(Kind.ANSWERED, lambda case: case.answer is not None, _answer_words, lambda case: _mined(case.answer)),
    Rule(Kind.CANCELLED, lambda case: _closed(case, End.CANCELLED), _closing_words, _closing_transaction),
    Rule(
        Kind.IN_PROGRESS,
        lambda case: case.run is not None and not case.run.status.finished,
        _progress,
        lambda case: _mined(case.moving),
    ),
    Rule(Kind.IN_PROGRESS, lambda case: case.moving is not None, _again, lambda case: _mined(case.moving)),
    Rule(Kind.EXPIRED, lambda case: bool(case.reason) and _expired(case), lambda case: case.reason),
    Rule(Kind.REFUSED, lambda case: bool(case.reason), lambda case: case.reason),
    Rule(Kind.UNACCOUNTED, lambda _: True, _unknown),
)
"""The first that fits decides; the last fits always."""


def _expired(case: Case) -> bool:
    """Whether its requester may take the payment back."""
    return case.request.expiration is not None and case.request.expiration < case.now
