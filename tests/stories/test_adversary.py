"""Requesters who mean harm, on a real chain with the official contracts: each can spoil only what it asked for itself.

Beside each attack somebody asks honestly and is answered. In the end the ledger adds up: no nonce is missing, no key is
blocked, and everything that the node sent is an answer to a request, where that request wanted it.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import cbor2
import pytest

from adyton.dev import abi
from adyton.dev import contracts as on_chain
from adyton.dev.chain import ChainRefused
from adyton.dev.node_process import NodeProcess
from adyton.domain import evm
from adyton.ledger.account import Account, End
from support import emitter, official
from support.contracts import IN_CENTS, World, start_node_in
from support.stories import PRICE

pytestmark = pytest.mark.stories

THIEF = "0x" + "bad0" * 10
FULFIL = "0x4ab0d190"
GAS = 1_000_000
"""More than any request costs; what the chain estimates is wrong for contracts that store the time of their block."""


@dataclass
class Siege:
    """A node under attack. ``job_id`` is a job with nothing left open, ``open_job`` one that leaves path and factor open."""

    place: World
    node: NodeProcess
    job_id: str
    open_job: str
    attacker: str
    honest: int = 0
    known: int = 0
    """Requests that the node must know of, honest ones included."""
    _nonces: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def ask_honestly(self) -> None:
        """An honest request, which is answered."""
        self.honest += 1
        self.known += 1
        assert (await self.place.answer(await self.place.request())).number == PRICE

    async def ask(self, raw: bytes, *, job_id: str = "", payment: int = on_chain.LINK, callback: str = "") -> str:
        """A request with these bytes as its parameters; returns its id."""
        place, contracts = self.place, self.place.contracts
        nonce = next(self._nonces)
        ask = abi.call(
            "oracleRequest(address,uint256,bytes32,address,bytes4,uint256,uint256,bytes)",
            self.attacker, payment, (job_id or self.open_job).encode(), callback or contracts.consumer, on_chain.CALLBACK,
            nonce, 1, raw,
        )  # fmt: skip
        request_id = on_chain.request_id_of(self.attacker, nonce)
        if not callback:
            expect = abi.call("addExternalRequest(address,bytes32)", contracts.oracle, request_id)
            await place.chain.send(self.attacker, to=contracts.consumer, data=expect)
        pay = abi.call("transferAndCall(address,uint256,bytes)", contracts.oracle, payment, bytes.fromhex(ask[2:]))
        await place.chain.send(self.attacker, to=contracts.link, data=pay)
        return "0x" + request_id.hex()

    async def ask_for(self, parameters: Mapping[str, Any], **options: Any) -> str:
        """A request with these parameters."""
        return await self.ask(on_chain.encode_parameters(parameters), **options)

    async def end_of(self, request_id: str, job_id: str = "") -> dict[str, Any]:
        """The request's run, once it has ended."""
        self.known += 1
        ended: dict[str, Any] = await self.place.until(
            f"the run of {request_id} ends", lambda: self.ended(request_id, job_id or self.open_job)
        )
        return ended

    async def ended(self, request_id: str, job_id: str) -> dict[str, Any] | None:
        """The request's run, if it has ended."""
        for run in await self.node.api.runs(job_id):
            ours = request_id[2:] in str(run["overrides"]["data"])
            if ours and run["status"] in {"completed", "errored", "cancelled"}:
                return run
        return None

    async def is_answered(self, request_id: str) -> int | None:
        """The number with which it was answered, None if it was not."""
        found = [answer.number for answer in await self.place.answers() if answer.request_id == request_id]
        assert len(found) <= 1
        return found[0] if found else None

    async def over(self) -> Account:
        """The account at the end, and what must be true of everything that the node sent."""
        account = await self.place.settled(self.known)
        assert account.ends[End.ANSWERED] >= self.honest
        assert await self.place.sent("pending") == await self.place.sent("latest")
        for sent in await self.sent():
            assert sent["to"].lower() == self.place.contracts.oracle
            assert sent["input"].startswith(FULFIL)
            assert int(sent["gas"], 16) <= 500_000
            assert int(sent["gasPrice"], 16) < 100 * 10**9
        return account

    async def sent(self) -> list[dict[str, Any]]:
        """Every transaction of the node's key, as the chain has it."""
        address, found = self.place.address(), list[dict[str, Any]]()
        for number in range(await self.place.chain.height() + 1):
            block = await self.place.chain.rpc("eth_getBlockByNumber", hex(number), True)
            found += [each for each in block["transactions"] if each["from"].lower() == address]
        return found


