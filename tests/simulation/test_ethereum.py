"""The simulated Ethereum node: JSON-RPC texts in, answers and events out, and the ways in which it fails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adyton.ports import ConnectionLost
from adyton.sim.chain import GWEI, LINK_UNIT, Genesis, SimulatedChain
from adyton.sim.clock import SimulatedClock
from adyton.sim.contracts import LINK, ORACLE, REQUEST_EVENT
from adyton.sim.ethereum import SimulatedEthereum, SimulatedSocket
from adyton.sim.faults import Faults
from adyton.sim.loop import run
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
