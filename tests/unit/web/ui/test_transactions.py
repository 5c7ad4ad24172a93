"""The pages of transactions: in flight by key and nonce, one of them, the doctor, and wishes that ask once more."""

from __future__ import annotations

import re
from typing import Any

import pytest

from adyton.domain.access import Role
from adyton.domain.credentials import User
from adyton.domain.runs import RunStatus
from adyton.domain.transactions import TransactionState as S
from adyton.storage import keys
from adyton.storage import users as stored_users
from adyton.web.auth import COOKIE
from support.api import Api
from support.asked import run_for, store, transaction_of
from support.builders import NOW, REQUESTER, SENDER, job, number_hash, run_log

HOSTILE = "<script>alert(1)</script>"


async def page(api: Api, path: str, status: int = 200) -> str:
    response = await api.client.get(path)
    assert response.status_code == status, response.text
    return response.text


async def connected(api: Api) -> None:
    await keys.ensure(api.db, [SENDER, REQUESTER], NOW)
    api.outside.connect()


async def add(api: Api, number: int, state: S, **changes: Any) -> None:
    """A transaction of a run, or a payment when it says its purpose."""
    if not api.bench.jobs.jobs:
        await api.job(job("noop", "ethtx"))
    run = None if "purpose" in changes else run_for(api.bench, run_log(request=number), RunStatus.IN_PROGRESS)
    await store(
        api.db,
        *(() if run is None else (run,)),
        transaction_of(run, state, number=number, attempt=number_hash(number, 8), **changes),
    )


async def test_an_empty_node(api: Api) -> None:
    text = await page(api, "/transactions")
    assert "Nothing is in flight" in text
    assert "Nothing was sent yet." in text
    assert "None of these." in await page(api, "/transactions?state=safe")


async def test_in_flight_is_grouped_by_key_and_the_oldest_nonce_says_how_many_it_blocks(api: Api) -> None:
    await connected(api)
    await add(api, 1, S.CONFIRMED)
    await add(api, 2, S.UNCONFIRMED, waiting=HOSTILE)
    await add(api, 3, S.UNCONFIRMED)
    await add(api, 4, S.UNSTARTED)
    await add(api, 5, S.UNCONFIRMED, from_address=REQUESTER)
    await add(api, 6, S.SAFE)
    text = await page(api, "/transactions")
    flight = text[text.index('id="flight"') : text.index('id="history-title"')]
    assert "".join(re.findall(r'id="flying-(\d)"', flight)) in {"12345", "51234"}
    assert flight.count("behind it") == 1
    assert "blocks 2 behind it" in flight
    assert HOSTILE not in text
    assert text[text.index('id="history"') :].count('<tr id="tx-') == 6


