"""How often an endpoint is asked: exact limits, rests, growing back, and who goes first."""

from __future__ import annotations

import asyncio
import math

import pytest

from adyton.ethereum.budget import Budget, Moved
from adyton.ethereum.errors import Throttled
from adyton.sim.clock import SimulatedClock
from adyton.sim.loop import run


async def take(budget: Budget, clock: SimulatedClock, starts: list[float], calls: int = 1, until: float = math.inf) -> None:
    await budget.turn(calls, until=until)
    starts.append(clock.monotonic())


@pytest.mark.parametrize("limit", [1, 7, 50])
def test_in_no_second_more_calls_begin_than_the_limit(limit: int) -> None:
    async def story() -> None:
        clock, starts = SimulatedClock(), list[float]()
        budget = Budget(clock=clock, limit=limit)
        await asyncio.gather(*(take(budget, clock, starts) for _ in range(5 * limit)))
        assert max(sum(start <= other < start + 0.9999 for other in starts) for start in starts) == limit
        assert 3.9 <= clock.monotonic() <= 4.1, "and no slower than that"

    run(story())


def test_a_frame_of_many_calls_counts_as_many() -> None:
    async def story() -> None:
        clock, starts = SimulatedClock(), list[float]()
        budget = Budget(clock=clock, limit=10)
        assert (budget.piece(100), budget.piece(2), budget.piece(7)) == (10, 2, 7)
        await take(budget, clock, starts, 40)
        await take(budget, clock, starts)
        assert starts == [0, pytest.approx(4.0, abs=0.01)]

    run(story())


def test_two_calls_stay_together_whatever_the_limit() -> None:
    async def story() -> None:
        assert Budget(clock=SimulatedClock(), limit=1).piece(5) == 2

    run(story())


def test_without_a_limit_nothing_waits() -> None:
    async def story() -> None:
        clock, starts = SimulatedClock(), list[float]()
        budget = Budget(clock=clock)
        for _ in range(1000):
            await take(budget, clock, starts, 100)
        assert clock.monotonic() == 0

    run(story())


def test_a_refusal_means_a_rest_half_the_pace_and_growing_back() -> None:
    async def story() -> None:
        clock, starts = SimulatedClock(), list[float]()
        budget = Budget(clock=clock, limit=20)
        for _ in range(20):
            await take(budget, clock, starts)
        budget.refused()
        assert budget.slowed
        assert budget.pace == 10
        budget.refused()
        assert budget.pace == 10, "a call that began before the refusal says nothing new"
        await take(budget, clock, starts)
        assert clock.monotonic() == pytest.approx(1.0, abs=0.01)
        budget.answered()
        await clock.sleep(5)
        await take(budget, clock, starts)
        assert budget.pace == pytest.approx(15, abs=0.1)
        await clock.sleep(30)
        await take(budget, clock, starts)
        assert budget.pace == 20
        assert not budget.slowed

    run(story())


def test_a_pace_that_nobody_limits_is_found_from_what_was_asked() -> None:
    async def story() -> None:
        clock, starts = SimulatedClock(), list[float]()
        budget = Budget(clock=clock)
        for _ in range(30):
            await take(budget, clock, starts)
        budget.refused()
        assert budget.pace == 15
        await clock.sleep(100)
        await take(budget, clock, starts)
        assert budget.pace == math.inf

    run(story())


def test_rests_grow_while_it_goes_on_and_end_with_an_answer() -> None:
    async def story() -> None:
        clock, starts = SimulatedClock(), list[float]()
        budget = Budget(clock=clock)
        for rest in (1, 2, 4, 8, 16, 30, 30):
            before = clock.monotonic()
            budget.refused()
            await take(budget, clock, starts)
            assert clock.monotonic() - before == pytest.approx(rest, abs=0.01)
        assert budget.exhausted
        assert budget.pace >= 0.2
        budget.answered()
        assert not budget.exhausted

    run(story())


def test_the_rest_that_is_asked_for_is_given() -> None:
    async def story() -> None:
        clock, starts = SimulatedClock(), list[float]()
        budget = Budget(clock=clock)
        budget.refused(60)
        assert budget.exhausted, "somebody else had better be asked"
        await take(budget, clock, starts)
        assert clock.monotonic() == pytest.approx(60, abs=0.01)

    run(story())


def test_a_call_whose_turn_does_not_come_in_time_says_so_and_no_sooner() -> None:
    async def story() -> None:
        clock = SimulatedClock()
        budget = Budget(clock=clock)
        budget.refused(60)
        with pytest.raises(Throttled):
            await budget.turn(1, until=10)
        assert clock.monotonic() == pytest.approx(10, abs=0.01)

    run(story())


def test_an_urgent_call_goes_before_those_that_wait_and_the_rest_keep_their_order() -> None:
    async def story() -> None:
        clock, order = SimulatedClock(), list[str]()
        budget = Budget(clock=clock, limit=1)

        async def ask(name: str, *, urgent: bool = False) -> None:
            await budget.turn(1, until=math.inf, urgent=urgent)
            order.append(name)

        asked = [asyncio.create_task(ask(name)) for name in "abcd"]
        await clock.sleep(0.5)
        asked += [asyncio.create_task(ask(name, urgent=True)) for name in "XY"]
        await asyncio.gather(*asked)
        assert order == ["a", "X", "Y", "b", "c", "d"]

    run(story())


def test_a_call_that_is_given_up_leaves_its_turn_to_the_next() -> None:
    async def story() -> None:
        clock, starts = SimulatedClock(), list[float]()
        budget = Budget(clock=clock, limit=1)
        tasks = [asyncio.create_task(take(budget, clock, starts)) for _ in range(3)]
        await clock.sleep(0.5)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert starts == [0, pytest.approx(1, abs=0.01)]

    run(story())


def test_calls_that_wait_can_be_sent_elsewhere() -> None:
    async def story() -> None:
        budget = Budget(clock=SimulatedClock(), limit=1)
        await budget.turn(1, until=math.inf)
        waiting = [asyncio.create_task(budget.turn(1, until=math.inf)) for _ in range(3)]
        await asyncio.sleep(0.1)
        budget.release()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [Moved] * 3
        await budget.turn(1, until=math.inf)

    run(story())
