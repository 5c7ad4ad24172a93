"""The whole node on a simulated world: a request on the chain becomes exactly one answer on it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adyton.sim.account import check_account, reverted, sent_by_node
from adyton.sim.campaign import Plan, play
from adyton.sim.faults import tired
from adyton.sim.loop import run
from adyton.sim.story import Story
from adyton.sim.world import NODE, PRICE, PRICE_JOB, World

Scene = Callable[[World, str], Awaitable[None]]


def simulate(scene: Scene, seed: int = 1, **world: Any) -> World:
    """Play a scene with a node that has the price job; the scene gets the world and the job's id."""

    async def main() -> World:
        async with World(seed, **world) as made:
            job = await made.create_job(PRICE_JOB)
            await scene(made, job.id)
        return made

    return run(main())


# --- the path --------------------------------------------------------------------------------------------------------


def test_a_request_becomes_one_confirmed_answer() -> None:
    async def scene(world: World, job: str) -> None:
        request = world.chain.request(job, {})
        await world.until_completed(request, within=600)
        (answer,) = world.chain.answers(request)
        assert (answer.number, answer.sender) == (PRICE, NODE)
        check_account(world, [request])
        block = world.chain.block_of(answer.transaction_hash)
        assert block is not None
        assert world.chain.head.number - block.number + 1 >= world.config.min_outgoing_confirmations

    simulate(scene)


def test_the_answer_is_sent_only_when_the_request_is_three_blocks_deep() -> None:
    async def scene(world: World, job: str) -> None:
        request = world.chain.request(job, {})
        await world.until(lambda: world.chain.is_open(request))
        asked = world.chain.head.number
        await world.until(lambda: len(world.chain.pool) > 0, every=0.1)
        assert world.chain.head.number == asked + world.config.min_incoming_confirmations - 1

    simulate(scene)


def test_a_chain_without_base_fee_is_answered_too() -> None:
    async def scene(world: World, job: str) -> None:
        request = world.chain.request(job, {})
        await world.until_completed(request, within=600)
        check_account(world, [request])

    simulate(scene, base_fee=None)


def test_many_requests_of_one_block_are_each_answered_once() -> None:
    async def scene(world: World, job: str) -> None:
        requests = [world.chain.request(job, {"number": number}) for number in range(40)]
        await world.until_completed(*requests)
        check_account(world, requests)

    simulate(scene)


def test_the_path_takes_no_thread_and_no_real_waiting() -> None:
    threads, began = threading.active_count(), time.perf_counter()

    async def scene(world: World, job: str) -> None:
        requests = []
        for _ in range(12):
            requests.append(world.chain.request(job, {}))
            await world.clock.sleep(300)
        await world.until_completed(*requests)
        check_account(world, requests)
        assert world.clock.monotonic() >= 3600
        assert threading.active_count() == threads

    simulate(scene)
    assert threading.active_count() == threads
    # An hour of mining, polling and answering; the bound is generous for machines that do much else.
    assert time.perf_counter() - began < 60


# --- the same seed, the same bytes -----------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_trace_byte_for_byte() -> None:
    first, second = run(Story("repeat").play()).trace, run(Story("repeat").play()).trace
    assert first.text() == second.text()
    assert first.of_kind("write")
    assert first.of_kind("rpc>")
    assert first.of_kind("http<")
    assert first.digest() != run(Story("another").play()).trace.digest()


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_same_seed_gives_the_same_trace_in_another_process(hash_seed: str) -> None:
    arguments = ["sim", "--seed", "elsewhere", "--depth", "3"]
    command = [sys.executable, "-c", "from adyton.cli.main import main; main()", *arguments]
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == f"trace {play(Plan(depth=3), 'elsewhere')[0].digest}"


# --- reorganisations -------------------------------------------------------------------------------------------------


def depth_of(world: World, transaction: str) -> int:
    """Blocks that a reorganisation must replace to reach a transaction."""
    block = world.chain.block_of(transaction)
    assert block is not None
    return world.chain.head.number - block.number + 1


@pytest.mark.parametrize("confirmed_before", [1, 2])
def test_a_request_that_moves_to_another_block_is_answered_once(confirmed_before: int) -> None:
    async def scene(world: World, job: str) -> None:
        request = world.chain.request(job, {})
        await world.until(lambda: world.chain.is_open(request))
        await world.pass_blocks(confirmed_before - 1)
        await world.clock.sleep(1)
        # Not later in the branch only: the expiration that the contract set moves with the block's time.
        world.chain.reorganise(confirmed_before, shift=1)
        await world.until_completed(request)
        check_account(world, [request])

    simulate(scene)


def test_a_request_that_leaves_the_chain_for_a_while_is_answered_once() -> None:
    async def scene(world: World, job: str) -> None:
        request = world.chain.request(job, {})
        transaction = world.chain.transaction_of(request)
        await world.until(lambda: world.chain.is_open(request))
        await world.clock.sleep(1)
        world.chain.reorganise(1, out=[transaction])
        await world.until_completed(request)
        check_account(world, [request])

    simulate(scene)


