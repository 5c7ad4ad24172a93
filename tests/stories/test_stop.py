"""An operator stops the node while something hangs: it ends soon, says so, and the next start goes on where it was."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adyton.dev.node_process import NodeProcess
from adyton.dev.waiting import TooLate
from support.contracts import World, start_node_in
from support.outside import serve
from support.stories import PRICE

pytestmark = pytest.mark.stories

GRACE = "1s"
BOUND = 8.0
"""Seconds within which a node whose grace is a second is gone, whatever hangs, and however slow this machine is."""
ENDLESS = '(module (func (export "perform") (param f64) (result i32) (loop $for_ever (br $for_ever)) (i32.const 1)))'
FINAL = ("completed", "errored", "cancelled")


@asynccontextmanager
async def hanging(place: World, kind: str) -> AsyncIterator[tuple[NodeProcess, str]]:
    """A node that is stopped in the middle of a task of that kind, and the run it is in."""
    async with serve({"data": {"result": "7"}}) as adapter:
        async with start_node_in(place, SHUTDOWN_GRACE_PERIOD=GRACE, WASM_TIMEOUT="60s") as node:
            await node.api.create_bridge("outside", adapter.url)
            adapter.open.clear()
            place.prices.open.clear()
            tasks: dict[str, dict[str, Any]] = {
                "httpget": {"type": "httpget", "params": {"get": place.prices.url}},
                "bridge": {"type": "outside"},
                "wasm": {"type": "wasm", "params": {"wasm": ENDLESS}},
            }
            job = {"initiators": [{"type": "web"}], "tasks": [tasks[kind], {"type": "noop"}]}
            run_id = await node.api.start_run(await node.api.create_job(job), {"result": 1})

            async def begun() -> bool | None:
                if kind == "wasm":
                    return (await node.api.run(run_id))["status"] == "in_progress" or None
                return bool(adapter.heard) or place.prices.asked > 0 or None

            await place.until("the task has begun", begun)
            yield node, run_id
        adapter.open.set()
        place.prices.open.set()


async def gone(place: World, node: NodeProcess) -> int:
    """The exit status, within the bound."""

    async def probe() -> int | None:
        return node.child.exit_status

    try:
        status: int = await place.until("the node has ended", probe, seconds=BOUND)
    except TooLate:
        raise AssertionError(f"the node has not ended within {BOUND:g} s:\n{node.last_words()}") from None
    return status


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("kind", ["httpget", "bridge"])
async def test_a_task_that_hangs_does_not_hold_a_stop_up_and_is_done_again(
    place: World, kind: str, number: signal.Signals
) -> None:
    async with hanging(place, kind) as (node, run_id):
        node.child.signal(number)
        assert await gone(place, node) == 0
        assert "Gracefully exiting" in node.child.output()
        assert "Traceback" not in node.child.output()
    async with serve({"data": {"result": "7"}}), start_node_in(place, welcome=False) as node:
        place.prices.open.set()

        async def finished() -> dict[str, Any] | None:
            run = await node.api.run(run_id)
            return run if run["status"] in FINAL else None

        run = await place.until("the run ends after all", finished)
        # The bridge's program of before is gone: a run that asks it again says so.
        assert run["status"] == ("completed" if kind == "httpget" else "errored")


async def test_a_module_that_computes_for_ever_does_not_hold_a_stop_up(place: World) -> None:
    async with hanging(place, "wasm") as (node, _):
        node.child.signal(signal.SIGTERM)
        assert await gone(place, node) == 0


async def test_a_second_signal_changes_nothing(place: World) -> None:
    async with hanging(place, "httpget") as (node, _):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            node.child.signal(number)
        assert await gone(place, node) == 0


async def test_schedules_sleeps_and_answers_stop_and_go_on(place: World) -> None:
    async with start_node_in(place, SHUTDOWN_GRACE_PERIOD=GRACE) as node:
        cron = {"initiators": [{"type": "cron", "params": {"schedule": "* * * * * *"}}], "tasks": [{"type": "noop"}]}
        ticking = await node.api.create_job(cron)
        asked = [await place.request() for _ in range(3)]
        node.child.signal(signal.SIGTERM)
        assert await gone(place, node) == 0
    async with start_node_in(place, welcome=False) as node:
        for request_id in asked:
            assert (await place.answer(request_id)).number == PRICE
        before = len(await node.api.runs(ticking))

        async def more() -> bool | None:
            return len(await node.api.runs(ticking)) > before or None

        await place.until("the schedule goes on", more)
        await node.api.archive_job(ticking)
        await place.settled(3)
    assert await place.sent() == 3
