"""What a transaction pays, and when it pays more. Pure integer rules, in wei.

A transaction keeps its type for life: legacy attempts are followed by legacy ones, type 2 by type 2. A replacement raises
every field of its price by at least ten per cent, which is what nodes ask before they replace one pending transaction by
another (v0.6.2 added a flat 5 gwei, which nodes refuse above 50 gwei; a DEFECT not copied). No price passes the ceiling; a
transaction there is sent again unchanged and says that it waits.

What the market takes (``market``, None when it is not known) sets the first price and the least that a raise comes to. A
transaction that is priced above it and not mined is not helped by a higher price: it is raised ten times less often.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from adyton.domain.chain import Head
from adyton.domain.errors import Fault, Invalid
from adyton.domain.market import HIGH_PERCENTILE, Market
from adyton.domain.transactions import DEFAULT_GAS_LIMIT, Fee

GWEI = 10**9
_REPLACEMENT_PERCENT = 10
"""Nodes refuse a replacement that pays less than this much more."""
PATIENCE = 10
"""So many bump thresholds long a transaction that is priced above the market is not raised."""


class GasRules(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's price rules; every price in wei.

    ``price_default`` ETH_GAS_PRICE_DEFAULT, the legacy price. ``price_max`` ETH_MAX_GAS_PRICE_WEI, the ceiling of either
    type. ``bump_min`` ETH_GAS_BUMP_WEI and ``bump_percent`` ETH_GAS_BUMP_PERCENT: a bump is the larger of both.
    ``bump_threshold`` ETH_GAS_BUMP_THRESHOLD, blocks without inclusion before a bump (0: never). ``bump_depth``
    ETH_GAS_BUMP_TX_DEPTH: only so many of a key's lowest nonces are bumped, since the ones behind wait for them.
    ``tip_default`` and ``tip_min`` EVM_GAS_TIP_CAP_DEFAULT and _MINIMUM. ``fee_cap_buffer`` is how many full blocks in a row
    (each raises the base fee by an eighth) a first fee cap must outlive; None: ``bump_threshold`` + 1. ``price_min``
    ETH_MIN_GAS_PRICE_WEI: the least that the market makes a legacy transaction pay. ``dynamic`` EVM_EIP1559_DYNAMIC_FEES:
    type 2 or legacy; None: as the blocks are. ``gas_limit`` ETH_GAS_LIMIT_DEFAULT.

    Raises Invalid, naming every setting that contradicts another.
    """

    price_default: int = 20 * GWEI
    price_max: int = 5000 * GWEI
    bump_min: int = 5 * GWEI
    bump_percent: int = 20
    bump_threshold: int = 12
    bump_depth: int = 10
    tip_default: int = 1
    tip_min: int = 1
    fee_cap_buffer: int | None = None
    price_min: int = GWEI
    dynamic: bool | None = None
    gas_limit: int = DEFAULT_GAS_LIMIT

    def __post_init__(self) -> None:
        faults = [Fault(text, code="ADY-0953") for wrong, text in self._contradictions() if wrong]
        if faults:
            raise Invalid(*faults)

    @property
    def buffer(self) -> int:
        """Full blocks that a first fee cap outlives."""
        return self.bump_threshold + 1 if self.fee_cap_buffer is None else self.fee_cap_buffer

    def _contradictions(self) -> tuple[tuple[bool, str], ...]:
        return (
            (
                self.bump_percent < _REPLACEMENT_PERCENT,
                f"ETH_GAS_BUMP_PERCENT of {self.bump_percent} may not be less than {_REPLACEMENT_PERCENT}, what nodes demand",
            ),
            (
                self.price_max < self.price_default,
                f"ETH_MAX_GAS_PRICE_WEI of {self.price_max} must not be less than ETH_GAS_PRICE_DEFAULT, {self.price_default}",
            ),
            (self.price_default <= 0, f"ETH_GAS_PRICE_DEFAULT of {self.price_default} must be more than 0"),
            (self.bump_min < 0, f"ETH_GAS_BUMP_WEI of {self.bump_min} must not be negative"),
            (
                self.bump_threshold < 0,
                f"ETH_GAS_BUMP_THRESHOLD of {self.bump_threshold} must not be negative (0 turns bumping off)",
            ),
            (self.bump_depth < 1, f"ETH_GAS_BUMP_TX_DEPTH of {self.bump_depth} must be at least 1"),
            (
                min(self.tip_default, self.tip_min) < 0 or max(self.tip_default, self.tip_min) > self.price_max,
                "EVM_GAS_TIP_CAP_DEFAULT and EVM_GAS_TIP_CAP_MINIMUM must be between 0 and ETH_MAX_GAS_PRICE_WEI",
            ),
            (self.buffer < 0, f"the fee cap buffer of {self.fee_cap_buffer} blocks must not be negative"),
        )


def first_fee(rules: GasRules, base_fee: int | None, wanted: int | None = None, market: Market | None = None) -> Fee:
    """The price of a transaction's first attempt: type 2 where blocks have a base fee, legacy elsewhere, unless the rules say
    which.

    ``wanted`` is the task's own gas price; it is respected up to the ceiling, as a legacy price, which is what it is.
    """
    if wanted is not None:
        return Fee(gas_price=min(wanted, rules.price_max))
    tip = max(rules.tip_default if market is None else market.tip, rules.tip_min)
    if rules.dynamic is False or (rules.dynamic is None and base_fee is None):
        return Fee(gas_price=min(_legacy_price(rules, base_fee, tip, market), rules.price_max))
    # Type 2 is wanted and no base fee is told: the price that a legacy transaction would have is room enough for it.
    buffered = rules.price_default if base_fee is None else _outliving(rules, base_fee)
    return _capped(tip, buffered + tip, rules)


