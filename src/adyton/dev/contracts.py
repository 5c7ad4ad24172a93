"""The official contracts on a local chain, and how a consumer asks them for something.

The consumer is the official ``BasicConsumer`` of v0.6. Its own ``requestEthereumPrice`` can say nothing but a currency, and a
web address that sends a job without one of its own to the internet. Requests are made the other official
way: somebody pays the oracle through ``transferAndCall`` with the consumer as callback, and the consumer is told to expect
the answer (``addExternalRequest``); it takes an answer from that oracle for that request only, and once.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import cbor2
import msgspec

from adyton.dev import abi
from adyton.dev.chain import LocalChain
from adyton.domain import evm

ETHER = LINK = 10**18
FULFILLED = evm.event_topic("RequestFulfilled(bytes32,bytes32)")
CALLBACK = evm.selector("fulfill(bytes32,bytes32)")
DATA_VERSION = 1


class Contracts(msgspec.Struct, frozen=True):
    """Addresses, in lower case. ``owner`` deployed everything, holds the LINK and pays for the requests."""

    owner: str
    link: str
    oracle: str
    consumer: str


class Answer(msgspec.Struct, frozen=True):
    """An answer as the consumer's event tells it."""

    request_id: str
    value: str
    """The word it was given, ``0x`` hex."""
    block_number: int
    transaction_hash: str

    @property
    def number(self) -> int:
        """The word read as an unsigned integer."""
        return int(self.value, 16)


async def deploy_contracts(chain: LocalChain, *, oracle: str = "v0.6/Oracle") -> Contracts:
    """LINK, an oracle of the version asked for, and a consumer, deployed by the chain's first account."""
    owner = (await chain.accounts())[0]
    link = await chain.deploy(owner, "v0.4/LinkToken")
    oracle = await chain.deploy(owner, oracle, abi.address_word(link))
    consumer = await chain.deploy(owner, "v0.6/BasicConsumer", abi.encode(["address", "address", "bytes32"], [link, oracle, 0]))
    return Contracts(owner=owner, link=link, oracle=oracle, consumer=consumer)


async def welcome_node(chain: LocalChain, contracts: Contracts, node: str, *, ether: int = 10 * ETHER) -> None:
    """Give the node's address ether for gas and let the oracle take its answers."""
    await chain.send(contracts.owner, to=node, value=ether)
    permission = abi.call("setFulfillmentPermission(address,bool)", node, True)
    await chain.send(contracts.owner, to=contracts.oracle, data=permission)


async def request(
    chain: LocalChain, contracts: Contracts, job_id: str, parameters: Mapping[str, Any], *, payment: int = LINK, nonce: int
) -> str:
    """Ask the oracle for a run of ``job_id`` whose answer goes to the consumer; returns the request's id.

    ``parameters`` is what the requester tells the job, ``nonce`` a number not used before: id and answer belong to it.
    """
    for transaction in calls(contracts, job_id, parameters, payment=payment, nonce=nonce):
        await chain.send(contracts.owner, to=transaction["to"], data=transaction["data"])
    return "0x" + request_id_of(contracts.owner, nonce).hex()


def calls(
    contracts: Contracts, job_id: str, parameters: Mapping[str, Any], *, payment: int = LINK, nonce: int
) -> list[dict[str, str]]:
    """The two transactions of a request: tell the consumer what to expect, pay the oracle."""
    expect = abi.call("addExternalRequest(address,bytes32)", contracts.oracle, request_id_of(contracts.owner, nonce))
    pay = payload(contracts, job_id, parameters, payment, nonce)
    return [{"to": contracts.consumer, "data": expect}, {"to": contracts.link, "data": pay}]


def request_id_of(sender: str, nonce: int) -> bytes:
    """The id that the oracle gives to a request."""
    return evm.keccak(bytes.fromhex(sender[2:]) + evm.unsigned_word(nonce))


def payload(contracts: Contracts, job_id: str, parameters: Mapping[str, Any], payment: int, nonce: int) -> str:
    """Calldata for the LINK token: pay the oracle and hand it the request."""
    ask = abi.call(
        "oracleRequest(address,uint256,bytes32,address,bytes4,uint256,uint256,bytes)",
        contracts.owner,
        payment,
        job_id.encode(),
        contracts.consumer,
        CALLBACK,
        nonce,
        DATA_VERSION,
        encode_parameters(parameters),
    )
    return abi.call("transferAndCall(address,uint256,bytes)", contracts.oracle, payment, bytes.fromhex(ask[2:]))


def encode_parameters(parameters: Mapping[str, Any]) -> bytes:
    """CBOR as a contract makes it: the pairs of a map, without the map around them."""
    return b"".join(map(cbor2.dumps, itertools.chain.from_iterable(parameters.items())))


async def answers(chain: LocalChain, contracts: Contracts) -> list[Answer]:
    """Every answer that the consumer has taken, oldest first."""
    wanted = {"address": contracts.consumer, "topics": [FULFILLED], "fromBlock": "0x0", "toBlock": "latest"}
    return [
        Answer(
            request_id=log["topics"][1],
            value=log["topics"][2],
            block_number=int(log["blockNumber"], 16),
            transaction_hash=log["transactionHash"],
        )
        for log in await chain.rpc("eth_getLogs", wanted)
    ]


async def current_price(chain: LocalChain, contracts: Contracts) -> str:
    """The word that the consumer holds now, ``0x`` hex."""
    return await chain.call(contracts.consumer, abi.call("currentPrice()"))
