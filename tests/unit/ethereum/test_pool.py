"""Several endpoints: which one is asked, when another one takes over, and how soon."""

from __future__ import annotations

import asyncio

import pytest
import structlog.testing

from adyton.domain.errors import Disconnected, TryAgain
from adyton.sim.loop import run
from support.endpoints import Stage
from support.scripted_rpc import SILENT, Failure

SOON = 5.0
"""Seconds in which another endpoint takes over; or the time of two blocks, if that is more."""


@pytest.mark.parametrize("schemes", [("ws", "ws"), ("ws", "http"), ("http", "ws"), ("http", "http")])
@pytest.mark.parametrize("block_time", [1.0, 12.0])
@pytest.mark.parametrize("fault", ["cut", "frozen", "stuck"])
def test_another_endpoint_takes_over_in_time(schemes: tuple[str, str], block_time: float, fault: str) -> None:
    async def story() -> None:
        stage = Stage(schemes, block_time=block_time)
        async with stage.playing():
            await stage.settle(5 * block_time + 3.5)
            assert stage.active == 0
            failing = stage.nodes[0]
            if fault == "cut":
                failing.down = True
                failing.cut()
            else:
                setattr(failing, fault, True)
            limit = max(SOON, 2 * block_time)
            assert await stage.until(lambda: stage.active == 1) <= limit
            assert stage.count("rpc_failovers") == 1
            told = len(stage.heard)
            await stage.settle(2 * block_time + 3)
            assert len(stage.heard) > told, "heads go on"
            assert len(stage.links) == stage.rpc.link.connection == 2, "whoever listens is told once"

    run(story())


@pytest.mark.parametrize("schemes", [("ws", "ws"), ("http", "http")])
def test_calls_that_get_no_answer_move_on_in_time(schemes: tuple[str, str]) -> None:
    """The chain is slow, so only the call itself can show it."""

    async def story() -> None:
        stage = Stage(schemes, block_time=600.0)
        async with stage.playing():
            await stage.settle()
            stage.nodes[0].frozen = True
            began = stage.clock.monotonic()
            with pytest.raises(Disconnected):
                await stage.rpc.call("test_slow")
            assert await stage.rpc.call("test_slow") == 100
            assert stage.active == 1
            assert stage.clock.monotonic() - began <= SOON

    run(story())


def test_one_slow_call_does_not_make_an_endpoint_lost() -> None:
    async def story() -> None:
        stage = Stage(["ws", "ws"])
        async with stage.playing():
            await stage.settle()
            stage.nodes[0].methods["test_slow"] = lambda: SILENT
            with pytest.raises(TryAgain):
                await stage.rpc.call("test_slow")
            assert stage.active == 0
            assert stage.rpc.link.connection == 1

    run(story())


@pytest.mark.parametrize("standby", ["ws", "http"])
def test_an_endpoint_that_lags_is_left(standby: str) -> None:
    async def story() -> None:
        stage = Stage(["ws", standby], sync_threshold=5)
        async with stage.playing():
            await stage.settle()
            node = stage.nodes[0]
            learn = node.learn
            node.learn = lambda number: learn(number - 4)  # type: ignore[method-assign]
            await stage.settle()
            assert stage.active == 0, "so much is allowed"
            node.learn = lambda number: learn(number - 8)  # type: ignore[method-assign]
            await stage.until(lambda: stage.active == 1, 20)
            await asyncio.sleep(1.5)
            assert stage.view(0).state == "behind"
            assert "blocks behind" in str(stage.view(0).problem)

    run(story())


@pytest.mark.parametrize("pause", [2.0, 40.0])
def test_two_endpoints_that_hear_of_blocks_at_different_moments_are_both_fine(pause: float) -> None:
    """Also after a pause, when the first block comes while everybody waits for one."""

    async def story() -> None:
        stage = Stage(["ws", "ws"], block_time=2.0)
        slow = stage.nodes[0]
        learn = slow.learn

        def later(number: int) -> None:
            asyncio.get_running_loop().call_later(0.8, learn, number)

        slow.learn = later  # type: ignore[method-assign]
        async with stage.playing():
            for _ in range(10):
                await stage.settle(30)
                stage.block_time = pause
                await stage.settle(3)
                stage.block_time = 2.0
            assert stage.rpc.link.connection == 1
            assert stage.active == 0

    run(story())


