"""Withdrawals and transfers: typed in LINK and ETH, looked at once more, paid once."""

from __future__ import annotations

import re
from typing import Any

import pytest

from adyton.domain import evm
from adyton.domain.access import Role
from adyton.domain.credentials import User
from adyton.storage import keys
from adyton.storage import users as stored_users
from adyton.web.auth import COOKIE
from support.api import Api
from support.builders import NOW, SENDER
from support.outgoing import revert

CONTRACT = "0x" + "c0" * 20
TO = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
"""An address with capitals, from EIP-55."""
MISTYPED = "0xFB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
WITHDRAWABLE = "0x50188301"
HELD = 5 * 10**18
WITHDRAWAL = {"purpose": "withdrawal", "source": CONTRACT, "address": TO.lower(), "amount": "1.000000000000000001"}
TRANSFER = {"purpose": "transfer", "source": SENDER, "address": TO, "amount": "0.1"}


@pytest.fixture
async def paying(api: Api) -> Api:
    await keys.ensure(api.db, [SENDER], NOW)
    api.ledger.eth = 10**19
    api.ledger.answers = {(WITHDRAWABLE, None): f"0x{HELD:064x}"}
    api.outside.connect()
    return api


async def stored(api: Api) -> list[Any]:
    return await api.db.read("SELECT purpose, to_address, data, value, idempotency_key FROM transactions ORDER BY id")


def hidden(text: str) -> dict[str, str]:
    """The hidden fields of the page that asks once more."""
    form = text[text.index('<form class="card narrow"') :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


async def test_a_withdrawal_is_shown_in_full_before_it_is_paid_and_paid_once(
    paying: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adyton.services.payments.HASH_SECONDS", 0.0)
    asked = await paying.client.post("/withdrawals", data=WITHDRAWAL)
    assert asked.status_code == 200
    assert "Pay 1.000000000000000001 LINK?" in asked.text
    for whole in (TO, evm.checksum(CONTRACT), "1,000,000,000,000,000,001 juels"):
        assert whole in asked.text
    assert await stored(paying) == []

    fields = hidden(asked.text)
    first = await paying.client.post("/withdrawals", data=fields)
    again = await paying.client.post("/withdrawals", data=fields)
    assert (first.status_code, first.headers["location"]) == (303, "/transactions/1")
    assert again.headers["location"] == "/transactions/1"
    (row,) = await stored(paying)
    assert row[0] == "withdrawal"
    assert row[1] == CONTRACT
    assert row[2] == f"0xf3fef3a3{TO[2:].lower():0>64}{10**18 + 1:064x}"
    assert row[4] == fields["key"]

    listed = (await paying.client.get("/withdrawals")).text
    assert f'title="{TO}"' in listed
    assert "1,000,000,000,000,000,001 juels" in listed


async def test_a_transfer_is_paid_to_the_wei(paying: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adyton.services.payments.HASH_SECONDS", 0.0)
    asked = await paying.client.post("/withdrawals", data=TRANSFER)
    assert "Pay 0.1 ETH?" in asked.text
    assert evm.checksum(SENDER) in asked.text
    assert "Gas at most costs" in asked.text
    await paying.client.post("/withdrawals", data=hidden(asked.text))
    assert [tuple(row[:4]) for row in await stored(paying)] == [("transfer", TO.lower(), "0x", str(10**17))]


async def test_two_that_look_alike_are_two_payments(paying: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adyton.services.payments.HASH_SECONDS", 0.0)
    for _ in range(2):
        asked = await paying.client.post("/withdrawals", data=TRANSFER)
        await paying.client.post("/withdrawals", data=hidden(asked.text))
    assert len(await stored(paying)) == 2


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"amount": "1,5"}, 422, "digits and a point"),
        ({"amount": "0.0000000000000000001"}, 422, "digits and a point"),
        ({"amount": "0"}, 400, "Must transfer at least"),
        ({"amount": "1000"}, 400, "ADY-0717"),
        ({"address": MISTYPED}, 400, "mistyped"),
        ({"address": "<b>"}, 400, "ADY-0711"),
        ({"source": TO}, 400, "ADY-0712"),
    ],
)
async def test_what_is_wrong_is_said_beside_what_was_typed(
    paying: Api, changes: dict[str, str], status: int, words: str
) -> None:
    typed = {**TRANSFER, **changes}
    answer = await paying.client.post("/withdrawals", data=typed)
    assert answer.status_code == status
    assert words in answer.text
    assert "<b>" not in answer.text
    assert f'value="{typed["amount"]}"' in answer.text
    assert await stored(paying) == []


async def test_a_form_that_is_no_payment_pays_nothing(paying: Api) -> None:
    answer = await paying.client.post("/withdrawals", data={"confirmed": "yes"})
    assert answer.headers["location"] == "/withdrawals"
    refused = await paying.client.post("/withdrawals", data={**TRANSFER, "confirmed": "yes", "juels": "x"})
    assert refused.status_code == 400
    assert await stored(paying) == []


async def test_balances_stand_beside_the_forms(api: Api) -> None:
    text = (await api.client.get("/withdrawals")).text
    assert "Nothing was paid yet." in text
    assert 'id="withdraw-source"' in text, "no contract is known"
    assert f'value="{evm.checksum(SENDER)}"' in text
    assert 'title="256 wei"' in text


async def test_contracts_that_do_not_tell_us_say_why() -> None:
    async with Api(environment={"ORACLE_CONTRACT_ADDRESS": CONTRACT}) as api:
        api.ledger.answers = {(WITHDRAWABLE, None): revert("<i>not</i> yours")}
        text = (await api.client.get("/withdrawals")).text
        assert "&lt;i&gt;not&lt;/i&gt; yours" in text
        api.ledger.answers = {(WITHDRAWABLE, None): f"0x{HELD:064x}"}
        text = (await api.client.get("/withdrawals")).text
        assert 'data-value="5"' in text


async def test_without_a_chain_the_page_is_there_all_the_same(api: Api) -> None:
    api.bench.chain.state = api.outside.state
    api.ledger.eth_error = ConnectionError("gone")
    text = (await api.client.get("/withdrawals")).text
    assert "cannot be told now" in text


async def test_who_is_no_admin_pays_nothing(paying: Api) -> None:
    await stored_users.create(paying.db, User("edit@example.com", "not a hash", NOW, role=Role.EDIT))
    paying.client.cookies.set(COOKIE, await paying.session("edit@example.com"))
    assert (await paying.client.get("/withdrawals")).status_code == 403
    assert (await paying.client.post("/withdrawals", data=TRANSFER)).status_code == 403
