"""How long what is not finished may stay so. One table; whatever it does not allow is a finding.

A deadline is generous: it says "nothing will move this any more", not "this is slow".
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from adyton.domain.runs import RunStatus
from adyton.ledger.book import RunRow, TransactionRow

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

OPEN = frozenset({"unstarted", "in_progress", "unconfirmed", "confirmed"})
"""States of a transaction that something must still move."""


class Deadline(msgspec.Struct, frozen=True):
    """The longest that a run may stay in a status, in microseconds since its row last changed; None: it is not ours to end.
    ``waits_for`` says who moves it."""

    longest: int | None
    waits_for: str


R = RunStatus
DEADLINES: Mapping[str, Deadline] = {
    R.UNSTARTED: Deadline(10 * MINUTE, "a worker"),
    R.IN_PROGRESS: Deadline(10 * MINUTE, "a worker"),  # the slowest task: five tries of 15 s over HTTP
    R.PENDING_CONFIRMATIONS: Deadline(10 * MINUTE, "its block to be deep enough, or its transaction to be safe"),
    R.PENDING_CONNECTION: Deadline(10 * MINUTE, "a connection to the chain"),
    R.PENDING_BRIDGE: Deadline(None, "somebody else's adapter"),
    R.PENDING_SLEEP: Deadline(MINUTE, "the end of its sleep"),
}
WITHOUT_A_WORD = 2 * HOUR
"""The longest that a transaction may be open without saying what it waits for, in microseconds since it was last sent."""


def run_overdue(run: RunRow, *, now: int, height: int, finality: int, transactions: list[TransactionRow]) -> str | None:
    """Why an unfinished run counts as stuck; None when it may still wait.

    ``now`` in microseconds; ``height``: the chain's; ``transactions``: what the run asked to send.
    """
    if run.finished:
        return None
    deadline = DEADLINES.get(run.status)
    if deadline is None:
        return f"its status {run.status!r} is unknown"
    if run.due_at is not None and now - run.due_at > MINUTE:
        return f"{run.status}, whose wait ended {(now - run.due_at) // SECOND} s ago"
    if deadline.longest is None or _has_reason_to_wait(run, height=height, finality=finality, transactions=transactions):
        return None
    since = max(run.updated_at, run.wake_at or 0, (run.due_at or 0) if run.status == R.PENDING_SLEEP else 0)
    late = now - since - deadline.longest
    if late <= 0:
        return None
    return f"{run.status or 'unstarted'} since {(now - since) // SECOND} s, waiting for {deadline.waits_for}"


def _has_reason_to_wait(run: RunRow, *, height: int, finality: int, transactions: list[TransactionRow]) -> bool:
    if run.status != R.PENDING_CONFIRMATIONS:
        return False
    if run.wake_height is not None:
        # A request that has left the chain may come back until finality; then the run is ended.
        return height < run.wake_height + finality
    return any(each.state in OPEN for each in transactions)


def transaction_overdue(transaction: TransactionRow, *, now: int) -> str | None:
    """Why an open transaction counts as stuck; None when it may still wait."""
    if transaction.state not in OPEN or transaction.waiting:
        return None
    since = max(transaction.created_at, transaction.broadcast_at or 0)
    if now - since <= WITHOUT_A_WORD:
        return None
    return f"{transaction.state} since {(now - since) // SECOND} s without a word why"
