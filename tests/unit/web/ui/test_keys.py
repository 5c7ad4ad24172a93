"""The pages of keys."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from adyton.domain.access import Role
from adyton.domain.evm import checksum
from adyton.keystore import Keystore
from adyton.services.balances import Holding, Kind
from adyton.storage import keys as stored
from adyton.system.entropy import SystemEntropy
from adyton.web.app import create_app
from adyton.web.ui.keys import payment_uri, qr
from support.api import PATIENT, Api
from support.builders import NOW, ORACLE
from support.people import another
from support.planted import secret

PASSWORD = secret("password of the keystore in a test of the pages")
OTHER = secret("another password in a test of the pages")


@pytest.fixture
async def keystore(tmp_path: Path) -> Keystore:
    return await Keystore.open(tmp_path / "keys", PASSWORD, entropy=SystemEntropy(), create_if_empty=True, scrypt_n=4096)


@pytest.fixture
async def keyed(keystore: Keystore) -> AsyncIterator[Api]:
    """The pages of a node whose keys have files."""
    async with Api(environment={"ETH_CHAIN_ID": "5"}) as api:
        api.parts = dataclasses.replace(api.parts, keys=keystore, holdings=lambda: api.holdings)
        api.app = create_app(api.parts, PATIENT)
        api.client = api.another_client()
        await api.log_in()
        await stored.ensure(api.db, keystore.addresses(), NOW)
        yield api


@pytest.fixture
def address(keystore: Keystore) -> str:
    return checksum(keystore.addresses()[0])


async def page(api: Api, path: str, client: httpx.AsyncClient | None = None) -> str:
    response = await (client or api.client).get(path)
    assert response.status_code == 200, response.text
    return unescape(response.text)


async def send(api: Api, path: str, status: int, **form: str) -> httpx.Response:
    response = await api.client.post(path, data=form)
    assert response.status_code == status, response.text
    for typed in (PASSWORD, OTHER, "a wrong one"):
        assert typed not in response.text
        assert typed not in str(response.headers)
    return response


async def test_each_key_is_shown_with_what_was_seen_last(keyed: Api, address: str) -> None:
    assert "not yet" in await page(keyed, "/keys")
    low = "it holds 0.500000000000000000 ETH, less than 1.000000000000000000, ETH_BALANCE_MINIMUM_WEI"
    keyed.holdings = (
        Holding(address.lower(), Kind.KEY, 5 * 10**17, 123, NOW, low),
        Holding(ORACLE, Kind.CONTRACT, None, 10**18, NOW, "it holds 1.000000000000000000 LINK, less than 2.500000000000000000"),
    )
    for path in ("/keys", f"/keys/{address}"):
        text = await page(keyed, path)
        assert 'title="500,000,000,000,000,000 wei"' in text
        assert "is low: it holds 0.5 ETH, less than 1, ETH_BALANCE_MINIMUM_WEI." in text
    assert checksum(ORACLE) in await page(keyed, "/keys")
    assert "is low: it holds 1 LINK, less than 2.5." in await page(keyed, "/keys")


async def test_a_key_can_be_funded_by_its_code(keyed: Api, address: str) -> None:
    text = await page(keyed, f"/keys/{address.lower()}")
    assert f"ethereum:{address}@5" in text
    assert f'd="{qr(payment_uri(address, "5")).path}"' in text
    assert f'data-copy="{address}"' in text
    assert " style=" not in text


def test_a_code_holds_its_text() -> None:
    """Read back by the rules of the standard for this size: three finders, and every module inside the border."""
    code = qr("ethereum:0x0000000000000000000000000000000000000000@1")
    dark = {tuple(map(int, step.partition("h")[0].split())) for step in code.path.split("M")[1:]}
    finder = {(x, y) for x in range(7) for y in range(7) if max(abs(x - 3), abs(y - 3)) != 2}
    far = code.size - 4 - 7
    for left, top in ((4, 4), (far, 4), (4, far)):
        assert {(x + left, y + top) for x, y in finder} <= dark
    assert all(4 <= x < code.size - 4 and 4 <= y < code.size - 4 for x, y in dark)
    assert qr("another text").path != code.path
    assert payment_uri("0xA", "") == "ethereum:0xA"


async def test_a_key_is_made(keyed: Api, keystore: Keystore) -> None:
    refused = await send(keyed, "/keys", 401, password="a wrong one")
    assert 'id="create" open' in refused.text
    assert "ADY-0804" in refused.text
    made = await send(keyed, "/keys", 303, password=PASSWORD)
    assert len(keystore.addresses()) == 2
    assert made.headers["location"] == f"/keys/{checksum(keystore.addresses()[1])}#main"


async def test_a_key_is_exported_deleted_and_imported(keyed: Api, keystore: Keystore, address: str) -> None:
    await send(keyed, "/keys", 303, password=PASSWORD)
    where = f"/keys/{address}"
    file = await send(keyed, f"{where}/export", 200, password=PASSWORD, new=OTHER, again=OTHER)
    assert file.headers["content-disposition"] == f'attachment; filename="{address[2:]}.json"'
    assert file.headers["cache-control"] == "no-store"
    assert json.loads(file.text)["version"] == 3
    deleted = await send(keyed, f"{where}/delete", 303, password=PASSWORD)
    assert deleted.headers["location"] == "/keys#main"
    assert address.lower() not in keystore
    assert (await keyed.client.get(where)).status_code == 404

    refused = await send(keyed, "/keys/import", 401, key=file.text, key_password="a wrong one", password=PASSWORD)
    assert 'id="import" open' in refused.text
    assert "it does not open the key file" in refused.text
    assert json.loads(file.text)["crypto"]["mac"] in refused.text  # what was pasted stays, its password does not
    assert "ADY-0801" in (await send(keyed, "/keys/import", 422, key="{", key_password="x", password=PASSWORD)).text
    # Some editors begin a file with a byte order mark.
    await send(keyed, "/keys/import", 303, key=f"\ufeff{file.text}", key_password=OTHER, password=PASSWORD)
    assert address.lower() in keystore


async def test_what_the_node_refuses_to_delete_or_export_is_told(keyed: Api, address: str) -> None:
    where = f"/keys/{address}"
    assert "It is the only key" in await page(keyed, where)
    refused = await send(keyed, f"{where}/delete", 409, password=PASSWORD, hard="yes")
    assert 'id="delete" open' in refused.text
    different = await send(keyed, f"{where}/export", 422, password=PASSWORD, new=OTHER, again="a wrong one")
    assert "are not the same" in different.text
    assert "8 characters" in (await send(keyed, f"{where}/export", 422, password=PASSWORD, new="short", again="short")).text


async def test_the_keystore_is_given_another_password(keyed: Api, keystore: Keystore) -> None:
    assert "are not the same" in (await send(keyed, "/keys/password", 422, password=PASSWORD, new=OTHER, again="x")).text
    refused = await send(keyed, "/keys/password", 401, password="a wrong one", new=OTHER, again=OTHER)
    assert 'id="password" open' in refused.text
    assert (await send(keyed, "/keys/password", 303, password=PASSWORD, new=OTHER, again=OTHER)).headers[
        "location"
    ] == "/keys#main"
    await keystore.check(OTHER)


async def test_only_admins_are_shown_forms_and_let_in(keyed: Api, keystore: Keystore, address: str) -> None:
    editor = await another(keyed, role=Role.EDIT)
    for path in ("/keys", f"/keys/{address}"):
        assert 'type="password"' not in await page(keyed, path, editor)
    for path in ("/keys", "/keys/import", "/keys/password", f"/keys/{address}/export", f"/keys/{address}/delete"):
        assert (await editor.post(path, data={"password": PASSWORD})).status_code == 403
    assert len(keystore.addresses()) == 1


async def test_a_node_without_a_key_says_what_to_do(api: Api) -> None:
    api.keys.held = ()
    assert "There is no key." in await page(api, "/keys")
    assert (await api.client.get("/keys/0x12")).status_code == 404
