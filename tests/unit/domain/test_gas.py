"""Prices: the first, the raised, the ceiling; and when to do what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.chain import Head
from adyton.domain.errors import Invalid
from adyton.domain.gas import (
    GWEI,
    AtCeiling,
    Bump,
    GasRules,
    Safe,
    Step,
    Wait,
    bumped,
    first_fee,
    next_step,
    replaces,
    repriced,
    safe_height,
)
from adyton.domain.transactions import Fee

RULES = GasRules()
HASH = "0x" + "00" * 32

wei = st.integers(0, 10_000 * GWEI)
rules = st.builds(
    lambda default, above, percent, least, threshold: GasRules(
        price_default=default, price_max=default + above, bump_percent=percent, bump_min=least, bump_threshold=threshold
    ),
    st.integers(1, 100 * GWEI),
    st.integers(0, 5000 * GWEI),
    st.integers(10, 100),
    st.integers(0, 10 * GWEI),
    st.integers(0, 20),
)


def head(number: int, base_fee: int | None = None) -> Head:
    return Head(number, HASH, HASH, 0, base_fee)


def ladder(start: int, steps: int, of: GasRules = RULES) -> list[float]:
    fee: Fee | None = Fee(gas_price=start * GWEI)
    seen: list[float] = []
    for _ in range(steps):
        assert fee is not None
        seen.append(fee.ceiling / GWEI)
        fee = bumped(of, fee, None)
    return seen


# --- the first price -------------------------------------------------------------------------------------------------


def test_a_chain_without_a_base_fee_gets_the_default_price() -> None:
    assert first_fee(RULES, None) == Fee(gas_price=20 * GWEI)


def test_a_first_fee_cap_outlives_so_many_full_blocks() -> None:
    of = GasRules(fee_cap_buffer=4, tip_default=GWEI)
    assert first_fee(of, 10 * GWEI) == Fee(tip_cap=GWEI, fee_cap=10 * GWEI * 9**4 // 8**4 + GWEI)
    assert first_fee(of, 10 * GWEI).ceiling == 17_018_066_406


def test_the_buffer_is_one_more_than_the_threshold_unless_it_is_set() -> None:
    assert (GasRules(bump_threshold=3).buffer, GasRules(fee_cap_buffer=0).buffer) == (4, 0)


def test_a_tip_below_the_minimum_is_raised_to_it() -> None:
    assert first_fee(GasRules(tip_default=1, tip_min=3), 100).tip_cap == 3


def test_a_tasks_own_price_is_respected_up_to_the_ceiling() -> None:
    assert first_fee(RULES, 10 * GWEI, 7 * GWEI) == Fee(gas_price=7 * GWEI)
    assert first_fee(RULES, None, 9000 * GWEI) == Fee(gas_price=5000 * GWEI)


@given(rules, wei | st.none(), wei | st.none())
def test_no_first_price_passes_the_ceiling(of: GasRules, base_fee: int | None, wanted: int | None) -> None:
    fee = first_fee(of, base_fee, wanted)
    assert fee.ceiling <= of.price_max
    assert (fee.tip_cap or 0) <= (fee.fee_cap or 0)
    assert (fee.gas_price is None) == (base_fee is not None and wanted is None)


# --- raised prices ---------------------------------------------------------------------------------------------------


def test_a_legacy_price_climbs_by_a_fifth_or_five_gwei_whichever_is_more() -> None:
    assert ladder(20, 5) == [20, 25, 30, 36, 43.2]
    assert ladder(60, 2) == [60, 72]  # 65, as v0.6.2 asked for, is refused by nodes


def test_a_type_2_price_climbs_in_both_fields() -> None:
    of = GasRules(fee_cap_buffer=4, tip_default=GWEI)
    first = first_fee(of, 10 * GWEI)
    assert bumped(of, first, 10 * GWEI) == Fee(tip_cap=6 * GWEI, fee_cap=22_018_066_406)


def test_a_raise_catches_up_with_a_base_fee_that_ran_away() -> None:
    first = first_fee(RULES, 10 * GWEI)
    raised = bumped(RULES, first, 500 * GWEI)
    assert raised is not None
    assert raised.ceiling > 500 * GWEI


def test_the_last_raise_stops_at_the_ceiling_if_that_still_replaces() -> None:
    of = GasRules(price_max=23 * GWEI)
    assert bumped(of, Fee(gas_price=20 * GWEI), None) == Fee(gas_price=23 * GWEI)
    assert bumped(of, Fee(gas_price=22 * GWEI), None) is None
    assert bumped(of, Fee(gas_price=23 * GWEI), None) is None


@given(rules, wei, wei, wei | st.none(), st.booleans())
def test_every_raise_keeps_its_type_replaces_and_respects_the_ceiling(
    of: GasRules, price: int, tip: int, base_fee: int | None, legacy: bool
) -> None:
    old = Fee(gas_price=price) if legacy else Fee(tip_cap=min(tip, price), fee_cap=price)
    for new in (bumped(of, old, base_fee), repriced(of, old, base_fee)):
        if new is None:
            continue
        assert (new.gas_price is None) == (old.gas_price is None)
        assert replaces(new, old)
        assert new.ceiling <= of.price_max
        assert (new.tip_cap or 0) <= (new.fee_cap or new.ceiling)
        # What a node checks, in its own arithmetic.
        for mine, theirs in ((new.gas_price, old.gas_price), (new.tip_cap, old.tip_cap), (new.fee_cap, old.fee_cap)):
            assert theirs is None or (mine is not None and mine > theirs and mine >= theirs * 110 // 100)


@given(rules, wei, wei | st.none())
def test_no_raise_means_that_the_ceiling_is_less_than_a_raise_away(of: GasRules, price: int, base_fee: int | None) -> None:
    if bumped(of, Fee(gas_price=price), base_fee) is None:
        assert of.price_max * 100 < price * 110 or of.price_max <= price


@given(rules, wei, wei | st.none())
def test_raising_comes_to_an_end(of: GasRules, price: int, base_fee: int | None) -> None:
    fee: Fee | None = Fee(gas_price=max(price, 10))
    for _ in range(500):
        fee = bumped(of, fee, base_fee) if fee else None
    assert fee is None


# --- what to do ------------------------------------------------------------------------------------------------------

PRICED = Fee(gas_price=20 * GWEI)


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        ({"head": 111, "mined_in": 100, "confirmations": 12}, Safe()),
        ({"head": 110, "mined_in": 100, "confirmations": 12}, Wait()),
        ({"head": 100, "mined_in": 100, "confirmations": 0}, Safe()),
        ({"head": 100, "mined_in": 100, "confirmations": 1}, Safe()),
        ({"head": 99, "mined_in": 100, "confirmations": 0}, Wait()),
        ({"head": 112, "waiting_since": 100}, Bump(Fee(gas_price=25 * GWEI))),
        ({"head": 111, "waiting_since": 100}, Wait()),
        ({"head": 112, "waiting_since": None}, Wait()),
        ({"head": 112, "waiting_since": 100, "fee": Fee(gas_price=5000 * GWEI)}, AtCeiling()),
        ({"head": 500, "waiting_since": 100, "rules": GasRules(bump_threshold=0)}, Wait()),
    ],
)
def test_the_next_step(case: dict[str, Any], wanted: Step) -> None:
    given_: dict[str, Any] = {"rules": RULES, "fee": PRICED, "mined_in": None, "waiting_since": None, "confirmations": 1} | case
    of, at = given_.pop("rules"), head(given_.pop("head"))
    assert next_step(of, head=at, **given_) == wanted


@given(st.integers(0, 10**9), st.integers(0, 1000))
def test_a_safe_height_is_never_below_the_block(block: int, confirmations: int) -> None:
    assert block <= safe_height(block, confirmations) <= block + confirmations


# --- rules -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"bump_percent": 9}, "ETH_GAS_BUMP_PERCENT of 9 may not be less than 10"),
        ({"price_max": GWEI}, "ETH_MAX_GAS_PRICE_WEI of 1000000000 must not be less than ETH_GAS_PRICE_DEFAULT"),
        ({"price_default": 0}, "ETH_GAS_PRICE_DEFAULT of 0"),
        ({"bump_min": -1}, "ETH_GAS_BUMP_WEI of -1"),
        ({"bump_threshold": -1}, "ETH_GAS_BUMP_THRESHOLD of -1"),
        ({"bump_depth": 0}, "ETH_GAS_BUMP_TX_DEPTH of 0"),
        ({"tip_default": -1}, "EVM_GAS_TIP_CAP_DEFAULT"),
        ({"fee_cap_buffer": -1}, "the fee cap buffer of -1"),
    ],
)
def test_rules_that_contradict_each_other_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        GasRules(**wrong)


def test_all_contradictions_are_named_at_once() -> None:
    with pytest.raises(Invalid) as refusal:
        GasRules(bump_percent=0, bump_min=-1)
    assert len(refusal.value.faults) == 2
