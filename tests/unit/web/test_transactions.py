"""Transactions over HTTP: v0.6.2's forms, wishes, and the doctor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adyton.domain.errors import Disconnected
from adyton.domain.transactions import Transaction, TransactionRequest
from adyton.domain.transactions import TransactionState as S
from adyton.ethereum.errors import RpcError
from adyton.storage import keys
from adyton.storage import operator_transactions as stored
from support.api import Api, details
from support.builders import NOW, ORACLE, SENDER

SHOWN_KEY = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
GONE = "0x" + "01" * 20


class Node:
    """An API, and a manager that a test starts and stops."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.running: asyncio.Task[None] | None = None

    async def ask(self, *names: str) -> None:
        """Leave a transaction for each run of these names."""
        for name in names:
            request = TransactionRequest(to=ORACLE, data=f"0x{name.encode().hex()}")
            await self.api.db.write(self.api.manager.insert(request, run_id=name, task_position=0, now=NOW))
        self.api.manager.wake()

    async def send(self, *names: str) -> None:
        """As ``ask``, and let the node send them."""
        self.api.outside.connect()
        self.running = asyncio.create_task(self.api.manager.run())
        await self.ask(*names)
        await self.until(lambda found: found.state is S.UNCONFIRMED, len(names))

    async def of(self, number: int = 1) -> Transaction:
        """The transaction of that number."""
        found = await stored.get(self.api.db, number)
        assert found is not None
        return found

    async def until(self, holds: Callable[[Transaction], bool], number: int = 1) -> Transaction:
        """The transaction when that holds for it."""
        for _ in range(2000):
            found = await self.of(number)
            if holds(found):
                return found
            await asyncio.sleep(0)
        raise AssertionError(f"not so: {found}")


@asynccontextmanager
async def node(**options: Any) -> AsyncIterator[Node]:
    async with Api(**options) as api:
        await keys.ensure(api.db, [SENDER], NOW)
        api.outside.base_fee = None
        made = Node(api)
        yield made
        if made.running is not None:
            made.running.cancel()
            await asyncio.wait([made.running])


# --- look ------------------------------------------------------------------------------------------------------------


async def test_a_transaction_is_shown_as_in_v0_6_2_and_says_more() -> None:
    async with node() as at:
        await at.send("run")
        (sent,) = at.api.outside.sent
        found = (await at.api.get(f"/v2/transactions/{sent.hash}"))["data"]
        assert (found["type"], found["id"]) == ("transactions", sent.hash)
        shown = found["attributes"]
        assert list(shown)[:10] == ["data", "from", "gasLimit", "gasPrice", "hash", "rawHex", "nonce", "sentAt", "to", "value"]
        assert {name: shown[name] for name in list(shown)[:10] if name != "sentAt"} == {
            "data": sent.data,
            "from": SENDER,
            "gasLimit": "500000",
            "gasPrice": str(sent.price),
            "hash": sent.hash,
            "rawHex": sent.raw,
            "nonce": "0",
            "to": ORACLE,
            "value": "0",
        }
        assert (shown["txId"], shown["state"], shown["runId"], shown["error"]) == (1, "unconfirmed", "run", None)
        assert [each["hash"] for each in shown["attempts"]] == [sent.hash]


async def test_confirmed_is_said_when_it_is_so_and_of_the_attempt_that_was_mined() -> None:
    async with node() as at:
        await at.send("run")
        await at.api.post("/v2/transactions/1/bump")
        await at.until(lambda found: len(found.attempts) == 2)
        first, second = (each.hash for each in (await at.of()).attempts)
        at.api.outside.mine()
        await at.until(lambda found: found.state is S.SAFE)
        assert (await at.api.get(f"/v2/transactions/{second}"))["data"]["attributes"]["confirmed"] is True
        lost = (await at.api.get(f"/v2/transactions/{first}"))["data"]
        assert lost["id"] == first
        assert "confirmed" not in lost["attributes"]
        by_id = (await at.api.get("/v2/transactions/1"))["data"]
        assert (by_id["id"], by_id["attributes"]["minedIn"]) == (second, "1")
        attempts = (await at.api.get("/v2/tx_attempts"))["data"]
        assert [(each["id"], each["attributes"]["Confirmed"]) for each in attempts] == [(second, True), (first, False)]


