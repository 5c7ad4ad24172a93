"""Hand-over in which only the newest counts."""

from __future__ import annotations

import asyncio

import pytest

from adyton.ethereum.latest import Latest, Slot


async def test_a_listener_gets_the_newest_at_once_and_skips_what_it_was_too_slow_for() -> None:
    value = Latest(1)
    listener = value.updates()
    assert await anext(listener) == 1
    value.set(2)
    value.set(3)
    assert await anext(listener) == 3


async def test_every_listener_is_woken() -> None:
    value = Latest("old")

    async def second() -> str:
        listener = value.updates()
        await anext(listener)
        return await anext(listener)

    waiting = [asyncio.create_task(second()) for _ in range(3)]
    await asyncio.sleep(0)
    value.set("new")
    assert await asyncio.gather(*waiting) == ["new"] * 3


async def test_the_same_value_wakes_nobody() -> None:
    value = Latest(1)
    listener = value.updates()
    await anext(listener)
    value.set(1)
    waiting = asyncio.ensure_future(anext(listener))
    await asyncio.sleep(0)
    assert not waiting.done()
    value.set(2)
    assert await waiting == 2


async def test_a_newer_message_replaces_one_that_was_not_taken() -> None:
    slot = Slot[int]()
    slot.put(1)
    slot.put(2)
    assert await slot.take() == 2


async def test_a_take_that_is_given_up_loses_nothing() -> None:
    slot = Slot[int]()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await slot.take()
    slot.put(1)
    assert await slot.take() == 1
