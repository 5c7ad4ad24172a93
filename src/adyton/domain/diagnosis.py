"""What keeps a key from sending, why, and what to do about it. Pure: facts in, words out.

Each cause is a question to the facts; those that apply are told in the order of the table, the first being the one to begin
with. What a remedy costs was worked out by whoever gathered the facts.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec

from adyton.domain.chain import Address
from adyton.domain.evm import checksum, eighteen
from adyton.domain.transactions import Transaction, TransactionState

SLOW_BLOCKS = 30
"""A transaction that has waited this many blocks, and three bump thresholds, is not simply waiting its turn."""


class Cause(StrEnum):
    """What is wrong with a key."""

    NO_ENDPOINT = "no endpoint"
    KEY_FILE_MISSING = "key file missing"
    DISPLACED = "displaced"
    NONCE_GAP = "nonce gap"
    OUT_OF_FUNDS = "out of funds"
    AT_CEILING = "at the price ceiling"
    UNDERPRICED = "underpriced"
    EVICTED = "evicted from the pool"
    WAITING = "waiting"
    NOT_MINED = "not mined"


class Help(StrEnum):
    """What can be done."""

    BUMP = "bump"
    CANCEL = "cancel"
    RESEND = "resend"
    FUND = "fund"
    RAISE_CEILING = "raise the ceiling"
    RESTORE_KEY = "restore the key"
    MEND_ENDPOINT = "mend the connection"
    WAIT = "wait"


class Priced(msgspec.Struct, frozen=True):
    """What a bump or a cancellation would be done at, in wei a gas, and what its gas costs at most, in wei."""

    price: int
    cost: int


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a key. ``latest`` and ``pending`` are the chain's counts, ``next_nonce`` ours; ``lowest`` is our lowest
    nonce that may have been sent and is not mined, ``known`` whether the Ethereum node knows its newest bytes, ``mined``
    whether any of its attempts has a receipt. ``needed`` is what ``lowest``, or else the next transaction, costs at most, its
    value included; ``balance`` what the key holds. None: not known, or there is none."""

    address: Address
    has_key: bool = True
    problem: str | None = None
    base_fee: int | None = None
    price_max: int
    bump_threshold: int
    finality_depth: int
    latest: int | None = None
    pending: int | None = None
    next_nonce: int = 0
    unstarted: int = 0
    sent: int = 0
    lowest: Transaction | None = None
    known: bool | None = None
    mined: bool = False
    held_back: str | None = None
    """What the oldest transaction without a nonce waits for."""
    balance: int | None = None
    needed: int | None = None
    age_seconds: float | None = None
    age_blocks: int | None = None
    bump: Priced | None = None
    cancel: Priced | None = None

    @property
    def price(self) -> int | None:
        """What the newest attempt of the lowest pays at most, in wei a gas."""
        return self.lowest.attempts[-1].fee.ceiling if self.lowest is not None and self.lowest.attempts else None

    @property
    def waits(self) -> bool:
        """Whether anything waits to be sent or mined."""
        return self.lowest is not None or self.unstarted > 0


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong."""

    cause: Cause
    words: str


class Remedy(msgspec.Struct, frozen=True):
    """What may be done; ``command`` is what to type. ``price`` in wei a gas, ``cost`` the most wei that it can cost."""

    help: Help
    words: str
    command: str | None = None
    price: int | None = None
    cost: int | None = None


class Diagnosis(msgspec.Struct, frozen=True):
    """What is wrong with a key, and what to do. Nothing found means that nothing is wrong."""

    findings: tuple[Finding, ...]
    remedies: tuple[Remedy, ...]

    @property
    def blocked(self) -> bool:
        """Whether somebody should do something."""
        return bool(self.findings)


def diagnose(facts: Facts) -> Diagnosis:
    """What keeps the key, and what to do about it."""
    findings = tuple(Finding(cause, words) for cause, ask in CAUSES if (words := ask(facts)) is not None)
    if any(found.cause is Cause.NO_ENDPOINT for found in findings):
        findings = findings[:1]  # everything else is hearsay then
    wanted = dict.fromkeys(help_ for found in findings for help_ in HELPS[found.cause])
    if Cause.AT_CEILING in {found.cause for found in findings}:
        for useless in (Help.BUMP, Help.CANCEL):  # no block would hold either
            wanted.pop(useless, None)
    remedies = (REMEDIES[help_](facts) for help_ in wanted)
    return Diagnosis(findings, tuple(remedy for remedy in remedies if remedy is not None))


# --- causes ----------------------------------------------------------------------------------------------------------


def _no_endpoint(facts: Facts) -> str | None:
    return facts.problem


def _key_file_missing(facts: Facts) -> str | None:
    if facts.has_key or not facts.waits:
        return None
    return (
        f"the key file of {checksum(facts.address)} is not in ROOT/keys: what it has sent is followed, nothing more is signed"
    )


def _displaced(facts: Facts) -> str | None:
    nonce = _nonce(facts)
    if nonce is None or facts.latest is None or facts.latest <= nonce or facts.mined:
        return None
    return (
        f"nonce {nonce} is used on the chain, and by none of our attempts: another program uses this key, or the node's "
        f"receipts lag. If nothing of ours turns up within {facts.finality_depth} blocks, the transaction starts over by itself"
    )


def _nonce_gap(facts: Facts) -> str | None:
    nonce = _nonce(facts)
    if nonce is None or facts.latest is None or facts.latest >= nonce:
        return None
    return (
        f"the chain waits for nonce {facts.latest}, and the lowest that this node has sent and not seen mined is {nonce}: a "
        "block has just left the chain, or something else used the key and was forgotten. A no-op takes the nonce when that "
        "has lasted three minutes"
    )


def _out_of_funds(facts: Facts) -> str | None:
    if facts.balance is None or facts.needed is None or facts.balance >= facts.needed or facts.mined:
        return None
    which = "its lowest transaction" if facts.lowest is not None else "its next transaction"
    return f"it holds {eighteen(facts.balance)} ETH, and {which} may cost {eighteen(facts.needed)}"


def _at_ceiling(facts: Facts) -> str | None:
    if not _too_cheap(facts) or _bump_covers(facts) or not facts.has_key:
        return None
    return (
        f"the base fee is {facts.base_fee} wei a gas, the transaction pays at most {facts.price}, and nothing up to "
        f"ETH_MAX_GAS_PRICE_WEI, {facts.price_max}, would replace it and cover that"
    )


def _underpriced(facts: Facts) -> str | None:
    if not _too_cheap(facts) or not _bump_covers(facts):
        return None
    return f"the base fee is {facts.base_fee} wei a gas, and the transaction pays at most {facts.price}"


def _evicted(facts: Facts) -> str | None:
    if facts.lowest is None or facts.known is not False or facts.mined or facts.lowest.state is TransactionState.IN_PROGRESS:
        return None
    return f"the Ethereum node does not know transaction {facts.lowest.attempts[-1].hash}: its pool has forgotten it"


def _waiting(facts: Facts) -> str | None:
    if facts.lowest is not None:
        return None if facts.mined else facts.lowest.waiting
    return facts.held_back


def _not_mined(facts: Facts) -> str | None:
    if facts.lowest is None or facts.mined or not facts.known or facts.age_blocks is None or _too_cheap(facts):
        return None
    if facts.age_blocks < max(SLOW_BLOCKS, 3 * facts.bump_threshold):
        return None
    return f"it has waited {facts.age_blocks} blocks at {facts.price} wei a gas, which covers the base fee"


CAUSES: tuple[tuple[Cause, Callable[[Facts], str | None]], ...] = (
    (Cause.NO_ENDPOINT, _no_endpoint),
    (Cause.KEY_FILE_MISSING, _key_file_missing),
    (Cause.DISPLACED, _displaced),
    (Cause.NONCE_GAP, _nonce_gap),
    (Cause.OUT_OF_FUNDS, _out_of_funds),
    (Cause.AT_CEILING, _at_ceiling),
    (Cause.UNDERPRICED, _underpriced),
    (Cause.EVICTED, _evicted),
    (Cause.WAITING, _waiting),
    (Cause.NOT_MINED, _not_mined),
)


def _nonce(facts: Facts) -> int | None:
    return None if facts.lowest is None else facts.lowest.nonce


def _too_cheap(facts: Facts) -> bool:
    """Whether no block can hold the lowest transaction at the base fee there is."""
    if facts.mined or facts.price is None or facts.base_fee is None:
        return False
    return facts.price < facts.base_fee


def _bump_covers(facts: Facts) -> bool:
    """Whether the lowest can be raised to a price at which a block of today's base fee may hold it."""
    return facts.bump is not None and facts.bump.price >= (facts.base_fee or 0)


