"""What blocks take now, from the answer to eth_feeHistory. Pure integer rules, in wei.

One block says little: it may be empty, or hold one transaction that paid a fortune. So the price is the middle one of all
blocks that used gas, which no single block moves far, and fewer than three of them say nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from adyton.domain.transactions import Fee

HIGH_PERCENTILE = 90
"""A price that this many percent of the gas does not pay is not what keeps a transaction out of blocks (as v1)."""
CHECKED_BLOCKS = 12
"""So many of the newest blocks that used gas are compared with the price of a transaction that is not mined (as v1)."""
ENOUGH_BLOCKS = 3
"""Fewer blocks that used gas tell nothing."""


class FeeHistory(msgspec.Struct, frozen=True, kw_only=True):
    """What eth_feeHistory says of blocks in a row, oldest first: ``base_fees`` in wei (0 where there is none), ``gas_used``
    as a share of each block's limit, and for each block the tips at the percentiles that were asked for, in that order. On a
    chain without a base fee the tips are whole prices."""

    base_fees: tuple[int, ...]
    gas_used: tuple[float, ...]
    tips: tuple[tuple[int, ...], ...]


class Bar(msgspec.Struct, frozen=True, array_like=True):
    """What a transaction had to pay to be among the dearest of a block: the base fee, and a high percentile of the tips."""

    base_fee: int
    tip: int


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """What is paid now. ``tip`` is for type 2, ``price`` for legacy transactions; ``bars`` are those of the newest blocks,
    oldest first (empty: not known)."""

    tip: int
    price: int
    bars: tuple[Bar, ...] = ()

    def is_below(self, fee: Fee) -> bool:
        """Whether ``fee`` would have been among the dearest of the newest block and of most of those before it: then its price
        is not why it is not mined."""
        if len(self.bars) < ENOUGH_BLOCKS:
            return False
        cleared = [_tip(fee, bar.base_fee) >= bar.tip for bar in self.bars]
        return cleared[-1] and sum(cleared) * 2 > len(cleared)


def market_of(history: FeeHistory) -> Market | None:
    """The market of a history that was asked for the wanted percentile and for ``HIGH_PERCENTILE``; None when too few of its
    blocks used any gas."""
    used = [
        (base_fee, tips[0], tips[1])
        for base_fee, gas_used, tips in zip(history.base_fees, history.gas_used, history.tips, strict=False)
        if gas_used > 0 and len(tips) > 1
    ]
    if len(used) < ENOUGH_BLOCKS:
        return None
    return Market(
        tip=_middle(tip for _, tip, _ in used),
        price=_middle(base_fee + tip for base_fee, tip, _ in used),
        bars=tuple(Bar(base_fee, high) for base_fee, _, high in used[-CHECKED_BLOCKS:]),
    )


def _middle(values: Iterable[int]) -> int:
    """The median; of two in the middle the lower one."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2]


def _tip(fee: Fee, base_fee: int) -> int:
    """What the miner of a block with that base fee gets of each unit of gas; negative: it cannot be in the block."""
    if fee.gas_price is not None:
        return fee.gas_price - base_fee
    return min(fee.tip_cap or 0, (fee.fee_cap or 0) - base_fee)
