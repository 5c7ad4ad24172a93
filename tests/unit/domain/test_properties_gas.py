"""Prices under any rules, any market and any base fee: what holds for all of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.chain import Head
from adyton.domain.gas import (
    GWEI,
    AboveMarket,
    AtCeiling,
    Bump,
    GasRules,
    Safe,
    Wait,
    bumped,
    first_fee,
    next_step,
    replaces,
    repriced,
    safe_height,
)
from adyton.domain.market import Bar, Market
from adyton.domain.transactions import Fee

HASH = "0x" + "00" * 32
HIGH = 20_000 * GWEI

wei = st.integers(0, HIGH)
base_fees = wei | st.none()
bars = st.lists(st.builds(Bar, wei, wei), max_size=12).map(tuple)
markets = st.none() | st.builds(lambda tip, above, bars: Market(tip=tip, price=tip + above, bars=bars), wei, wei, bars)


@st.composite
def rules(draw: st.DrawFn) -> GasRules:
    default = draw(st.integers(1, 100 * GWEI))
    ceiling = default + draw(st.integers(0, 5000 * GWEI))
    return GasRules(
        price_default=default,
        price_max=ceiling,
        bump_percent=draw(st.integers(10, 100)),
        bump_min=draw(st.integers(0, 10 * GWEI)),
        bump_threshold=draw(st.integers(0, 20)),
        tip_default=draw(st.integers(0, min(ceiling, 5 * GWEI))),
        tip_min=draw(st.integers(0, min(ceiling, 5 * GWEI))),
        price_min=draw(st.integers(0, 5 * GWEI)),
        dynamic=draw(st.sampled_from([None, True, False])),
    )


@st.composite
def fees(draw: st.DrawFn) -> Fee:
    price = draw(wei)
    return Fee(gas_price=price) if draw(st.booleans()) else Fee(tip_cap=draw(st.integers(0, price)), fee_cap=price)


def at(number: int, base_fee: int | None) -> Head:
    return Head(number, HASH, HASH, 0, base_fee)


@given(rules(), base_fees, wei | st.none(), markets)
def test_a_first_price_is_below_the_ceiling_and_of_the_right_type(
    of: GasRules, base_fee: int | None, wanted: int | None, market: Market | None
) -> None:
    fee = first_fee(of, base_fee, wanted, market)
    assert fee.ceiling <= of.price_max
    dynamic = of.dynamic if of.dynamic is not None else base_fee is not None
    assert (fee.gas_price is None) == (dynamic and wanted is None)
    if fee.gas_price is None:
        assert fee.tip_cap is not None
        assert fee.fee_cap is not None
        assert fee.tip_cap <= fee.fee_cap
        assert fee.tip_cap >= of.tip_min or fee.tip_cap == of.price_max
    elif wanted is not None:
        assert fee.gas_price == min(wanted, of.price_max)


@given(rules(), base_fees, markets)
def test_a_first_price_pays_the_block_that_comes_next_unless_the_ceiling_forbids_it(
    of: GasRules, base_fee: int | None, market: Market | None
) -> None:
    fee = first_fee(of, base_fee, market=market)
    assert fee.ceiling >= min((base_fee or 0) * 9 // 8, of.price_max) or of.bump_threshold == 0


@given(rules(), fees(), base_fees, markets)
def test_a_higher_price_replaces_the_old_one_on_every_field(
    of: GasRules, old: Fee, base_fee: int | None, market: Market | None
) -> None:
    for new in (bumped(of, old, base_fee, market), repriced(of, old, base_fee, market)):
        if new is None:
            continue
        assert replaces(new, old)
        assert not replaces(old, new)
        assert new.ceiling <= of.price_max
        assert (new.gas_price is None) == (old.gas_price is None)
        assert (new.tip_cap or 0) <= (new.fee_cap or new.ceiling)


@given(rules(), fees(), base_fees, markets)
def test_there_is_no_higher_price_only_within_a_raise_of_the_ceiling(
    of: GasRules, old: Fee, base_fee: int | None, market: Market | None
) -> None:
    if bumped(of, old, base_fee, market) is None:
        assert of.price_max * 100 < old.ceiling * 110 or of.price_max <= old.ceiling


@given(rules(), fees(), base_fees, markets)
def test_raising_ends(of: GasRules, old: Fee, base_fee: int | None, market: Market | None) -> None:
    fee: Fee | None = old
    # From 1 wei to the ceiling in steps of a tenth: 7 * 10**12 is 1.1 to the power of 310, plus the steps below 10 wei.
    for _ in range(400):
        fee = bumped(of, fee, base_fee, market) if fee else None
    assert fee is None


@given(
    rules(),
    fees(),
    st.integers(0, 100),
    st.none() | st.integers(0, 100),
    st.none() | st.integers(0, 100),
    st.integers(0, 30),
    base_fees,
    markets,
)
def test_a_step_is_what_its_table_says(
    of: GasRules,
    fee: Fee,
    number: int,
    mined_in: int | None,
    waiting_since: int | None,
    confirmations: int,
    base_fee: int | None,
    market: Market | None,
) -> None:
    step = next_step(
        of,
        head=at(number, base_fee),
        fee=fee,
        mined_in=mined_in,
        waiting_since=waiting_since,
        confirmations=confirmations,
        market=market,
        priced_since=waiting_since,
    )
    due = waiting_since is not None and of.bump_threshold > 0 and number >= waiting_since + of.bump_threshold
    if mined_in is not None:
        assert step == (Safe() if number >= safe_height(mined_in, confirmations) else Wait())
    elif not due:
        assert step == Wait()
    elif isinstance(step, Bump):
        assert replaces(step.fee, fee)
        assert step.fee.ceiling <= of.price_max
    elif isinstance(step, AtCeiling):
        assert bumped(of, fee, base_fee, market) is None
    else:
        assert isinstance(step, AboveMarket)
        assert market is not None
        assert market.is_below(fee)


@given(rules(), fees(), wei, markets)
def test_whoever_waits_long_enough_pays_the_base_fee_or_stands_at_the_ceiling(
    of: GasRules, first: Fee, base_fee: int, market: Market | None
) -> None:
    """At a base fee that stays, no transaction waits below it for ever while it may pay more."""
    fee, since = first, 0
    # In strides of as many blocks as matter.
    stride = max(of.bump_threshold, 1)
    for number in range(0, 400 * stride, stride):
        step = next_step(
            of,
            head=at(number, base_fee),
            fee=fee,
            mined_in=None,
            waiting_since=since,
            confirmations=1,
            market=market,
            priced_since=since,
        )
        if isinstance(step, Bump):
            fee, since = step.fee, number
    within_reach = of.price_max * 100 >= fee.ceiling * 110 and of.price_max > fee.ceiling
    assert fee.ceiling >= base_fee or not within_reach or of.bump_threshold == 0