def _affordable(facts: Facts, priced: Priced | None) -> Priced | None:
    """A price, if the key can pay it now: what is offered must be of use."""
    return None if priced is None or (facts.balance is not None and priced.cost > facts.balance) else priced


# --- remedies --------------------------------------------------------------------------------------------------------

HELPS: dict[Cause, tuple[Help, ...]] = {
    Cause.NO_ENDPOINT: (Help.MEND_ENDPOINT,),
    Cause.KEY_FILE_MISSING: (Help.RESTORE_KEY,),
    Cause.DISPLACED: (Help.WAIT,),
    Cause.NONCE_GAP: (Help.WAIT,),
    Cause.OUT_OF_FUNDS: (Help.FUND,),
    Cause.AT_CEILING: (Help.WAIT, Help.RAISE_CEILING),
    Cause.UNDERPRICED: (Help.BUMP, Help.CANCEL),
    Cause.EVICTED: (Help.RESEND, Help.BUMP, Help.CANCEL),
    Cause.WAITING: (Help.BUMP, Help.CANCEL),
    Cause.NOT_MINED: (Help.RESEND, Help.BUMP, Help.CANCEL),
}


def _bump(facts: Facts) -> Remedy | None:
    bump = _affordable(facts, facts.bump)
    if facts.lowest is None or bump is None:
        return None
    words = f"raise it to {bump.price} wei a gas; costs at most {eighteen(bump.cost)} ETH"
    return Remedy(Help.BUMP, words, f"adyton txs bump {facts.lowest.id}", bump.price, bump.cost)