@asynccontextmanager
async def start_siege(place: World) -> AsyncIterator[Siege]:
    """A node with its jobs, and an attacker with LINK to spend."""
    async with start_node_in(place) as node:
        fixed = official.fixed_price_job(place.prices.url, place.contracts.oracle)
        job_id = await node.api.create_job(fixed)
        attacker = (await place.chain.accounts())[5]
        await official.give_link(place.chain, place.contracts.owner, place.contracts.link, attacker)
        yield Siege(place, node, job_id, place.job_id, attacker)


RESERVED: list[dict[str, Any]] = [
    {"address": THIEF},
    {"Address": THIEF},
    {"addreſs": THIEF},
    {"ADDRESS": THIEF, "address": THIEF},
    {"functionSelector": "0xdeadbeef"},
    {"functionselector": "0xdeadbeef"},
    {"FunctionſelectoR": "0xdeadbeef"},
    {"dataPrefix": "0x" + "00" * 160},
    {"dataprefix": "0x" + "00" * 160},
    {"DATAPREFIX": None},
    {"gasPrice": 10**15},
    {"gasprice": str(10**15), "GasPrice": 10**15},
    {"gasLimit": 10_000_000},
    {"gaslimit": 1},
    {"fromAddress": THIEF},
    {"fromaddress": THIEF, "fromAddresses": [THIEF]},
    {"get": "http://127.0.0.1:1/steal", "GET": "http://127.0.0.1:1/steal", "url": "http://127.0.0.1:1/"},
    {"headers": {"X-Api-Key": "mine"}, "extPath": "/elsewhere"},
    {"result": 1, "value": 1, "error": "made up", "status": "completed", "jobRunId": "x" * 32},
]


async def test_reserved_keys_in_a_request_change_nothing_in_any_spelling(place: World) -> None:
    async with start_siege(place) as siege:
        for keys in RESERVED:
            request_id = await siege.ask_for({**IN_CENTS, **keys}, job_id=siege.job_id)
            run = await siege.end_of(request_id, siege.job_id)
            # Each may at most spoil its own answer; that of the words in RESERVED none does is what we promise.
            if "extPath" not in keys:
                assert run["status"] == "completed", (keys, run["result"]["error"])
                assert await siege.is_answered(request_id) == PRICE, keys
            await siege.ask_honestly()
        account = await siege.over()
    assert account.reverted == 0
    assert account.ends[End.ANSWERED] >= 2 * len(RESERVED) - 1


GARBAGE = {
    "nothing": b"",
    "a number": b"\x01",
    "a break without a beginning": b"\xff",
    "a map that announces more than there is": b"\xbb" + b"\xff" * 8,
    "half a text": b"\x64USD",
    "a key that is a number": cbor2.dumps(7) + cbor2.dumps("x"),
    "a text that is no UTF-8": b"\x64path\x63\xff\xfe\xfd",
    "arrays in arrays": b"\x64path" + b"\x81" * 2_000 + b"\x00",
    "a bignum of 4,000 bits": cbor2.dumps("times") + cbor2.dumps(1 << 4_000),
    "a number beyond measure": cbor2.dumps("times") + b"\xfb\x7f\xef" + b"\xff" * 6,
    "not a number": cbor2.dumps("times") + b"\xf9\x7e\x00",
    "a reference to itself": b"\x64path\xd8\x1c\x81\xd8\x1d\x00",
    "an endless map that ends": b"\xbf\x64path\x9f\x63USD\xff\x65times\x18\x64\xff",
    "sixty kilobytes": cbor2.dumps("path") + cbor2.dumps(["USD" * 20_000]),
    "a thousand keys": b"".join(cbor2.dumps(f"key{n}") + cbor2.dumps(n) for n in range(1_000)),
    "noise": bytes(n * 7919 % 256 for n in range(2_000)),
}


