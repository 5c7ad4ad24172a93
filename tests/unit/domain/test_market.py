"""What blocks take: from eth_feeHistory to prices."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from adyton.domain.chain import Head
from adyton.domain.gas import GWEI, AboveMarket, AtCeiling, Bump, GasRules, bumped, first_fee, next_step, replaces, undercuts
from adyton.domain.market import CHECKED_BLOCKS, Bar, FeeHistory, Market, market_of
from adyton.domain.transactions import Fee

HASH = "0x" + "00" * 32
BASE = 10 * GWEI


def history(*tips: tuple[int, int] | None, base_fee: int = BASE) -> FeeHistory:
    """Blocks with tips at the wanted and the high percentile; None is an empty block."""
    return FeeHistory(
        base_fees=tuple(base_fee for _ in tips),
        gas_used=tuple(0.0 if each is None else 0.5 for each in tips),
        tips=tuple(each or (0, 0) for each in tips),
    )


def head(number: int, base_fee: int | None = BASE) -> Head:
    return Head(number, HASH, HASH, 0, base_fee)


def test_the_price_is_the_middle_one_of_the_blocks_that_used_gas() -> None:
    found = market_of(history((1, 9), None, (3, 9), (2, 9), None))
    assert found == Market(tip=2, price=BASE + 2, bars=(Bar(BASE, 9), Bar(BASE, 9), Bar(BASE, 9)))


def test_one_absurd_block_does_not_move_a_price() -> None:
    calm = [(2 * GWEI, 3 * GWEI)] * 5
    for place in range(6):
        found = market_of(history(*calm[:place], (10**30, 10**30), *calm[place:]))
        assert found is not None
        assert found.tip == 2 * GWEI
    assert market_of(history((10**30, 10**30), None, None)) is None


def test_fewer_than_three_used_blocks_tell_nothing() -> None:
    assert market_of(history(None, None)) is None
    assert market_of(history((1, 1), (1, 1))) is None
    assert market_of(FeeHistory(base_fees=(), gas_used=(), tips=())) is None
    # A node that leaves out the tips, or answers with lists of different lengths.
    assert market_of(FeeHistory(base_fees=(1, 1, 1), gas_used=(1.0, 1.0, 1.0), tips=())) is None
    assert market_of(FeeHistory(base_fees=(1,) * 4, gas_used=(1.0,) * 4, tips=((1,),) * 4)) is None


def test_without_a_base_fee_tips_are_whole_prices() -> None:
    found = market_of(history((7 * GWEI, 9 * GWEI), (8 * GWEI, 9 * GWEI), (9 * GWEI, 9 * GWEI), base_fee=0))
    assert found is not None
    assert first_fee(GasRules(), None, market=found) == Fee(gas_price=8 * GWEI)


def test_only_the_newest_blocks_are_compared_with_a_waiting_price() -> None:
    found = market_of(history(*([(1, 99)] * 20), *([(1, 5)] * CHECKED_BLOCKS)))
    assert found is not None
    assert set(found.bars) == {Bar(BASE, 5)}


def test_a_first_price_follows_the_market_between_the_least_and_the_most() -> None:
    rules = GasRules(tip_default=GWEI, tip_min=GWEI // 2, price_min=3 * GWEI, price_max=40 * GWEI, fee_cap_buffer=0)
    assert first_fee(rules, BASE, market=Market(tip=2 * GWEI, price=0)) == Fee(tip_cap=2 * GWEI, fee_cap=12 * GWEI)
    assert first_fee(rules, BASE, market=Market(tip=0, price=0)).tip_cap == GWEI // 2
    assert first_fee(rules, BASE, market=Market(tip=99 * GWEI, price=0)) == Fee(tip_cap=40 * GWEI, fee_cap=40 * GWEI)
    assert first_fee(rules, None, market=Market(tip=0, price=0)) == Fee(gas_price=3 * GWEI)
    assert first_fee(rules, None, market=Market(tip=0, price=99 * GWEI)) == Fee(gas_price=40 * GWEI)
    assert first_fee(rules, BASE, 7 * GWEI, Market(tip=1, price=1)) == Fee(gas_price=7 * GWEI)


def test_the_operator_may_say_which_type_is_sent() -> None:
    legacy = GasRules(dynamic=False, price_default=8 * GWEI, tip_default=GWEI)
    assert first_fee(legacy, BASE) == Fee(gas_price=BASE * 9 // 8 + GWEI)
    assert first_fee(legacy, 4 * GWEI) == Fee(gas_price=8 * GWEI)
    dynamic = GasRules(dynamic=True, price_default=8 * GWEI, tip_default=GWEI)
    assert first_fee(dynamic, None) == Fee(tip_cap=GWEI, fee_cap=9 * GWEI)


def test_a_raise_catches_up_with_the_market() -> None:
    rules = GasRules(price_max=1000 * GWEI)
    legacy = bumped(rules, Fee(gas_price=20 * GWEI), None, Market(tip=0, price=300 * GWEI))
    assert legacy == Fee(gas_price=300 * GWEI)
    modern = bumped(rules, Fee(tip_cap=GWEI, fee_cap=20 * GWEI), BASE, Market(tip=70 * GWEI, price=0))
    assert modern is not None
    assert modern.tip_cap == 70 * GWEI
    assert bumped(rules, Fee(gas_price=20 * GWEI), None, Market(tip=0, price=1)) == Fee(gas_price=25 * GWEI)


def test_a_price_undercuts_another_of_its_type_by_a_tenth() -> None:
    assert undercuts(Fee(gas_price=90), Fee(gas_price=100))
    assert not undercuts(Fee(gas_price=91), Fee(gas_price=100))
    assert undercuts(Fee(tip_cap=9, fee_cap=90), Fee(tip_cap=1, fee_cap=100))
    assert not undercuts(Fee(tip_cap=1, fee_cap=10), Fee(gas_price=100))


wei = st.integers(0, 10_000 * GWEI)


@given(wei, wei, wei, st.none() | st.builds(lambda tip, price: Market(tip=tip, price=price), wei, wei), st.booleans())
def test_whatever_the_market_says_a_raise_replaces_and_respects_the_ceiling(
    price: int, tip: int, base_fee: int, market: Market | None, legacy: bool
) -> None:
    rules = GasRules()
    old = Fee(gas_price=price) if legacy else Fee(tip_cap=min(tip, price), fee_cap=price)
    new = bumped(rules, old, base_fee, market)
    assume(new is not None)
    assert new is not None
    assert replaces(new, old)
    assert new.ceiling <= rules.price_max
    assert (new.tip_cap or 0) <= (new.fee_cap or new.ceiling)


# --- priced above the market -----------------------------------------------------------------------------------------

BARS = tuple(Bar(BASE, 2 * GWEI) for _ in range(CHECKED_BLOCKS))
CALM = Market(tip=GWEI, price=BASE + GWEI, bars=BARS)
HIGH = Fee(tip_cap=3 * GWEI, fee_cap=50 * GWEI)


def step(
    fee: Fee, market: Market | None, *, at: int = 112, base_fee: int | None = BASE, priced_since: int | None = 100
) -> object:
    return next_step(
        GasRules(),
        head=head(at, base_fee),
        fee=fee,
        mined_in=None,
        waiting_since=100,
        confirmations=1,
        market=market,
        priced_since=priced_since,
    )


def test_a_price_that_most_new_blocks_would_have_taken_first_is_not_raised() -> None:
    assert step(HIGH, CALM) == AboveMarket(HIGH)
    assert "priced above the market and not mined" in AboveMarket(HIGH).words
    assert "not raised" in AboveMarket(HIGH).words


def test_a_price_that_is_only_usual_is_raised() -> None:
    assert isinstance(step(Fee(tip_cap=GWEI, fee_cap=50 * GWEI), CALM), Bump)
    assert isinstance(step(Fee(tip_cap=3 * GWEI, fee_cap=BASE + GWEI), CALM), Bump)  # the cap leaves no such tip


def test_a_fee_cap_below_the_base_fee_is_raised_whatever_older_blocks_took() -> None:
    assert isinstance(step(HIGH, CALM, base_fee=51 * GWEI), Bump)
    risen = Market(tip=GWEI, price=BASE, bars=(*BARS[1:], Bar(51 * GWEI, GWEI)))
    assert isinstance(step(HIGH, risen), Bump)


def test_without_a_market_or_with_too_few_blocks_a_price_is_raised() -> None:
    assert isinstance(step(HIGH, None), Bump)
    assert isinstance(step(HIGH, Market(tip=1, price=1, bars=BARS[:2])), Bump)


def test_a_dear_transaction_is_raised_once_more_after_ten_thresholds() -> None:
    assert step(HIGH, CALM, at=219) == AboveMarket(HIGH)
    assert isinstance(step(HIGH, CALM, at=220), Bump)
    assert step(HIGH, CALM, at=9999, priced_since=None) == AboveMarket(HIGH)


def test_a_legacy_price_is_compared_with_base_fee_and_tip() -> None:
    assert step(Fee(gas_price=BASE + 2 * GWEI), CALM) == AboveMarket(Fee(gas_price=BASE + 2 * GWEI))
    assert isinstance(step(Fee(gas_price=BASE + GWEI), CALM), Bump)


def test_the_ceiling_is_said_first() -> None:
    assert step(Fee(tip_cap=5000 * GWEI, fee_cap=5000 * GWEI), CALM) == AtCeiling()
