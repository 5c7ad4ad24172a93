"""What runs wait for, each on a whole node that dies meanwhile: the wait outlives it, and what it is for happens once."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adyton.dev.api import ApiRefused
from adyton.dev.node_process import NodeProcess
from adyton.ledger.account import End
from support.anvil import a_line_to
from support.contracts import World, start_node_in
from support.outside import Program, serve
from support.stories import PRICE

pytestmark = pytest.mark.stories

FINAL = ("completed", "errored", "cancelled")


def job(*tasks: dict[str, Any]) -> dict[str, Any]:
    """A job that clients start."""
    return {"initiators": [{"type": "web"}], "tasks": list(tasks)}


def from_now(seconds: float) -> str:
    """A time, as a job names it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def status(place: World, node: NodeProcess, run_id: str, *wanted: str) -> dict[str, Any]:
    """A run, once it has one of the statuses."""

    async def probe() -> dict[str, Any] | None:
        run = await node.api.run(run_id)
        return run if run["status"] in wanted else None

    found: dict[str, Any] = await place.until(f"run {run_id} is {' or '.join(wanted)}", probe)
    return found


# --- sleep -----------------------------------------------------------------------------------------------------------


async def test_a_sleep_outlives_the_node_and_ends_at_its_time(place: World) -> None:
    async with start_node_in(place) as node:
        job_id = await node.api.create_job(job({"type": "sleep"}, {"type": "copy", "params": {"copyPath": ["until"]}}))
        until = time.time() + 6
        long, short = from_now(until - time.time()), from_now(1)
        sleeping = await node.api.start_run(job_id, {"until": long})
        overslept = await node.api.start_run(job_id, {"until": short})
        run = await status(place, node, sleeping, "pending_sleep")
        assert run["finishedAt"] is None
        await node.kill()
    async with start_node_in(place, welcome=False) as node:
        assert (await status(place, node, overslept, *FINAL))["status"] == "completed"
        run = await status(place, node, sleeping, *FINAL)
        assert time.time() >= until
    assert (run["status"], run["result"]["data"]["result"]) == ("completed", long)
    assert run["finishedAt"] is not None


# --- bridges ---------------------------------------------------------------------------------------------------------


async def test_a_bridge_that_answers_while_the_node_is_down_is_heard_when_it_tries_again(place: World) -> None:
    async with serve({"pending": True}) as adapter:
        async with start_node_in(place, BRIDGE_RESPONSE_URL="http://node.example") as node:
            token = await node.api.create_bridge("outside", adapter.url)
            job_id = await node.api.create_job(job({"type": "outside"}, {"type": "multiply", "params": {"times": 100}}))
            run_id = await node.api.start_run(job_id, {"result": "1"})
            await status(place, node, run_id, "pending_bridge")
            [asked] = adapter.heard
            assert asked["body"]["id"] == run_id
            assert asked["body"]["responseURL"] == f"http://node.example/v2/runs/{run_id}"
            await node.kill()
        async with start_node_in(place, welcome=False) as node:
            assert (await node.api.run(run_id))["status"] == "pending_bridge"
            with pytest.raises(ApiRefused) as refused:
                await node.api.answer_for_bridge(run_id, "0" * 32, {"data": {"result": "666"}})
            assert refused.value.status == 401
            await node.api.answer_for_bridge(run_id, token, {"data": {"result": "12.5"}})
            run = await status(place, node, run_id, *FINAL)
            with pytest.raises(ApiRefused) as refused:
                await node.api.answer_for_bridge(run_id, token, {"data": {"result": "13"}})
            assert refused.value.status == 405
    assert (run["status"], run["result"]["data"]["result"]) == ("completed", "1250")
    assert len(adapter.heard) == 1


async def test_a_bridge_asked_when_the_node_dies_is_asked_again_under_the_same_id(place: World) -> None:
    async with serve({"data": {"result": "7"}}) as adapter:
        adapter.open.clear()
        async with start_node_in(place) as node:
            await node.api.create_bridge("outside", adapter.url)
            job_id = await node.api.create_job(job({"type": "outside"}, {"type": "noop"}))
            run_id = await node.api.start_run(job_id)
            await adapter.reached.wait()
            await node.kill()
        adapter.open.set()
        async with start_node_in(place, welcome=False) as node:
            run = await status(place, node, run_id, *FINAL)
    assert (run["status"], run["result"]["data"]["result"]) == ("completed", "7")
    assert [heard["body"]["id"] for heard in adapter.heard] == [run_id, run_id]


