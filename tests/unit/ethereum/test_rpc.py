"""The line to the Ethereum node: calls, batches, subscriptions, and what happens when it is lost."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import structlog.testing

from adyton.domain.errors import Disconnected
from adyton.ethereum.endpoint import BACK_OFF
from adyton.ethereum.endpoint_parts import Rules
from adyton.ethereum.errors import MalformedAnswer, RpcError, RpcTimeout
from adyton.ethereum.latest import Slot
from support.scripted_rpc import (
    SHOWN_URL,
    SILENT,
    Failure,
    ScriptedClock,
    ScriptedNode,
    connected,
    make_client,
    problem,
    running,
)

BATCH = Rules().batch_size

# --- calls -----------------------------------------------------------------------------------------------------------


async def test_a_call_gives_the_result_with_exact_numbers() -> None:
    node = ScriptedNode()
    node.methods["test_value"] = lambda *given: {"given": given, "big": 2**200, "none": None}
    client = make_client(node)
    async with running(client.run):
        await connected(client)
        assert await client.call("test_value", "0x1", False) == {"given": ["0x1", False], "big": 2**200, "none": None}
        assert await client.call("test_value") == {"given": [], "big": 2**200, "none": None}


async def test_a_fraction_comes_as_a_decimal() -> None:
    node = ScriptedNode()
    node.methods["test_fraction"] = lambda: SILENT
    client = make_client(node)
    async with running(client.run):
        await connected(client)
        call = asyncio.create_task(client.call("test_fraction"))
        await asyncio.sleep(0)
        node.socket.deliver(b'{"jsonrpc":"2.0","id":2,"result":0.1}')
        assert await call == Decimal("0.1")


@pytest.mark.parametrize("result", [b'"\\ud800"', b"[" * 5000 + b"]" * 5000])
async def test_a_result_that_cannot_be_held_is_malformed(result: bytes) -> None:
    node = ScriptedNode()
    node.methods["test_odd"] = lambda: SILENT
    client = make_client(node, timeout=0.05)
    async with running(client.run):
        await connected(client)
        call = asyncio.create_task(client.call("test_odd"))
        await asyncio.sleep(0)
        node.socket.deliver(b'{"id":2,"result":' + result + b"}")
        with pytest.raises((MalformedAnswer, RpcTimeout)):
            await call


async def test_null_is_an_answer() -> None:
    node = ScriptedNode()
    node.methods["test_null"] = lambda: None
    client = make_client(node)
    async with running(client.run):
        await connected(client)
        assert await client.call("test_null") is None


async def test_an_error_carries_the_nodes_words_code_and_data() -> None:
    node = ScriptedNode()

    def refuse() -> object:
        raise Failure(3, "execution reverted: no", "0x08c379a0")

    node.methods["test_refused"] = refuse
    client = make_client(node)
    async with running(client.run):
        await connected(client)
        with pytest.raises(RpcError, match="execution reverted: no") as caught:
            await client.call("test_refused")
        assert (caught.value.code, caught.value.data) == (3, "0x08c379a0")


async def test_answers_find_their_calls_in_any_order() -> None:
    node = ScriptedNode()
    node.methods["test_late"] = lambda name: SILENT
    client = make_client(node)
    async with running(client.run):
        await connected(client)
        calls = [asyncio.create_task(client.call("test_late", name)) for name in "abc"]
        await asyncio.sleep(0)
        for frame in reversed(node.frames[1:]):
            node.socket.deliver({"jsonrpc": "2.0", "id": frame["id"], "result": frame["params"][0]})
        assert await asyncio.gather(*calls) == ["a", "b", "c"]


async def test_an_id_that_comes_back_as_text_still_finds_its_call() -> None:
    node = ScriptedNode()
    node.methods["test_late"] = lambda: SILENT
    client = make_client(node)
    async with running(client.run):
        await connected(client)
        call = asyncio.create_task(client.call("test_late"))
        await asyncio.sleep(0)
        node.socket.deliver({"jsonrpc": "2.0", "id": str(node.frames[-1]["id"]), "result": 1})
        assert await call == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"error": "plain words"}, "plain words"),
        ({"error": {"message": "no code"}}, "no code"),
        ({"error": {"code": "x", "message": None}}, "no message"),
        ({}, "neither a result nor an error"),
    ],
)
async def test_an_odd_error_is_still_an_error(answer: dict[str, Any], message: str) -> None:
    node = ScriptedNode()
    node.methods["test_odd"] = lambda: SILENT
    client = make_client(node)
    async with running(client.run):
        await connected(client)
        call = asyncio.create_task(client.call("test_odd"))
        await asyncio.sleep(0)
        node.socket.deliver({"jsonrpc": "2.0", "id": node.frames[-1]["id"]} | answer)
        with pytest.raises(RpcError, match=message):
            await call


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"not json",
        b"null",
        b"17",
        b'"text"',
        b"[1,2]",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"id":{"a":1},"result":1}',
        b'{"id":999,"result":1}',
        b'{"id":"' + b"9" * 5000 + b'","result":1}',
        b'{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x99","result":{}}}',
        b'{"jsonrpc":"2.0","method":"eth_subscription","params":[]}',
        b"[" * 100_000,
    ],
)
async def test_garbage_from_the_node_disturbs_nobody(garbage: bytes) -> None:
    node = ScriptedNode()
    node.methods["test_late"] = lambda: SILENT
    client = make_client(node)
    async with running(client.run):
        await connected(client)
        call = asyncio.create_task(client.call("test_late"))
        await asyncio.sleep(0)
        node.socket.deliver(garbage)
        node.socket.deliver({"jsonrpc": "2.0", "id": node.frames[-1]["id"], "result": "fine"})
        assert await call == "fine"
        assert client.link.connection == 1


# --- deadlines -------------------------------------------------------------------------------------------------------


async def test_a_call_without_an_answer_ends_at_its_deadline_and_the_connection_stays_if_the_node_still_talks() -> None:
    node = ScriptedNode()

    def hang() -> object:
        node.socket.deliver(b"{}")
        return SILENT

    node.methods["test_hang"] = hang
    node.methods["test_fine"] = lambda: 1
    client = make_client(node, timeout=0.01)
    async with running(client.run):
        await connected(client)
        with pytest.raises(RpcTimeout, match="test_hang: no answer"):
            await client.call("test_hang")
        assert await client.call("test_fine") == 1
        assert client.link.connection == 1


async def test_a_late_answer_goes_to_nobody() -> None:
    node = ScriptedNode()

    def hang() -> object:
        node.socket.deliver(b"{}")
        return SILENT

    node.methods["test_hang"] = hang
    node.methods["test_fine"] = lambda: 1
    client = make_client(node, timeout=0.01)
    async with running(client.run):
        await connected(client)
        with pytest.raises(RpcTimeout):
            await client.call("test_hang")
        node.socket.deliver({"jsonrpc": "2.0", "id": node.frames[-1]["id"], "result": "late"})
        assert await client.call("test_fine") == 1


async def test_a_peer_that_sends_nothing_at_all_until_a_deadline_is_given_up() -> None:
    node = ScriptedNode()
    node.methods["test_hang"] = lambda: SILENT
    client = make_client(node, timeout=0.01)
    async with running(client.run):
        await connected(client)
        with pytest.raises(RpcTimeout):
            await client.call("test_hang")
        await connected(client, 2)
        assert node.sockets[0].closed


async def test_a_node_that_never_finishes_connecting_is_given_up() -> None:
    class Hanging(ScriptedNode):
        async def open(self, url: str) -> Any:
            if not self.frames:
                self.frames.append(None)
                await asyncio.Event().wait()
            return await super().open(url)

    client = make_client(Hanging(), timeout=0.01)
    async with running(client.run):
        assert await problem(client, "no connection within") == f"{SHOWN_URL}: no connection within 0.01 s"


# --- batches ---------------------------------------------------------------------------------------------------------


def refuse_odd(text: str) -> object:
    number = int(text, 16)
    if number % 2:
        raise Failure(-32000, f"odd {number}")
    return number


def outcomes(answers: list[Any]) -> list[object]:
    return [answer.message if isinstance(answer, RpcError) else answer for answer in answers]


async def test_a_batch_is_one_frame_and_an_error_spoils_only_its_own_call() -> None:
    node = ScriptedNode()
    node.methods["test_even"] = refuse_odd
    node.answer_batch = lambda answers: answers[::-1]
    client = make_client(node)
    async with running(client.run):
        await connected(client)
        answers = await client.batch([("test_even", (hex(n),)) for n in range(4)])
        assert outcomes(answers) == [0, "odd 1", 2, "odd 3"]
        assert len(node.frames) == 2
        assert await client.batch([]) == []


async def test_a_long_batch_is_split() -> None:
    node = ScriptedNode()
    node.methods["test_even"] = refuse_odd
    client = make_client(node)
    async with running(client.run):
        await connected(client)
        answers = await client.batch([("test_even", (hex(n * 2),)) for n in range(2 * BATCH + 1)])
        assert answers == [n * 2 for n in range(2 * BATCH + 1)]
        assert [len(frame) for frame in node.frames[1:]] == [BATCH, BATCH, 1]


async def test_a_call_that_the_node_leaves_out_of_its_batch_is_an_error() -> None:
    node = ScriptedNode()
    node.methods["test_even"] = refuse_odd
    node.answer_batch = lambda answers: answers[:1]
    client = make_client(node)
    async with running(client.run):
        await connected(client)
        answers = await client.batch([("test_even", ("0x0",)), ("test_even", ("0x2",))])
        assert outcomes(answers) == [0, "the node left the call out of its answer to the batch"]


async def test_a_batch_that_is_refused_as_a_whole_fails_at_once() -> None:
    node = ScriptedNode()
    node.methods["test_even"] = refuse_odd
    refusal = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batch too large"}}
    node.answer_batch = lambda answers: refusal
    client = make_client(node)
    async with running(client.run):
        await connected(client)
        answers = await client.batch([("test_even", ("0x0",)), ("test_even", ("0x2",))])
        assert outcomes(answers) == ["batch too large"] * 2


# --- connections -----------------------------------------------------------------------------------------------------


async def test_without_a_connection_a_call_fails_at_once() -> None:
    client = make_client(ScriptedNode())
    with pytest.raises(Disconnected, match="not connected yet"):
        await client.call("eth_chainId")
    with pytest.raises(Disconnected):
        await client.batch([("eth_chainId", ())])


async def test_losing_the_connection_fails_every_call_that_waits_and_a_new_one_is_made() -> None:
    node = ScriptedNode()
    node.methods["test_hang"] = lambda: SILENT
    client = make_client(node)
    async with running(client.run):
        await connected(client)
        calls = [asyncio.ensure_future(client.call("test_hang")) for _ in range(3)]
        calls.append(asyncio.ensure_future(client.batch([("test_hang", ()), ("test_hang", ())])))
        await asyncio.sleep(0)
        node.socket.cut()
        for call in calls:
            with pytest.raises(Disconnected, match="the wire was cut"):
                await call
        await connected(client, 2)
        assert node.sockets[0].closed
        assert client.problem is None


async def test_a_socket_that_cannot_be_written_to_is_a_lost_connection() -> None:
    node = ScriptedNode()
    client = make_client(node)
    async with running(client.run):
        await connected(client)
        node.socket.closed = 1
        with pytest.raises(Disconnected, match="closed"):
            await client.call("test_value")
        await connected(client, 2)


async def test_a_defect_while_reading_costs_the_connection_and_not_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    node = ScriptedNode()
    client = make_client(node)
    async with running(client.run):
        await connected(client)

        async def broken(_socket: object) -> bytes:
            raise ValueError("negative file descriptor")

        with monkeypatch.context() as patched:
            patched.setattr(type(node.socket), "receive", broken)
            node.socket.deliver(b"{}")  # what the reader waits for, so that it reads again
            await problem(client, "internal error (ValueError)")
        await connected(client, 2)


async def test_attempts_back_off_as_v0_6_2_does_and_say_why() -> None:
    node, clock = ScriptedNode(), ScriptedClock()
    node.refuse = [f"{SHOWN_URL}: Connection refused"] * 8
    client = make_client(node, clock=clock)
    async with running(client.run):
        await connected(client)
        assert clock.slept == [1, 2, 4, 8, 10, 10, 10, 10]
        assert BACK_OFF[0] == 0


async def test_a_connection_that_was_good_is_made_again_at_once_and_one_that_flaps_is_not() -> None:
    node, clock = ScriptedNode(), ScriptedClock()
    client = make_client(node, clock=clock)
    async with running(client.run):
        await connected(client)
        clock.time += 60
        node.socket.cut()
        await connected(client, 2)
        assert clock.slept == []
        node.socket.cut()
        await connected(client, 3)
        assert clock.slept == [1]


async def test_while_there_is_no_node_the_problem_is_told_without_credentials() -> None:
    node, clock = ScriptedNode(), ScriptedClock(naps=2)
    node.refuse = [f"{SHOWN_URL}: Connection refused"] * 3
    client = make_client(node, clock=clock)
    with structlog.testing.capture_logs() as lines:
        async with running(client.run):
            await clock.exhausted.wait()
            assert client.problem == f"{SHOWN_URL}: Connection refused"
            assert not client.connected
    assert any(line["log_level"] == "warning" for line in lines)
    assert not [word for word in ("user", "word", "key", "secret") if word in repr(lines)]


# --- the right chain -------------------------------------------------------------------------------------------------


async def test_a_node_of_another_chain_is_never_offered_nor_subscribed_to_and_is_asked_again() -> None:
    node, clock = ScriptedNode(chain_id=1), ScriptedClock(naps=3)
    client = make_client(node, clock=clock)
    client.subscribe("newHeads", deliver=Slot[msgspec.Raw]().put)
    with structlog.testing.capture_logs() as lines:
        async with running(client.run):
            await clock.exhausted.wait()
            wanted = "Ethereum ChainID doesn't match ETH_CHAIN_ID: config ID=1337, eth RPC ID=1"
            assert client.problem == wanted
            assert client.link.connection == 0
            with pytest.raises(Disconnected, match="config ID=1337, eth RPC ID=1"):
                await client.call("eth_blockNumber")
    assert [line for line in lines if line["log_level"] == "error" and line["error"] == wanted]
    assert {frame["method"] for frame in node.frames} == {"eth_chainId"}
    assert all(socket.closed for socket in node.sockets)
    assert clock.slept == [1, 2, 4]


async def test_a_node_that_turns_to_the_right_chain_is_taken() -> None:
    node = ScriptedNode()
    node.chain_id = 1
    client = make_client(node)
    async with running(client.run):
        await problem(client, "eth RPC ID=1")
        node.chain_id = 1337
        await connected(client)


async def test_without_a_configured_chain_the_first_one_counts_from_then_on() -> None:
    node = ScriptedNode(chain_id=5)
    client = make_client(node, expected_chain_id=None)
    chains = [client.chain_id]
    async with running(client.run):
        await connected(client)
        chains.append(client.chain_id)
        assert chains == [None, 5]
        node.chain_id = 6
        node.socket.cut()
        assert "config ID=5, eth RPC ID=6" in await problem(client, "ChainID")


@pytest.mark.parametrize("answer", ["0x539", "1337", 1337])
async def test_the_chain_id_may_come_in_any_spelling(answer: object) -> None:
    node = ScriptedNode()
    node.methods["eth_chainId"] = lambda: answer
    client = make_client(node)
    async with running(client.run):
        await connected(client)


@pytest.mark.parametrize("answer", ["0x", "", "main", -1, None, [], "0x1_0"])
async def test_a_chain_id_that_cannot_be_read_is_a_failed_connection(answer: object) -> None:
    node = ScriptedNode()
    node.methods["eth_chainId"] = lambda: answer
    client = make_client(node, clock=ScriptedClock(naps=1))
    async with running(client.run):
        await problem(client, "chain id")


async def test_a_node_that_refuses_to_tell_its_chain_is_a_failed_connection() -> None:
    node = ScriptedNode()

    def refuse() -> object:
        raise Failure(-32005, "daily limit")

    node.methods["eth_chainId"] = refuse
    client = make_client(node, clock=ScriptedClock(naps=1))
    async with running(client.run):
        assert await problem(client, "daily limit") == f"{SHOWN_URL} answered: daily limit"


# --- subscriptions ---------------------------------------------------------------------------------------------------


async def test_a_subscription_is_made_again_on_every_connection() -> None:
    node, slot = ScriptedNode(), Slot[msgspec.Raw]()
    client = make_client(node)
    client.subscribe("newHeads", deliver=slot.put)
    async with running(client.run):
        await connected(client)
        node.socket.notify("newHeads", {"n": 1})
        assert msgspec.json.decode(await slot.take()) == {"n": 1}
        node.socket.cut()
        await connected(client, 2)
        node.socket.notify("newHeads", {"n": 2})
        assert msgspec.json.decode(await slot.take()) == {"n": 2}
        assert node.asked("eth_subscribe") == [["newHeads"]] * 2


async def test_a_notification_right_behind_the_answer_is_not_lost() -> None:
    node, slot = ScriptedNode(), Slot[msgspec.Raw]()

    def subscribe(topic: str) -> object:
        request = node.frames[-1]
        node.socket.deliver({"jsonrpc": "2.0", "id": request["id"], "result": "0x5"})
        node.socket.deliver({"jsonrpc": "2.0", "method": "eth_subscription", "params": {"subscription": "0x5", "result": 1}})
        return SILENT

    node.methods["eth_subscribe"] = subscribe
    client = make_client(node)
    client.subscribe("newHeads", deliver=slot.put)
    async with running(client.run):
        assert msgspec.json.decode(await slot.take()) == 1


async def test_a_node_without_subscriptions_is_still_good_for_calls() -> None:
    node = ScriptedNode()

    def refuse(topic: str) -> object:
        raise Failure(-32601, "notifications not supported")

    node.methods["eth_subscribe"] = refuse
    client = make_client(node)
    client.subscribe("newHeads", deliver=Slot[msgspec.Raw]().put)
    async with running(client.run):
        await connected(client)
        assert await client.call("eth_chainId") == "0x539"


async def test_an_unreadable_subscription_id_is_a_failed_connection() -> None:
    node = ScriptedNode()
    node.methods["eth_subscribe"] = lambda topic: {"id": 1}
    client = make_client(node, clock=ScriptedClock(naps=1))
    client.subscribe("newHeads", deliver=Slot[msgspec.Raw]().put)
    async with running(client.run):
        assert "without a subscription id" in await problem(client, "eth_subscribe")


async def test_a_renewed_subscription_gets_notifications_under_its_new_name_only() -> None:
    node, got = ScriptedNode(), list[object]()
    client = make_client(node)
    subscription = client.subscribe("newHeads", deliver=lambda raw: got.append(msgspec.json.decode(raw)))
    async with running(client.run):
        await connected(client)
        (old,) = node.socket.subscriptions
        await client.renew(subscription)
        assert node.asked("eth_unsubscribe") == [[old]]
        assert len(node.socket.subscriptions) == 2, "the scripted node forgets nothing"
        node.socket.notify("newHeads", 1)
        await client.call("eth_chainId")
        assert got == [1]


async def test_renewing_survives_a_node_that_has_forgotten_the_old_subscription() -> None:
    node = ScriptedNode()

    def refuse(name: str) -> object:
        raise Failure(-32000, "subscription not found")

    node.methods["eth_unsubscribe"] = refuse
    client = make_client(node)
    slot = Slot[msgspec.Raw]()
    subscription = client.subscribe("newHeads", deliver=slot.put)
    async with running(client.run):
        await connected(client)
        await client.renew(subscription)
        node.socket.notify("newHeads", 1)
        assert msgspec.json.decode(await slot.take()) == 1


def test_a_malformed_answer_is_a_value_error_as_well() -> None:
    assert issubclass(MalformedAnswer, ValueError)
