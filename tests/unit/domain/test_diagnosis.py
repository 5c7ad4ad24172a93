"""What keeps a key from sending: a table of facts and of what is said about them."""

from __future__ import annotations

from typing import Any

import pytest

from adyton.domain.diagnosis import HELPS, REMEDIES, Cause, Facts, Help, Priced, diagnose
from adyton.domain.transactions import Attempt, Fee, Transaction
from adyton.domain.transactions import TransactionState as S

KEY = "0x" + "01" * 20
ETHER = 10**18
BUMP = Priced(price=25, cost=12_500_000)


def lowest(state: S = S.UNCONFIRMED, *, price: int = 20, waiting: str | None = None) -> Transaction:
    attempt = Attempt(
        id=1, transaction_id=7, hash="0x" + "aa" * 32, fee=Fee(gas_price=price), raw="0x00", state="broadcast", created_at=1
    )
    return Transaction(
        id=7,
        from_address=KEY,
        to_address=KEY,
        data="0x",
        value=0,
        gas_limit=500_000,
        gas_price=None,
        state=state,
        created_at=1,
        nonce=5,
        attempts=(attempt,),
        waiting=waiting,
    )


def facts(**more: Any) -> Facts:
    """A key that is well: one transaction in the pool, since two blocks."""
    usual: dict[str, Any] = {
        "address": KEY,
        "base_fee": 10,
        "price_max": 1000,
        "bump_threshold": 3,
        "finality_depth": 50,
        "latest": 5,
        "pending": 6,
        "next_nonce": 6,
        "sent": 1,
        "lowest": lowest(),
        "known": True,
        "balance": ETHER,
        "needed": ETHER // 10,
        "age_seconds": 24.0,
        "age_blocks": 2,
        "bump": BUMP,
        "cancel": BUMP,
    }
    return Facts(**(usual | more))


IDLE = {"lowest": None, "sent": 0, "known": None, "age_blocks": None, "age_seconds": None, "bump": None, "cancel": None}

CASES: list[tuple[str, dict[str, Any], list[Cause], list[Help]]] = [
    ("well", {}, [], []),
    ("idle", IDLE, [], []),
    ("the base fee is not known", {"base_fee": None}, [], []),
    ("mined, not recorded yet", {"latest": 6, "mined": True, "known": True}, [], []),
    ("mined, and poor since", {"latest": 6, "mined": True, "balance": 0}, [], []),
    (
        "no endpoint",
        {"problem": "gone", "latest": None, "balance": None, "known": None},
        [Cause.NO_ENDPOINT],
        [Help.MEND_ENDPOINT],
    ),
    ("no endpoint and poor", {"problem": "gone", "balance": 0}, [Cause.NO_ENDPOINT], [Help.MEND_ENDPOINT]),
    ("no key file", {"has_key": False, "bump": None, "cancel": None}, [Cause.KEY_FILE_MISSING], [Help.RESTORE_KEY]),
    ("no key file, nothing to send", {**IDLE, "has_key": False}, [], []),
    ("displaced", {"latest": 6, "known": True}, [Cause.DISPLACED], [Help.WAIT]),
    ("a nonce is missing", {"latest": 3}, [Cause.NONCE_GAP], [Help.WAIT]),
    ("out of funds", {"balance": 1}, [Cause.OUT_OF_FUNDS], [Help.FUND]),
    ("out of funds, nothing sent", {**IDLE, "balance": 1, "unstarted": 1}, [Cause.OUT_OF_FUNDS], [Help.FUND]),
    ("below the base fee", {"base_fee": 21}, [Cause.UNDERPRICED], [Help.BUMP, Help.CANCEL]),
    (
        "below the base fee at the ceiling",
        {"base_fee": 2000, "bump": None, "cancel": None},
        [Cause.AT_CEILING],
        [Help.WAIT, Help.RAISE_CEILING],
    ),
    (
        "below the base fee, and what the ceiling allows is as well",
        {"base_fee": 26, "price_max": 25, "known": False},
        [Cause.AT_CEILING, Cause.EVICTED],
        [Help.WAIT, Help.RAISE_CEILING, Help.RESEND],
    ),
    ("forgotten by the pool", {"known": False}, [Cause.EVICTED], [Help.RESEND, Help.BUMP, Help.CANCEL]),
    ("not sent for certain yet", {"known": False, "lowest": lowest(S.IN_PROGRESS)}, [], []),
    ("the node refuses", {"lowest": lowest(waiting="the node's limit")}, [Cause.WAITING], [Help.BUMP, Help.CANCEL]),
    ("the oldest is held back", {**IDLE, "unstarted": 2, "held_back": "would revert: no"}, [Cause.WAITING], []),
    ("slow", {"age_blocks": 30}, [Cause.NOT_MINED], [Help.RESEND, Help.BUMP, Help.CANCEL]),
    ("not slow yet", {"age_blocks": 29}, [], []),
    ("slow by its own measure", {"age_blocks": 30, "bump_threshold": 12}, [], []),
    (
        "forgotten and poor",
        {"known": False, "balance": 1},
        [Cause.OUT_OF_FUNDS, Cause.EVICTED],
        [Help.FUND, Help.RESEND],  # the others cost more than the key holds
    ),
]


@pytest.mark.parametrize(("given", "causes", "helps"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_keeps_a_key_and_what_helps(given: dict[str, Any], causes: list[Cause], helps: list[Help]) -> None:
    found = diagnose(facts(**given))
    assert [each.cause for each in found.findings] == causes
    assert [each.help for each in found.remedies] == helps
    assert found.blocked == bool(causes)


def test_remedies_say_what_to_type_and_what_it_costs_at_most() -> None:
    found = diagnose(facts(known=False))
    assert [(each.command, each.price, each.cost) for each in found.remedies] == [
        ("adyton txs resend 7", None, 0),
        ("adyton txs bump 7", 25, 12_500_000),
        ("adyton txs cancel 7", 25, 12_500_000),
    ]


def test_funds_are_asked_for_to_the_wei_and_for_what_waits_behind() -> None:
    (remedy,) = diagnose(facts(balance=ETHER // 10 - 3, sent=4, unstarted=2)).remedies
    assert remedy.cost == 3
    assert "at least 3 wei (0.000000000000000003 ETH) to 0x0101010101010101010101010101010101010101" in remedy.words
    assert "each of the 5 behind it" in remedy.words


def test_the_words_name_both_prices() -> None:
    (found,) = diagnose(facts(base_fee=21)).findings
    assert found.words == "the base fee is 21 wei a gas, and the transaction pays at most 20"


def test_every_cause_has_something_that_helps() -> None:
    assert set(HELPS) == set(Cause)
    assert {help_ for helps in HELPS.values() for help_ in helps} == set(REMEDIES)
