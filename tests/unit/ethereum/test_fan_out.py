"""Transactions go to every endpoint: whose yes counts, whose no, and who is waited for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog.testing

from adyton.domain import evm
from adyton.domain.errors import Disconnected, TryAgain
from adyton.ethereum.client import Chain
from adyton.ethereum.errors import RpcError, RpcTimeout, Throttled
from adyton.sim.loop import run
from support.endpoints import HASH, Stage
from support.scripted_rpc import SILENT, Failure

RAW = "0x02ab"
ITS_HASH = "0x" + evm.keccak(bytes.fromhex(RAW[2:])).hex()


def say(stage: Stage, place: int, answer: object) -> None:
    """Make a node answer a transaction so."""

    def send(raw: str) -> object:
        if isinstance(answer, Failure):
            raise answer
        return answer

    stage.nodes[place].methods["eth_sendRawTransaction"] = send


def asked(stage: Stage) -> list[int]:
    """How many transactions each node was handed."""
    return [len(node.asked("eth_sendRawTransaction")) for node in stage.nodes]


def test_a_yes_of_the_endpoint_in_use_is_returned_at_once_and_all_have_the_bytes() -> None:
    async def story() -> None:
        stage = Stage(["ws", "ws", "http"], secondary=["http", "ws"])
        stage.nodes[1].methods["eth_sendRawTransaction"] = lambda raw: SILENT
        async with stage.playing():
            await stage.settle()
            began = stage.clock.monotonic()
            assert await Chain(stage.rpc).send_raw(RAW) == HASH
            assert stage.clock.monotonic() - began < 0.1
            await stage.settle()
            assert asked(stage) == [1, 1, 1, 1, 1]

    run(story())


def test_a_single_endpoint_is_simply_asked() -> None:
    async def story() -> None:
        stage = Stage(["ws"])
        async with stage.playing():
            await stage.settle()
            assert await stage.rpc.broadcast(RAW) == HASH
            say(stage, 0, Failure(-32000, "insufficient funds"))
            with pytest.raises(RpcError, match="insufficient funds"):
                await stage.rpc.broadcast(RAW)

    run(story())


@pytest.mark.parametrize("answer", [Failure(-32000, "transaction underpriced"), SILENT])
@pytest.mark.parametrize("other", [HASH, Failure(-32000, "already known")])
def test_another_endpoints_yes_is_a_yes(answer: object, other: object) -> None:
    async def story() -> None:
        stage = Stage(["ws", "ws"])
        say(stage, 0, answer)
        say(stage, 1, other)
        async with stage.playing():
            await stage.settle()
            began = stage.clock.monotonic()
            with structlog.testing.capture_logs() as lines:
                assert await stage.rpc.broadcast(RAW) == ITS_HASH
            assert stage.clock.monotonic() - began < 2.5
            assert any("another ethereum node took a transaction" in line["event"] for line in lines)

    run(story())


def test_a_no_of_all_is_the_no_of_the_endpoint_in_use() -> None:
    async def story() -> None:
        stage = Stage(["ws", "ws"], secondary=["http"])
        say(stage, 0, Failure(-32000, "transaction underpriced"))
        say(stage, 1, Failure(-32000, "insufficient funds for transfer"))
        say(stage, 2, Failure(-32601, "no such method"))
        async with stage.playing():
            await stage.settle()
            with pytest.raises(RpcError, match="transaction underpriced"):
                await stage.rpc.broadcast(RAW)

    run(story())


@pytest.mark.parametrize("words", ["already known", "nonce too low"])
def test_some_answers_need_no_second_opinion(words: str) -> None:
    async def story() -> None:
        stage = Stage(["ws", "ws"])
        say(stage, 0, Failure(-32000, words))
        say(stage, 1, SILENT)
        async with stage.playing():
            await stage.settle()
            began = stage.clock.monotonic()
            with pytest.raises(RpcError, match=words):
                await stage.rpc.broadcast(RAW)
            assert stage.clock.monotonic() - began < 0.1

    run(story())


@pytest.mark.parametrize("secondary", [True, False])
def test_a_no_is_not_believed_while_another_may_have_the_bytes_but_not_for_ever(secondary: bool) -> None:
    """The caller may give the nonce to other bytes after a no."""

    async def story() -> None:
        stage = Stage(["ws"], secondary=["http"]) if secondary else Stage(["ws", "ws"])
        say(stage, 0, Failure(-32000, "transaction underpriced"))
        async with stage.playing():
            await stage.settle()
            say(stage, 1, Failure(-32000, "transaction underpriced"))
            with pytest.raises(RpcError):
                await stage.rpc.broadcast(RAW)
            stage.nodes[1].frozen = True
            with pytest.raises(RpcTimeout, match=r"node1.example: no answer yet.*underpriced"):
                await stage.rpc.broadcast(RAW)
            handed = asked(stage)[1]
            with pytest.raises(RpcError, match="underpriced"):
                await stage.rpc.broadcast(RAW)
            assert asked(stage)[1] == handed, "a silent one is handed nothing before a yes"
            stage.nodes[1].frozen = False
            say(stage, 1, HASH)
            say(stage, 0, HASH)
            await stage.settle()
            assert await stage.rpc.broadcast(RAW) == HASH
            await stage.settle()
            assert asked(stage)[1] == handed + 1
            say(stage, 0, Failure(-32000, "transaction underpriced"))
            assert await stage.rpc.broadcast(RAW) == ITS_HASH, "it has answered, so it counts again"

    run(story())


@pytest.mark.parametrize("scheme", ["ws", "http"])
def test_a_send_only_endpoint_that_is_away_changes_nothing(scheme: str) -> None:
    async def story() -> None:
        stage = Stage(["ws"], secondary=[scheme])
        stage.nodes[1].down = True
        async with stage.playing():
            await stage.settle()
            assert stage.nodes[1].sockets == [], "it is connected to when it is needed"
            assert await stage.rpc.broadcast(RAW) == HASH
            say(stage, 0, Failure(-32000, "transaction underpriced"))
            with pytest.raises(RpcError, match="underpriced"):
                await stage.rpc.broadcast(RAW)
            stage.nodes[1].down = False
            await stage.settle()
            assert await stage.rpc.broadcast(RAW) == ITS_HASH
            assert stage.view(1).state == "connected"

    run(story())


def test_after_a_no_nobody_is_handed_the_bytes_any_more() -> None:
    async def story() -> None:
        stage = Stage(["ws"], secondary=["http"])
        stage.nodes[1].opens_after = 4.0
        say(stage, 0, Failure(-32000, "transaction underpriced"))
        async with stage.playing():
            await stage.settle()
            with pytest.raises(RpcError, match="underpriced"):
                await stage.rpc.broadcast(RAW)
            await stage.settle()
            assert stage.view(1).state == "connected"
            assert asked(stage) == [1, 0]

    run(story())


def test_a_send_only_endpoint_of_another_chain_gets_nothing() -> None:
    async def story() -> None:
        stage = Stage(["ws"], secondary=["http"])
        stage.nodes[1].chain_id = 1
        async with stage.playing():
            await stage.settle()
            assert await stage.rpc.broadcast(RAW) == HASH
            await stage.settle()
            assert asked(stage) == [1, 0]
            assert stage.view(1).state == "wrong chain"

    run(story())


def test_without_a_primary_the_send_only_ones_are_still_tried() -> None:
    async def story() -> None:
        stage = Stage(["ws"], secondary=["http"])
        async with stage.playing():
            await stage.settle()
            stage.nodes[0].down = True
            stage.nodes[0].cut()
            await stage.until(lambda: not stage.rpc.connected)
            assert await stage.rpc.broadcast(RAW) == ITS_HASH
            say(stage, 1, Failure(-32000, "rejected"))
            with pytest.raises(Disconnected, match="Connection refused"):
                await stage.rpc.broadcast(RAW)

    run(story())


def test_a_transaction_goes_before_the_reads_that_wait() -> None:
    async def story() -> None:
        stage = Stage(["ws"], rate_limit=2, timeout=60.0)
        async with stage.playing():
            await stage.settle()
            reads = [asyncio.create_task(stage.rpc.call("test_slow")) for _ in range(10)]
            await asyncio.sleep(0.1)
            began = stage.clock.monotonic()
            await stage.rpc.broadcast(RAW)
            assert stage.clock.monotonic() - began < 1.5
            assert sum(read.done() for read in reads) <= 4
            await asyncio.gather(*reads)

    run(story())


def test_a_throttled_transaction_is_handed_over_again_until_its_deadline() -> None:
    async def story() -> None:
        stage = Stage(["ws"])
        node = stage.nodes[0]
        async with stage.playing():
            await stage.settle()
            node.busy = Failure(429, "Too Many Requests")
            asyncio.get_running_loop().call_later(2.5, setattr, node, "busy", None)
            assert await stage.rpc.broadcast(RAW) == HASH
            assert stage.view(0).problem is None
            node.busy = Failure(-32005, "limit exceeded", {"retry_after": 3600})
            with pytest.raises(Throttled):
                await stage.rpc.broadcast(RAW)
            assert stage.view(0).state == "throttled"

    run(story())


def test_a_frame_that_was_refused_is_asked_for_again_in_smaller_ones() -> None:
    async def story() -> None:
        stage = Stage(["ws"])
        node = stage.nodes[0]

        def limited(answers: list[Any]) -> object:
            error = {"code": 429, "message": "Too Many Requests"}
            return answers if len(answers) <= 5 else [{"id": answer["id"], "error": error} for answer in answers]

        async with stage.playing():
            await stage.settle()
            node.answer_batch = limited
            node.methods["test_echo"] = lambda number: number
            assert await stage.rpc.batch([("test_echo", (number,)) for number in range(20)]) == list(range(20))
            sizes = [len(frame) for frame in node.frames if isinstance(frame, list)]
            assert sizes[:3] == [20, 10, 5]

    run(story())


def test_two_calls_that_belong_together_are_asked_together_until_both_are_answered() -> None:
    async def story() -> None:
        stage = Stage(["ws"], rate_limit=1)
        node, refused = stage.nodes[0], [True]

        def once(answers: list[Any]) -> object:
            if refused.pop() if refused else False:
                return [answers[0], {"id": answers[1]["id"], "error": {"code": 429, "message": "slow down"}}]
            return answers

        async with stage.playing():
            await stage.settle()
            node.answer_batch = once
            node.methods["test_double"] = lambda: 2 * node.head
            single, double = await stage.rpc.batch([("test_slow", ()), ("test_double", ())])
            assert not isinstance(single, RpcError)
            assert double == 2 * single, "from one moment"
            assert [len(frame) for frame in node.frames if isinstance(frame, list)] == [2, 2]

    run(story())


def test_a_call_that_waits_for_its_turn_goes_where_it_is_answered() -> None:
    async def story() -> None:
        stage = Stage(["ws", "ws"])
        async with stage.playing():
            await stage.settle()
            stage.nodes[0].busy = Failure(429, "Too Many Requests", {"retry_after": 30})
            began = stage.clock.monotonic()
            answers = await asyncio.gather(stage.rpc.call("test_slow"), stage.rpc.batch([("test_slow", ())] * 3))
            assert stage.active == 1
            assert answers[1] == [answers[0]] * 3
            assert await stage.rpc.broadcast(RAW) == HASH
            assert stage.clock.monotonic() - began < 5

    run(story())


def test_calls_are_counted_by_endpoint_method_and_outcome() -> None:
    async def story() -> None:
        stage = Stage(["ws"], timeout=2.0)
        async with stage.playing():
            await stage.settle()
            stage.nodes[0].methods["test_silent"] = lambda: SILENT
            await stage.rpc.batch([("test_slow", ()), ("test_missing", ()), ("test_slow", ())])
            with pytest.raises(TryAgain):
                await stage.rpc.call("test_silent")

            def count(method: str, outcome: str) -> float:
                return stage.count("rpc_calls", endpoint="node0.example", method=method, outcome=outcome)

            assert count("test_slow", "ok") == 2
            assert count("test_missing", "error") == 1
            assert count("test_silent", "timeout") == 1
            name = "adyton_rpc_seconds_count"
            assert stage.metrics.registry.get_sample_value(name, {"endpoint": "node0.example"}) == 2

    run(story())
