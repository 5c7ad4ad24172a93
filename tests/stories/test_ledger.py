"""The ledger on a real chain with the official contracts: sound, and with faults that a chain can have.

Here the test is the node: it answers by hand, and writes the rows that a node would have written.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adyton.dev import abi, node_process, processes
from adyton.dev import contracts as on_chain
from adyton.dev.chain import ChainRefused, LocalChain
from adyton.dev.contracts import Contracts
from adyton.domain import evm
from adyton.domain.times import rfc3339
from adyton.ethereum.client import Chain
from adyton.ledger.account import Account, End, Kind, text
from adyton.ledger.draw_up import draw_up
from adyton.ledger.ends import Rules
from adyton.storage.connect import open_memory
from adyton.storage.database import Database, Statement
from support.agreements import deploy_court, propose
from support.anvil import start_anvil
from support.builders import JOB_ID, NOW
from support.contracts import IN_CENTS, World, start_node_in
from support.ledger import connect, unfinished

pytestmark = pytest.mark.stories

FULFIL = "fulfillOracleRequest(bytes32,uint256,address,bytes4,uint256,bytes32)"
RULES = Rules(now=NOW, grace=2, quiet=True)


def insert(table: str, **columns: Any) -> Statement:
    return Statement(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", [tuple(columns.values())]
    )


@dataclass
class Books:
    """A chain on which the test answers, and the rows it writes about that."""

    chain: LocalChain
    contracts: Contracts
    node: str
    other: str
    db: Database = field(default_factory=open_memory)
    _nonces: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def open(self) -> None:
        """The job and the key."""
        await self.write(
            insert("jobs", id=JOB_ID, created_at=NOW),
            insert("keys", address=self.node, next_nonce=0, created_at=NOW),
            insert(
                "initiators", job_id=JOB_ID, position=0, type="runlog", address=self.contracts.oracle, requesters="[]",
                created_at=NOW,
            ),
            insert("task_specs", job_id=JOB_ID, position=0, type="ethtx", params="{}", created_at=NOW, updated_at=NOW),
        )  # fmt: skip

    async def write(self, *statements: Statement) -> None:
        await self.db.write(*statements)

    async def ask(self) -> dict[str, Any]:
        """A request; gives its log."""
        nonce = next(self._nonces)
        request_id = await on_chain.request(self.chain, self.contracts, JOB_ID, IN_CENTS, nonce=nonce)
        logs = await self.chain.rpc("eth_getLogs", {"address": self.contracts.oracle, "fromBlock": "0x0"})
        found: dict[str, Any] = next(log for log in logs if log["data"][66:130] == request_id[2:])
        return found

    def id(self, log: dict[str, Any]) -> str:
        """The request's id."""
        return "0x" + str(log["data"][66:130])

    async def answer(self, log: dict[str, Any], *, by: str = "", gas: int | None = None) -> dict[str, Any]:
        """Answer it on the chain; gives the receipt. With ``gas`` it is sent even if it would revert."""
        words = [log["data"][2 + 64 * n : 66 + 64 * n] for n in range(6)]
        payment, expiration = int(words[2], 16), int(words[5], 16)
        callback, function = "0x" + words[3][24:], bytes.fromhex(words[4][:8])
        call = abi.call(FULFIL, bytes.fromhex(words[1]), payment, callback, function, expiration, 192345)
        if gas is None:
            return await self.chain.send(by or self.node, to=self.contracts.oracle, data=call)
        fields = {"from": by or self.node, "to": self.contracts.oracle, "data": call, "gas": hex(gas)}
        receipt = await self.chain.receipt(await self.chain.rpc("eth_sendTransaction", fields))
        if receipt["status"] != "0x1":
            raise ChainRefused("reverted")
        return receipt

    async def note(self, log: dict[str, Any], receipt: dict[str, Any] | None, **request: Any) -> None:
        """The rows of a request and its answer."""
        request_id, block = "0x" + log["data"][66:130], int(log["blockNumber"], 16)
        run: dict[str, Any] = {"status": "completed"} if receipt else {"status": "errored", "error": "the source said 500"}
        closed: dict[str, Any] = {}
        if receipt is not None:
            mined = int(receipt["blockNumber"], 16)
            closed = {"closed_as": "answered", "closed_tx": receipt["transactionHash"], "closed_block": mined}
            await self._note_transaction(request_id[2:34], receipt, mined)
        await self.write(
            insert(
                "runs", id=request_id[2:34], job_id=JOB_ID, initiator_id=1, version=1, created_at=NOW, updated_at=NOW,
                finished_at=NOW, input="{}", contract=self.contracts.oracle, request_id=request_id, **run,
            ),
            insert(
                "requests", contract=self.contracts.oracle, request_id=request_id, job_id=JOB_ID, block_number=block,
                block_hash=log["blockHash"], transaction_hash=log["transactionHash"], log_index=0, requester="0x",
                payment="1", seen_at=NOW, **({"decision": "run started", "run_id": request_id[2:34]} | closed | request),
            ),
        )  # fmt: skip

    async def _note_transaction(self, run_id: str, receipt: dict[str, Any], mined: int) -> None:
        sent = await self.chain.rpc("eth_getTransactionByHash", receipt["transactionHash"])
        await self.write(
            insert(
                "transactions", run_id=run_id, task_position=0, from_address=self.node, to_address=self.contracts.oracle,
                data="0x", value="0", gas_limit=1, min_confirmations=1, state="safe", nonce=int(sent["nonce"], 16),
                created_at=NOW, broadcast_at=NOW, safe_height=1, receipt_block=mined, receipt_block_hash="0x", receipt="{}",
                receipt_status=int(receipt["status"], 16),
            ),
        )  # fmt: skip
        [(number,)] = await self.db.read("SELECT MAX(id) FROM transactions")
        await self.write(
            insert(
                "tx_attempts", transaction_id=number, hash=receipt["transactionHash"], gas_price="1", raw="0x",
                state="broadcast", created_at=NOW,
            ),
        )  # fmt: skip

    async def account(self) -> Account:
        async with connect(self.chain) as rpc:
            return await draw_up(self.db, Chain(rpc), RULES, link=self.contracts.link)


