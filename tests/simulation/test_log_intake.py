"""Log intake in a whole node: requests that leave the chain, are cancelled, were emitted before their job, or were hidden."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from adyton.domain.jobs import Job
from adyton.services import blocks
from adyton.sim.account import check_account, sent_by_node
from adyton.sim.loop import run
from adyton.sim.world import PRICE_JOB, World
from adyton.storage import rereads

Scene = Callable[[World, str], Awaitable[None]]
EARLY = "ab" * 16
"""The id of a job that is asked before the node has it."""


def simulate(scene: Scene, seed: int = 1, **world: Any) -> World:
    """Play a scene with a node that has the price job."""

    async def main() -> World:
        async with World(seed, **world) as made:
            job = await made.create_job(PRICE_JOB)
            await scene(made, job.id)
        return made

    return run(main())


async def ended(world: World, request: str, status: str) -> None:
    """Return when the run of a request has that status."""

    async def so() -> bool:
        return (await world.run_of(request))[0] == status

    await world.until(so)


async def read_again(world: World) -> None:
    """Return when nothing is left to be read again."""

    async def done() -> bool:
        return await world.rows("SELECT 1 FROM rereads WHERE finished_at IS NULL") == []

    await world.until(done)


def early(**params: Any) -> dict[str, Any]:
    """The price job under a known id."""
    (initiator,) = PRICE_JOB["initiators"]
    told = initiator | {"params": initiator["params"] | params}
    return PRICE_JOB | {"externalJobID": EARLY, "initiators": [told]}


def test_a_request_that_left_the_chain_is_not_answered_until_it_is_back_and_then_once() -> None:
    async def scene(world: World, job: str) -> None:
        request = world.chain.request(job, {})
        await world.until(lambda: world.chain.is_open(request))
        await world.clock.sleep(1)
        (sent,) = [each for each in world.chain.head.transactions if each.hash == world.chain.transaction_of(request)]
        world.chain.reorganise(1, lost=[sent.hash])
        await ended(world, request, "cancelled")
        await world.pass_blocks(8)
        assert sent_by_node(world.chain) == []
        assert world.http.requests == []

        world.chain.pool.put_back(sent)
        await world.until_completed(request)
        check_account(world, [request])

    simulate(scene)


def test_a_request_that_its_requester_cancelled_is_not_answered() -> None:
    async def scene(world: World, job: str) -> None:
        request = world.chain.request(job, {})
        await world.until(lambda: world.chain.is_open(request))
        await world.clock.sleep(400)
        cancelled = world.chain.cancel(request)
        await ended(world, request, "cancelled")
        assert (await world.run_of(request))[1] == f"the requester cancelled the request in transaction {cancelled}"
        assert await world.rows("SELECT closed_as, closed_tx FROM requests") == [("cancelled", cancelled)]
        await world.pass_blocks(60)
        assert sent_by_node(world.chain) == []

    simulate(scene, settings={"MIN_INCOMING_CONFIRMATIONS": "80"})


def test_a_job_answers_what_it_was_asked_before_the_node_had_it_and_the_chain_still_waits_for() -> None:
    async def scene(world: World, job: str) -> None:
        given_up, kept = world.chain.request(EARLY, {"n": 1}), world.chain.request(EARLY, {"n": 2})
        await world.clock.sleep(400)
        world.chain.cancel(given_up)
        await world.pass_blocks(20)

        made: Job = await world.create_job(early(fromBlock="unanswered"))
        assert made.id == EARLY
        await world.until_completed(kept)
        await read_again(world)

        check_account(world, [kept])
        assert await world.run_of(given_up) == ("none", None)
        ((reason,),) = await world.rows("SELECT reason FROM requests WHERE request_id = ?", given_up)
        assert reason == "already answered or cancelled when it was read"

    simulate(scene, settings={"ETH_FINALITY_DEPTH": "5"})


def test_a_job_that_begins_at_a_block_leaves_what_was_asked_before_alone() -> None:
    async def scene(world: World, job: str) -> None:
        before = world.chain.request(EARLY, {"n": 1})
        await world.pass_blocks(10)
        begins = world.chain.head.number + 1
        after = world.chain.request(EARLY, {"n": 2})
        await world.pass_blocks(10)

        await world.create_job(early(fromBlock=begins))
        await world.until_completed(after)
        await read_again(world)
        # The safety window and every restart read the first one again: it stays refused.
        await world.crash()
        await world.pass_blocks(3)
        check_account(world, [after])
        assert await world.run_of(before) == ("none", None)

    simulate(scene)


def test_blocks_that_are_read_again_twice_start_nothing_twice() -> None:
    async def scene(world: World, job: str) -> None:
        requests = [world.chain.request(job, {"n": number}) for number in range(3)]
        await world.until_completed(*requests)
        for _ in range(2):
            assert world.node is not None
            await blocks.replay(world.node.services, 0)
            await world.crash()
            await read_again(world)
        await world.pass_blocks(5)
        check_account(world, requests)
        assert world.node is not None
        assert [each.finished_at is not None for each in await rereads.newest(world.node.db, limit=9)] == [True, True]

    simulate(scene)


def test_logs_that_an_ethereum_node_left_out_are_found_by_the_safety_window() -> None:
    async def scene(world: World, job: str) -> None:
        world.ethereum.faults.hidden_logs = 1.0
        request = world.chain.request(job, {})
        await world.until(lambda: world.chain.is_open(request))
        await world.clock.sleep(60)
        assert await world.run_of(request) == ("none", None)
        await world.until_completed(request)
        check_account(world, [request])

    simulate(scene, settings={"LOG_REREAD_INTERVAL": "1m"})


def test_a_machine_behind_the_same_address_that_lags_hides_no_request() -> None:
    async def scene(world: World, job: str) -> None:
        world.ethereum.faults.empty_logs = 0.5
        requests = []
        for number in range(5):
            requests.append(world.chain.request(job, {"n": number}))
            await world.pass_blocks(2)
        await world.until_completed(*requests)
        check_account(world, requests)

    simulate(scene, settings={"LOG_REREAD_INTERVAL": "1m"})