async def test_attempts_have_the_capitals_of_v0_6_2() -> None:
    async with node() as at:
        await at.send("run")
        (sent,) = at.api.outside.sent
        found = await at.api.get("/v2/tx_attempts")
        (attempt,) = found["data"]
        assert (attempt["type"], attempt["id"], found["meta"]) == ("txattempts", sent.hash, {"count": 1})
        shown = attempt["attributes"]
        assert list(shown) == ["ID", "TxID", "CreatedAt", "Hash", "GasPrice", "Confirmed", "SentAt", "SignedRawTx", "Noop"]
        assert (shown["TxID"], shown["Hash"], shown["GasPrice"], shown["SignedRawTx"]) == (1, sent.hash, sent.price, sent.raw)


async def test_the_list_is_newest_first_in_pages_and_shows_what_is_not_signed() -> None:
    async with node() as at:
        await at.ask("a", "b", "c")
        found = await at.api.get("/v2/transactions?size=2")
        assert [each["id"] for each in found["data"]] == ["3", "2"]
        assert found["links"] == {"next": "/v2/transactions?page=2&size=2"}
        assert found["meta"] == {"count": 3}
        shown = found["data"][0]["attributes"]
        assert (shown["hash"], shown["nonce"], shown["gasPrice"], shown["state"]) == ("", "0", "0", "unstarted")
        assert "rawHex" not in shown
        assert details(await at.api.get("/v2/transactions?size=x", 422))


@pytest.mark.parametrize("name", ["7", "0x7", "0x" + "ab" * 32, "nonsense", "9" * 30])
async def test_an_unknown_transaction_is_not_found(name: str) -> None:
    async with node() as at:
        assert details(await at.api.get(f"/v2/transactions/{name}", 404)) == ["Transaction not found"]
        assert details(await at.api.post(f"/v2/transactions/{name}/cancel", status=404)) == ["Transaction not found"]


async def test_everything_needs_a_session() -> None:
    async with node() as at:
        stranger = at.api.another_client()
        for path in ("/v2/transactions", "/v2/transactions/1", "/v2/tx_attempts", "/v2/transactions/doctor"):
            assert (await stranger.get(path)).status_code == 401
        for wish in ("bump", "cancel", "resend"):
            assert (await stranger.post(f"/v2/transactions/1/{wish}")).status_code == 401


# --- wish ------------------------------------------------------------------------------------------------------------


async def test_a_bump_is_done_and_its_most_cost_told() -> None:
    async with node() as at:
        await at.send("run")
        price = at.api.outside.sent[0].price
        found = (await at.api.post("/v2/transactions/1/bump", {"gasPrice": str(2 * price)}))["data"]
        assert (found["type"], found["id"]) == ("wishes", "1")
        shown = found["attributes"]
        assert (shown["wish"], shown["dryRun"], shown["gasPrice"]) == ("bump", False, str(2 * price))
        assert shown["mostCost"] == str(2 * price * 500_000)
        await at.until(lambda found: len(found.attempts) == 2)
        assert at.api.outside.pool[SENDER, 0].price == 2 * price


@pytest.mark.parametrize("wish", ["bump", "cancel", "resend"])
async def test_a_dry_run_changes_nothing(wish: str) -> None:
    async with node() as at:
        await at.send("run")
        before = await at.of()
        shown = (await at.api.post(f"/v2/transactions/1/{wish}?dryRun=true"))["data"]["attributes"]
        assert (shown["dryRun"], shown["wish"]) == (True, wish)
        assert (shown["mostCost"] == "0") == (wish == "resend")
        assert await at.of() == before
        assert len(at.api.outside.sent) == 1


async def test_a_dry_run_that_is_neither_yes_nor_no_does_nothing() -> None:
    async with node() as at:
        await at.send("run")
        assert details(await at.api.post("/v2/transactions/1/cancel?dryRun=please", status=422)) == [
            "dryRun must be true or false"
        ]
        assert (await at.of()).wish is None


async def test_what_was_never_sent_is_cancelled_at_once_and_its_run_is_told() -> None:
    async with node() as at:
        await at.ask("run")
        heard = at.api.manager.settled()
        shown = (await at.api.post("/v2/transactions/1/cancel"))["data"]["attributes"]
        assert (shown["state"], shown["mostCost"]) == ("fatal_error", "0")
        assert (await at.of()).error == "cancelled by an operator"
        assert await anext(heard) == ["run"]
        again = await at.api.post("/v2/transactions/1/cancel", status=409)
        assert details(again) == [
            "transaction 1 is fatal_error (it was given up and holds no nonce): there is nothing to cancel"
        ]


async def test_what_was_sent_is_cancelled_by_a_no_op() -> None:
    async with node() as at:
        await at.send("run")
        shown = (await at.api.post("/v2/transactions/1/cancel"))["data"]["attributes"]
        assert "a no-op at" in shown["outcome"]
        await at.until(lambda found: found.cancelling)
        attempts = (await at.api.get("/v2/transactions/1"))["data"]["attributes"]["attempts"]
        assert [each.get("noop", False) for each in attempts] == [False, True]


