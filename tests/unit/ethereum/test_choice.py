"""Which endpoint is asked, row by row, and what holds whatever the endpoints do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.ethereum.choice import BEHIND, FAILING, RETURN, THROTTLED, Fault, Standing, choose
from adyton.ethereum.views import names

SOUND = Standing(usable=True, head=10)
AWAY = Standing(usable=False)
COMING = Standing(usable=False, tried=False)
LEVEL = Standing(usable=True, head=10, sound_for=RETURN)


def faulty(weight: int, head: int = 10) -> Standing:
    return Standing(usable=True, faults=(Fault(weight, "words"),), head=head)


@pytest.mark.parametrize(
    ("standings", "active", "wanted"),
    [
        ([SOUND, SOUND], None, 0),
        ([AWAY, SOUND], None, 1),
        ([AWAY, SOUND], 0, 1),
        ([AWAY, AWAY], 0, None),
        ([], None, None),
        ([SOUND, SOUND], 1, 1),
        ([LEVEL, SOUND], 1, 0),
        ([SOUND, LEVEL], 0, 0),
        ([faulty(THROTTLED), SOUND], 0, 1),
        ([faulty(BEHIND), SOUND], 0, 1),
        ([faulty(FAILING), SOUND], 0, 1),
        ([faulty(FAILING), faulty(BEHIND)], 0, 1),
        ([faulty(BEHIND), faulty(THROTTLED)], 0, 1),
        ([faulty(BEHIND), faulty(FAILING)], 0, 0),
        ([faulty(BEHIND, 5), faulty(BEHIND, 7)], 0, 0),
        ([faulty(BEHIND, 5), faulty(BEHIND, 7)], None, 1),
        ([faulty(FAILING), AWAY], 0, 0),
        ([faulty(THROTTLED), faulty(THROTTLED), SOUND], 0, 2),
    ],
)
def test_the_endpoint_that_is_asked(standings: list[Standing], active: int | None, wanted: int | None) -> None:
    assert choose(standings, active).place == wanted


def test_a_preferred_one_that_is_still_connecting_is_waited_for_only_at_the_start() -> None:
    assert choose([COMING, SOUND], None, waiting=True).place is None
    assert choose([COMING, SOUND], None).place == 1
    assert choose([AWAY, SOUND], None, waiting=True).place == 1
    assert choose([SOUND, COMING], None, waiting=True).place == 0


standing = st.builds(
    Standing,
    usable=st.booleans(),
    tried=st.booleans(),
    faults=st.lists(st.builds(Fault, st.sampled_from([THROTTLED, BEHIND, FAILING]), st.just("words")), max_size=2).map(
        lambda faults: tuple(sorted(faults, reverse=True))
    ),
    head=st.integers(-1, 20),
    sound_for=st.sampled_from([0.0, RETURN]),
)


@given(st.lists(standing, max_size=5), st.data())
def test_one_is_asked_while_any_can_be_and_never_a_worse_one(standings: list[Standing], data: st.DataObject) -> None:
    active = data.draw(st.sampled_from([None, *range(len(standings))]))
    place = choose(standings, active).place
    usable = [each for each in standings if each.usable]
    assert (place is None) == (not usable)
    if place is not None:
        assert standings[place].usable
        assert standings[place].badness == min(each.badness for each in usable)
        assert choose(standings, place).place in (place, *range(place)), "it settles"


def test_names_are_hosts_told_apart() -> None:
    urls = ["wss://u:p@a.example:8546/k", "https://b.example/k?t=k", "https://b.example/other", "ws://[::1]:1/"]
    assert names(urls) == ["a.example:8546", "b.example #1", "b.example #2", "[::1]:1"]
