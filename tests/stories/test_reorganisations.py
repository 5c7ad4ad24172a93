"""Reorganisations of a real chain around requests and answers; each ends with the ledger.

anvil forgets what it replaces. A transaction that the node never saw in a block, and nobody has any more, is sent again after
ETH_TX_RESEND_AFTER_THRESHOLD: a second here, so that the stories are short.
"""

from __future__ import annotations

import random

import pytest

from adyton.ledger.account import End
from support.contracts import World, start_node_in
from support.reorganise import reorganise
from support.stories import SEED, TIMES

pytestmark = [pytest.mark.stories, pytest.mark.timeout(120 * TIMES)]

DEEP = "7"
"""Confirmations of answers: deeper than any reorganisation here, so that nothing is taken for safe that is not."""


async def test_answers_and_requests_that_are_reorganised_one_to_five_blocks_deep(place: World) -> None:
    draws, asked = random.Random(SEED), 0
    owner = place.contracts.owner
    async with start_node_in(place, MIN_OUTGOING_CONFIRMATIONS=DEEP, ETH_TX_RESEND_AFTER_THRESHOLD="1s"):
        await place.chain.mine(6)  # what set the world up is out of reach
        for _ in range(TIMES):
            for depth in range(1, 6):
                request_id = await place.request()
                asked += 1
                if draws.random() < 0.7:
                    await place.answer(request_id)
                await place.chain.mine(draws.randint(0, 1))
                # The requester's transactions come back, the node's answers are forgotten by everybody but the node.
                await reorganise(place.chain, depth, keep=(owner,))
                await place.chain.mine()
        account = await place.settled(asked, mine=True)
    assert dict(account.ends) == {End.ANSWERED: asked}


async def test_an_answer_that_moves_to_another_block_with_its_request(place: World) -> None:
    async with start_node_in(place, MIN_OUTGOING_CONFIRMATIONS=DEEP, ETH_TX_RESEND_AFTER_THRESHOLD="1s"):
        await place.chain.mine(6)
        for asked in range(1, 3 * TIMES + 1):
            await place.answer(await place.request())
            await reorganise(place.chain, 3, keep=(place.contracts.owner,), carry=(place.address(),))
            await place.chain.mine()
            account = await place.settled(asked, mine=True)
    assert dict(account.ends) == {End.ANSWERED: 3 * TIMES}


async def test_a_request_that_leaves_the_chain_for_good_is_not_answered(place: World) -> None:
    async with start_node_in(
        place,
        MIN_INCOMING_CONFIRMATIONS="4",
        ETH_FINALITY_DEPTH="6",
        MIN_OUTGOING_CONFIRMATIONS=DEEP,
        ETH_TX_RESEND_AFTER_THRESHOLD="1s",
    ) as node:
        await place.chain.mine(6)
        gone = await place.request()
        await place.run(node, "pending_confirmations", request_id=gone)
        await reorganise(place.chain, 2, keep=())
        await place.chain.mine()
        stays = await place.request()
        account = await place.settled(2, mine=True)
        run = await place.run(node, "errored", "cancelled", request_id=gone)
    assert run["result"]["error"]
    assert dict(account.ends) == {End.ANSWERED: 1}
    assert [answer.request_id for answer in await place.answers()] == [stays]
    assert "1 requests of the database are not on the chain" in " ".join(account.notes)