@pytest.mark.parametrize(
    ("wish", "body", "text"),
    [
        ("bump", {"gasPrice": "1"}, "gasPrice of 1 wei is too little"),
        ("bump", {"gasPrice": str(10**20)}, "is above ETH_MAX_GAS_PRICE_WEI"),
        ("cancel", {"gasPrice": "a"}, 'gasPrice must be wei a gas in digits, such as "50000000000"'),
        ("cancel", {"gasPrice": -5}, "gasPrice must be wei"),
        ("bump", {"gasPrice": True}, "gasPrice must be wei"),
        ("bump", {"gasPrice": "0"}, "gasPrice must be wei"),
        ("resend", {"gasPrice": "5"}, "the same bytes are sent again"),
        ("bump", "[]", "the body must be a JSON object"),
        ("bump", "{", "unexpected EOF"),
    ],
)
async def test_a_bad_price_is_refused(wish: str, body: Any, text: str) -> None:
    async with node() as at:
        await at.send("run")
        (found,) = details(await at.api.post(f"/v2/transactions/1/{wish}", body, status=400))
        assert text in found
        assert (await at.of()).wish is None


async def test_a_wish_that_makes_no_sense_is_refused_with_the_state() -> None:
    async with node() as at:
        await at.ask("run")
        (found,) = details(await at.api.post("/v2/transactions/1/bump", status=409))
        assert "transaction 1 is unstarted" in found


# --- doctor ----------------------------------------------------------------------------------------------------------


async def test_the_doctor_finds_nothing_wrong_with_a_key_that_is_well() -> None:
    async with node() as at:
        at.api.ledger.eth = 10**20
        at.api.outside.connect()
        (found,) = (await at.api.get("/v2/transactions/doctor"))["data"]
        assert (found["type"], found["id"]) == ("keyDiagnoses", SHOWN_KEY)
        shown = found["attributes"]
        assert (shown["blocked"], shown["findings"], shown["remedies"], shown["lowest"]) == (False, [], [], None)


async def test_the_doctor_says_what_blocks_a_key_and_what_to_type() -> None:
    async with node() as at:
        at.api.ledger.eth = 10**20
        await at.send("run", "next")
        at.api.lookup.pending = set()
        before = [await at.of(1), await at.of(2)]
        (found,) = (await at.api.get("/v2/transactions/doctor"))["data"]
        shown = found["attributes"]
        assert [each["cause"] for each in shown["findings"]] == ["evicted from the pool"]
        assert [each["command"] for each in shown["remedies"]] == [
            "adyton txs resend 1",
            "adyton txs bump 1",
            "adyton txs cancel 1",
        ]
        bump = shown["remedies"][1]
        assert bump["mostCost"] == str(int(bump["gasPrice"]) * 500_000)
        assert (shown["sent"], shown["unstarted"], shown["lowest"]["nonce"], shown["nextNonce"]) == (2, 0, "0", 2)
        at.api.lookup.pending = {before[0].attempts[0].hash}
        at.api.ledger.eth = 5
        (found,) = (await at.api.get("/v2/transactions/doctor"))["data"]
        # The test's own head is far above the one that the transaction was sent at.
        assert [each["cause"] for each in found["attributes"]["findings"]] == ["out of funds", "not mined"]
        assert [await at.of(1), await at.of(2)] == before


@pytest.mark.parametrize("fault", [Disconnected("gone"), RpcError(-32000, "no")])
async def test_the_doctor_says_when_the_chain_cannot_be_asked(fault: Exception) -> None:
    async with node() as at:
        await at.send("run")
        at.api.ledger.eth_error = fault
        (found,) = (await at.api.get("/v2/transactions/doctor"))["data"]
        assert [each["cause"] for each in found["attributes"]["findings"]] == ["no endpoint"]


async def test_the_doctor_looks_at_keys_whose_file_is_gone_if_they_have_something_to_send() -> None:
    async with node() as at:
        at.api.ledger.eth = 10**20
        at.api.outside.connect()
        await keys.ensure(at.api.db, [GONE], NOW)
        assert len((await at.api.get("/v2/transactions/doctor"))["data"]) == 1
        request = TransactionRequest(to=ORACLE, data="0x")
        insert = stored.insert(
            request, sender=GONE, gas_limit=21_000, min_confirmations=1, purpose="transfer", idempotency_key=None, now=NOW
        )
        await at.api.db.write(insert)
        _, found = (await at.api.get("/v2/transactions/doctor"))["data"]
        assert [each["cause"] for each in found["attributes"]["findings"]] == ["key file missing"]
