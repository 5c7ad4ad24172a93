"""When a wish makes sense, and what a transaction is replaced for."""

from __future__ import annotations

import pytest

from adyton.domain.errors import Invalid
from adyton.domain.gas import GWEI, GasRules, replaces
from adyton.domain.transactions import Fee, Transaction
from adyton.domain.transactions import TransactionState as S
from adyton.domain.wishes import SENSIBLE, Wish, check_price, raised, refusal

RULES = GasRules(price_max=500 * GWEI)
FEES = [Fee(gas_price=20 * GWEI), Fee(tip_cap=1, fee_cap=20 * GWEI), Fee(tip_cap=20 * GWEI, fee_cap=20 * GWEI)]


def transaction(state: S, *, wish: str | None = None) -> Transaction:
    address = "0x" + "01" * 20
    return Transaction(
        id=7,
        from_address=address,
        to_address=address,
        data="0x",
        value=0,
        gas_limit=21_000,
        gas_price=None,
        state=state,
        created_at=1,
        wish=wish,
    )


@pytest.mark.parametrize("wish", list(Wish))
@pytest.mark.parametrize("state", list(S))
def test_a_wish_is_refused_exactly_where_it_makes_no_sense_and_the_state_is_named(wish: Wish, state: S) -> None:
    found = refusal(transaction(state), wish)
    assert (found is None) == (state in SENSIBLE[wish])
    assert found is None or f"transaction 7 is {state.value} (" in found


def test_what_is_to_be_cancelled_is_not_raised_instead() -> None:
    found = refusal(transaction(S.UNCONFIRMED, wish="cancel"), Wish.BUMP)
    assert found is not None
    assert "is to be cancelled" in found
    assert refusal(transaction(S.UNCONFIRMED, wish="bump"), Wish.CANCEL) is None


@pytest.mark.parametrize("fee", FEES)
@pytest.mark.parametrize("price", [1, 20, 21, 22, 23, 100, 500, 501, 10**6])
def test_a_price_is_taken_exactly_if_it_passes_the_check(fee: Fee, price: int) -> None:
    found = raised(RULES, fee, price * GWEI, None)
    try:
        check_price(RULES, fee, price * GWEI)
    except Invalid:
        assert found is None
    else:
        assert found is not None
        assert replaces(found, fee)
        assert found.ceiling == price * GWEI <= RULES.price_max


def test_the_least_price_that_a_refusal_names_is_taken() -> None:
    with pytest.raises(Invalid, match="only for 10 % more, 22000000000"):
        check_price(RULES, FEES[0], 22 * GWEI - 1)
    check_price(RULES, FEES[0], 22 * GWEI)