def test_many_blocks_at_once_that_reach_another_one_first_make_nobody_switch() -> None:
    async def story() -> None:
        stage = Stage(["ws", "ws"], block_time=1.0)
        slow = stage.nodes[0]
        learn = slow.learn

        def later(number: int) -> None:
            asyncio.get_running_loop().call_later(0.9, learn, number)

        slow.learn = later  # type: ignore[method-assign]
        async with stage.playing():
            await stage.settle()
            for node in stage.nodes:
                node.stuck = True
            await stage.settle(9)
            for node in stage.nodes:
                node.stuck = False
            await stage.settle(20)
            assert stage.nodes[0].head > 140
            assert stage.rpc.link.connection == 1

    run(story())


def test_a_chain_that_pauses_makes_nobody_switch() -> None:
    async def story() -> None:
        stage = Stage(["ws", "ws"], block_time=1.0)
        async with stage.playing():
            await stage.settle()
            stage.block_time = 300.0
            await stage.settle(1000)
            assert stage.rpc.link.connection == 1

    run(story())


def test_an_endpoint_of_another_chain_is_never_asked_anything_else() -> None:
    async def story() -> None:
        stage = Stage(["ws", "ws"])
        stage.nodes[0].chain_id = 1
        async with stage.playing():
            await stage.settle()
            assert stage.active == 1
            assert {frame["method"] for frame in stage.nodes[0].frames} == {"eth_chainId"}
            assert stage.view(0).state == "wrong chain"
            stage.nodes[1].down = True
            stage.nodes[1].cut()
            await stage.until(lambda: not stage.rpc.connected)
            assert "ChainID doesn't match" in str(stage.rpc.problem)
            assert "Connection refused" in str(stage.rpc.problem)

    run(story())


def test_a_chain_that_changes_under_an_endpoint_is_left() -> None:
    async def story() -> None:
        stage = Stage(["ws", "ws"])
        async with stage.playing():
            await stage.settle()
            stage.nodes[0].chain_id = 1
            stage.nodes[0].cut()
            await stage.settle()
            assert stage.active == 1
            assert stage.view(0).state == "wrong chain"

    run(story())


def test_the_preferred_endpoint_says_which_chain_it_is_when_nothing_is_configured() -> None:
    async def story() -> None:
        stage = Stage(["ws", "ws"], expected_chain_id=None)
        stage.nodes[1].chain_id = 5
        stage.nodes[0].opens_after = 3.0
        async with stage.playing():
            await stage.settle()
            assert stage.rpc.chain_id == 1337
            assert stage.active == 0
            assert stage.view(1).state == "wrong chain"

    run(story())


@pytest.mark.parametrize(("seconds", "first"), [(1.0, 0), (5.0, 1)])
def test_the_preferred_endpoint_is_waited_for_at_the_start_but_not_for_long(seconds: float, first: int) -> None:
    async def story() -> None:
        stage = Stage(["ws", "ws"])
        stage.nodes[0].opens_after = seconds
        async with stage.playing():
            await stage.until(lambda: stage.active is not None)
            assert stage.active == first

    run(story())


def test_the_preferred_endpoint_is_asked_again_when_it_has_been_sound_for_a_while() -> None:
    async def story() -> None:
        stage = Stage(["ws", "ws"])
        async with stage.playing():
            await stage.settle()
            stage.nodes[0].down = True
            stage.nodes[0].cut()
            await stage.settle()
            assert stage.active == 1
            stage.nodes[0].down = False
            await stage.until(lambda: stage.view(0).state == "connected")
            took = await stage.until(lambda: stage.active == 0)
            assert 55 <= took <= 65
            assert stage.rpc.link.connection == 3

    run(story())


def test_the_last_endpoint_stays_in_use_though_it_lags_and_says_so_loudly_once() -> None:
    async def story() -> None:
        stage = Stage(["ws", "ws"])
        async with stage.playing():
            await stage.settle()
            node = stage.nodes[0]
            node.stuck = True
            await stage.until(lambda: stage.active == 1)
            await stage.settle()
            with structlog.testing.capture_logs() as lines:
                stage.nodes[1].down = True
                stage.nodes[1].cut()
                await stage.until(lambda: stage.active == 0)
                await stage.settle(60)
                assert stage.rpc.connected
                assert await stage.rpc.call("eth_blockNumber") == hex(node.head)
            loud = [line for line in lines if line["log_level"] == "error"]
            assert len(loud) <= 1

    run(story())