async def test_parameters_that_are_no_cbor_or_too_much_of_it_end_their_own_run(place: World) -> None:
    async with start_siege(place) as siege:
        for what, raw in GARBAGE.items():
            request_id = await siege.ask(raw)
            run = await siege.end_of(request_id)
            if what == "an endless map that ends":
                assert await siege.is_answered(request_id) == PRICE
            else:
                assert (run["status"], bool(run["result"]["error"])) == ("errored", True), what
            await siege.ask_honestly()
        account = await siege.over()
    assert account.ends[End.ANSWERED] == siege.honest + 1


async def test_who_pays_nothing_or_may_not_ask_gets_nothing(place: World) -> None:
    chain, contracts = place.chain, place.contracts
    async with start_siege(place) as siege:
        elsewhere = await official.deploy_oracle(chain, contracts.owner, "v0.6/Oracle", contracts.link, place.address())
        only_owner = official.fixed_price_job(place.prices.url, contracts.oracle, requesters=[contracts.owner])
        theirs = await siege.node.api.create_job(only_owner)
        other = await siege.node.api.create_job(official.fixed_price_job(place.prices.url, elsewhere))
        for what, job_id, payment in (
            ("nothing", siege.job_id, 0),
            ("too little", siege.job_id, 1),
            ("not his", theirs, 10**18),
        ):
            request_id = await siege.ask(b"", job_id=job_id, payment=payment)
            run = await siege.end_of(request_id, job_id)
            assert run["status"] == "errored", what
            assert await siege.is_answered(request_id) is None
            await siege.ask_honestly()
        for job_id in (other, "0" * 32, "f" * 32, "specId", "\xff" * 16):  # of another contract, and of nobody
            await siege.ask(b"", job_id=job_id)
            await siege.ask_honestly()
        assert await siege.node.api.runs(other) == []
        account = await siege.over()
    assert account.ends[End.ANSWERED] == siege.honest


async def test_an_event_of_another_contract_that_looks_like_a_request_starts_nothing(place: World) -> None:
    chain, contracts = place.chain, place.contracts
    async with start_siege(place) as siege:
        fake = await emitter.deploy(chain, siege.attacker)
        true = await place.request()
        await place.answer(true)
        siege.known += 1
        siege.honest += 1
        logs = await chain.rpc("eth_getLogs", {"address": contracts.oracle, "topics": [official.REQUESTED], "fromBlock": "0x0"})
        copied = logs[-1]
        data = bytes.fromhex(copied["data"][2:])
        fresh = data[:32] + evm.keccak(b"fresh") + data[64:]
        for words in (data, fresh, data[:100], data[: 32 * 8] + b"\xff" * 32, b""):
            await emitter.emit(chain, siege.attacker, fake, copied["topics"], words)
            await emitter.emit(chain, siege.attacker, fake, copied["topics"][:1], words)
            await siege.ask_honestly()
        # The events that close a request, said by somebody else of a request that waits.
        place.prices.open.clear()
        waiting = await place.request()
        await place.prices.reached.wait()
        for said in ("CancelOracleRequest(bytes32)", "OracleResponse(bytes32)"):
            await emitter.emit(chain, siege.attacker, fake, [evm.event_topic(said), waiting], b"")
        place.prices.open.set()
        assert (await place.answer(waiting)).number == PRICE
        siege.known += 1
        siege.honest += 1
        account = await siege.over()
        runs = await siege.node.api.runs(place.job_id)
    assert len(runs) == siege.honest
    assert account.ends[End.ANSWERED] == siege.honest


async def test_a_job_for_any_contract_answers_the_contract_that_asked_and_pays_for_no_lie(place: World) -> None:
    """A contract may claim any payment in its own event; the job's operator chose to believe all of them."""
    chain = place.chain
    async with start_siege(place) as siege:
        anywhere = await siege.node.api.create_job(official.fixed_price_job(place.prices.url, None))
        reverter = await chain.deploy(siege.attacker, "v0.6/Reverter")
        fake = await emitter.deploy(chain, siege.attacker)
        request_id = evm.keccak(b"a lie")
        words = abi.encode(
            ["address", "bytes32", "uint256", "address", "bytes4", "uint256", "uint256", "uint256", "uint256"],
            [siege.attacker, request_id, 10**24, reverter, on_chain.CALLBACK, 2**200, 1, 256, 0],
        )
        await emitter.emit(chain, siege.attacker, fake, [official.REQUESTED, "0x" + anywhere.encode().hex()], words)
        run = await place.until("the lie's run ends", lambda: siege.ended("0x" + request_id.hex(), anywhere))
        await siege.ask_honestly()
        received = await emitter.received(chain, fake)
        assert run["status"] == "completed"
        assert [call[:74] for call in received] == [FULFIL + request_id.hex()]
        siege.known += 1
        await place.settled(siege.known)


