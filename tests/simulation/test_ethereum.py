"""The simulated Ethereum node: JSON-RPC texts in, answers and events out, and the ways in which it fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adyton.ports import ConnectionLost
from adyton.sim.blocks import Genesis
from adyton.sim.chain import GWEI, LINK_UNIT, SimulatedChain
from adyton.sim.clock import SimulatedClock
from adyton.sim.contracts import LINK, ORACLE, REQUEST_EVENT
from adyton.sim.ethereum import SimulatedEthereum
from adyton.sim.faults import Faults
from adyton.sim.loop import run
from adyton.sim.socket import SimulatedSocket
from adyton.sim.trace import Gate, Trace
from support.signing import NODE, signed

JOB = "4c7b7ffb66b344fbaa64995af81e355a"

Scene = Callable[["Wire"], Awaitable[None]]


class Wire:
    """One connection to a simulated node, with calls that wait for their answer."""

    def __init__(self, node: SimulatedEthereum, socket: SimulatedSocket) -> None:
        self.node = node
        self.chain = node.chain
        self.socket = socket
        self._number = 0

    async def exchange(self, message: object) -> Any:
        await self.socket.send(json.dumps(message).encode())
        return json.loads(await self.socket.receive())

    async def call(self, method: str, *params: object) -> Any:
        self._number += 1
        answer = await self.exchange({"jsonrpc": "2.0", "id": self._number, "method": method, "params": params})
        assert (answer["jsonrpc"], answer["id"]) == ("2.0", self._number)
        return answer.get("result") if "result" in answer else answer["error"]

    async def event(self) -> Any:
        message = json.loads(await self.socket.receive())
        assert message["method"] == "eth_subscription"
        return message["params"]


def simulate(scene: Scene, faults: Faults | None = None) -> None:
    async def main() -> None:
        clock = SimulatedClock()
        trace = Trace(clock.now)
        chain = SimulatedChain(1, clock, trace, Genesis(balances={NODE: 10**18}, authorised=[NODE]))
        node = SimulatedEthereum(1, chain, trace, Gate(), faults)
        await scene(Wire(node, await node.open("ws://simulated")))

    run(main(), longest=3600)


def test_plain_questions_are_answered() -> None:
    async def scene(wire: Wire) -> None:
        chain = wire.chain
        assert await wire.call("eth_chainId") == hex(1337)
        assert await wire.call("net_version") == "1337"
        assert await wire.call("eth_blockNumber") == hex(chain.head.number)
        assert await wire.call("eth_getBalance", NODE, "latest") == hex(10**18)
        assert await wire.call("eth_getTransactionCount", NODE, "pending") == "0x0"
        assert int(await wire.call("eth_gasPrice"), 16) > 10 * GWEI // 2
        assert (await wire.call("eth_mystery"))["code"] == -32601
        assert (await wire.call("eth_getBalance"))["code"] == -32602

    simulate(scene)


def test_blocks_are_found_by_number_tag_and_hash() -> None:
    async def scene(wire: Wire) -> None:
        head = wire.chain.head
        for shown in (
            await wire.call("eth_getBlockByNumber", "latest", False),
            await wire.call("eth_getBlockByNumber", hex(head.number), False),
            await wire.call("eth_getBlockByHash", head.hash, False),
        ):
            assert (shown["hash"], shown["parentHash"], shown["number"]) == (head.hash, head.parent_hash, hex(head.number))
            assert (shown["baseFeePerGas"], shown["transactions"]) == (hex(head.base_fee or 0), [])
        assert await wire.call("eth_getBlockByNumber", hex(head.number + 1), False) is None
        assert await wire.call("eth_getBlockByHash", "0x" + "12" * 32, False) is None

    simulate(scene)


def test_a_batch_is_answered_in_one_text() -> None:
    async def scene(wire: Wire) -> None:
        answers = await wire.exchange(
            [
                {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []},
                {"jsonrpc": "2.0", "id": 2, "method": "eth_nothing", "params": []},
                {"jsonrpc": "2.0", "id": 3, "method": "eth_blockNumber"},
            ]
        )
        assert [answer["id"] for answer in answers] == [1, 2, 3]
        assert ["error" in answer for answer in answers] == [False, True, False]

    simulate(scene)


def test_heads_and_logs_arrive_as_events_in_their_order() -> None:
    async def scene(wire: Wire) -> None:
        heads = await wire.call("eth_subscribe", "newHeads")
        logs = await wire.call("eth_subscribe", "logs", {"address": ORACLE, "topics": [[REQUEST_EVENT]]})
        wire.chain.request(JOB, {"get": "x"})
        wire.chain.mine(2)
        events = [await wire.event() for _ in range(3)]
        assert [int(each["result"]["number"], 16) for each in events if each["subscription"] == heads] == [6, 7]
        (log,) = [each["result"] for each in events if each["subscription"] == logs]
        assert (log["blockNumber"], log["removed"]) == ("0x6", False)
        assert await wire.call("eth_unsubscribe", logs) is True
        assert (await wire.call("eth_unsubscribe", logs))["message"] == "subscription not found"

    simulate(scene)


def test_a_reorganisation_is_told_by_new_heads_and_removed_logs() -> None:
    async def scene(wire: Wire) -> None:
        wire.chain.request(JOB, {})
        old = wire.chain.mine()
        heads = await wire.call("eth_subscribe", "newHeads")
        await wire.call("eth_subscribe", "logs", {})
        added = wire.chain.reorganise(1)
        events = [await wire.event() for _ in range(4)]
        assert [each["result"]["hash"] for each in events if each["subscription"] == heads] == [block.hash for block in added]
        told = [(each["result"]["blockHash"], each["result"]["removed"]) for each in events if each["subscription"] != heads]
        assert told == [(old.hash, True), (added[0].hash, False)]

    simulate(scene)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"fromBlock": "0x0", "toBlock": "latest"}, 2),
        ({"fromBlock": "0x7"}, 1),
        ({"fromBlock": "0x0", "toBlock": "0x5"}, 0),
        ({"fromBlock": "0x0", "address": [ORACLE, LINK]}, 2),
        ({"fromBlock": "0x0", "address": LINK}, 0),
        ({"fromBlock": "0x0", "address": None, "topics": None}, 2),
        ({"fromBlock": "0x0", "topics": [None, ["0x" + JOB.encode().hex()]]}, 2),
        ({"fromBlock": "0x0", "topics": [[REQUEST_EVENT], ["0x" + "00" * 32]]}, 0),
        ({"fromBlock": "0x0", "topics": [[REQUEST_EVENT], None, None]}, 0),
        ({"fromBlock": "0x9", "toBlock": "0x8"}, "invalid block range params"),
        ({"blockHash": "0x" + "12" * 32}, "unknown block"),
    ],
)
def test_logs_are_filtered(wanted: dict[str, Any], found: object) -> None:
    async def scene(wire: Wire) -> None:
        for _ in range(2):
            wire.chain.request(JOB, {})
            wire.chain.mine()
        answer = await wire.call("eth_getLogs", wanted)
        assert (len(answer) if isinstance(answer, list) else answer["message"]) == found

    simulate(scene)


def test_a_transaction_has_a_receipt_once_it_is_mined() -> None:
    async def scene(wire: Wire) -> None:
        identity = wire.chain.request(JOB, {})
        sent = wire.chain.transaction_of(identity)
        assert await wire.call("eth_getTransactionReceipt", sent) is None
        assert (await wire.call("eth_getTransactionByHash", sent))["blockHash"] is None
        block = wire.chain.mine()
        receipt = await wire.call("eth_getTransactionReceipt", sent)
        assert (receipt["status"], receipt["blockHash"], len(receipt["logs"])) == ("0x1", block.hash, 1)
        assert (await wire.call("eth_getTransactionByHash", sent))["blockHash"] == block.hash
        wire.chain.reorganise(1, out=[sent])
        assert await wire.call("eth_getTransactionReceipt", sent) is None

    simulate(scene)


def test_calls_read_the_contracts_and_tell_why_they_would_revert() -> None:
    async def scene(wire: Wire) -> None:
        wire.chain.request(JOB, {}, payment=3 * LINK_UNIT)
        wire.chain.mine()
        balance = await wire.call("eth_call", {"to": LINK, "data": "0x70a08231" + "00" * 12 + ORACLE[2:]}, "latest")
        assert int(balance, 16) == 3 * LINK_UNIT
        error = await wire.call("eth_call", {"to": ORACLE, "from": NODE, "data": "0x4ab0d190" + "00" * 192}, "latest")
        assert (error["code"], error["message"]) == (3, "execution reverted: Must have a valid requestId")
        assert error["data"].startswith("0x08c379a0")
        assert (await wire.call("eth_estimateGas", {"to": ORACLE, "data": "0x4ab0d190"}))["code"] == 3
        assert int(await wire.call("eth_estimateGas", {"to": NODE, "from": NODE}), 16) >= 21_000

    simulate(scene)


def test_the_fee_history_ends_with_the_next_block() -> None:
    async def scene(wire: Wire) -> None:
        history = await wire.call("eth_feeHistory", "0x3", "latest", [50])
        assert (len(history["baseFeePerGas"]), len(history["gasUsedRatio"]), len(history["reward"])) == (4, 3, 3)

    simulate(scene)


def test_a_broken_connection_says_so_to_both_directions() -> None:
    async def scene(wire: Wire) -> None:
        reader = asyncio.create_task(wire.socket.receive())
        await asyncio.sleep(1)
        wire.node.go_offline()
        with pytest.raises(ConnectionLost, match="went away"):
            await reader
        with pytest.raises(ConnectionLost):
            await wire.socket.send(b"{}")
        with pytest.raises(ConnectionLost, match="refused"):
            await wire.node.open("ws://simulated")
        wire.node.online = True
        await wire.node.open("ws://simulated")
        await wire.socket.close()

    simulate(scene)


def test_a_lost_reply_leaves_the_transaction_in_the_mempool() -> None:
    async def scene(wire: Wire) -> None:
        with pytest.raises(ConnectionLost):
            await wire.call("eth_sendRawTransaction", "0x" + signed(0).hex())
        assert len(wire.chain.pool) == 1

    simulate(scene, Faults(lost_replies=1.0))


def test_faults_strike_when_they_are_switched_on() -> None:
    async def scene(wire: Wire) -> None:
        faults, chain = wire.node.faults, wire.chain
        sent = chain.transaction_of(chain.request(JOB, {}))
        chain.mine()
        faults.missing_receipts = 1.0
        assert await wire.call("eth_getTransactionReceipt", sent) is None
        faults.missing_receipts, faults.receipt_lag = 0.0, 5.0
        assert await wire.call("eth_getTransactionReceipt", sent) is None
        await asyncio.sleep(5)
        assert await wire.call("eth_getTransactionReceipt", sent) is not None
        faults.stale_heads = 1.0
        assert await wire.call("eth_blockNumber") == hex(chain.head.number - 3)
        faults.dropped = 1.0
        with pytest.raises(ConnectionLost):
            await wire.call("eth_blockNumber")

    simulate(scene)


def test_logs_may_be_left_out_unknown_or_too_many_for_a_while() -> None:
    async def scene(wire: Wire) -> None:
        faults, chain = wire.node.faults, wire.chain
        for _ in range(4):
            chain.request(JOB, {})
            chain.mine()
        everything = {"fromBlock": "0x0", "toBlock": "latest"}
        faults.hidden_logs = 1.0
        assert await wire.call("eth_getLogs", everything) == []
        await asyncio.sleep(faults.hidden_seconds)
        assert len(await wire.call("eth_getLogs", everything)) == 4
        faults.set(hidden_logs=0.0, empty_logs=1.0)
        assert len(await wire.call("eth_getLogs", everything)) == 1
        faults.set(empty_logs=0.0, range_limit=2)
        assert (await wire.call("eth_getLogs", everything))["code"] == -32005
        assert len(await wire.call("eth_getLogs", {"fromBlock": "0x6", "toBlock": "0x7"})) == 2
        faults.set(range_limit=0, log_limit=3)
        assert "3" in (await wire.call("eth_getLogs", everything))["message"]
        faults.calm()
        assert len(await wire.call("eth_getLogs", everything)) == 4
        assert faults.counts == {"hidden_logs": 4, "empty_logs": 1, "range_limit": 1, "log_limit": 1}

    simulate(scene)


def test_young_blocks_may_be_unknown_for_a_while() -> None:
    async def scene(wire: Wire) -> None:
        wire.node.faults.header_not_found = 1.0
        head = wire.chain.mine()
        balance = {"to": LINK, "data": "0x70a08231" + "00" * 12 + ORACLE[2:]}
        calls: list[tuple[str, list[object]]] = [
            ("eth_call", [balance, hex(head.number)]),
            ("eth_call", [balance, head.hash]),
            ("eth_getLogs", [{"fromBlock": hex(head.number)}]),
            ("eth_getLogs", [{"blockHash": head.hash}]),
        ]
        for method, params in calls:
            assert (await wire.call(method, *params))["message"] == "header not found"
        assert (await wire.call("eth_call", balance, hex(head.number + 1)))["message"] == "header not found"
        await asyncio.sleep(wire.node.faults.unknown_seconds)
        assert int(await wire.call("eth_call", balance, head.hash), 16) == 0

    simulate(scene)


@pytest.mark.parametrize(
    ("fault", "words", "taken"),
    [
        ("known", "already known", 1),
        ("underpriced", "transaction underpriced: gas tip cap 1, minimum needed 2", 0),
        ("nonce_too_high", "nonce too high", 0),
        ("limited", None, 0),
    ],
)
def test_a_transaction_may_be_taken_or_not_whatever_is_said(fault: str, words: str | None, taken: int) -> None:
    async def scene(wire: Wire) -> None:
        wire.node.faults.set(**{fault: 1.0})
        refusal = await wire.call("eth_sendRawTransaction", "0x" + signed(0).hex())
        assert words is None or refusal["message"] == words
        assert (refusal["code"] == 429) == (fault == "limited")
        assert len(wire.chain.pool) == taken

    simulate(scene)


def test_a_frozen_node_says_nothing_and_forgets_what_it_was_asked() -> None:
    async def scene(wire: Wire) -> None:
        await wire.call("eth_subscribe", "newHeads")
        wire.node.faults.frozen = True
        wire.chain.mine()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await wire.call("eth_chainId")
        wire.node.faults.frozen = False
        assert await wire.call("eth_chainId") == hex(1337)

    simulate(scene)


def test_a_connection_may_end_after_the_request_was_carried_out() -> None:
    async def scene(wire: Wire) -> None:
        wire.node.faults.closed = 1.0
        with pytest.raises(ConnectionLost):
            await wire.call("eth_sendRawTransaction", "0x" + signed(0).hex())
        assert len(wire.chain.pool) == 1

    simulate(scene)


def test_events_may_come_late_behind_younger_ones() -> None:
    async def scene(wire: Wire) -> None:
        await wire.call("eth_subscribe", "newHeads")
        wire.node.faults.late_heads = 1.0
        first = wire.chain.mine()
        wire.node.faults.late_heads = 0.0
        second = wire.chain.mine()
        assert [(await wire.event())["result"]["hash"] for _ in range(2)] == [second.hash, first.hash]

    simulate(scene)


def test_each_endpoint_has_its_own_faults_and_its_own_view_of_the_chain() -> None:
    async def scene(wire: Wire) -> None:
        behind = wire.node.endpoint("http://behind")
        other = Wire(wire.node, await wire.node.open("http://behind"))
        behind.faults.set(lag=30.0)
        old, sent = wire.chain.head, wire.chain.transaction_of(wire.chain.request(JOB, {}))
        block = wire.chain.mine()
        wire.chain.reorganise(1)
        assert await wire.call("eth_blockNumber") == hex(wire.chain.head.number)
        assert await other.call("eth_blockNumber") == hex(old.number)
        assert await other.call("eth_getBlockByHash", block.hash, False) is None
        assert await other.call("eth_getTransactionReceipt", sent) is None
        assert (await other.call("eth_getTransactionByHash", sent)) is None
        await asyncio.sleep(30)
        assert await other.call("eth_blockNumber") == hex(wire.chain.head.number)
        assert (await other.call("eth_getTransactionReceipt", sent))["blockHash"] == wire.chain.head.parent_hash
        assert (await other.call("eth_subscribe", "newHeads"))["message"] == "notifications not supported"
        assert behind.methods.counts["eth_blockNumber"] == 2
        behind.go_offline()
        with pytest.raises(ConnectionLost, match="behind: connection refused"):
            await wire.node.open("http://behind")
        assert await wire.call("eth_chainId") == hex(1337)

    simulate(scene)


def test_the_fee_history_is_what_the_blocks_paid() -> None:
    async def scene(wire: Wire) -> None:
        wire.chain.submit(signed(0, fee=300, tip=7))
        block = wire.chain.mine()
        history = await wire.call("eth_feeHistory", "0x1", hex(block.number), [10, 90])
        assert history["oldestBlock"] == hex(block.number)
        assert [int(fee, 16) for fee in history["baseFeePerGas"]] == [block.base_fee, wire.chain.next_base_fee]
        assert [int(tip, 16) for tip in history["reward"][0]] == [7 * GWEI, 7 * GWEI]
        shown = await wire.call("eth_getBlockByNumber", hex(block.number), True)
        assert [each["from"] for each in shown["transactions"]] == [NODE]

    simulate(scene)


def test_strangers_send_gifts_and_use_the_key() -> None:
    async def scene(wire: Wire) -> None:
        wire.chain.fund(NODE, 5)
        stolen = wire.chain.spend_nonce(NODE)
        assert await wire.call("eth_getTransactionCount", NODE, "pending") == "0x1"
        before = int(await wire.call("eth_getBalance", NODE, "latest"), 16)
        wire.chain.mine()
        receipt = await wire.call("eth_getTransactionReceipt", stolen)
        cost = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
        assert int(await wire.call("eth_getBalance", NODE, "latest"), 16) == before + 5 - cost
        assert await wire.call("eth_getTransactionCount", NODE, "latest") == "0x1"

    simulate(scene)
