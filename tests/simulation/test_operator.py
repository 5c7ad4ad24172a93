"""What an operator does about a stuck key, with the node killed in the middle of it."""

from __future__ import annotations

import pytest

from adyton.domain.chain import ZERO_ADDRESS
from adyton.domain.diagnosis import Cause
from adyton.domain.transactions import Transaction
from adyton.domain.transactions import TransactionState as S
from adyton.domain.wishes import Wish
from adyton.services import doctor, requests, transactions
from adyton.sim.chain import GWEI
from adyton.sim.loop import run
from adyton.sim.world import NODE, PRICE, PRICE_JOB, World
from adyton.storage import operator_transactions as stored

CALM = 10 * GWEI
CEILING = {"ETH_MAX_GAS_PRICE_WEI": str(300 * GWEI)}
CANCELLED = "cancelled by an operator: its nonce was used by a no-op"


async def lowest(world: World) -> Transaction:
    found = await stored.get(world.database, 1)
    assert found is not None
    return found


async def stuck(world: World, job: str) -> tuple[str, str]:
    """Two requests whose answers are sent just before the base fee leaps; they wait below it. In the order of their nonces."""
    asked = [world.chain.request(job, {}) for _ in range(2)]
    await world.until(lambda: _sent(world), every=0.1)
    world.chain.set_base_fee(200 * CALM)
    world.chain.drift = 0.0
    await world.pass_blocks(2)
    rows = await world.rows("SELECT r.request_id FROM transactions t JOIN runs r ON r.id = t.run_id ORDER BY t.nonce")
    first, second = (str(request) for (request,) in rows)
    assert {first, second} == set(asked)
    return first, second


async def _sent(world: World) -> bool:
    return await world.rows("SELECT state FROM transactions") == [("unconfirmed",)] * 2


async def alive(world: World) -> World:
    await world.until(lambda: world.node is not None)
    return world


@pytest.mark.parametrize("killed_after", [0.0, 0.02, 0.1, 1.0, 30.0])
def test_a_stuck_transaction_is_cancelled_and_the_key_goes_on(killed_after: float) -> None:
    async def scene() -> None:
        async with World("cancel", settings=CEILING) as world:
            job = (await world.create_job(PRICE_JOB)).id
            cancelled, behind = await stuck(world, job)
            assert world.node is not None
            (examined,) = await doctor.examine(world.node.services)
            assert Cause.AT_CEILING in [each.cause for each in examined.diagnosis.findings]
            await transactions.wish(world.node.services, "1", Wish.CANCEL, b"", dry=False)
            await world.clock.sleep(killed_after)
            world.strike(downtime=3.0)
            await world.clock.sleep(1.0)
            await alive(world)
            await world.until(lambda: _cancelling(world))
            assert (await lowest(world)).wish is None
            world.chain.set_base_fee(CALM)
            await world.until_completed(behind)
            await world.until(lambda: _errored(world, cancelled))
            assert await world.run_of(cancelled) == ("errored", CANCELLED)
            assert world.chain.answers(cancelled) == []
            assert [answer.number for answer in world.chain.answers(behind)] == [PRICE]
            found = await lowest(world)
            assert (found.state, found.cancelled) == (S.SAFE, True)
            # The requester still waits: the operator may have it answered after all.
            await requests.run_again((await alive(world)).node.services, cancelled)  # type: ignore[union-attr]
            await world.until_completed(cancelled)
            assert [answer.number for answer in world.chain.answers(cancelled)] == [PRICE]
            nonces = await world.rows("SELECT nonce FROM transactions WHERE from_address = ? ORDER BY nonce", NODE)
            assert nonces == [(0,), (1,), (2,)]

    run(scene())


async def _cancelling(world: World) -> bool:
    return (await lowest(world)).cancelling


async def _errored(world: World, request: str) -> bool:
    return (await world.run_of(request))[0] == "errored"


def test_at_the_ceiling_the_operator_is_told_and_waiting_is_enough() -> None:
    async def scene() -> None:
        async with World("ceiling", settings=CEILING | {"ETH_GAS_BUMP_THRESHOLD": "1"}) as world:
            job = (await world.create_job(PRICE_JOB)).id
            asked = await stuck(world, job)
            await world.pass_blocks(20)
            assert world.node is not None
            (examined,) = await doctor.examine(world.node.services)
            assert Cause.AT_CEILING in [each.cause for each in examined.diagnosis.findings]
            assert examined.facts.address != ZERO_ADDRESS
            world.chain.set_base_fee(CALM)
            await world.until_completed(*asked)
            (examined,) = await doctor.examine(world.node.services)
            assert examined.diagnosis.findings == ()

    run(scene())
