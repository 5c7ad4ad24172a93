"""The official contracts of service agreements (v0.5), and what somebody does who brings an agreement about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode

from adyton.dev import abi
from adyton.dev.chain import LocalChain
from adyton.dev.contracts import LINK
from adyton.dev.node_process import NodeProcess
from adyton.domain import evm
from adyton.domain.times import parse_rfc3339
from adyton.ports import HttpRequest, HttpTransport

INITIATE = "0x" + evm.selector("initiateJob(bytes32,bytes)").hex()
FULFILL = "0x" + evm.selector("fulfill(bytes32,bytes32,address,bytes32)").hex()
_TERMS = ("uint256", "uint256", "uint256", "address[]", "bytes32", "address", "bytes4", "bytes4")


@dataclass(frozen=True)
class Court:
    """A coordinator and an aggregator on a chain; ``owner`` deployed them and holds the LINK."""

    chain: LocalChain
    owner: str
    link: str
    coordinator: str
    aggregator: str

    def proposal(self, source: str, oracles: Sequence[str], end: str) -> dict[str, Any]:
        """An agreement to answer with the price of ``source`` in cents; its requesters say of which currency."""
        return {
            "initiators": [{"type": "execagreement"}],
            "tasks": [
                {"type": "httpget", "params": {"get": source}},
                {"type": "jsonparse"},
                {"type": "multiply", "params": {"times": 100}},
                {"type": "ethuint256"},
                {"type": "ethtx"},
            ],
            "payment": str(LINK),
            "expiration": 300,
            "endAt": end,
            "oracles": [evm.checksum(oracle) for oracle in oracles],
            "aggregator": evm.checksum(self.aggregator),
            "aggInitiateJobSelector": INITIATE,
            "aggFulfillSelector": FULFILL,
        }

    async def id_of(self, agreement: dict[str, Any]) -> str:
        """The id that the contract computes for an agreement as a node shows it."""
        call = abi.call("getId(bytes)", _terms(agreement))
        return await self.chain.call(self.coordinator, call)

    async def initiate(self, agreement: dict[str, Any], signatures: Sequence[str]) -> None:
        """Bring it on the chain with the signatures of its oracles, in their order. Raises ChainRefused if the contract does
        not take it."""
        signed = [bytes.fromhex(signature[2:]) for signature in signatures]
        parts = encode(
            ["uint8[]", "bytes32[]", "bytes32[]"],
            [[each[64] for each in signed], [each[:32] for each in signed], [each[32:64] for each in signed]],
        )
        call = abi.call("initiateServiceAgreement(bytes,bytes)", _terms(agreement), parts)
        await self.chain.send(self.owner, to=self.coordinator, data=call)

    async def consumer(self, agreement_id: str) -> str:
        """The official consumer, with LINK, that asks under an agreement."""
        words = abi.address_word(self.link) + abi.address_word(self.coordinator) + bytes.fromhex(agreement_id[2:])
        address = await self.chain.deploy(self.owner, "v0.5/ServiceAgreementConsumer", words)
        await self.chain.send(self.owner, to=self.link, data=abi.call("transfer(address,uint256)", address, 10 * LINK))
        return address

    async def ask(self, consumer: str, currency: str) -> None:
        """Have a consumer ask for a price."""
        await self.chain.send(self.owner, to=consumer, data=abi.call("requestEthereumPrice(string)", currency))

    async def price(self, consumer: str) -> int:
        """What the consumer was told; 0 before."""
        return int(await self.chain.call(consumer, abi.call("currentPrice()")), 16)

    async def earned(self, oracle: str) -> int:
        """The juels that an oracle may withdraw."""
        return int(await self.chain.call(self.coordinator, abi.call("withdrawableTokens(address)", oracle)), 16)


async def deploy_court(chain: LocalChain, owner: str, link: str) -> Court:
    """The official coordinator and the aggregator that takes the mean."""
    coordinator = await chain.deploy(owner, "v0.5/Coordinator", abi.address_word(link))
    aggregator = await chain.deploy(owner, "v0.5/MeanAggregator")
    return Court(chain, owner, link, coordinator, aggregator)


async def propose(http: HttpTransport, node: NodeProcess, proposal: dict[str, Any]) -> dict[str, Any]:
    """Propose an agreement to a node, as somebody whom it does not know; returns the attributes of its answer."""
    request = HttpRequest(
        method="POST",
        url=f"{node.api.url}/v2/service_agreements",
        headers=(("Content-Type", "application/json"),),
        body=json.dumps(proposal).encode(),
        unrestricted=True,
    )
    answer = await http.request(request)
    assert answer.status == 200, answer.body
    shown: dict[str, Any] = json.loads(answer.body)["data"]["attributes"]
    return shown


def _terms(agreement: dict[str, Any]) -> bytes:
    """What the contract is given of an agreement."""
    terms = agreement["encumbrance"]
    return encode(
        _TERMS,
        [
            int(terms["payment"]),
            terms["expiration"],
            parse_rfc3339(terms["endAt"]) // 1_000_000,
            terms["oracles"],
            evm.keccak(agreement["requestBody"].encode()),
            terms["aggregator"],
            bytes.fromhex(terms["aggInitiateJobSelector"][2:]),
            bytes.fromhex(terms["aggFulfillSelector"][2:]),
        ],
    )