async def test_a_request_is_answered_by_a_bridge_that_was_slow(place: World) -> None:
    async with serve({"pending": True}) as adapter:
        async with start_node_in(place) as node:
            token = await node.api.create_bridge("outside", adapter.url)
            tasks = [{"type": "outside"}, {"type": "multiply"}, {"type": "ethuint256"}, {"type": "ethtx"}]
            asked = {"type": "runlog", "params": {"address": place.contracts.oracle}}
            place.job_id = await node.api.create_job({"initiators": [asked], "tasks": tasks})
            request_id = await place.request({"times": 100})
            run_id = await waiting_run(place, adapter)
            await node.kill()
        async with start_node_in(place, welcome=False) as node:
            await node.api.answer_for_bridge(run_id, token, {"data": {"result": "1923.45"}})
            assert (await place.answer(request_id)).number == PRICE
            account = await place.settled(1)
    assert dict(account.ends) == {End.ANSWERED: 1}


async def waiting_run(place: World, adapter: Program) -> str:
    """The run that the bridge was asked for."""

    async def probe() -> str | None:
        return adapter.heard[-1]["body"]["id"] if adapter.heard else None

    found: str = await place.until("the bridge is asked", probe)
    return found


async def test_a_bridge_that_never_answers_is_given_up(place: World) -> None:
    async with serve({"pending": True}) as adapter, start_node_in(place, BRIDGE_ANSWER_DEADLINE="1s") as node:
        token = await node.api.create_bridge("outside", adapter.url)
        run_id = await node.api.start_run(await node.api.create_job(job({"type": "outside"}, {"type": "noop"})))
        run = await status(place, node, run_id, *FINAL)
        assert run["status"] == "errored"
        assert "outside" in run["result"]["error"]
        assert run["finishedAt"] is not None
        with pytest.raises(ApiRefused):
            await node.api.answer_for_bridge(run_id, token, {"data": {}})
        assert (await node.api.run(run_id))["status"] == "errored"


# --- the chain -------------------------------------------------------------------------------------------------------


async def test_confirmations_of_a_request_are_waited_for_over_a_restart(place: World) -> None:
    async with start_node_in(place, MIN_INCOMING_CONFIRMATIONS="6") as node:
        request_id = await place.request()
        await place.run(node, "pending_confirmations", request_id=request_id)
        await node.kill()
        await place.chain.mine(3)
    async with start_node_in(place, welcome=False, MIN_INCOMING_CONFIRMATIONS="6") as node:
        run = await place.run(node, request_id=request_id)
        assert run["status"] == "pending_confirmations"
        assert place.prices.asked == 0
        await place.chain.mine(3)
        assert (await place.answer(request_id)).number == PRICE
        account = await place.settled(1)
    assert dict(account.ends) == {End.ANSWERED: 1}
    assert place.prices.asked == 1


async def test_confirmations_of_an_answer_are_waited_for_over_a_restart(place: World) -> None:
    async with start_node_in(place, MIN_OUTGOING_CONFIRMATIONS="5") as node:
        request_id = await place.request()
        await place.answer(request_id)
        await place.run(node, "pending_confirmations", request_id=request_id)
        await node.kill()
    await place.chain.mine(5)
    async with start_node_in(place, welcome=False, MIN_OUTGOING_CONFIRMATIONS="5") as node:
        await place.chain.mine(2)
        run = await place.run(node, "completed", request_id=request_id)
        account = await place.settled(1)
    assert run["finishedAt"] is not None
    assert dict(account.ends) == {End.ANSWERED: 1}
    assert await place.sent() == 1


async def test_a_chain_that_is_away_when_the_answer_is_to_be_sent_is_waited_for_over_a_restart(place: World) -> None:
    async with a_line_to(place.chain) as place.line:
        async with start_node_in(place) as node:
            place.prices.open.clear()
            request_id = await place.request()
            await place.prices.reached.wait()
            await place.line.cut()

            async def away() -> bool | None:
                _, checks = await node.api.health()
                return checks["chain"]["status"] == "failing" or None

            await place.until("the node knows that the chain is away", away)
            place.prices.open.set()
            await place.run(node, "pending_connection", request_id=request_id)
            await node.kill()
        async with start_node_in(place, welcome=False) as node:
            run = await place.run(node, request_id=request_id)
            assert run["status"] == "pending_connection"
            await place.line.mend()
            assert (await place.answer(request_id)).number == PRICE
            account = await place.settled(1)
    assert dict(account.ends) == {End.ANSWERED: 1}
    assert place.prices.asked == 1
