"""A request on a real chain is answered on chain, once, by the real node."""

from __future__ import annotations

import pytest

from support.contracts import World, start_node_in

pytestmark = pytest.mark.stories


async def test_a_request_is_answered_once(place: World) -> None:
    async with start_node_in(place) as node:
        request_id = await place.request()
        answer = await place.answer(request_id)
        assert answer.number == 192345
        run = await place.run(node, "completed", "errored")
        assert run["status"] == "completed"
        assert run["result"]["data"]["result"] == answer.transaction_hash
        assert [found.request_id for found in await place.answers()] == [request_id]
        assert await place.sent() == 1
        assert place.prices.asked == 1


async def test_two_requests_get_each_its_own_answer(place: World) -> None:
    async with start_node_in(place):
        dollars = await place.request({"path": ["USD"], "times": 100})
        euros = await place.request({"path": ["EUR"], "times": 1000})
        assert (await place.answer(dollars)).number == 192345
        assert (await place.answer(euros)).number == 1650110
        assert len(await place.answers()) == 2


async def test_requests_in_one_block_are_all_answered(place: World) -> None:
    async with start_node_in(place):
        await place.chain.rpc("evm_setAutomine", False)
        sending = [await place.send_request() for _ in range(5)]
        await place.chain.mine()
        await place.chain.rpc("evm_setAutomine", True)
        for request_id in sending:
            assert (await place.answer(request_id)).number == 192345
        assert len(await place.answers()) == 5
        assert await place.sent() == 5


async def test_a_source_that_fails_leaves_an_errored_run_that_the_api_shows(place: World) -> None:
    place.prices.status = 500
    place.prices.body = "out of order"
    async with start_node_in(place) as node:
        request_id = await place.request()
        run = await place.run(node, "errored", request_id=request_id)
        assert run["result"]["error"] == "out of order"  # what the source said, as v0.6.2
        assert run["finishedAt"] is not None
        assert [task["status"] for task in run["taskRuns"]][:2] == ["errored", ""]
        assert await place.answers() == []
        assert await place.sent() == 0


async def test_a_request_that_pays_too_little_is_not_answered(place: World) -> None:
    async with start_node_in(place, MINIMUM_CONTRACT_PAYMENT=str(2 * 10**18)) as node:
        request_id = await place.request()
        run = await place.run(node, "errored", request_id=request_id)
        assert "payment" in run["result"]["error"]
        assert await place.answers() == []


async def test_a_hostile_source_fails_its_own_run_and_nothing_else(place: World) -> None:
    bodies = {
        "nothing": "",
        "no JSON": "<html>502 Bad Gateway</html>",
        "ten megabytes": '{"USD": "' + "9" * 10_000_000 + '"}',
        "nested beyond measure": "[" * 32_000,
        "a number of a gigabyte": '{"USD": 1e999999999}',
        "another shape": '{"EUR": 1}',
        "not a number": '{"USD": "much"}',
        "a negative number": '{"USD": -1}',
    }
    async with start_node_in(place) as node:
        for what, body in bodies.items():
            place.prices.body = body
            request_id = await place.request()
            run = await place.run(node, "errored", "completed", request_id=request_id)
            assert (run["status"], bool(run["result"]["error"])) == ("errored", True), what
        place.prices.body = '{"USD": 2}'
        assert (await place.answer(await place.request())).number == 200
        assert len(await place.answers()) == 1