def bumped(rules: GasRules, fee: Fee, base_fee: int | None, market: Market | None = None) -> Fee | None:
    """The price of the next attempt, or None when no price below the ceiling would replace ``fee``.

    ``base_fee`` is the newest block's: a bump also catches up with a base fee that ran away, and with the market.
    """
    if fee.gas_price is not None:
        wanted = max(_raised(rules, fee.gas_price), 0 if market is None else market.price)
        price = min(wanted, rules.price_max)
        return Fee(gas_price=price) if replaces(Fee(gas_price=price), fee) else None
    tip = max(_raised(rules, max(fee.tip_cap or 0, rules.tip_default)), 0 if market is None else market.tip)
    cap = max(_raised(rules, fee.fee_cap or 0), _outliving(rules, base_fee or 0) + tip)
    raised = _capped(tip, cap, rules)
    return raised if replaces(raised, fee) else None


def repriced(rules: GasRules, fee: Fee, base_fee: int | None, market: Market | None = None) -> Fee | None:
    """The price after a node refused ``fee`` as too low: a bump that also is no less than a first price now would be. None
    at the ceiling."""
    fresh = first_fee(rules, base_fee, market=market)
    raised = bumped(rules, fee, base_fee, market)
    if fee.gas_price is not None or fresh.fee_cap is None:
        return raised
    return fresh if raised is not None and fresh.ceiling > raised.ceiling and replaces(fresh, fee) else raised


def replaces(new: Fee, old: Fee) -> bool:
    """Whether a node that has ``old`` takes ``new`` in its place: every field at least ten per cent higher."""
    return all(
        mine is not None and mine > theirs and mine * 100 >= theirs * (100 + _REPLACEMENT_PERCENT)
        for mine, theirs in zip(_fields(new), _fields(old), strict=True)
        if theirs is not None
    )


def undercuts(new: Fee, old: Fee) -> bool:
    """Whether ``new`` costs at least ten per cent less than ``old`` and is of its type."""
    same = (new.gas_price is None) is (old.gas_price is None)
    return same and new.ceiling * 100 <= old.ceiling * (100 - _REPLACEMENT_PERCENT)


class Wait(msgspec.Struct, frozen=True):
    """Nothing to do at this head."""


class AtCeiling(msgspec.Struct, frozen=True):
    """A bump is due, but there is no higher price left: send the same bytes again and say so."""


class AboveMarket(msgspec.Struct, frozen=True):
    """A bump is due, but the price is not what keeps it out of blocks: send the same bytes again and say so."""

    fee: Fee

    @property
    def words(self) -> str:
        """What an operator is told."""
        return (
            f"priced above the market and not mined: {HIGH_PERCENTILE} % of the gas in the newest blocks paid no more than its "
            f"{self.fee.ceiling} wei a gas, so it is not the price that keeps it out of blocks; sent again, not raised"
        )


class Bump(msgspec.Struct, frozen=True):
    """Sign again at this price."""

    fee: Fee


class Safe(msgspec.Struct, frozen=True):
    """Deep enough: nobody has to watch it any more."""


Step: TypeAlias = Wait | AtCeiling | AboveMarket | Bump | Safe


def safe_height(mined_in: int, confirmations: int) -> int:
    """The head at which a transaction has its confirmations; its own block counts as one, so 0 and 1 mean at once (as
    v0.6.2)."""
    return mined_in + max(confirmations, 1) - 1


def next_step(
    rules: GasRules,
    *,
    head: Head,
    fee: Fee,
    mined_in: int | None,
    waiting_since: int | None,
    confirmations: int,
    market: Market | None = None,
    priced_since: int | None = None,
) -> Step:
    """What to do about a transaction that was sent.

    ``fee`` is its newest attempt's; ``waiting_since`` the height from which it counts as waiting (None: no head was seen
    since the send). ``priced_since`` is the height from which it has its newest price: a transaction that is priced above the
    market is raised only when ``PATIENCE`` thresholds have passed since (v1 never raised it).
    """
    if mined_in is not None:
        return Safe() if head.number >= safe_height(mined_in, confirmations) else Wait()
    if waiting_since is None or rules.bump_threshold == 0 or head.number < waiting_since + rules.bump_threshold:
        return Wait()
    higher = bumped(rules, fee, head.base_fee, market)
    if higher is None:
        return AtCeiling()
    patient = priced_since is None or head.number < priced_since + PATIENCE * rules.bump_threshold
    covered = head.base_fee is None or fee.ceiling >= head.base_fee
    if market is not None and patient and covered and market.is_below(fee):
        return AboveMarket(fee)
    return Bump(higher)


def _legacy_price(rules: GasRules, base_fee: int | None, tip: int, market: Market | None) -> int:
    """The default or what the market pays, and no less than the next block can ask for, whose base fee may be an eighth
    higher."""
    wanted = rules.price_default if market is None else max(market.price, rules.price_min)
    return wanted if base_fee is None else max(wanted, base_fee * 9 // 8 + tip)


def _raised(rules: GasRules, price: int) -> int:
    """Up by the percentage (rounded up) or the least step, whichever is more."""
    return max(-(-price * (100 + rules.bump_percent) // 100), price + max(rules.bump_min, 1))


def _outliving(rules: GasRules, base_fee: int) -> int:
    """The base fee after ``buffer`` full blocks."""
    return int(base_fee * 9**rules.buffer // 8**rules.buffer)


def _capped(tip: int, cap: int, rules: GasRules) -> Fee:
    fee_cap = min(cap, rules.price_max)
    return Fee(tip_cap=min(tip, fee_cap), fee_cap=fee_cap)


def _fields(fee: Fee) -> tuple[int | None, int | None, int | None]:
    return fee.gas_price, fee.tip_cap, fee.fee_cap
