"""Schedules of a whole node on a simulated world: each time starts its run once, whatever ends the node."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adyton.domain.jobs import Job
from adyton.services import jobs
from adyton.sim.clock import EPOCH
from adyton.sim.loop import run
from adyton.sim.world import World

SECOND = 1_000_000
Scene = Callable[[World], Awaitable[None]]


def simulate(scene: Scene, seed: int = 1, **world: Any) -> World:
    """Play a scene with a node."""

    async def main() -> World:
        async with World(seed, **world) as made:
            await scene(made)
        return made

    return run(main())


def cron(line: str, **params: str) -> dict[str, Any]:
    return {"initiators": [{"type": "cron", "params": {"schedule": line, **params}}], "tasks": [{"type": "noop"}]}


def run_at(seconds: float) -> dict[str, Any]:
    """A job that runs so many seconds after the simulation begins."""
    time = (EPOCH + seconds) * 1000
    return {"initiators": [{"type": "runat", "params": {"time": int(time)}}], "tasks": [{"type": "noop"}]}


async def statuses(world: World, job: Job) -> list[object]:
    return [row[0] for row in await world.rows("SELECT status FROM runs WHERE job_id = ? ORDER BY id", job.id)]


async def fired_at(world: World, job: Job) -> int:
    rows = await world.rows("SELECT fired_at FROM initiators WHERE job_id = ?", job.id)
    return int(rows[0][0] or 0)


def test_runs_are_started_to_the_second_and_completed() -> None:
    async def scene(world: World) -> None:
        job = await world.create_job(cron("*/10 * * * * *"))
        began = world.clock.now()
        await world.breathe(605)
        created = [row[0] for row in await world.rows("SELECT created_at FROM runs WHERE job_id = ? ORDER BY id", job.id)]
        assert len(created) == 60
        assert all(int(at or 0) % (10 * SECOND) < SECOND // 10 for at in created)
        assert int(created[0] or 0) - began <= 10 * SECOND
        assert set(await statuses(world, job)) == {"completed"}

    simulate(scene)


def test_a_new_job_and_an_archived_one_take_effect_at_once() -> None:
    async def scene(world: World) -> None:
        job = await world.create_job(run_at(-1000))
        await world.breathe(0.1)
        assert await statuses(world, job) == ["completed"]
        each_second = await world.create_job(cron("* * * * *"))
        await world.breathe(10)
        assert world.node is not None
        await jobs.archive(world.node.services, each_second.id)
        seen = len(await statuses(world, each_second))
        assert seen == 10
        await world.breathe(10)
        assert len(await statuses(world, each_second)) == seen

    simulate(scene)


@pytest.mark.parametrize("seed", range(6))
def test_each_time_starts_one_run_whatever_kills_the_node(seed: int) -> None:
    """Killed some forty times, before and after writes: of the policy ``all`` no time is lost, and none of any counts twice."""

    async def scene(world: World) -> None:
        every = await world.create_job(cron("*/5 * * * * *", missed="all"))
        latest = await world.create_job(cron("*/5 * * * * *", missed="latest"))
        skipping = await world.create_job(cron("*/5 * * * * *"))
        alone = await world.create_job(cron("*/5 * * * * *", overlap="skip", missed="all"))
        once = [await world.create_job(run_at(seconds)) for seconds in (0, 100, 250, 251, 400)]
        await world.breathe(600)
        world.gate.defuse()
        await world.until(lambda: world.node is not None)
        await world.until(lambda: _caught_up(world, every, alone))
        assert world.lives > 5

        times = (await fired_at(world, every)) // (5 * SECOND) - every.created_at // (5 * SECOND)
        assert len(await statuses(world, every)) == times > 100
        assert 0 < len(await statuses(world, skipping)) <= times
        assert 0 < len(await statuses(world, latest)) <= times
        assert 0 < len(await statuses(world, alone)) <= times
        assert [len(await statuses(world, job)) for job in once] == [1] * 5
        await world.breathe(120)
        assert [set(await statuses(world, job)) for job in (every, latest, skipping, alone, *once)] == [{"completed"}] * 9

    simulate(scene, seed, fuses=range(20 + seed, 5000, 17 + 3 * seed), downtime=(0.1, 20.0))


async def _caught_up(world: World, *jobs: Job) -> bool:
    return min([await fired_at(world, job) for job in jobs]) > world.clock.now() - 10 * SECOND


@pytest.mark.parametrize("seed", range(3))
def test_a_failing_disk_loses_no_time(seed: int) -> None:
    async def scene(world: World) -> None:
        job = await world.create_job(cron("*/5 * * * * *"))
        once = await world.create_job(run_at(30))
        world.disk.slow, world.disk.unsure = 0.2, 0.3
        for _ in range(12):
            world.disk.full = True
            await world.breathe(17)
            world.disk.full = False
            await world.breathe(13)
        world.disk.slow = world.disk.unsure = 0.0
        await world.until(lambda: _caught_up(world, job))
        times = (await fired_at(world, job)) // (5 * SECOND) - job.created_at // (5 * SECOND)
        assert len(await statuses(world, job)) == times
        await world.breathe(120)
        assert set(await statuses(world, job)) == {"completed"}
        assert await statuses(world, once) == ["completed"]

    simulate(scene, seed)