def test_without_any_endpoint_calls_fail_at_once_and_all_is_well_when_one_comes_back() -> None:
    async def story() -> None:
        stage = Stage(["ws", "http"])
        async with stage.playing():
            await stage.settle()
            for node in stage.nodes:
                node.down = True
                node.cut()
            await stage.until(lambda: not stage.rpc.connected)
            with pytest.raises(Disconnected, match="no connection"):
                await stage.rpc.call("eth_blockNumber")
            stage.nodes[1].down = False
            await stage.until(lambda: stage.rpc.connected)
            assert stage.active == 1

    run(story())


def test_an_endpoint_that_wants_to_be_asked_less_often_is_left_for_one_that_does_not() -> None:
    async def story() -> None:
        stage = Stage(["ws", "ws"])
        async with stage.playing():
            await stage.settle()
            stage.nodes[0].busy = Failure(429, "Too Many Requests")
            assert await stage.rpc.call("eth_blockNumber") == hex(stage.nodes[1].head), "the call goes where it is answered"
            assert stage.active == 1
            assert stage.count("rpc_throttled", endpoint="node0.example") >= 3

    run(story())


@pytest.mark.parametrize("status", [502, 503, 401, 403, 404, 301])
def test_a_gateway_without_its_node_is_left(status: int) -> None:
    async def story() -> None:
        stage = Stage(["http", "ws"])
        async with stage.playing():
            await stage.settle()
            stage.nodes[0].busy = Failure(status, f"HTTP {status}")
            for _ in range(3):
                with pytest.raises(TryAgain, match=f"HTTP {status}"):
                    await stage.rpc.call("test_slow")
            await stage.until(lambda: stage.active == 1, 5)

    run(story())


def test_standing_by_costs_a_call_now_and_then() -> None:
    async def story() -> None:
        stage = Stage(["ws", "http", "ws"], poll_interval=10.0)
        async with stage.playing():
            await stage.settle(100)
            assert len(stage.nodes[1].frames) <= 2 + 100 // 10, "chain id and looks"
            assert len(stage.nodes[2].frames) <= 3, "chain id, subscription, one look"
            assert len(stage.nodes[0].frames) == 2, "nobody asked anything"

    run(story())


def test_a_single_endpoint_is_not_looked_at() -> None:
    async def story() -> None:
        stage = Stage(["ws"], block_time=1.0)
        async with stage.playing():
            await stage.settle(100)
            stage.nodes[0].deaf = True
            await stage.settle(100)
            assert [frame["method"] for frame in stage.nodes[0].frames] == ["eth_chainId", "eth_subscribe"]

    run(story())


@pytest.mark.parametrize(("block_time", "least", "most"), [(1.0, 150, 230), (12.0, 40, 60)])
def test_over_http_new_heads_are_looked_for_as_often_as_blocks_come(block_time: float, least: int, most: int) -> None:
    async def story() -> None:
        stage = Stage(["http"], block_time=block_time)
        async with stage.playing():
            await stage.settle(100)
            assert least <= len(stage.nodes[0].asked("eth_getBlockByNumber")) <= most
            assert [number for _, number in stage.heard[1:]] == list(range(stage.heard[1][1], stage.nodes[0].head + 1))
            assert all(moment - (number - 100) * block_time <= 2.1 for moment, number in stage.heard[2:])

    run(story())


def test_a_websocket_that_refuses_subscriptions_is_looked_at_too() -> None:
    async def story() -> None:
        stage = Stage(["ws"])

        def refuse(topic: str) -> object:
            raise Failure(-32601, "no subscriptions here")

        stage.nodes[0].methods["eth_subscribe"] = refuse
        async with stage.playing():
            await stage.settle(20)
            assert len(stage.heard) > 15

    run(story())


def test_endpoints_are_shown_by_host_and_without_secrets() -> None:
    async def story() -> None:
        with structlog.testing.capture_logs() as lines:
            stage = Stage(["ws", "http"], secondary=["http"])
            stage.nodes[1].down = True
            async with stage.playing():
                await stage.settle()
                stage.nodes[0].frozen = True
                with pytest.raises(TryAgain) as caught:
                    await stage.rpc.call("eth_blockNumber")
                views = stage.rpc.endpoints()
        assert [(each.name, each.role, each.state) for each in views[1:]] == [
            ("node1.example", "primary", "not connected"),
            ("node2.example", "send-only", "idle"),
        ]
        assert "Connection refused" in str(views[1].problem)
        assert "secret" not in f"{views} {lines} {caught.value} {stage.rpc.problem}"

    run(story())
