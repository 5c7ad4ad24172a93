"""Ethereum's calls in the domain's values."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adyton.domain.chain import LogFilter
from adyton.ethereum.client import Chain
from adyton.ethereum.errors import MalformedAnswer, RpcError
from support.scripted_rpc import Failure, ScriptedBlocks, ScriptedNode, connected, make_client, running

ADDRESS = "0x" + "ab" * 20
HASH = "0x" + "11" * 32
OTHER = "0x" + "22" * 32


@pytest.fixture
def node() -> ScriptedNode:
    return ScriptedNode()


@pytest.fixture
async def chain(node: ScriptedNode) -> AsyncIterator[Chain]:
    client = make_client(node)
    async with running(client.run):
        await connected(client)
        yield Chain(client)


async def test_simple_questions_are_asked_and_answered_in_numbers(node: ScriptedNode, chain: Chain) -> None:
    node.methods |= {
        "eth_getTransactionCount": lambda address, tag: "0x7",
        "eth_getBalance": lambda address, tag: hex(10**20),
        "eth_gasPrice": lambda: "0x5",
        "eth_maxPriorityFeePerGas": lambda: "0x6",
    }
    assert await chain.chain_id() == 1337
    assert await chain.transaction_count(ADDRESS, "pending") == 7
    assert await chain.balance(ADDRESS) == 10**20
    assert await chain.gas_price() == 5
    assert await chain.max_priority_fee() == 6
    assert node.asked("eth_getTransactionCount") == [[ADDRESS, "pending"]]
    assert node.asked("eth_getBalance") == [[ADDRESS, "latest"]]


async def test_heads_are_found_by_tag_height_and_hash(node: ScriptedNode, chain: Chain) -> None:
    heads = ScriptedBlocks(node).grow(None, 4)
    assert await chain.head() == heads[3]
    assert await chain.head(1) == heads[1]
    assert await chain.head(9) is None
    assert await chain.head_by_hash(heads[2].hash) == heads[2]
    assert await chain.head_by_hash(HASH) is None
    assert await chain.heads([0, 9, 2]) == [heads[0], None, heads[2]]


async def test_logs_are_asked_for_by_range_or_by_block(node: ScriptedNode, chain: Chain) -> None:
    node.methods["eth_getLogs"] = lambda wanted: []
    wanted = LogFilter((ADDRESS,), ((HASH,),))
    assert await chain.logs(wanted, 1, 16) == []
    assert await chain.logs_in_block(wanted, OTHER) == []
    by_range, by_block = (params[0] for params in node.asked("eth_getLogs"))
    assert by_range == {"address": [ADDRESS], "topics": [[HASH]], "fromBlock": "0x1", "toBlock": "0x10"}
    assert by_block == {"address": [ADDRESS], "topics": [[HASH]], "blockHash": OTHER}


async def test_receipts_come_in_one_batch(node: ScriptedNode, chain: Chain) -> None:
    mined = {"transactionHash": HASH, "blockNumber": "0x1", "blockHash": OTHER, "status": "0x1", "gasUsed": "0x1"}
    node.methods["eth_getTransactionReceipt"] = lambda wanted: mined if wanted == HASH else None
    receipts = await chain.receipts([OTHER, HASH])
    assert receipts[0] is None
    assert receipts[1] is not None
    assert receipts[1].transaction_hash == HASH
    assert len(node.frames[-1]) == 2
    assert await chain.receipts([]) == []


async def test_one_refused_receipt_is_an_error_and_not_a_missing_receipt(node: ScriptedNode, chain: Chain) -> None:
    def refuse(wanted: str) -> object:
        raise Failure(-32000, "transaction indexing is in progress")

    node.methods["eth_getTransactionReceipt"] = refuse
    with pytest.raises(RpcError, match="indexing"):
        await chain.receipts([HASH])


async def test_a_contract_is_called_with_what_is_set(node: ScriptedNode, chain: Chain) -> None:
    node.methods["eth_call"] = lambda message, block: "0xAB"
    node.methods["eth_estimateGas"] = lambda message: "0x5208"
    assert await chain.call(ADDRESS, "0x01") == "0xab"
    assert await chain.call(ADDRESS, "0x01", sender=ADDRESS, block=16, gas=500_000) == "0xab"
    assert await chain.estimate_gas(to=ADDRESS, data="0x01", sender=ADDRESS, value=1) == 21000
    assert node.asked("eth_call") == [
        [{"to": ADDRESS, "data": "0x01"}, "latest"],
        [{"to": ADDRESS, "data": "0x01", "from": ADDRESS, "gas": "0x7a120"}, "0x10"],
    ]
    assert node.asked("eth_estimateGas") == [[{"to": ADDRESS, "data": "0x01", "from": ADDRESS, "value": "0x1"}]]


async def test_a_sent_transaction_is_known_by_its_hash_or_refused_in_the_nodes_words(node: ScriptedNode, chain: Chain) -> None:
    def send(raw: str) -> object:
        if raw == "0x02":
            raise Failure(-32000, "nonce too low")
        return HASH if raw == "0x01" else "0x"

    node.methods["eth_sendRawTransaction"] = send
    assert await chain.send_raw("0x01") == HASH
    with pytest.raises(RpcError, match="nonce too low"):
        await chain.send_raw("0x02")
    with pytest.raises(MalformedAnswer):
        await chain.send_raw("0x03")
