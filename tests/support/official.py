"""The official contracts of every version: oracles, and consumers that ask them by themselves."""

from __future__ import annotations

from typing import Any

from adyton.dev import abi, world
from adyton.dev.chain import LocalChain
from adyton.dev.contracts import LINK
from adyton.domain import evm

REQUESTED = evm.event_topic("OracleRequest(bytes32,address,bytes32,uint256,address,bytes4,uint256,uint256,bytes)")
OPERATOR = "v0.7/Operator"
ORACLES = ("v0.4/Oracle", "v0.5/Oracle", "v0.6/Oracle", OPERATOR)
CONSUMERS = {
    "v0.4/Oracle": ("v0.4/BasicConsumer", "requestEthereumPrice(string)"),
    "v0.5/Oracle": ("v0.5/BasicConsumer", "requestEthereumPrice(string,uint256)"),
    "v0.6/Oracle": ("v0.6/BasicConsumer", "requestEthereumPrice(string,uint256)"),
    OPERATOR: ("v0.7/Consumer", "requestEthereumPrice(string,uint256)"),
}
"""The consumer of each oracle's version, and the function with which it asks."""


async def deploy_oracle(chain: LocalChain, owner: str, version: str, link: str, *answerers: str) -> str:
    """An oracle contract that takes answers from ``answerers``."""
    if version != OPERATOR:
        oracle = await chain.deploy(owner, version, abi.address_word(link))
        for address in answerers:
            await chain.send(owner, to=oracle, data=abi.call("setFulfillmentPermission(address,bool)", address, True))
        return oracle
    operator = await chain.deploy(owner, version, abi.encode(["address", "address"], [link, owner]))
    senders = abi.encode(["uint256", "uint256"], [32, len(answerers)]) + b"".join(map(abi.address_word, answerers))
    await chain.send(owner, to=operator, data="0x" + (evm.selector("setAuthorizedSenders(address[])") + senders).hex())
    return operator


async def give_link(chain: LocalChain, owner: str, link: str, to: str, amount: int = 100 * LINK) -> None:
    """Send LINK from the account that has it all."""
    await chain.send(owner, to=link, data=abi.call("transfer(address,uint256)", to, amount))


async def deploy_consumer(chain: LocalChain, owner: str, contract: str, link: str, oracle: str, job_id: str = "") -> str:
    """A contract that asks ``oracle``, with LINK to pay it. ``job_id`` is for those that are told at the beginning."""
    types, values = ["address", "address"], list[abi.Argument]([link, oracle])
    if job_id:
        types, values = [*types, "bytes32"], [*values, job_id.encode()]
    address = await chain.deploy(owner, contract, abi.encode(types, values))
    await give_link(chain, owner, link, address)
    return address


def fixed_price_job(url: str, oracle: str | None, **params: Any) -> dict[str, Any]:
    """The price job with nothing left open: requesters that say nothing get US cents. ``params``: more of the initiator's."""
    job = world.price_job(url, oracle or "")
    job["initiators"][0]["params"] = params | ({"address": oracle} if oracle else {})
    for task, said in ((1, {"path": ["USD"]}), (2, {"times": 100})):
        job["tasks"][task]["params"] = said
    return job


def request_ids(receipt: dict[str, Any], oracle: str) -> list[str]:
    """The ids of the requests that a transaction made of an oracle."""
    logs = [log for log in receipt["logs"] if log["address"].lower() == oracle and log["topics"][0] == REQUESTED]
    return ["0x" + log["data"][66:130] for log in logs]
