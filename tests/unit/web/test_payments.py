"""Payments over HTTP: everything is checked before anything is written, and under one key it is paid once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adyton.domain import evm
from adyton.ethereum.errors import RpcError
from adyton.services.balances import Holding, Kind
from adyton.storage import keys
from support.api import Api, details
from support.builders import NOW, SENDER
from support.outgoing import revert

CONTRACT = "0x" + "c0" * 20
TO = "0x" + "aa" * 20
OTHER = "0x" + "01" * 20
MISTYPED = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4f"
MISTYPED_WORDS = "its capitals do not fit its digits, which make 0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
ETHER = 10**18
WITHDRAW = "0xf3fef3a3"
WITHDRAWABLE = "0x50188301"
WITHDRAWAL = {"address": TO, "amount": "5", "contractAddress": CONTRACT}
TRANSFER = {"address": TO, "amount": "5"}


@asynccontextmanager
async def paying(*, sending: bool = True, held: int = 10 * ETHER, **options: Any) -> AsyncIterator[Api]:
    """An API whose node sends, and whose contract lets its key withdraw."""
    async with Api(**options) as api:
        await keys.ensure(api.db, [SENDER, OTHER], NOW)
        api.ledger.eth = held
        api.outside.connect()
        running = asyncio.create_task(api.manager.run()) if sending else None
        yield api
        if running is not None:
            running.cancel()
            await asyncio.wait([running])


async def stored(api: Api) -> int:
    ((count,),) = await api.db.read("SELECT COUNT(*) FROM transactions")
    return int(count or 0)


# --- withdrawals -----------------------------------------------------------------------------------------------------


async def test_a_withdrawal_is_sent_and_its_hash_is_told() -> None:
    async with paying() as api:
        found = (await api.post("/v2/withdrawals", WITHDRAWAL))["data"]
        (sent,) = api.outside.sent
        assert (found["type"], found["id"]) == ("transactions", sent.hash)
        shown = found["attributes"]
        data = f"{WITHDRAW}{'aa' * 20:0>64}{5:064x}"
        assert sent.data == data
        assert {name: shown[name] for name in ("from", "to", "data", "value", "gasLimit", "nonce", "hash", "purpose")} == {
            "from": SENDER,
            "to": CONTRACT,
            "data": data,
            "value": "0",
            "gasLimit": "500000",
            "nonce": "0",
            "hash": sent.hash,
            "purpose": "withdrawal",
        }
        assert shown["gasPrice"] == str(sent.price)
        assert shown["rawHex"] == sent.raw
        assert "confirmed" not in shown


async def test_the_configured_contract_is_asked_as_its_owner() -> None:
    async with paying(environment={"ORACLE_CONTRACT_ADDRESS": CONTRACT}) as api:
        api.keys.held = (OTHER, SENDER)
        refusal = revert("Not owner")
        api.ledger.answers = {(WITHDRAWABLE, OTHER): refusal, (WITHDRAWABLE, SENDER): f"0x{5:064x}"}
        shown = (await api.post("/v2/withdrawals", {"address": TO, "amount": "5"}))["data"]["attributes"]
        assert (shown["from"], shown["to"]) == (SENDER, CONTRACT)


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ({"address": TO}, ["Must withdraw at least 0.000000000000000001 LINK"]),
        ({"address": TO, "amount": "0"}, ["Must withdraw at least 0.000000000000000001 LINK"]),
        ({"address": TO, "amount": "-1"}, ["Must withdraw at least 0.000000000000000001 LINK"]),
        ({"amount": "5"}, ["Invalid withdrawal address"]),
        ({"amount": "5", "address": "0x" + "0" * 40}, ["Invalid withdrawal address"]),
        ({"amount": "5", "address": "abc"}, ["address must be 0x and 40 hex digits"]),
        ({}, ["Must withdraw at least 0.000000000000000001 LINK", "Invalid withdrawal address"]),
        (
            {"address": TO, "amount": 5},
            ["json: cannot unmarshal number into Go struct field WithdrawalRequest.amount of type *assets.Link"],
        ),
        (
            {"address": MISTYPED, "amount": "5", "contractAddress": MISTYPED},
            [f"{name} of {MISTYPED} is mistyped: {MISTYPED_WORDS}" for name in ("address", "contractAddress")],
        ),
        ({"address": TO, "amount": "a"}, ['assets: cannot unmarshal "a" into a *assets.Link']),
        ({"address": TO, "amount": str(2**256)}, [f"amount of {2**256} juels is more than there can be"]),
        ({**WITHDRAWAL, "idempotencyKey": 5}, ["idempotencyKey must be a text of 1 to 200 ASCII characters"]),
        ({**WITHDRAWAL, "idempotencyKey": "x" * 201}, ["idempotencyKey must be a text of 1 to 200 ASCII characters"]),
        ("", ["EOF"]),
        ("[]", ["the body must be a JSON object, not an array"]),
    ],
)
async def test_a_bad_withdrawal_is_refused_with_everything_that_is_wrong(body: Any, texts: list[str]) -> None:
    async with paying() as api:
        assert details(await api.post("/v2/withdrawals", body, status=400)) == texts
        assert await stored(api) == 0
        assert api.ledger.called == []


async def test_more_than_the_contract_holds_is_refused_with_the_figures() -> None:
    async with paying() as api:
        body = {**WITHDRAWAL, "amount": str(ETHER)}
        assert details(await api.post("/v2/withdrawals", body, status=400)) == [
            "Insufficient link balance. Withdrawal Amount: 1.000000000000000000 Link Balance: 0.000000000000000512"
        ]
        assert await stored(api) == 0


async def test_without_a_contract_there_is_nothing_to_withdraw_from() -> None:
    async with paying() as api:
        found = await api.post("/v2/withdrawals", {"address": TO, "amount": "5"}, status=500)
        assert details(found) == ["OracleContractAddress not set; cannot check LINK balance"]


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        (revert("Not owner"), "Not owner"),
        (RpcError(-32000, "no"), "no"),
        ("0x", "it answered no number; is it an oracle contract?"),
    ],
)
async def test_a_contract_that_does_not_tell_pays_nothing(answer: Any, because: str) -> None:
    async with paying() as api:
        api.ledger.answers = {(WITHDRAWABLE, None): answer}
        (text,) = details(await api.post("/v2/withdrawals", WITHDRAWAL, status=500))
        assert text.endswith(f"; {because}")
        assert text.startswith("Could not check LINK balance for 0x")
        assert await stored(api) == 0


async def test_a_withdrawal_that_the_contract_would_refuse_is_not_sent() -> None:
    async with paying() as api:
        api.ledger.answers = {(WITHDRAW, None): revert("Only callable by owner")}
        (text,) = details(await api.post("/v2/withdrawals", WITHDRAWAL, status=400))
        assert "refuses the withdrawal: Only callable by owner" in text
        assert await stored(api) == 0


# --- transfers -------------------------------------------------------------------------------------------------------


async def test_ether_is_sent() -> None:
    async with paying() as api:
        shown = (await api.post("/v2/transfers", {**TRANSFER, "from": SENDER}))["data"]["attributes"]
        (sent,) = api.outside.sent
        assert (shown["hash"], shown["from"], shown["to"], shown["value"]) == (sent.hash, SENDER, TO, "5")
        assert (sent.data, shown["purpose"]) == ("0x", "transfer")
        assert "data" not in shown


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"address": TO}, "Must transfer at least 0.000000000000000001 ETH: amount is wei in digits"),
        ({"amount": "5"}, "Invalid transfer address"),
        ({**TRANSFER, "from": "0x12"}, "from must be 0x and 40 hex digits"),
        ({**TRANSFER, "address": MISTYPED}, f"address of {MISTYPED} is mistyped: {MISTYPED_WORDS}"),
        ({**TRANSFER, "from": MISTYPED}, f"from of {MISTYPED} is mistyped: {MISTYPED_WORDS}"),
        ({**TRANSFER, "from": OTHER}, "Transaction failed: account does not exist"),
        (
            {"address": TO, "amount": 5},
            "json: cannot unmarshal number into Go struct field SendEtherRequest.amount of type *assets.Eth",
        ),
        ({"address": TO, "amount": "1e3"}, 'assets: cannot unmarshal "1e3" into a *assets.Eth'),
    ],
)
async def test_a_bad_transfer_is_refused(body: Any, text: str) -> None:
    async with paying() as api:
        assert details(await api.post("/v2/transfers", body, status=400)) == [text]
        assert await stored(api) == 0


@pytest.mark.parametrize("spelling", [SENDER, evm.checksum(SENDER), "0x" + SENDER[2:].upper()])
async def test_an_address_may_be_spelled_with_its_own_capitals_or_without_any(spelling: str) -> None:
    async with paying() as api:
        shown = (await api.post("/v2/transfers", {**TRANSFER, "address": spelling}))["data"]["attributes"]
        assert shown["to"] == SENDER


async def test_a_transfer_that_the_key_cannot_pay_is_refused_with_the_figures() -> None:
    async with paying(held=5) as api:
        (text,) = details(await api.post("/v2/transfers", TRANSFER, status=400))
        assert text.startswith("Transaction failed: insufficient balance: 0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F holds ")
        assert "0.000000000000000005 to be sent and at most" in text
        assert await stored(api) == 0


async def test_a_node_without_keys_pays_nothing() -> None:
    async with paying(sending=False) as api:
        api.keys.held = ()
        (text,) = details(await api.post("/v2/transfers", TRANSFER, status=400))
        assert text == "Must activate an account before creating a transaction"


# --- both ------------------------------------------------------------------------------------------------------------

BOTH = pytest.mark.parametrize(("path", "body"), [("/v2/withdrawals", WITHDRAWAL), ("/v2/transfers", TRANSFER)])


@BOTH
async def test_without_the_chain_nothing_is_paid(path: str, body: Any) -> None:
    async with paying() as api:
        api.bench.chain.at(100, connected=False)
        (text,) = details(await api.post(path, body, status=503))
        assert "Cannot talk to chain, pending connection" in text
        assert await stored(api) == 0


@BOTH
async def test_without_a_session_nothing_is_paid(path: str, body: Any) -> None:
    async with paying() as api:
        assert (await api.another_client().post(path, json=body)).status_code == 401


@BOTH
async def test_under_one_key_it_is_paid_once(path: str, body: Any) -> None:
    async with paying() as api:
        first = await api.post(path, {**body, "idempotencyKey": "rent 7"})
        again = await api.client.post(path, json=body, headers={"Idempotency-Key": "rent 7"})
        assert (again.status_code, again.json()["data"]["id"]) == (200, first["data"]["id"])
        assert await stored(api) == 1
        other = await api.post(path, {**body, "amount": "6", "idempotencyKey": "rent 7"}, status=409)
        assert "belongs to another payment, transaction 1" in details(other)[0]
        both = await api.client.post(path, json={**body, "idempotencyKey": "a"}, headers={"Idempotency-Key": "b"})
        assert (both.status_code, await stored(api)) == (400, 1)


@BOTH
async def test_asked_twice_at_the_same_time_it_is_paid_once(path: str, body: Any) -> None:
    async with paying() as api:
        asked = [api.post(path, {**body, "idempotencyKey": "k"}) for _ in range(5)]
        found = await asyncio.gather(*asked)
        assert len({each["data"]["id"] for each in found}) == 1
        assert await stored(api) == 1
        assert len(api.outside.sent) == 1


@BOTH
async def test_what_is_not_signed_in_time_is_told_by_its_id(path: str, body: Any) -> None:
    async with paying(sending=False) as api:
        found = (await api.post(path, body))["data"]
        assert (found["id"], found["attributes"]["state"], found["attributes"]["hash"]) == ("1", "unstarted", "")


@BOTH
async def test_what_can_never_be_sent_is_a_failure(path: str, body: Any) -> None:
    async with paying() as api:
        api.outside.refuse = lambda _: RpcError(-32000, "exceeds block gas limit")
        (text,) = details(await api.post(path, body, status=400))
        assert text == "Transaction failed: exceeds block gas limit (transaction 1)"


@BOTH
async def test_what_no_node_has_taken_in_time_is_told_with_what_it_waits_for(path: str, body: Any) -> None:
    async with paying() as api:
        api.outside.refuse = lambda _: RpcError(-32000, "insufficient funds for gas * price + value")
        shown = (await api.post(path, body))["data"]["attributes"]
        assert (shown["state"], shown["hash"]) == ("in_progress", api.outside.sent[0].hash)
        assert "out of funds" in shown["waiting"]


# --- looking ahead ---------------------------------------------------------------------------------------------------


async def test_a_withdrawal_is_foreseen_without_being_made() -> None:
    async with paying() as api:
        api.ledger.answers = {(WITHDRAWABLE, None): f"0x{7:064x}"}
        found = (await api.post("/v2/withdrawals?dryRun=true", WITHDRAWAL))["data"]
        assert found["type"] == "foreseenPayments"
        shown = found["attributes"]
        assert int(shown.pop("mostCost")) > 0
        assert shown == {
            "purpose": "withdrawal",
            "dryRun": True,
            "from": evm.checksum(SENDER),
            "contract": evm.checksum(CONTRACT),
            "to": evm.checksum(TO),
            "amount": "5",
            "available": "7",
        }
        assert await stored(api) == 0
        assert "ADY-0716" in str(await api.post("/v2/withdrawals?dryRun=true", {**WITHDRAWAL, "amount": "8"}, status=400))


async def test_a_transfer_is_foreseen_without_being_made() -> None:
    async with paying() as api:
        shown = (await api.post("/v2/transfers?dryRun=1", TRANSFER))["data"]["attributes"]
        assert (shown["purpose"], shown["contract"], shown["amount"], shown["available"]) == (
            "transfer",
            None,
            "5",
            str(10 * ETHER),
        )
        assert shown["from"] == evm.checksum(SENDER)
        assert await stored(api) == 0
        await api.post("/v2/transfers?dryRun=perhaps", TRANSFER, status=422)
        assert "ADY-0717" in str(
            await api.post("/v2/transfers?dryRun=true", {**TRANSFER, "amount": str(10 * ETHER)}, status=400)
        )


async def test_what_can_be_withdrawn_is_asked_of_each_contract() -> None:
    async with paying(environment={"ORACLE_CONTRACT_ADDRESS": CONTRACT}) as api:
        api.keys.held = (OTHER, SENDER)
        watched = Holding(address=OTHER, kind=Kind.CONTRACT, eth=None, link=5, at=NOW)
        api.holdings = (watched, Holding(address=SENDER, kind=Kind.KEY, eth=5, link=5, at=NOW))
        api.ledger.answers = {(WITHDRAWABLE, OTHER): revert("Not owner"), (WITHDRAWABLE, SENDER): f"0x{5:064x}"}
        found = [each["attributes"] for each in (await api.get("/v2/user/withdrawable"))["data"]]
        expected = {"juels": "5", "owner": evm.checksum(SENDER), "refusal": None}
        assert found == [{"contract": evm.checksum(each), **expected} for each in (CONTRACT, OTHER)]
        api.ledger.answers = {(WITHDRAWABLE, None): revert("Not owner")}
        found = [each["attributes"] for each in (await api.get("/v2/user/withdrawable"))["data"]]
        assert found[0] == {"contract": evm.checksum(CONTRACT), "juels": None, "owner": None, "refusal": "Not owner"}


async def test_what_can_be_withdrawn_is_not_known_without_the_chain() -> None:
    async with Api() as api:
        api.bench.chain.state = api.outside.state
        await api.get("/v2/user/withdrawable", 503)


async def test_payments_are_chosen_by_their_purpose_the_oldest_first_if_wanted() -> None:
    async with paying() as api:
        await api.post("/v2/withdrawals", WITHDRAWAL)
        await api.post("/v2/transfers", TRANSFER)

        async def purposes(query: str) -> list[str]:
            return [each["attributes"]["purpose"] for each in (await api.get(f"/v2/transactions?{query}"))["data"]]

        assert await purposes("purpose=withdrawal,transfer") == ["transfer", "withdrawal"]
        assert await purposes("purpose=withdrawal&sort=createdAt") == ["withdrawal"]
        assert await purposes("sort=createdAt") == ["withdrawal", "transfer"]
        call = (await api.get("/v2/transactions?purpose=withdrawal"))["data"][0]["attributes"]["call"]
        assert call["function"] == "withdraw(address,uint256)"
        assert [each["value"] for each in call["arguments"]] == [evm.checksum(TO), "5"]
        await api.get("/v2/transactions?purpose=fun", 422)