def test_a_request_that_is_lost_before_it_is_confirmed_is_not_answered() -> None:
    async def scene(world: World, job: str) -> None:
        request = world.chain.request(job, {})
        await world.until(lambda: world.chain.is_open(request))
        await world.clock.sleep(1)
        assert (await world.run_of(request))[0] == "pending_confirmations"
        world.chain.reorganise(1, lost=[world.chain.transaction_of(request)])

        async def cancelled() -> bool:
            return (await world.run_of(request))[0] == "cancelled"

        await world.until(cancelled)
        assert "its request left the chain" in ((await world.run_of(request))[1] or "")
        await world.pass_blocks(12)
        assert sent_by_node(world.chain) == []
        assert len(world.chain.pool) == 0
        assert world.http.requests == []

    simulate(scene, settings={"ETH_FINALITY_DEPTH": "10"})


@pytest.mark.parametrize("evicted", [False, True])
def test_an_answer_that_leaves_the_chain_is_sent_again_as_it_was(evicted: bool) -> None:
    async def scene(world: World, job: str) -> None:
        request = world.chain.request(job, {})
        await world.until(lambda: len(world.chain.answers(request)) == 1)
        await world.clock.sleep(1)
        (answer,) = world.chain.answers(request)
        world.chain.reorganise(1, out=[answer.transaction_hash])
        if evicted:
            world.chain.pool.drop(answer.transaction_hash)
        assert world.chain.answers(request) == []
        await world.until_completed(request)
        check_account(world, [request])
        assert world.chain.answers(request) == [answer]

    world = simulate(scene)
    sends = {line.split('"params":')[1] for line in world.trace.of_kind("rpc>") if "eth_sendRawTransaction" in line}
    assert len(sends) == 1


@pytest.mark.parametrize("away", [False, True])
def test_a_request_that_moves_from_under_its_answer_is_answered_by_another_transaction(away: bool) -> None:
    """The contract sets another expiration in another block, so the first answer reverts there."""

    async def scene(world: World, job: str) -> None:
        request = world.chain.request(job, {})
        transaction = world.chain.transaction_of(request)
        await world.until(lambda: len(world.chain.answers(request)) == 1)
        (first,) = world.chain.answers(request)
        world.chain.reorganise(depth_of(world, transaction), shift=1, out=[transaction] if away else ())
        await world.until_completed(request)
        (second,) = world.chain.answers(request)
        assert second.transaction_hash != first.transaction_hash
        assert second.number == PRICE
        assert len(reverted(world.chain)) == 1
        assert world.chain.state.nonces[NODE] == 2

    simulate(scene, settings={"MIN_INCOMING_CONFIRMATIONS": "1"})


def test_an_answer_that_was_deep_enough_and_leaves_the_chain_all_the_same_blocks_no_later_one() -> None:
    async def scene(world: World, job: str) -> None:
        first = world.chain.request(job, {})
        await world.until_completed(first)
        await world.pass_blocks(3)
        (answer,) = world.chain.answers(first)
        world.chain.reorganise(depth_of(world, answer.transaction_hash), out=[answer.transaction_hash])
        world.chain.pool.drop(answer.transaction_hash)
        second = world.chain.request(job, {})
        await world.until_completed(second)
        check_account(world, [first, second])

    simulate(scene, settings={"MIN_OUTGOING_CONFIRMATIONS": "1"})


# --- crashes ---------------------------------------------------------------------------------------------------------


def test_a_node_that_was_down_answers_what_was_asked_meanwhile() -> None:
    async def scene(world: World, job: str) -> None:
        await world.pass_blocks(2)
        await world.kill("maintenance")
        request = world.chain.request(job, {})
        await world.clock.sleep(1800)
        await world.boot()
        await world.until_completed(request)
        check_account(world, [request])

    simulate(scene)


def test_a_node_that_never_saw_the_chain_answers_what_was_asked_meanwhile() -> None:
    async def scene(world: World, job: str) -> None:
        request = world.chain.request(job, {})
        await world.clock.sleep(300)
        assert await world.run_of(request) == ("none", None)
        world.ethereum.online = True
        await world.until_completed(request)
        check_account(world, [request])

    async def main() -> None:
        world = World(1)
        world.ethereum.go_offline()
        async with world:
            await scene(world, (await world.create_job(PRICE_JOB)).id)

    run(main())


def test_a_crash_at_any_step_leaves_exactly_one_answer() -> None:
    """Every pass of the crash gate on the way of one request, one life for each."""

    async def passes() -> int:
        async with World(1) as world:
            request = world.chain.request((await world.create_job(PRICE_JOB)).id, {})
            await world.until_completed(request)
            return world.gate.passes

    async def killed_at(fuse: int) -> None:
        async with World(1, fuses=[fuse]) as world:
            await world.until(lambda: world.node is not None, every=0.1)
            request = world.chain.request((await world.create_job(PRICE_JOB)).id, {})
            await world.until_completed(request)
            # The last passes come when all is done: then the node need only live again.
            await world.until(lambda: world.lives == 2)
            check_account(world, [request])

    for fuse in range(1, run(passes()) + 1):
        run(killed_at(fuse))


@pytest.mark.parametrize("seed", range(10))
def test_a_tired_ethereum_node_changes_nothing_about_it(seed: int) -> None:
    run(Story(seed, board=tired(seed)).play())


def test_a_node_without_a_chain_id_knows_the_link_token_once_it_knows_its_chain() -> None:
    async def main() -> None:
        async with World(1, settings={"ETH_CHAIN_ID": ""}, chain_id=1) as world:
            await world.pass_blocks(1)
            assert world.node is not None
            assert world.node.services.link_contract() == "0x514910771af9ca656af840dff83e8264ecf986ca"

    run(main())
