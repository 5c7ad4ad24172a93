"""Answers that are kept for a moment."""

from __future__ import annotations

import asyncio

import pytest

from adyton.services.recent import Recent
from support.builders import TestClock


class Question:
    """Answers 1, 2, 3, when it is let to; an error when it has one."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.fault: Exception | None = None

    async def ask(self) -> int:
        self.asked += 1
        await self.may_answer.wait()
        if self.fault is not None:
            raise self.fault
        return self.asked


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def question() -> Question:
    return Question()


async def test_an_answer_is_kept_for_its_time(clock: TestClock, question: Question) -> None:
    recent = Recent(question.ask, clock=clock, seconds=2)
    assert [await recent.value() for _ in range(3)] == [1, 1, 1]
    clock.micros += 1_999_999
    assert await recent.value() == 1
    clock.micros += 1
    assert await recent.value() == 2


async def test_who_asks_meanwhile_gets_the_answer_under_way(clock: TestClock, question: Question) -> None:
    recent = Recent(question.ask, clock=clock, seconds=2)
    question.may_answer.clear()
    callers = [asyncio.create_task(recent.value()) for _ in range(5)]
    await asyncio.sleep(0)
    clock.micros += 60_000_000
    late = asyncio.create_task(recent.value())
    await asyncio.sleep(0)
    question.may_answer.set()
    assert await asyncio.gather(*callers, late) == [1] * 6


async def test_a_caller_that_gives_up_does_not_end_the_asking(clock: TestClock, question: Question) -> None:
    recent = Recent(question.ask, clock=clock, seconds=2)
    question.may_answer.clear()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await recent.value()
    question.may_answer.set()
    assert await recent.value() == 1


async def test_an_error_is_not_kept(clock: TestClock, question: Question) -> None:
    recent = Recent(question.ask, clock=clock, seconds=2)
    question.fault = ValueError("no")
    with pytest.raises(ValueError, match="no"):
        await recent.value()
    question.fault = None
    assert await recent.value() == 2
