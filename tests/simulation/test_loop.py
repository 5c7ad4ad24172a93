"""The simulated loop: time that jumps, an order that repeats, no threads."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from adyton.sim.clock import EPOCH, SimulatedClock
from adyton.sim.entropy import SimulatedEntropy
from adyton.sim.loop import Deadlock, RealWorldRefused, SimulatedLoop, run, running_loop


def test_an_hour_of_sleep_takes_no_time() -> None:
    async def main() -> int:
        clock = SimulatedClock()
        await clock.sleep(3600)
        return clock.now()

    began = time.perf_counter()
    assert run(main()) == (EPOCH + 3600) * 1_000_000
    assert time.perf_counter() - began < 1


def test_sleepers_wake_in_the_order_of_their_times() -> None:
    async def main() -> list[int]:
        woken: list[int] = []

        async def sleeper(number: int) -> None:
            await asyncio.sleep(number / 10)
            woken.append(number)

        async with asyncio.TaskGroup() as group:
            for number in (5, 1, 4, 2, 3):
                group.create_task(sleeper(number))
        return woken

    assert run(main()) == [1, 2, 3, 4, 5]


def test_deadlines_follow_the_simulated_clock() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Queue[int]().get(), 12)
        return running_loop().time()

    assert run(main()) == pytest.approx(42, abs=1e-3)


def test_a_deadlock_is_an_error_and_not_a_hang() -> None:
    async def main() -> None:
        # Without a deadline of its own: the loop has nothing scheduled.
        await asyncio.Event().wait()

    loop = SimulatedLoop()
    task = loop.create_task(main())
    with pytest.raises(Deadlock):
        loop.run_until_complete(task)
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()


def test_a_simulation_that_never_ends_is_stopped_at_its_limit() -> None:
    async def main() -> None:
        clock = SimulatedClock()
        while True:
            await clock.sleep(60)

    with pytest.raises(TimeoutError):
        run(main(), longest=3600)


@pytest.mark.parametrize(
    "reach_out",
    [
        lambda: asyncio.to_thread(print),
        lambda: asyncio.get_running_loop().getaddrinfo("localhost", 80),
        lambda: asyncio.open_connection("127.0.0.1", 9),
        lambda: asyncio.start_server(lambda *_: None, "127.0.0.1", 0),
        lambda: asyncio.create_subprocess_exec("true"),
    ],
    ids=["thread", "name lookup", "connection", "server", "process"],
)
def test_the_real_world_is_refused(reach_out: Callable[[], Coroutine[Any, Any, object]]) -> None:
    async def main() -> None:
        with pytest.raises(RealWorldRefused):
            await reach_out()

    threads = threading.active_count()
    run(main())
    assert threading.active_count() == threads


def test_tasks_of_a_failing_group_are_cancelled_in_one_order() -> None:
    async def main() -> list[int]:
        cancelled: list[int] = []

        async def waits(number: int) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.append(number)

        async def fails() -> None:
            await asyncio.sleep(1)
            raise ValueError("the reason to cancel")

        async def group() -> None:
            async with asyncio.TaskGroup() as tasks:
                for number in range(50):
                    tasks.create_task(waits(number))
                tasks.create_task(fails())

        with pytest.raises(ExceptionGroup):
            await group()
        return cancelled

    assert run(main()) == run(main())


def test_the_same_seed_gives_the_same_chance() -> None:
    async def main(seed: int) -> tuple[list[str], bytes, float]:
        clock = SimulatedClock()
        entropy = SimulatedEntropy(seed, clock)
        ids = []
        for _ in range(5):
            ids.append(entropy.new_id())
            await clock.sleep(0.01)
        return ids, entropy.token(16), entropy.jitter()

    assert run(main(1)) == run(main(1))
    assert run(main(1)) != run(main(2))
    ids = run(main(1))[0]
    assert ids == sorted(ids)
    assert all(len(each) == 32 and each[12] == "7" for each in ids)