async def deploy(chain: LocalChain, oracle: str, answerers: tuple[str, ...]) -> Contracts:
    """The contracts with an oracle of that version, which takes answers from ``answerers``."""
    if oracle != "v0.7/Operator":
        contracts = await on_chain.deploy_contracts(chain, oracle=oracle)
        for address in answerers:
            permission = abi.call("setFulfillmentPermission(address,bool)", address, True)
            await chain.send(contracts.owner, to=contracts.oracle, data=permission)
        return contracts
    plain = await on_chain.deploy_contracts(chain)
    operator = await chain.deploy(plain.owner, oracle, abi.encode(["address", "address"], [plain.link, plain.owner]))
    senders = abi.encode(["uint256", "uint256"], [32, len(answerers)]) + b"".join(map(abi.address_word, answerers))
    permission = "0x" + (evm.selector("setAuthorizedSenders(address[])") + senders).hex()
    await chain.send(plain.owner, to=operator, data=permission)
    return msgspec.structs.replace(plain, oracle=operator)


@pytest.fixture(params=["v0.6/Oracle", "v0.4/Oracle", "v0.7/Operator"])
async def books(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Books]:
    """Two requests, answered and written down, on each version of the contract."""
    async with start_anvil(tmp_path) as chain:
        _, node, other, *_ = await chain.accounts()
        made = Books(chain, await deploy(chain, request.param, (node, other)), node, other)
        await made.open()
        for _ in range(2):
            log = await made.ask()
            await made.note(log, await made.answer(log))
        yield made
        await made.db.close()


def kinds(account: Account) -> list[Kind]:
    return [finding.kind for finding in account.findings]


async def test_a_sound_chain_adds_up(books: Books) -> None:
    account = await books.account()
    assert account.sound, text(account)
    assert account.unchecked == ()
    assert dict(account.ends) == {End.ANSWERED: 2}
    assert [money.moved for money in account.earned] == [2 * on_chain.LINK]
    assert account.spent[0].moved == account.spent[0].expected > 0


