"""What a job earns and costs, drawn."""

from __future__ import annotations

from typing import Any

from adyton.web.ui.job_money import HEIGHT, balance


def step(start: str, earned: int = 0, spent: int = 0, runs: int = 0) -> dict[str, Any]:
    return {"start": start, "linkEarned": str(earned), "gasSpent": str(spent), "runs": runs}


def test_amounts_are_added_up_exactly() -> None:
    money = balance([step("h", 10**27 + 1, 1)], [step("a", 10**27 + 1), step("b", 1, 3, 2)])
    assert [(each.earned, each.spent, each.runs) for each in money.sums] == [(10**27 + 1, 1, 0), (10**27 + 2, 3, 2)]


def test_bars_fit_the_drawing_and_even_little_can_be_seen() -> None:
    money = balance([], [step("a"), step("b", 10**18), step("c", 1), step("d", 5 * 10**17)])
    assert [(bar.y, bar.height) for bar in money.earned] == [(47.0, 1.0), (0.0, 48.0), (47.0, 1.0), (24.0, 24.0)]
    assert all(bar.y + bar.height == HEIGHT for bar in (*money.earned, *money.spent))
    assert [bar.x for bar in money.earned] == [0, 10, 20, 30]


def test_only_days_on_which_something_was_are_told_the_newest_first() -> None:
    money = balance([], [step("a", spent=1), step("b"), step("c", runs=1)])
    assert [day["start"] for day in money.days] == ["c", "a"]
    assert balance([], []).days == ()
