"""Every version of the official contracts: their consumers ask by themselves, and hold the answer in the end."""

from __future__ import annotations

from typing import Any

import pytest

from adyton.dev import abi
from adyton.dev import contracts as on_chain
from adyton.domain import evm
from adyton.ledger.account import End
from support import emitter, official
from support.contracts import World, start_node_in
from support.stories import PRICE

pytestmark = pytest.mark.stories

FULFILLED = evm.event_topic("RequestFulfilled(bytes32,bytes32)")


async def held(place: World, consumer: str) -> int:
    """The price that a consumer holds, once it holds one."""

    async def probe() -> int | None:
        return int(await place.chain.call(consumer, abi.call("currentPrice()")), 16) or None

    price: int = await place.until("the consumer holds a price", probe)
    return price


async def test_the_consumer_of_each_version_asks_its_oracle_and_holds_the_answer(place: World) -> None:
    chain, contracts = place.chain, place.contracts
    async with start_node_in(place) as node:
        consumers: dict[str, str] = {}
        for version in official.ORACLES:
            oracle = await official.deploy_oracle(chain, contracts.owner, version, contracts.link, place.address())
            job = official.fixed_price_job(place.prices.url, oracle)
            job["tasks"][1].pop("params")  # the consumer says which price
            job_id = await node.api.create_job(job)
            contract, function = official.CONSUMERS[version]
            consumer = await official.deploy_consumer(chain, contracts.owner, contract, contracts.link, oracle, job_id)
            arguments: list[abi.Argument] = ["EUR" if version == official.OPERATOR else "USD", on_chain.LINK]
            await chain.send(contracts.owner, to=consumer, data=abi.call(function, *arguments[: function.count(",") + 1]))
            consumers[version] = consumer
        prices = {version: await held(place, consumer) for version, consumer in consumers.items()}
        assert prices == {version: 165011 if version == official.OPERATOR else PRICE for version in official.ORACLES}
        account = await place.settled(len(official.ORACLES))
    assert dict(account.ends) == {End.ANSWERED: len(official.ORACLES)}
    # Each contract has been paid once, and says so itself.
    assert sorted(money.moved for money in account.earned) == [0] + [on_chain.LINK] * len(official.ORACLES)


OLD = {
    "RunRequest(bytes32,address,uint256,uint256,uint256,bytes)": ("fulfillData(uint256,bytes32)", False),
    "RunRequest(bytes32,address,uint256,uint256,uint256,address,bytes4,uint256,bytes)": (
        "fulfillData(uint256,uint256,address,bytes4,uint256,bytes32)",
        True,
    ),
}
"""The events before the current one, and the functions that took their answers: contracts that no package has any more."""


@pytest.mark.parametrize("event", OLD, ids=["original", "January 2019"])
async def test_requests_of_the_old_event_versions_are_answered_in_their_own_form(place: World, event: str) -> None:
    function, repeats = OLD[event]
    chain, owner = place.chain, place.contracts.owner
    async with start_node_in(place) as node:
        oracle = await emitter.deploy(chain, owner)
        job_id = await node.api.create_job(place_job(place, oracle))
        callback = abi.encode(["address", "bytes4", "uint256"], [owner, on_chain.CALLBACK, 2**40])
        parameters = on_chain.encode_parameters({"path": ["USD"]})
        head = abi.encode(["uint256", "uint256"], [77, 1]) + (callback if repeats else b"")
        data = head + evm.unsigned_word(len(head) + 32) + evm.dynamic_bytes(parameters)
        payment = evm.unsigned_word(on_chain.LINK)
        topics = [evm.event_topic(event), "0x" + job_id.encode().hex(), "0x" + abi.address_word(owner).hex()]
        await emitter.emit(chain, owner, oracle, [*topics, "0x" + payment.hex()], data)

        async def answered() -> list[str] | None:
            return await emitter.received(chain, oracle) or None

        [call] = await place.until("the answer is on the chain", answered)
        expected = evm.selector(function) + evm.unsigned_word(77) + (payment + callback if repeats else b"")
        assert call == "0x" + (expected + evm.unsigned_word(PRICE)).hex()
        run = await wait(place, node, job_id)
        assert run["status"] == "completed"