# --- the official malicious contracts --------------------------------------------------------------------------------

CALLBACKS = (
    "assertFail", "cancelRequestOnFulfill", "stealEthCall", "stealEthSend", "stealEthTransfer", "doesNothing", "notThere",
)  # fmt: skip


async def ask_from(siege: Siege, contract: str, signature: str, *values: abi.Argument) -> None:
    """Let a contract of the attacker's ask; its request is answered, whatever the contract then makes of the answer."""
    receipt = await siege.place.chain.send(siege.attacker, to=contract, data=abi.call(signature, *values), gas=GAS)
    [request_id] = official.request_ids(receipt, siege.place.contracts.oracle)
    run = await siege.end_of(request_id, siege.job_id)
    assert run["status"] == "completed", run["result"]["error"]


async def refused(siege: Siege, contract: str, signature: str, *values: abi.Argument) -> None:
    """The oracle contract itself refuses that."""
    with pytest.raises(ChainRefused):
        await siege.place.chain.send(siege.attacker, to=contract, data=abi.call(signature, *values))


async def deploy(siege: Siege, contract: str, job_id: str = "") -> str:
    """A contract of the attacker's, with LINK."""
    contracts = siege.place.contracts
    chain = siege.place.chain
    return await official.deploy_consumer(chain, contracts.owner, contract, contracts.link, contracts.oracle, job_id)


@pytest.mark.parametrize(
    ("contract", "types"),
    [
        ("v0.4/MaliciousConsumer", "(bytes32,bytes32)"),
        ("v0.5/MaliciousConsumer", "(bytes32,bytes32)"),
        ("v0.6/MaliciousMultiWordConsumer", "(bytes32,bytes)"),
    ],
)
async def test_a_malicious_consumer_spoils_its_own_answer_only(place: World, contract: str, types: str) -> None:
    async with start_siege(place) as siege:
        consumer, job = await deploy(siege, contract), siege.job_id.encode()
        for name in CALLBACKS:
            await ask_from(siege, consumer, "requestData(bytes32,bytes)", job, (name + types).encode())
            await siege.ask_honestly()
        # It is gone before the answer comes: then there is nothing to call, and nothing to fail.
        place.prices.open.clear()
        place.prices.reached.clear()
        asking = abi.call("requestData(bytes32,bytes)", job, ("doesNothing" + types).encode())
        receipt = await place.chain.send(siege.attacker, to=consumer, data=asking, gas=GAS)
        await place.prices.reached.wait()
        await place.chain.send(siege.attacker, to=consumer, data=abi.call("remove()"))
        place.prices.open.set()
        [request_id] = official.request_ids(receipt, place.contracts.oracle)
        assert (await siege.end_of(request_id, siege.job_id))["status"] == "completed"
        await siege.ask_honestly()
        account = await siege.over()
    # The oracle calls back at low level: whatever the consumer does, the answer stands and is paid for.
    assert account.reverted == 0
    assert account.ends[End.ANSWERED] == siege.known


