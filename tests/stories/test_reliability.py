"""Never lost, never twice, never stuck: the real node on a real chain while what it stands on breaks.

Each story ends with the ledger: from the chain and the database alone, every request came to exactly one end and the money
adds up. ``STORIES_TIMES=20`` breaks things that many times as often, ``STORIES_SEED`` draws other moments.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time

import pytest

from adyton.dev.fault_proxy import FaultProxy
from adyton.ledger.account import End
from support.anvil import a_line_to
from support.contracts import World, start_node_in
from support.databases import postgres_server
from support.stories import PRICE, SEED, TIMES, bursts

pytestmark = [pytest.mark.stories, pytest.mark.timeout(120 * TIMES)]


async def test_two_hundred_requests_in_bursts_under_kill_9_at_random_moments(place: World) -> None:
    draws, count, kills = random.Random(SEED), 200 * TIMES, 0
    node = await place.node()
    try:
        await place.welcome(node)
        asking = asyncio.create_task(bursts(place, count, draws))
        while kills < 2 * TIMES or not asking.done():
            await asyncio.sleep(draws.uniform(0.05, 0.8))
            await node.kill()
            kills += 1
            node = await place.node()
        await asking
        account = await place.settled(count)
    except BaseException:
        print(node.last_words(60))
        raise
    finally:
        await node.stop()
    assert dict(account.ends) == {End.ANSWERED: count}
    assert account.reverted == 0
    assert len(await place.answers()) == count


async def test_a_node_and_a_chain_that_freeze_and_thaw(place: World) -> None:
    draws, asked = random.Random(SEED), 0
    assert place.chain.child is not None
    async with start_node_in(place) as node:
        for _ in range(TIMES):
            await bursts(place, 10, draws)
            node.child.signal(signal.SIGSTOP)
            await bursts(place, 10, draws)
            await asyncio.sleep(0.7)
            node.child.signal(signal.SIGCONT)
            await bursts(place, 10, draws)
            place.chain.child.signal(signal.SIGSTOP)
            await asyncio.sleep(0.7)
            place.chain.child.signal(signal.SIGCONT)
            asked += 30
        account = await place.settled(asked)
    assert dict(account.ends) == {End.ANSWERED: asked}


async def test_connections_to_the_chain_and_to_the_source_that_break_in_every_way(place: World) -> None:
    draws, count = random.Random(SEED), 60 * TIMES
    async with (
        a_line_to(place.chain) as place.line,
        FaultProxy(place.prices.port, clock=place.real.clock) as source,
    ):
        place.source = f"{source.http}/price"
        async with start_node_in(place, MAX_HTTP_ATTEMPTS="5", DEFAULT_HTTP_TIMEOUT="2s"):
            torments = [
                asyncio.create_task(place.line.torment(f"chain {SEED}", every=0.4, lasting=0.4)),
                asyncio.create_task(source.torment(f"source {SEED}", every=0.3, lasting=0.3)),
            ]
            try:
                await bursts(place, count, draws, size=6, pause=0.5)
            finally:
                for torment in torments:
                    torment.cancel()
                await asyncio.gather(*torments, return_exceptions=True)
            account = await place.settled(count)
    # A source that fails five times in a row fails its run, which says so.
    assert account.ends[End.ANSWERED] + account.ends[End.REFUSED] == count
    assert account.ends[End.ANSWERED] >= count * 0.9


async def test_postgresql_is_killed_and_comes_back_while_requests_arrive(place: World) -> None:
    draws, asked = random.Random(SEED), 0
    with postgres_server() as server:
        # The server is killed, not the machine: nothing is lost without syncing, and the recovery is quick.
        await server.execute("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        place.database_url = await server.empty_database()
        async with start_node_in(place):
            for _ in range(TIMES):
                await bursts(place, 10, draws)
                await asyncio.to_thread(server.crash)
                await bursts(place, 10, draws)
                await asyncio.to_thread(server.restart)
                await bursts(place, 10, draws)
                asked += 30
            account = await place.settled(asked)
    assert dict(account.ends) == {End.ANSWERED: asked}


@pytest.mark.parametrize("how", ["cut", "stall"])
async def test_the_active_endpoint_dies_and_another_takes_over_without_losing_a_request(place: World, how: str) -> None:
    async with (
        a_line_to(place.chain) as first,
        a_line_to(place.chain) as second,
        start_node_in(place, ETH_URL=f"{first.websocket},{second.websocket}", NODE_POLL_INTERVAL="1s"),
    ):
        assert (await place.answer(await place.request())).number == PRICE
        await place.chain.mine_every(1)
        if how == "cut":
            await first.cut()
        else:
            first.stall()
        began = time.monotonic()
        meanwhile = [await place.send_request() for _ in range(5)]
        await place.answer(meanwhile[0])
        print(f"fail-over after a {how}, blocks of 1 s: {time.monotonic() - began:.2f} s from the request to its answer")
        account = await place.settled(6)
    assert dict(account.ends) == {End.ANSWERED: 6}