def place_job(place: World, oracle: str) -> dict[str, Any]:
    """The price job, with the path left to the requester."""
    job = official.fixed_price_job(place.prices.url, oracle)
    job["tasks"][1].pop("params")
    return job


async def wait(place: World, node: Any, job_id: str) -> dict[str, Any]:
    """The job's run, once it has ended."""

    async def probe() -> dict[str, Any] | None:
        runs = await node.api.runs(job_id)
        return runs[-1] if runs and runs[-1]["finishedAt"] else None

    ended: dict[str, Any] = await place.until("the run ends", probe)
    return ended


PRICES = '{"USD": 1923.45, "EUR": 1650.11, "JPY": 220000.5}'


def several(url: str, oracle: str) -> dict[str, Any]:
    """A job that answers with three prices, in cents."""
    tasks: list[dict[str, Any]] = []
    for currency in ("USD", "EUR", "JPY"):
        tasks += [
            {"type": "httpget", "params": {"get": url}},
            {"type": "jsonparse", "params": {"path": [currency]}},
            {"type": "multiply", "params": {"times": 100}},
            {"type": "resultcollect"},
        ]
    answer = {"type": "ethtx", "params": {"abiEncoding": ["bytes32", "uint256", "uint256", "uint256"]}}
    return {"initiators": [{"type": "runlog", "params": {"address": oracle}}], "tasks": [*tasks, answer]}


async def test_a_consumer_of_several_words_holds_all_of_them(place: World) -> None:
    chain, contracts = place.chain, place.contracts
    place.prices.body = PRICES
    async with start_node_in(place) as node:
        oracle = await official.deploy_oracle(chain, contracts.owner, official.OPERATOR, contracts.link, place.address())
        job_id = await node.api.create_job(several(place.prices.url, oracle))
        consumer = await official.deploy_consumer(
            chain, contracts.owner, "v0.7/MultiWordConsumer", contracts.link, oracle, job_id
        )
        call = abi.call("requestMultipleParameters(string,uint256)", "USD", on_chain.LINK)
        await chain.send(contracts.owner, to=consumer, data=call)

        async def held_words() -> list[int] | None:
            words = [int(await chain.call(consumer, abi.call(f"{name}()")), 16) for name in ("usd", "eur", "jpy")]
            return words if any(words) else None

        assert await place.until("the consumer holds the prices", held_words) == [PRICE, 165011, 22000050]
        account = await place.settled(1)
    assert dict(account.ends) == {End.ANSWERED: 1}


async def test_a_job_that_calls_a_contract_of_its_own_calls_it_and_its_requests_are_accounted_for(place: World) -> None:
    chain, owner = place.chain, place.contracts.owner
    place.prices.body = '{"price": "1850", "at": 1700000000}'
    async with start_node_in(place) as node:
        called = await emitter.deploy(chain, owner)
        inputs = [{"name": "price", "type": "uint256"}, {"name": "at", "type": "uint48"}]
        tell = {"address": called, "functionABI": {"name": "set", "inputs": inputs}}
        tasks = [
            {"type": "httpget", "params": {"get": place.prices.url}},
            {"type": "jsonparse", "params": {"path": []}},
            {"type": "ethtxabiencode", "params": tell},
        ]
        runlog = {"type": "runlog", "params": {"address": place.contracts.oracle}}
        place.job_id = await node.api.create_job({"initiators": [runlog], "tasks": tasks})
        request_id = await place.request({"address": owner, "Address": owner})
        run = await place.run(node, "completed", "errored", request_id=request_id)
        assert run["status"] == "completed", run["result"]["error"]
        words = evm.unsigned_word(1850) + evm.unsigned_word(1_700_000_000)
        assert await emitter.received(chain, called) == ["0x" + (evm.selector("set(uint256,uint48)") + words).hex()]
        account = await place.settled(1)
        [item] = await node.api._data("GET", "/v2/requests")
        fate = item["attributes"]["fate"]
    assert dict(account.ends) == {End.REFUSED: 1}
    assert (fate["kind"], evm.checksum(called) in fate["reason"]) == ("refused", True)