@pytest.mark.parametrize("version", ["v0.4", "v0.5"])
async def test_a_malicious_requester_harms_nobody_else(place: World, version: str) -> None:
    contracts = place.contracts
    async with start_siege(place) as siege:
        requester, job = await deploy(siege, f"{version}/MaliciousRequester"), siege.job_id.encode()
        reverter = await place.chain.deploy(siege.attacker, "v0.6/Reverter")
        await refused(siege, requester, "maliciousWithdraw()")
        await siege.ask_honestly()
        # It says that it pays twice as much as it does: the contract writes the truth over it.
        await ask_from(siege, requester, "maliciousPrice(bytes32)", job)
        await siege.ask_honestly()
        asking = abi.call("maliciousTargetConsumer(address)", contracts.consumer)  # of a job that nobody has
        await place.chain.send(siege.attacker, to=requester, data=asking, gas=GAS)
        await siege.ask_honestly()
        await refused(siege, requester, "maliciousRequestCancel(bytes32,bytes)", job, b"doesNothing(bytes32,bytes32)")
        await siege.ask_honestly()
        # Somebody else's consumer, one that always reverts, the oracle itself and LINK are called back. (Another contract asks:
        # this one has two counters, and would name its requests twice.)
        requester = await deploy(siege, f"{version}/MaliciousRequester")
        await refused(siege, requester, "request(bytes32,address,bytes)", job, contracts.link, b"transfer(address,uint256)")
        for target, function in (
            (contracts.consumer, b"fulfill(bytes32,bytes32)"),
            (reverter, b"anything()"),
            (contracts.oracle, b"withdraw(address,uint256)"),
            (place.address(), b"anything()"),
        ):
            await ask_from(siege, requester, "request(bytes32,address,bytes)", job, target, function)
            await siege.ask_honestly()
        account = await siege.over()
    assert account.reverted == 0
    assert len(await place.answers()) == siege.honest


async def test_consumers_that_burn_all_gas_burn_only_that_of_their_own_answer(place: World) -> None:
    async with start_siege(place) as siege:
        consumer = await deploy(siege, "v0.6/GasGuzzlingConsumer", siege.job_id)
        for name in ("gassyRequestEthereumPrice", "gassyMultiWordRequest"):
            await ask_from(siege, consumer, f"{name}(uint256)", on_chain.LINK)
            await siege.ask_honestly()
        guzzler = await place.chain.deploy(siege.attacker, "v0.6/GasGuzzler")
        for _ in range(3):
            request_id = await siege.ask(b"", job_id=siege.job_id, callback=guzzler)
            assert (await siege.end_of(request_id, siege.job_id))["status"] == "completed"
            await siege.ask_honestly()
        account = await siege.over()
    assert account.reverted == 0
    assert account.ends[End.ANSWERED] == siege.known


async def test_a_requester_who_cancels_at_the_last_moment_costs_the_node_no_key(place: World) -> None:
    """The answer is in the pool when the request is cancelled in a block before it: it reverts, and the next ones do not."""
    async with start_siege(place) as siege:
        place.prices.open.clear()
        place.prices.reached.clear()
        mine = await place.request()  # by the consumer's owner, who can cancel
        siege.known += 1
        await place.prices.reached.wait()
        await place.chain.rpc("evm_increaseTime", 301)
        await place.chain.mine()
        await place.chain.rpc("evm_setAutomine", False)
        place.prices.open.set()

        async def in_the_pool() -> bool | None:
            return await place.sent("pending") > await place.sent("latest") or None

        await place.until("the answer is in the pool", in_the_pool)
        cancelling = await cancel_dearly(siege, mine)
        await place.chain.mine()
        await place.chain.rpc("evm_setAutomine", True)
        assert (await place.chain.receipt(cancelling))["status"] == "0x1"
        await place.chain.mine()
        assert await siege.is_answered(mine) is None
        for _ in range(3):
            await siege.ask_honestly()
        account = await siege.over()
    assert account.ends[End.CANCELLED] == 1
    assert account.reverted == 1


async def cancel_dearly(siege: Siege, request_id: str) -> str:
    """Cancel with a price that goes before every other; returns the transaction's hash."""
    chain, contracts = siege.place.chain, siege.place.contracts
    logs = await chain.rpc("eth_getLogs", {"address": contracts.oracle, "topics": [official.REQUESTED], "fromBlock": "0x0"})
    data = next(log["data"] for log in logs if request_id[2:] == log["data"][66:130])
    call = abi.call(
        "cancelRequest(address,bytes32,uint256,bytes4,uint256)",
        contracts.oracle, bytes.fromhex(request_id[2:]), on_chain.LINK, on_chain.CALLBACK,
        int(data[2 + 64 * 5 : 2 + 64 * 6], 16),
    )  # fmt: skip
    fields = {"from": contracts.owner, "to": contracts.consumer, "data": call, "gas": hex(500_000), "gasPrice": hex(10**12)}
    sent: str = await chain.rpc("eth_sendTransaction", fields)
    return sent
