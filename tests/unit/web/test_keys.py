"""Keys over HTTP."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from adyton.domain.errors import NotFound
from adyton.domain.evm import checksum
from adyton.domain.transactions import TransactionRequest
from adyton.keystore import Keystore
from adyton.services import keys
from adyton.storage import keys as stored
from adyton.system.entropy import SystemEntropy
from adyton.web.app import create_app
from support.api import PATIENT, Api, details
from support.builders import NOW

PASSWORD = "p4ssword of the keystore"
PATH = "/v2/keys/eth"


@pytest.fixture
async def keystore(tmp_path: Path) -> Keystore:
    return await Keystore.open(tmp_path / "keys", PASSWORD, entropy=SystemEntropy(), create_if_empty=True, scrypt_n=4096)


@pytest.fixture
async def keyed(keystore: Keystore) -> AsyncIterator[Api]:
    """The API of a node whose keys have files."""
    async with Api() as api:
        api.parts = dataclasses.replace(api.parts, keys=keystore)
        api.app = create_app(api.parts, PATIENT)
        api.client = api.another_client()
        await api.log_in()
        await stored.ensure(api.db, keystore.addresses(), NOW)
        yield api


async def asked(api: Api, method: str, path: str, status: int, **body: Any) -> Any:
    response = await api.client.request(method, path, json=body)
    assert response.status_code == status, response.text
    return response


async def test_keys_are_listed_in_the_form_of_v0105(keyed: Api, keystore: Keystore) -> None:
    [address] = keystore.addresses()
    [shown] = (await keyed.get(PATH))["data"]
    assert (shown["type"], shown["id"]) == ("eTHKeys", checksum(address))
    assert list(shown["attributes"]) == [
        "address", "ethBalance", "linkBalance", "nextNonce", "isFunding", "createdAt", "updatedAt", "deletedAt",
    ]  # fmt: skip
    assert (shown["attributes"]["nextNonce"], shown["attributes"]["deletedAt"]) == (0, None)


async def test_a_key_is_made_and_may_send_at_once(keyed: Api, keystore: Keystore) -> None:
    made = (await asked(keyed, "POST", PATH, 201, currentPassword=PASSWORD)).json()["data"]
    assert made["id"].lower() in keystore
    assert keyed.manager.next_sender([made["id"].lower()]) == made["id"].lower()
    assert len((await keyed.get(PATH))["data"]) == 2


async def test_the_route_of_v062_answers_in_its_form(keyed: Api) -> None:
    made = (await asked(keyed, "POST", "/v2/keys", 201, current_password=PASSWORD)).json()["data"]
    assert (made["type"], made["attributes"]["address"]) == ("keys", made["id"].lower())
    refused = await asked(keyed, "POST", "/v2/keys", 401, current_password="wrong")
    [text] = details(refused.json())
    assert text.startswith("invalid password for account 0x")
    assert text.endswith("; could not decrypt key with given passphrase")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", PATH, {}, 422, "currentPassword must be a string that is not empty"),
        ("POST", PATH, {"currentPassword": 5}, 422, "currentPassword must be"),
        ("POST", PATH, {"currentPassword": "wrong"}, 401, "invalid password"),
        ("POST", f"{PATH}/import", {"oldPassword": "x", "currentPassword": PASSWORD}, 422, "no Web3 key file"),
        ("POST", f"{PATH}/export/0x12", {"currentPassword": "x", "newPassword": "y"}, 422, "40 hex digits"),
        ("POST", f"{PATH}/export/0x{'1' * 40}", {"currentPassword": "x", "newPassword": "12345678"}, 404, "no key of"),
        ("DELETE", f"{PATH}/0x{'1' * 40}", {"currentPassword": PASSWORD}, 404, "no key of"),
        ("DELETE", f"{PATH}/0x{'1' * 40}?hard=perhaps", {"currentPassword": PASSWORD}, 422, "hard"),
        ("PATCH", "/v2/keys/password", {"oldPassword": PASSWORD, "newPassword": "short"}, 422, "8 characters"),
        ("PATCH", "/v2/keys/password", {"oldPassword": "wrong", "newPassword": "long enough"}, 401, "invalid password"),
    ],
)
async def test_what_is_wrong_is_said(keyed: Api, method: str, path: str, body: Any, status: int, said: str) -> None:
    response = await asked(keyed, method, path, status, **body)
    assert said in "".join(details(response.json()))


async def test_a_key_goes_out_and_comes_in_under_passwords_of_its_own(keyed: Api) -> None:
    made = (await asked(keyed, "POST", PATH, 201, currentPassword=PASSWORD)).json()["data"]["id"]
    out = await asked(keyed, "POST", f"{PATH}/export/{made}", 200, currentPassword=PASSWORD, newPassword="out of here")
    assert Account.from_key(Account.decrypt(out.json(), "out of here")).address == made

    await asked(keyed, "DELETE", f"{PATH}/{made}?hard=true", 200, currentPassword=PASSWORD)
    assert made not in [item["id"] for item in (await keyed.get(PATH))["data"]]

    body = {"keyJSON": out.json(), "oldPassword": "out of here", "currentPassword": PASSWORD}
    assert (await asked(keyed, "POST", f"{PATH}/import", 201, **body)).json()["data"]["id"] == made
    again = await asked(keyed, "POST", f"{PATH}/import", 409, **body)
    assert "already" in details(again.json())[0]


async def test_a_deleted_key_is_given_nothing_more_and_the_last_one_stays(keyed: Api, keystore: Keystore) -> None:
    [first] = keystore.addresses()
    last = await asked(keyed, "DELETE", f"{PATH}/{first}", 409, currentPassword=PASSWORD)
    assert "only key" in details(last.json())[0]
    made = (await asked(keyed, "POST", PATH, 201, currentPassword=PASSWORD)).json()["data"]["id"].lower()
    shown = (await asked(keyed, "DELETE", f"{PATH}/{made}", 200, currentPassword=PASSWORD)).json()["data"]
    assert shown["attributes"]["deletedAt"] is not None
    assert keyed.manager.next_sender([made]) is None


async def test_a_key_with_a_transaction_that_is_not_safe_stays(keyed: Api, keystore: Keystore) -> None:
    made = (await asked(keyed, "POST", PATH, 201, currentPassword=PASSWORD)).json()["data"]["id"].lower()
    request = TransactionRequest(to=made, data="0x", value=1, senders=(made,))
    statement = keyed.manager.insert_for_operator(request, purpose="transfer", idempotency_key=None, now=NOW)
    await keyed.db.write(statement)
    refused = await asked(keyed, "DELETE", f"{PATH}/{made}", 409, currentPassword=PASSWORD)
    assert "1 transactions that are not safe yet" in details(refused.json())[0]
    assert keyed.manager.next_sender([made]) == made


async def test_a_new_password_counts_from_then_on(keyed: Api) -> None:
    body = {"oldPassword": PASSWORD, "newPassword": "another password"}
    assert (await asked(keyed, "PATCH", "/v2/keys/password", 204, **body)).content == b""
    await asked(keyed, "POST", PATH, 401, currentPassword=PASSWORD)
    await asked(keyed, "POST", PATH, 201, currentPassword="another password")


async def test_a_caller_who_goes_away_leaves_no_key_half_made_or_half_deleted(keyed: Api, keystore: Keystore) -> None:
    making = asyncio.create_task(keys.create(keyed.parts, PASSWORD))
    await asyncio.sleep(0)
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    [_, made] = keystore.addresses()
    assert keyed.manager.next_sender([made]) == made

    await keys.delete(keyed.parts, made, PASSWORD, hard=True)
    assert (made in keystore, keyed.manager.next_sender([made])) == (False, None)


async def test_of_two_who_delete_a_key_one_is_told_that_it_is_gone(keyed: Api, keystore: Keystore) -> None:
    made = (await keys.create(keyed.parts, PASSWORD)).address
    both = [keys.delete(keyed.parts, made, PASSWORD, hard=False) for _ in range(2)]
    gone = [result for result in await asyncio.gather(*both, return_exceptions=True) if isinstance(result, NotFound)]
    assert len(gone) == 1
    assert keyed.manager.next_sender([made]) is None


async def test_a_key_that_could_not_be_deleted_goes_on_sending(keyed: Api, keystore: Keystore) -> None:
    made = (await keys.create(keyed.parts, PASSWORD)).address
    deleting = asyncio.create_task(keyed.manager.retire_sender(made))
    await asyncio.sleep(0)
    assert keyed.manager.next_sender([made]) is None
    deleting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await deleting
    assert keyed.manager.next_sender([made]) == made
