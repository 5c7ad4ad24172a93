"""What each rule finds in what was seen."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adyton import codes
from adyton.domain.alert_looks import AccountSeen, AlarmSeen, CheckSeen, EndpointSeen, FirstSeen, RunsSeen, Seen
from adyton.domain.alert_rules import BY_NAME, RULES
from adyton.domain.alerts import Changed, InForce

KEY = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
FAILING = {"database": CheckSeen(False, "nothing can be stored", "ADY-0917")}
WELL = {"database": CheckSeen(True)}
ETHER = 10**18


def first(age: float, waiting: str | None = None) -> FirstSeen:
    return FirstSeen(KEY, "transaction 7 (nonce 3)", "has not been mined", age, waiting)


def account(wei: int | None, low: str | None = None) -> AccountSeen:
    return AccountSeen(f"key {KEY}", wei, low)


@pytest.mark.parametrize(
    ("rule", "seen", "threshold", "subjects"),
    [
        ("chain", Seen(checks={"chain": CheckSeen(False, "away", "ADY-0630")}), None, {"": "away"}),
        ("chain", Seen(checks={"chain": CheckSeen(True)}), None, {}),
        ("logs", Seen(checks=FAILING), None, None),
        ("explorer", Seen(checks=WELL), None, {}),
        ("explorer", Seen(), None, None),
        ("database", Seen(checks=FAILING), None, {"": "nothing can be stored"}),
        ("head", Seen(head_age=None, head_limit=180), None, None),
        ("head", Seen(head_age=180.0, head_limit=180), None, {}),
        ("head", Seen(head_age=181.0, head_limit=180), None, {"": "the newest block is 181 s old, more than 180 s"}),
        ("head", Seen(head_age=9999.0, head_limit=0), None, {}),
        ("head", Seen(head_age=61.0, head_limit=180), "60", {"": "the newest block is 61 s old, more than 60 s"}),
        ("endpoint", Seen(endpoints=None), None, None),
        (
            "endpoint",
            Seen(endpoints=[EndpointSeen("a", True, ""), EndpointSeen("b", False, "refused")]),
            None,
            {"b": "refused"},
        ),
        ("alarm", Seen(alarms=[]), None, {}),
        (
            "alarm",
            Seen(alarms=[AlarmSeen("chain replaced", "it is another", "adyton blocks replay --from 7", "ADY-0635")]),
            None,
            {"chain replaced": "it is another. Then: adyton blocks replay --from 7"},
        ),
        ("requests_unaccounted", Seen(unaccounted=None), None, None),
        ("requests_unaccounted", Seen(unaccounted=0), None, {}),
        ("requests_unaccounted", Seen(unaccounted=1), None, {"": "1 have neither an answer nor a reason why not"}),
        ("requests_unaccounted", Seen(unaccounted=3), "3", {}),
        ("runs_failing", Seen(runs=None), None, None),
        ("runs_failing", Seen(runs=RunsSeen(9, 9)), None, {}),
        ("runs_failing", Seen(runs=RunsSeen(10, 2)), None, {}),
        (
            "runs_failing",
            Seen(runs=RunsSeen(10, 3)),
            None,
            {"": "3 of 10 runs that finished within the last hour failed: 30 %"},
        ),
        (
            "runs_failing",
            Seen(runs=RunsSeen(1000, 6)),
            "0.5",
            {"": "6 of 1000 runs that finished within the last hour failed: 1 %"},
        ),
        ("transaction_stuck", Seen(first=None), None, None),
        ("transaction_stuck", Seen(first=[first(600.0)]), None, {}),
        ("transaction_stuck", Seen(first=[first(660.0)]), None, {KEY: "transaction 7 (nonce 3) has not been mined for 11 min"}),
        ("transaction_stuck", Seen(first=[first(660.0)]), "20", {}),
        ("transaction_stuck", Seen(first=[first(9999.0, "for money")]), None, {}),
        ("transaction_waiting", Seen(first=[first(1.0, "for money")]), None, {KEY: "transaction 7 (nonce 3) waits: for money"}),
        ("balance", Seen(accounts=None), None, None),
        ("balance", Seen(accounts=[account(1, "too little")]), None, {f"key {KEY}": "too little"}),
        ("balance", Seen(accounts=[account(ETHER, "too little")]), "1", {}),
        (
            "balance",
            Seen(accounts=[account(ETHER - 1)]),
            "1",
            {f"key {KEY}": "it holds 0.999999999999999999 ETH, less than 1 ETH"},
        ),
        ("balance", Seen(accounts=[AccountSeen("contract 0x1", None, "too few LINK")]), "1", {"contract 0x1": "too few LINK"}),
        ("disk", Seen(free=None), None, None),
        ("disk", Seen(free=10**9), None, {}),
        ("disk", Seen(free=10**9 - 1), None, {"": "999 MB are free, less than 1000 MB"}),
        ("queue", Seen(overflowed=None), None, None),
        ("queue", Seen(overflowed=False), None, {}),
        ("queue", Seen(overflowed=True), None, {"": "more runs are due than the node can work on; none is lost"}),
    ],
)
def test_a_rule_finds(rule: str, seen: Seen, threshold: str | None, subjects: dict[str, str] | None) -> None:
    changed = Changed(threshold=None if threshold is None else Decimal(threshold))
    verdict = InForce(BY_NAME[rule], changed).verdict(seen)
    assert (None if verdict is None else {subject: found.detail for subject, found in verdict.items()}) == subjects


def test_each_rule_has_a_name_of_its_own_a_page_and_says_what_to_do() -> None:
    assert len(BY_NAME) == len(RULES)
    for rule in RULES:
        assert rule.code in codes.known(), rule.name
        assert rule.title, rule.name
        assert rule.to_do.endswith("."), rule.name
        assert rule.unit is not None or rule.threshold is None, rule.name


def test_of_two_late_transactions_of_a_key_the_first_is_told() -> None:
    seen = Seen(first=[first(700.0), FirstSeen(KEY, "transaction 8", "has not been sent", 900.0)])
    verdict = InForce(BY_NAME["transaction_stuck"]).verdict(seen)
    assert verdict is not None
    assert verdict[KEY].detail.startswith("transaction 7")
