"""What an endpoint did in the last hour."""

from __future__ import annotations

import pytest

from adyton.ethereum.recent import MINUTES, Recent, Recently

MINUTE = 60_000_000
START = 1_000 * MINUTE


def test_before_anything_was_asked_there_is_nothing() -> None:
    assert Recent().view(START) == Recently()


def test_calls_are_counted_in_their_minute() -> None:
    recent = Recent()
    recent.count(START + 1, calls=2, errors=0, seconds=0.1)
    recent.count(START + MINUTE - 1, calls=3, errors=1, seconds=None)
    recent.count(START + MINUTE, calls=1, errors=1, seconds=None)
    view = recent.view(START + MINUTE)
    assert [(each.at, each.calls, each.errors) for each in view.minutes] == [(START, 5, 1), (START + MINUTE, 1, 1)]
    assert (view.calls, view.errors) == (6, 2)
    assert view.minutes[0].median == pytest.approx(0.1, rel=0.1)
    assert view.minutes[1].median is None


def test_quantiles_are_right_to_within_a_tenth() -> None:
    recent = Recent()
    for number in range(1, 101):
        recent.count(START, calls=1, errors=0, seconds=number / 100)
    view = recent.view(START)
    assert view.median == pytest.approx(0.5, rel=0.1)
    assert view.slowest_twentieth == pytest.approx(0.95, rel=0.1)


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1e9])
def test_times_beyond_all_measure_are_counted(seconds: float) -> None:
    recent = Recent()
    recent.count(START, calls=1, errors=0, seconds=seconds)
    assert recent.view(START).median is not None


def test_what_is_older_than_an_hour_is_forgotten() -> None:
    recent = Recent()
    for minute in range(3 * MINUTES):
        recent.count(START + minute * MINUTE, calls=1, errors=0, seconds=0.1)
    last = START + (3 * MINUTES - 1) * MINUTE
    assert recent.view(last).calls == MINUTES
    assert recent.view(last + 30 * MINUTE).calls == MINUTES // 2
    assert recent.view(last + 2 * MINUTES * MINUTE) == Recently()


def test_a_clock_that_was_set_back_loses_no_call() -> None:
    recent = Recent()
    recent.count(START, calls=1, errors=0, seconds=0.1)
    recent.count(START - 10 * MINUTE, calls=1, errors=0, seconds=0.1)
    assert [(each.at, each.calls) for each in recent.view(START).minutes] == [(START, 2)]
