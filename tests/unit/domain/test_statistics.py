"""Numbers of a stretch of time: quantiles from counts, and stretches added up."""

from __future__ import annotations

import pytest

from adyton.domain.statistics import BOUNDS, BUCKETS, NOTHING, SECOND, Step, Tally, together


def took(**counts: int) -> Tally:
    """So many runs in each bucket, by its number: ``b3=2``."""
    found = [counts.get(f"b{index}", 0) for index in range(BUCKETS)]
    return Tally(runs=sum(found), completed=sum(found), took=tuple(found))


def test_nothing_has_no_quantile_and_no_average() -> None:
    assert (NOTHING.quantile(0.5), NOTHING.average) == (None, None)


def test_bounds_grow_from_a_fiftieth_of_a_second_to_an_hour() -> None:
    assert list(BOUNDS) == sorted(set(BOUNDS))
    assert (BOUNDS[0], BOUNDS[-1]) == (SECOND // 50, 3600 * SECOND)


def test_a_quantile_lies_between_the_bounds_of_its_runs_in_proportion() -> None:
    second = BOUNDS.index(SECOND)
    assert took(**{f"b{second}": 10}).quantile(0.5) == pytest.approx(0.75)
    assert took(b0=1).quantile(0.5) == pytest.approx(0.01)
    mixed = took(**{"b0": 90, f"b{second}": 10})
    assert mixed.quantile(0.5) == pytest.approx(0.02 * 50 / 90)
    assert mixed.quantile(0.95) == pytest.approx(0.75)
    assert mixed.quantile(1.0) == pytest.approx(1.0)


def test_of_what_took_longer_than_every_bound_only_that_is_known() -> None:
    assert took(**{f"b{BUCKETS - 1}": 3}).quantile(0.5) == 3600.0


def test_empty_buckets_between_do_not_matter() -> None:
    found = took(b2=1, b9=1)
    assert found.quantile(0.5) == BOUNDS[2] / SECOND
    assert BOUNDS[8] / SECOND < (found.quantile(0.51) or 0) <= BOUNDS[9] / SECOND


def test_the_average_is_of_completed_runs() -> None:
    assert Tally(runs=9, completed=4, errored=5, duration=6 * SECOND).average == 1.5


def test_stretches_add_up() -> None:
    first = Tally(runs=3, completed=1, errored=1, cancelled=1, duration=5, last_at=7, link_earned=10**30, gas_spent=2)
    second = Tally(runs=1, completed=1, duration=6, took=took(b4=1).took, last_at=3, link_earned=1, gas_spent=3)
    assert together([first, second]) == Tally(
        runs=4,
        completed=2,
        errored=1,
        cancelled=1,
        duration=11,
        took=took(b4=1).took,
        last_at=7,
        link_earned=10**30 + 1,
        gas_spent=5,
    )
    assert together([]) == NOTHING


def test_hours_and_days_begin_in_utc() -> None:
    time = 1_700_000_000 * SECOND  # 2023-11-14T22:13:20Z
    assert Step.HOUR.floor(time) == 1_699_999_200 * SECOND
    assert Step.DAY.floor(time) == 1_699_920_000 * SECOND
    assert Step.DAY.floor(Step.DAY.floor(time)) == Step.DAY.floor(time)