async def test_what_is_not_shown_is_counted(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adyton.web.ui.transactions.SHOWN", 2)
    await connected(api)
    for number in range(1, 6):
        await add(api, number, S.UNCONFIRMED)
    text = await page(api, "/transactions")
    assert "blocks 4 behind it" in text
    assert "and 3 more behind these" in text


async def test_the_history_is_chosen_from(api: Api) -> None:
    await connected(api)
    await add(api, 1, S.SAFE)
    await add(api, 2, S.FATAL_ERROR)
    await add(api, 3, S.SAFE, purpose="transfer")
    for query, ids in {"state=safe": "31", "purpose=transfer": "3", f"from={SENDER}": "321", "state=fatal_error": "2"}.items():
        text = await page(api, f"/transactions?{query}")
        assert re.findall(r'<tr id="tx-(\d)"', text) == list(ids), query
    assert "ADY-0150" in await page(api, "/transactions?state=strange", 422)


@pytest.mark.parametrize("state", list(S))
async def test_one_transaction_in_every_state(api: Api, state: S) -> None:
    await connected(api)
    await add(api, 1, state, data=f"0xf3fef3a3{1:064x}{10**18:064x}")
    text = await page(api, "/transactions/1")
    assert "withdraw(address,uint256)" in text
    assert ("What the doctor says" in text) == (state not in {S.SAFE, S.FATAL_ERROR})
    assert ("/transactions/1/cancel" in text) == (state in {S.UNSTARTED, S.IN_PROGRESS, S.UNCONFIRMED})
    assert ("/transactions/1/bump" in text) == (state is S.UNCONFIRMED)


async def test_what_it_cost_is_shown(api: Api) -> None:
    await connected(api)
    await add(api, 1, S.SAFE)
    text = await page(api, "/transactions/1")
    assert 'title="2,100,000,000,000,000 wei"' in text, "70,000 gas at 30 gwei"
    assert "No function of the official contracts" in text or "cut off" in text


async def test_one_that_is_not_there(api: Api) -> None:
    assert "ADY-0700" in await page(api, "/transactions/77", 404)
    await page(api, "/transactions/..%2Fusers", 404)


# --- wishes and the doctor -------------------------------------------------------------------------------------------


async def test_a_wish_shows_its_cost_before_it_is_done(api: Api) -> None:
    await connected(api)
    await add(api, 1, S.UNCONFIRMED)
    text = await page(api, "/transactions/1/bump")
    assert "Costs at most" in text
    assert 'action="/transactions/1/bump"' in text
    ((wish,),) = await api.db.read("SELECT wish FROM transactions WHERE id = 1")
    assert wish is None, "it was only looked at"

    answer = await api.client.post("/transactions/1/bump", data={"price": ""})
    assert (answer.status_code, answer.headers["location"]) == (303, "/transactions/1")
    ((wish,),) = await api.db.read("SELECT wish FROM transactions WHERE id = 1")
    assert wish == "bump"
    assert "to bump" in await page(api, "/transactions/1")


async def test_a_price_is_typed_in_gwei(api: Api) -> None:
    await connected(api)
    await add(api, 1, S.UNCONFIRMED)
    assert 'title="150,000,000,000 wei"' in await page(api, "/transactions/1/bump?price=150")
    assert "ADY-0705" in await page(api, "/transactions/1/bump?price=0.5", 400)
    assert "at most nine behind it" in await page(api, "/transactions/1/bump?price=a%20lot", 422)
    assert (await api.client.post("/transactions/1/bump", data={"price": "1,5"})).status_code == 422
    await api.client.post("/transactions/1/cancel", data={"price": "150.5"})
    ((wish, price),) = await api.db.read("SELECT wish, wish_price FROM transactions WHERE id = 1")
    assert (wish, price) == ("cancel", "150500000000")


async def test_resending_costs_nothing_and_has_no_price(api: Api) -> None:
    await connected(api)
    await add(api, 1, S.UNCONFIRMED)
    text = await page(api, "/transactions/1/resend")
    assert "nothing</dd>" in text
    assert "At another price" not in text


async def test_a_wish_that_makes_no_sense_is_refused_with_its_reason(api: Api) -> None:
    await connected(api)
    await add(api, 1, S.SAFE)
    assert "ADY-0706" in await page(api, "/transactions/1/cancel", 409)
    assert (await api.client.post("/transactions/1/cancel", data={})).status_code == 409


async def test_who_is_no_admin_may_wish_nothing(api: Api) -> None:
    await connected(api)
    await add(api, 1, S.UNCONFIRMED)
    await stored_users.create(api.db, User("edit@example.com", "not a hash", NOW, role=Role.EDIT))
    api.client.cookies.set(COOKIE, await api.session("edit@example.com"))
    text = await page(api, "/transactions/1")
    assert "/transactions/1/bump" not in text
    assert "/withdrawals" not in await page(api, "/transactions")
    await page(api, "/transactions/1/bump", 403)
    assert (await api.client.post("/transactions/1/bump", data={})).status_code == 403
    assert "/transactions/1/" not in await page(api, "/transactions/doctor")


async def test_the_doctor_offers_what_helps(api: Api) -> None:
    await connected(api)
    await add(api, 1, S.UNCONFIRMED, waiting="it waits for nothing good")
    text = await page(api, "/transactions/doctor")
    assert "it waits for nothing good" in text
    assert "What helps" in text
    assert 'href="/transactions/1/' in text


async def test_the_doctor_of_a_key_that_is_well_and_of_no_keys(api: Api) -> None:
    await connected(api)
    api.ledger.eth = 10**19
    assert "Nothing waits, and nothing keeps it." in await page(api, "/transactions/doctor")
    api.keys.held = ()
    assert "There are no keys." in await page(api, "/transactions/doctor")


async def test_without_a_chain_the_pages_say_so(api: Api) -> None:
    await keys.ensure(api.db, [SENDER], NOW)
    await add(api, 1, S.UNCONFIRMED)
    api.bench.chain.state = api.outside.state
    assert "not connected yet" in await page(api, "/transactions/doctor")
    await page(api, "/transactions/1")
    assert "ADY-0600" in await page(api, "/transactions/1/bump", 503)