def _cancel(facts: Facts) -> Remedy | None:
    cancel = _affordable(facts, facts.cancel)
    if facts.lowest is None or cancel is None:
        return None
    words = f"let a no-op take its nonce; costs at most {eighteen(cancel.cost)} ETH, and its request gets no answer"
    return Remedy(Help.CANCEL, words, f"adyton txs cancel {facts.lowest.id}", cancel.price, cancel.cost)


def _resend(facts: Facts) -> Remedy | None:
    if facts.lowest is None or facts.lowest.state is not TransactionState.UNCONFIRMED:
        return None
    return Remedy(Help.RESEND, "send the same bytes again; costs nothing", f"adyton txs resend {facts.lowest.id}", cost=0)


def _fund(facts: Facts) -> Remedy | None:
    if facts.balance is None or facts.needed is None:
        return None
    missing = facts.needed - facts.balance
    behind = max(0, facts.sent + facts.unstarted - 1)
    more = f", and as much as one costs for each of the {behind} behind it" if behind else ""
    words = f"send at least {missing} wei ({eighteen(missing)} ETH) to {checksum(facts.address)}{more}"
    return Remedy(Help.FUND, words, cost=missing)


def _raise_ceiling(facts: Facts) -> Remedy:
    return Remedy(
        Help.RAISE_CEILING,
        f"set ETH_MAX_GAS_PRICE_WEI to more than {max(facts.base_fee or 0, facts.price_max)} and start the node again; it is "
        "raised or cancelled then",
    )


def _restore_key(facts: Facts) -> Remedy:
    return Remedy(
        Help.RESTORE_KEY, f"put the key file of {checksum(facts.address)} back into ROOT/keys and start the node again"
    )


def _mend_endpoint(_facts: Facts) -> Remedy:
    return Remedy(Help.MEND_ENDPOINT, "see what is wrong with ETH_URL; what waits is sent when it answers", "adyton health")


def _wait(facts: Facts) -> Remedy:
    until = "until the base fee falls" if _too_cheap(facts) else "the node does it by itself"
    return Remedy(Help.WAIT, f"wait: {until}", cost=0)


REMEDIES: dict[Help, Callable[[Facts], Remedy | None]] = {
    Help.BUMP: _bump,
    Help.CANCEL: _cancel,
    Help.RESEND: _resend,
    Help.FUND: _fund,
    Help.RAISE_CEILING: _raise_ceiling,
    Help.RESTORE_KEY: _restore_key,
    Help.MEND_ENDPOINT: _mend_endpoint,
    Help.WAIT: _wait,
}
