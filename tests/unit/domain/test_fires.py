"""Which times of a schedule start a run now."""

from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.fires import ALL, CHUNK, LATE_MOST, LATEST, SKIP, Decision, decide
from adyton.domain.schedule import parse

MINUTE = 60_000_000
EACH = parse("0 * * * *", UTC)


def times(*minutes: int) -> list[int]:
    return [minute * MINUTE for minute in minutes]


def decided(cursor: float, *, away: float, now: float, policy: str = SKIP) -> Decision | None:
    """Of a schedule that fires each minute; everything in minutes."""
    return decide(EACH, int(cursor * MINUTE), away=int(away * MINUTE), now=int(now * MINUTE), policy=policy)


@pytest.mark.parametrize("policy", [SKIP, LATEST, ALL])
def test_nothing_is_decided_before_a_time_has_come(policy: str) -> None:
    assert decided(3, away=0, now=3.9, policy=policy) is None
    assert decided(9, away=0, now=3, policy=policy) is None


@pytest.mark.parametrize("policy", [SKIP, LATEST, ALL])
def test_a_time_that_comes_while_the_node_is_there_starts_a_run(policy: str) -> None:
    assert decided(3, away=2.5, now=4, policy=policy) == Decision(times(4), 0, 0, 4 * MINUTE)


@pytest.mark.parametrize("policy", [SKIP, LATEST, ALL])
def test_some_late_times_start_a_run_each(policy: str) -> None:
    assert decided(3, away=2.5, now=6.2, policy=policy) == Decision(times(4, 5, 6), 0, 0, 6 * MINUTE)


@pytest.mark.parametrize("policy", [SKIP, LATEST])
def test_the_oldest_of_a_pile_of_late_times_are_passed_over(policy: str) -> None:
    found = decided(3, away=2.5, now=30, policy=policy)
    assert found == Decision(times(*range(21, 31)), 0, 17, 30 * MINUTE)
    assert len(found.times) == LATE_MOST


def test_missed_times_are_passed_over() -> None:
    assert decided(3, away=9.5, now=9.6) == Decision([], 6, 0, 9 * MINUTE)
    assert decided(3, away=9.5, now=10) == Decision(times(10), 6, 0, 10 * MINUTE)
    assert decided(3, away=9, now=9) == Decision([], 6, 0, 9 * MINUTE)


def test_the_latest_missed_time_starts_a_run() -> None:
    assert decided(3, away=9.5, now=9.6, policy=LATEST) == Decision(times(9), 5, 0, 9 * MINUTE)
    assert decided(3, away=4.5, now=4.5, policy=LATEST) == Decision(times(4), 0, 0, 4 * MINUTE)
    assert decided(3, away=9.5, now=11, policy=LATEST) == Decision(times(9, 10, 11), 5, 0, 11 * MINUTE)


def test_all_missed_times_start_a_run_each_in_chunks() -> None:
    assert decided(3, away=9.5, now=10, policy=ALL) == Decision(times(*range(4, 11)), 0, 0, 10 * MINUTE)
    found = decided(0, away=5000, now=5000, policy=ALL)
    assert found == Decision(times(*range(1, CHUNK + 1)), 0, 0, CHUNK * MINUTE)


@given(st.integers(0, 300), st.integers(0, 300), st.lists(st.integers(0, 40), max_size=6), st.sampled_from([SKIP, LATEST, ALL]))
def test_every_time_is_decided_about_once(cursor: int, away: int, steps: list[int], policy: str) -> None:
    """Whatever the moments at which somebody looks: each time starts one run or is counted as passed over."""
    begun, now, run, passed = cursor * MINUTE, cursor * MINUTE, [], 0
    position = begun
    for step in steps:
        now += step * MINUTE
        while found := decide(EACH, position, away=away * MINUTE, now=now, policy=policy):
            assert found.decided > position
            run += found.times
            passed += found.missed + found.late
            position = found.decided
    assert run == sorted(set(run))
    assert all(begun < time <= now for time in run)
    assert len(run) + passed == (now - begun) // MINUTE
