"""How what is wrong becomes an alert: once when it begins, once when it is over."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from decimal import Decimal

import pytest

from adyton.domain import alerts
from adyton.domain.alert_looks import EndpointSeen, Seen
from adyton.domain.alert_rules import BY_NAME, LONGEST_DETAIL
from adyton.domain.alerts import Alert, AlertStatus, Changed, Step
from adyton.domain.errors import Invalid
from support.builders import NOW

SECOND = 1_000_000
DOWN, UP = (Seen(endpoints=[EndpointSeen("a", usable, "refused")]) for usable in (False, True))
BLIND = Seen(endpoints=None)


class Life:
    """Alerts as rows would have them, looked at again and again."""

    def __init__(self, **changed: Changed) -> None:
        self.rules = alerts.in_force(changed)
        self.standing: dict[str, Alert] = {}
        self.over: list[Alert] = []
        self._ids = (f"{number:032x}" for number in itertools.count(1))

    def look(self, seconds: float, seen: Seen) -> list[str]:
        """The steps of a look so many seconds after the beginning."""
        found = alerts.changes(
            self.rules,
            list(self.standing.values()),
            seen,
            now=NOW + round(seconds * SECOND),
            new_id=lambda: next(self._ids),
        )
        for change in found:
            if change.step in {Step.CLEARED, Step.FORGOTTEN}:
                self.over.append(self.standing.pop(change.alert.id))
            else:
                self.standing[change.alert.id] = change.alert
        return [change.step.name.lower() for change in found]


def endpoint(**changed: object) -> Mapping[str, Changed]:
    return {"endpoint": Changed(**changed)}  # type: ignore[arg-type]


def test_it_is_raised_once_when_it_has_been_wrong_for_long_enough_and_cleared_once_when_well_for_long_enough() -> None:
    life = Life(**endpoint(hold=60, clear=30))
    assert life.look(0, DOWN) == ["began"]
    assert life.look(59.9, DOWN) == []
    assert life.look(60, DOWN) == ["raised"]
    assert life.look(600, DOWN) == []
    assert life.look(610, UP) == ["moved"]
    assert life.look(639, UP) == []
    assert life.look(640, UP) == ["cleared"]
    assert life.look(650, UP) == []
    assert life.look(700, DOWN) == ["began"]


def test_what_is_well_before_it_is_told_is_forgotten() -> None:
    life = Life(**endpoint(hold=60))
    assert life.look(0, DOWN) == ["began"]
    assert life.look(10, UP) == ["forgotten"]
    assert life.look(70, DOWN) == ["began"]
    assert life.standing[f"{2:032x}"].since == NOW + 70 * SECOND


def test_what_flaps_is_told_once() -> None:
    life = Life(**endpoint(hold=0, clear=60))
    told = life.look(0, DOWN)
    for second in range(10, 600, 20):
        told += [*life.look(second, UP), *life.look(second + 10, DOWN)]
    assert [step for step in told if step in {"raised", "cleared"}] == ["raised"]


def test_what_cannot_be_seen_changes_nothing() -> None:
    life = Life(**endpoint(hold=0, clear=0))
    life.look(0, DOWN)
    assert life.look(10, BLIND) == []
    assert life.look(20, UP) == ["cleared"]
    assert life.look(30, BLIND) == []


def test_without_holds_both_come_at_once() -> None:
    life = Life(**endpoint(hold=0, clear=0))
    assert life.look(0, DOWN) == ["began", "raised"]
    assert life.look(1, UP) == ["cleared"]


def test_each_subject_has_an_alert_of_its_own() -> None:
    life = Life(**endpoint(hold=0, clear=0))
    both = Seen(endpoints=[EndpointSeen("a", False, "refused"), EndpointSeen("b", False, "behind")])
    assert life.look(0, both) == ["began", "raised", "began", "raised"]
    assert life.look(1, DOWN) == ["cleared"]
    assert [alert.subject for alert in life.standing.values()] == ["a"]


def test_a_rule_that_is_switched_off_ends_its_alerts_and_says_why() -> None:
    life = Life(**endpoint(hold=0))
    life.look(0, DOWN)
    life.rules = alerts.in_force(endpoint(enabled=False))
    change = alerts.changes(life.rules, list(life.standing.values()), DOWN, now=NOW, new_id=str)[0]
    assert (change.step, change.alert.cleared_because) == (Step.CLEARED, alerts.SWITCHED_OFF)
    assert change.alert.status is AlertStatus.CLEARED
    assert life.look(1, DOWN) == ["cleared"]
    assert life.look(2, DOWN) == []


def test_alerts_of_a_rule_that_is_no_more_end() -> None:
    life = Life(**endpoint(hold=0))
    life.look(0, DOWN)
    life.rules = [rule for rule in life.rules if rule.rule.name != "endpoint"]
    assert life.look(1, DOWN) == ["cleared"]


def test_long_words_are_cut() -> None:
    life = Life(**endpoint(hold=0))
    life.look(0, Seen(endpoints=[EndpointSeen("a", False, "x" * 5000)]))
    (alert,) = life.standing.values()
    assert len(alert.detail) == LONGEST_DETAIL + 1


@pytest.mark.parametrize(
    ("rule", "wanted", "pointers"),
    [
        ("head", Changed(threshold=Decimal(600), hold=0, clear=86400), []),
        ("head", Changed(threshold=Decimal(-1)), ["/threshold"]),
        ("head", Changed(threshold=Decimal("NaN")), ["/threshold"]),
        ("head", Changed(threshold=Decimal("Infinity")), ["/threshold"]),
        ("head", Changed(hold=-1, clear=86401), ["/holdSeconds", "/clearSeconds"]),
        ("chain", Changed(threshold=Decimal(1)), ["/threshold"]),
        ("runs_failing", Changed(threshold=Decimal(100)), []),
        ("runs_failing", Changed(threshold=Decimal(101)), ["/threshold"]),
        ("balance", Changed(threshold=Decimal("0.000000000000000001")), []),
        ("balance", Changed(threshold=Decimal("0.0000000000000000001")), ["/threshold"]),
    ],
)
def test_a_rule_is_changed_within_bounds(rule: str, wanted: Changed, pointers: list[str]) -> None:
    if not pointers:
        alerts.check(BY_NAME[rule], wanted)
        return
    with pytest.raises(Invalid) as refused:
        alerts.check(BY_NAME[rule], wanted)
    assert [fault.pointer for fault in refused.value.faults] == pointers
    assert refused.value.error_code == "ADY-1371"
