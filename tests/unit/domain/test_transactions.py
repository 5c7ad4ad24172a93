"""A transaction's states, and what counts as its failure."""

from __future__ import annotations

from typing import Any

import pytest

from adyton.domain.chain import Receipt
from adyton.domain.transactions import MOVES, Attempt, Fee, Transaction, TransactionState

S = TransactionState
HASH = "0x" + "0a" * 32


def transaction(state: TransactionState, **other: Any) -> Transaction:
    return Transaction(
        id=1,
        from_address="0x",
        to_address="0x",
        data="0x",
        value=0,
        gas_limit=1,
        gas_price=None,
        state=state,
        created_at=0,
        **other,
    )


def receipt(status: int) -> Receipt:
    return Receipt(HASH, 1, HASH, status, 1, 1)


def test_every_state_says_where_it_may_go() -> None:
    assert set(MOVES) == set(S)


def test_only_fatal_is_final_for_ever_and_every_other_state_leads_to_safe_and_to_it() -> None:
    def reach(state: TransactionState, seen: frozenset[TransactionState]) -> frozenset[TransactionState]:
        for following in MOVES[state] - seen:
            seen = reach(following, seen | {following})
        return seen

    assert {state for state in S if not MOVES[state]} == {S.FATAL_ERROR}
    for state in S:
        if MOVES[state]:
            assert reach(state, frozenset()) >= {S.SAFE, S.FATAL_ERROR}


@pytest.mark.parametrize(
    ("found", "failure"),
    [
        (transaction(S.UNCONFIRMED), None),
        (transaction(S.SAFE, receipt=receipt(1)), None),
        (transaction(S.SAFE, receipt=receipt(0)), f"transaction {HASH} reverted on-chain"),
        (transaction(S.SAFE, receipt=receipt(0), revert_reason="no"), f"transaction {HASH} reverted on-chain: no"),
        (transaction(S.FATAL_ERROR, error="oversized data"), "oversized data"),
        (transaction(S.FATAL_ERROR), "transaction failed"),
    ],
)
def test_success_means_success(found: Transaction, failure: str | None) -> None:
    assert found.failure == failure


def attempt(name: str, *, noop: bool) -> Attempt:
    return Attempt(
        id=1,
        transaction_id=1,
        hash=name,
        fee=Fee(gas_price=1),
        raw="0x",
        state="broadcast",
        created_at=0,
        noop=noop,
    )


def test_a_no_op_cancels_only_when_it_is_the_one_that_was_mined() -> None:
    ours, noop = attempt("0x01", noop=False), attempt(HASH, noop=True)
    waiting = transaction(S.UNCONFIRMED, attempts=(ours, noop))
    assert (waiting.cancelling, waiting.cancelled, waiting.failure) == (True, False, None)
    cancelled = transaction(S.SAFE, attempts=(ours, noop), receipt=receipt(1))
    assert (cancelled.cancelled, cancelled.failure) == (True, "cancelled by an operator: its nonce was used by a no-op")
    too_late = transaction(S.SAFE, attempts=(ours, attempt("0x02", noop=True)), receipt=receipt(1))
    assert (too_late.cancelling, too_late.cancelled, too_late.failure) == (True, False, None)
    assert not transaction(S.SAFE, attempts=(ours,), receipt=receipt(1)).cancelling


def test_the_ceiling_of_a_price_is_what_a_unit_of_gas_can_cost_at_most() -> None:
    assert (Fee(gas_price=5).ceiling, Fee(tip_cap=1, fee_cap=7).ceiling) == (5, 7)
