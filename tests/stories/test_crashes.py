"""The node dies as by ``kill -9`` at bad moments; each request is still answered exactly once."""

from __future__ import annotations

import pytest

from support.contracts import World, start_node_in

pytestmark = pytest.mark.stories


async def test_a_node_killed_between_request_and_answer_answers_once_when_it_is_back(place: World) -> None:
    place.prices.open.clear()
    async with start_node_in(place) as node:
        request_id = await place.request()
        await place.prices.reached.wait()
        await node.kill()
    place.prices.open.set()
    async with start_node_in(place, welcome=False) as node:
        assert (await place.answer(request_id)).number == 192345
        await place.run(node, "completed")
    assert len(await place.answers()) == 1
    assert await place.sent() == 1


async def test_a_node_killed_after_sending_sends_no_second_transaction(place: World) -> None:
    async with start_node_in(place) as node:
        request_id = await place.request()
        await place.answer(request_id)
        await place.run(node, "completed")
        await place.chain.rpc("evm_setAutomine", False)
        second = await place.send_request()
        await place.chain.mine()

        async def in_the_pool() -> bool | None:
            return await place.sent("pending") == 2 or None

        await place.until("the answer is in the pool", in_the_pool)
        await node.kill()
    await place.chain.rpc("evm_setAutomine", True)
    await place.chain.mine()
    async with start_node_in(place, welcome=False) as node:
        assert (await place.answer(second)).number == 192345
        await place.run(node, "completed", request_id=second)
    assert len(await place.answers()) == 2
    assert await place.sent() == 2


async def test_requests_made_while_the_node_is_down_are_answered_when_it_is_back(place: World) -> None:
    async with start_node_in(place):
        pass
    requests = [await place.request() for _ in range(3)]
    async with start_node_in(place, welcome=False):
        for request_id in requests:
            assert (await place.answer(request_id)).number == 192345
    assert len(await place.answers()) == 3


async def test_a_stopped_node_says_goodbye_with_status_0(place: World) -> None:
    async with start_node_in(place) as node:
        assert await node.stop() == 0
