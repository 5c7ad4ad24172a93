"""What an operator may wish of a transaction, when that makes sense, and at which price it is done. Pure."""

from __future__ import annotations

from enum import StrEnum

from adyton.domain.errors import Fault, Invalid
from adyton.domain.gas import GasRules, bumped, replaces
from adyton.domain.market import Market
from adyton.domain.transactions import Fee, Transaction, TransactionState


class Wish(StrEnum):
    """What the node is asked to do."""

    BUMP = "bump"
    """Raise the price now."""
    CANCEL = "cancel"
    """Do not send it; where that may have happened, let a no-op compete for its nonce."""
    RESEND = "resend"
    """Send the same bytes now."""


S = TransactionState
SENSIBLE: dict[Wish, frozenset[TransactionState]] = {
    Wish.BUMP: frozenset({S.UNCONFIRMED}),
    Wish.CANCEL: frozenset({S.UNSTARTED, S.IN_PROGRESS, S.UNCONFIRMED}),
    Wish.RESEND: frozenset({S.UNCONFIRMED}),
}
CANCELLED = "cancelled by an operator"
"""The error of a transaction that was never sent because an operator did not want it."""

_MEANS = {
    S.UNSTARTED: "it has no nonce yet; it is sent when its turn comes",
    S.IN_PROGRESS: "it is being sent just now, by itself",
    S.CONFIRMED: "it is mined",
    S.SAFE: "it is mined, and deep enough",
    S.FATAL_ERROR: "it was given up and holds no nonce",
}


def refusal(transaction: Transaction, wish: Wish) -> str | None:
    """Why a wish makes no sense for a transaction as it is; None if it does."""
    state, name = transaction.state, f"transaction {transaction.id}"
    if state not in SENSIBLE[wish]:
        return f"{name} is {state.value} ({_MEANS[state]}): there is nothing to {wish.value}"
    if wish is Wish.CANCEL and transaction.cancelling:
        return f"{name} is being cancelled: a no-op competes for its nonce already; `bump` raises that no-op's price"
    if wish is not Wish.CANCEL and transaction.wish == Wish.CANCEL:
        return f"{name} is to be cancelled, which has not begun yet: {transaction.waiting or 'it is about to'}"
    return None


def raised(rules: GasRules, fee: Fee, price: int | None, base_fee: int | None, market: Market | None = None) -> Fee | None:
    """The price at which a transaction of price ``fee`` is replaced: ``price`` wei a gas, or what the rules say. None when
    nothing up to the ceiling would replace it, or ``price`` does not."""
    if price is None:
        return bumped(rules, fee, base_fee, market)
    wanted = _at(price, fee, rules)
    return wanted if price <= rules.price_max and replaces(wanted, fee) else None


def check_price(rules: GasRules, fee: Fee, price: int) -> None:
    """Raises Invalid when a price that an operator names would not replace ``fee``, or is not allowed."""
    if price > rules.price_max:
        raise Invalid(
            Fault(
                f"gasPrice of {price} wei is above ETH_MAX_GAS_PRICE_WEI, {rules.price_max}; name less or raise that",
                "/gasPrice",
                code="ADY-0704",
            )
        )
    if not replaces(_at(price, fee, rules), fee):
        least = -(-fee.ceiling * 110 // 100)
        raise Invalid(
            Fault(
                f"gasPrice of {price} wei is too little: nodes replace a transaction of {fee.ceiling} wei a gas only for 10 % "
                f"more, {least}",
                "/gasPrice",
                code="ADY-0705",
            )
        )


def _at(price: int, fee: Fee, rules: GasRules) -> Fee:
    """A price of the type of ``fee``. The tip is raised as the rules say, within the price."""
    if fee.gas_price is not None:
        return Fee(gas_price=price)
    tip = max(fee.tip_cap or 0, rules.tip_min)
    more = max(-(-tip * (100 + rules.bump_percent) // 100), tip + 1)
    return Fee(tip_cap=min(more, price), fee_cap=price)