async def test_each_end_and_each_fault_is_told_apart(books: Books) -> None:
    chain, contracts = books.chain, books.contracts
    refused, by_another, cancelled, lost, unrecorded, only_here = [await books.ask() for _ in range(6)]
    await books.note(refused, None)
    await books.answer(by_another, by=books.other)
    await books.note(by_another, None)
    await chain.rpc("evm_increaseTime", 301)
    await chain.mine()
    await cancel(books, cancelled)
    await books.note(cancelled, None)
    account = await books.account()
    assert kinds(account).count(Kind.LOST) == 3
    by_hand = await books.answer(unrecorded)
    await books.note(only_here, {**by_hand, "status": "0x1"})
    # The contract's owner takes out LINK, somebody gives the key ether, the key gives some away.
    withdraw = abi.call("withdraw(address,uint256)", contracts.owner, on_chain.LINK)
    await chain.send(contracts.owner, to=contracts.oracle, data=withdraw)
    await chain.send(contracts.owner, to=books.node, value=123)
    await chain.send(books.node, to=contracts.owner, value=45)
    account = await books.account()
    found = {(finding.kind, finding.subject.split()[1]) for finding in account.findings}
    closed = Kind.ONLY_ON_CHAIN  # the cancellation's row says nothing of it
    assert found == {
        (closed, books.id(cancelled)),
        (Kind.LOST, books.id(lost)),
        (Kind.LOST, books.id(only_here)),
        (Kind.ONLY_ON_CHAIN, books.id(unrecorded)),
        (Kind.ONLY_IN_DATABASE, books.id(only_here)),
        (Kind.NONCE_UNKNOWN, str(int((await chain.rpc("eth_getTransactionCount", books.node, "latest")), 16) - 1)),
    }, text(account)
    assert account.ends[End.ANSWERED] == 3
    assert account.ends[End.ANSWERED_BY_ANOTHER] == 1
    assert account.ends[End.CANCELLED] == 1
    # The source failed and the requester may cancel: that is an end as well.
    assert account.ends[End.EXPIRED] == 1
    assert all(money.adds_up for money in (*account.earned, *account.spent))


async def test_an_answer_that_reverts_is_paid_for_and_counted(books: Books) -> None:
    log = await books.ask()
    await books.answer(log, by=books.other)
    with pytest.raises(ChainRefused):
        await books.answer(log, gas=500_000)
    account = await books.account()
    assert account.reverted == 1
    assert account.spent[0].adds_up
    assert Kind.NONCE_UNKNOWN in kinds(account)


async def cancel(books: Books, log: dict[str, Any]) -> None:
    request, expiration = bytes.fromhex(log["data"][66:130]), int(log["data"][2 + 64 * 5 : 2 + 64 * 6], 16)
    signature = "cancelRequest(address,bytes32,uint256,bytes4,uint256)"
    call = abi.call(signature, books.contracts.oracle, request, on_chain.LINK, on_chain.CALLBACK, expiration)
    await books.chain.send(books.contracts.owner, to=books.contracts.consumer, data=call)


# --- as a person calls it --------------------------------------------------------------------------------------------


async def test_the_command_reads_beside_the_node_and_its_exit_status_is_the_verdict(place: World) -> None:
    async with start_node_in(place) as node:
        await place.answer(await place.request())
        await place.run(node, "completed")
        status, said = await command(place)
        assert (status, "Everything adds up." in said) == (0, True), said
        status, said = await command(place, "--json")
        assert json.loads(said)["ends"] == {"answered": 1}
    missed = await place.request()  # nobody is there to hear it
    await place.chain.mine(20)
    status, said = await command(place)
    assert status == 1
    assert f"lost: request {missed}" in said
    status, said = await command(place, "--from", "100000")
    assert (status, "is not there yet" in said) == (1, True)


async def command(place: World, *options: str) -> tuple[int, str]:
    """Exit status and output of ``adyton ledger``."""
    log = place.root / "ledger.log"
    log.unlink(missing_ok=True)
    environment = node_process.environment(place.root, port=1, settings=place.settings())
    child = await processes.start(
        "ledger", [sys.executable, "-m", "adyton", "ledger", *options], log=log, environment=environment
    )
    return await child.wait(), child.output()


async def test_requests_under_a_service_agreement_are_accounted_for(place: World) -> None:
    court = await deploy_court(place.chain, place.contracts.owner, place.contracts.link)
    async with start_node_in(place, FEATURE_SERVICE_AGREEMENTS="true") as node:
        end = rfc3339((place.real.clock.now() // 1_000_000 + 3600) * 1_000_000)
        agreement = await propose(place.real.http, node, court.proposal(place.prices.url, [place.address()], end))
        await court.initiate(agreement, [agreement["signature"]])
        consumer = await court.consumer(agreement["id"])
        await court.ask(consumer, "USD")

        async def told() -> bool | None:
            return await court.price(consumer) == 192345 or None

        await place.until("the consumer has its answer", told)
        account = await agreed(place)
        assert dict(account.ends) == {End.ANSWERED: 1}
        assert account.spent[0].adds_up
    await court.ask(consumer, "EUR")  # nobody is there to hear it
    await place.chain.mine(20)
    assert kinds(await place.ledger()) == [Kind.LOST]


async def agreed(place: World) -> Account:
    """The account, once everything is quiet. What a Coordinator holds for each oracle is not looked at."""

    async def quiet() -> bool | None:
        return (await unfinished(place.root))[1:] == (0, 0) or None

    await place.until("everything is quiet", quiet)
    account = await place.ledger()
    assert account.sound, text(account)
    assert ["LINK of" in what for what in account.unchecked] == [True]
    return account
