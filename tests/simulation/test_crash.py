"""Killing at chosen moments: what was done stays done, and nothing more happens."""

from __future__ import annotations

import asyncio

import pytest

from adyton.ports import HttpRequest
from adyton.sim.clock import SimulatedClock
from adyton.sim.crash import CrashGate, Life, bury
from adyton.sim.http import SimulatedHttp, ok
from adyton.sim.loop import OWNER, run, tasks_of
from adyton.sim.trace import Trace


async def live(gate: CrashGate, http: SimulatedHttp, done: list[str]) -> None:
    try:
        for number in range(5):
            await http.request(HttpRequest(method="GET", url=f"http://a.test/{number}"))
            done.append(f"knows {number}")
    finally:
        # A killed process does not tidy up: this request is never made.
        await http.request(HttpRequest(method="GET", url="http://a.test/tidy"))


@pytest.mark.parametrize(("fuse", "made", "known"), [(1, 0, 0), (2, 1, 0), (3, 1, 1), (6, 3, 2)])
def test_a_fuse_kills_before_or_after_the_step(fuse: int, made: int, known: int) -> None:
    async def main() -> tuple[int, list[str]]:
        clock = SimulatedClock()
        trace = Trace(clock.now)
        gate = CrashGate(trace, [fuse])
        http = SimulatedHttp(1, trace, gate)
        http.route("http://a.test", ok("{}"))
        life, done = Life(1), list[str]()
        OWNER.set(life)
        asyncio.create_task(live(gate, http, done))  # noqa: RUF006 - it is found again by its owner
        OWNER.set(None)
        await gate.died.wait()
        await bury(life)
        assert tasks_of(life) == []
        return len(http.requests), done

    assert run(main()) == (made, [f"knows {number}" for number in range(known)])


def test_a_task_that_swallows_its_cancellation_is_found() -> None:
    async def main() -> None:
        life, stop = Life(1), asyncio.Event()

        async def stubborn() -> None:
            while not stop.is_set():
                try:
                    await stop.wait()
                except asyncio.CancelledError:
                    continue

        OWNER.set(life)
        task = asyncio.create_task(stubborn())
        OWNER.set(None)
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="stubborn"):
            await bury(life)
        stop.set()
        await task

    run(main())
