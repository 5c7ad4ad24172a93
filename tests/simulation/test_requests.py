"""What a reorganisation does to requests that are answered already, and how the node repairs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import pytest

from adyton.domain.errors import Conflict
from adyton.domain.fates import Fate, Kind
from adyton.services import requests
from adyton.sim.account import reverted
from adyton.sim.episodes import FAULTS
from adyton.sim.http import ok
from adyton.sim.loop import run
from adyton.sim.story import Story
from adyton.sim.world import PRICE, PRICE_JOB, PRICE_URL, World

HASTY = {"MIN_INCOMING_CONFIRMATIONS": "1", "MIN_OUTGOING_CONFIRMATIONS": "1"}
"""Settings with which every reorganisation is deeper than what was waited for."""

Scene = Callable[[World, str], Awaitable[None]]


def simulate(scene: Scene, seed: int | str = 1, settings: Mapping[str, str] = HASTY) -> World:
    """Play a scene with a node that has the price job; the scene gets the world and the job's id."""

    async def main() -> World:
        async with World(seed, settings=settings) as world:
            await scene(world, (await world.create_job(PRICE_JOB)).id)
        return world

    return run(main())


def depth_of(world: World, transaction: str) -> int:
    """Blocks that a reorganisation must replace to reach a transaction."""
    block = world.chain.block_of(transaction)
    assert block is not None
    return world.chain.head.number - block.number + 1


async def fate_of(world: World, request: str) -> Fate | None:
    """None while the node is down."""
    return None if world.node is None else (await requests.get(world.node.services, request)).fate


async def until_answered(world: World, request: str) -> None:
    """Return when the chain has an answer and the node knows that."""

    async def answered() -> bool:
        fate = await fate_of(world, request) if world.chain.answers(request) else None
        return fate is not None and fate.kind is Kind.ANSWERED

    await world.until(answered)


async def undone(world: World, job: str) -> str:
    """The id of a request whose answer a reorganisation has undone: it is in another block now, and that answer reverts."""
    request = world.chain.request(job, {})
    await world.until_completed(request)
    await until_answered(world, request)
    await world.pass_blocks(2)
    world.chain.reorganise(depth_of(world, world.chain.transaction_of(request)), shift=1)
    assert world.chain.answers(request) == []
    return request


async def runs_of(world: World, request: str) -> list[tuple[str, bool]]:
    """Status of each run of a request, oldest first, and whether another one took its place."""
    rows = await world.rows("SELECT status, superseded_by FROM runs WHERE request_id = ? ORDER BY id", request)
    return [(str(status), successor is not None) for status, successor in rows]


@pytest.mark.parametrize("seed", range(5))
def test_a_request_whose_answer_was_undone_after_its_run_was_completed_is_answered_by_another_run(seed: int) -> None:
    async def scene(world: World, job: str) -> None:
        request = await undone(world, job)
        await until_answered(world, request)
        await world.pass_blocks(3)
        assert [answer.number for answer in world.chain.answers(request)] == [PRICE]
        assert await runs_of(world, request) == [("completed", True), ("completed", False)]
        assert len(reverted(world.chain)) == 1
        assert world.node is not None
        assert await requests.unaccounted_count(world.node.services) == 0

    world = simulate(scene, seed)
    assert any("undid an answer" in line for line in world.trace.of_kind("log"))


@pytest.mark.parametrize("seed", range(12))
def test_a_story_with_every_fault_and_deep_reorganisations_leaves_no_request_open(seed: int) -> None:
    run(Story(f"deep{seed}", depth=5, faults=frozenset(FAULTS)).play())


def test_it_is_repaired_by_a_node_that_was_down_when_it_happened() -> None:
    async def scene(world: World, job: str) -> None:
        request = world.chain.request(job, {})
        await until_answered(world, request)
        await world.pass_blocks(2)
        await world.kill("maintenance")
        world.chain.reorganise(depth_of(world, world.chain.transaction_of(request)), shift=1)
        await world.boot()
        await until_answered(world, request)
        assert [answer.number for answer in world.chain.answers(request)] == [PRICE]

    simulate(scene)


def test_an_undone_answer_is_repaired_once_wherever_the_node_is_killed_meanwhile() -> None:
    """Every pass of the crash gate from the reorganisation to the second answer, one life for each."""

    async def scene(world: World, job: str) -> None:
        request = await undone(world, job)
        await until_answered(world, request)
        await world.pass_blocks(3)
        assert [answer.number for answer in world.chain.answers(request)] == [PRICE]
        assert await runs_of(world, request) == [("completed", True), ("completed", False)]

    async def passes() -> tuple[int, int]:
        async with World(1, settings=HASTY) as world:
            request = await undone(world, (await world.create_job(PRICE_JOB)).id)
            before = world.gate.passes
            await until_answered(world, request)
            return before, world.gate.passes

    async def killed_at(fuse: int) -> None:
        async with World(1, settings=HASTY, fuses=[fuse], downtime=(0.5, 5.0)) as world:
            await world.until(lambda: world.node is not None, every=0.1)
            await scene(world, (await world.create_job(PRICE_JOB)).id)

    first, last = run(passes())
    for fuse in range(first, last, 2):
        run(killed_at(fuse))


def test_a_request_that_never_comes_back_gets_its_reason_when_the_chain_cannot_change_any_more() -> None:
    async def scene(world: World, job: str) -> None:
        request = world.chain.request(job, {})
        await until_answered(world, request)
        await world.pass_blocks(1)
        asked = world.chain.transaction_of(request)
        world.chain.reorganise(depth_of(world, asked), lost=[asked])

        async def is_(kind: Kind) -> bool:
            fate = await fate_of(world, request)
            return fate is not None and fate.kind is kind

        await world.until(lambda: is_(Kind.UNACCOUNTED))
        await world.until(lambda: is_(Kind.REFUSED))
        fate = await fate_of(world, request)
        assert fate is not None
        assert "undone by a reorganisation" in fate.reason
        assert "left the chain" in fate.reason
        assert await runs_of(world, request) == [("completed", False)]
        assert world.chain.answers(request) == []

    simulate(scene, settings=HASTY | {"ETH_FINALITY_DEPTH": "10"})


def test_an_operator_runs_a_request_again_whose_source_had_failed() -> None:
    async def scene(world: World, job: str) -> None:
        world.http.route(PRICE_URL, ok("not even JSON"))
        request = world.chain.request(job, {})

        async def refused() -> bool:
            fate = await fate_of(world, request)
            return fate is not None and fate.kind is Kind.REFUSED

        await world.until(lambda: bool(world.chain.is_open(request)))
        await world.clock.sleep(1)
        await world.until(refused)
        world.http.route(PRICE_URL, ok('{"USD": 165.42}'))
        await world.pass_blocks(5)
        assert world.node is not None
        assert await runs_of(world, request) == [("errored", False)]
        await requests.run_again(world.node.services, request)
        await until_answered(world, request)
        assert [answer.number for answer in world.chain.answers(request)] == [PRICE]

    simulate(scene)


def test_an_operator_cannot_run_again_what_is_answered_or_under_way() -> None:
    async def scene(world: World, job: str) -> None:
        request = world.chain.request(job, {})
        await world.until(lambda: world.chain.is_open(request))
        await world.clock.sleep(1)
        assert world.node is not None
        with pytest.raises(Conflict, match="not finished"):
            await requests.run_again(world.node.services, request)
        await world.until_completed(request)
        with pytest.raises(Conflict, match="answered"):
            await requests.run_again(world.node.services, request)
        assert await runs_of(world, request) == [("completed", False)]

    simulate(scene, settings={})
