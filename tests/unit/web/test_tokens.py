"""API tokens."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import pytest
from starlette.requests import Request

from adyton.domain.access import Role
from adyton.services.known_tokens import TOUCHED
from adyton.services.trusted import TRUSTED
from adyton.storage.connect import open_memory
from adyton.storage.database import Row
from adyton.web import auth
from adyton.web.auth import COOKIE
from support.api import PASSWORD, Api, PassingDatabase, details
from support.people import OTHER, logged_in, with_password


@pytest.fixture
async def owner(api: Api) -> httpx.AsyncClient:
    """A client of a user with a password."""
    await with_password(api)
    return await logged_in(api)


async def made(client: httpx.AsyncClient, **more: object) -> dict[str, Any]:
    response = await client.post("/v2/tokens", json={"password": PASSWORD, "name": "script", **more})
    assert response.status_code == 201, response.text
    attributes: dict[str, Any] = response.json()["data"]["attributes"]
    return attributes


def headers(token: dict[str, Any]) -> dict[str, str]:
    return {"x-api-key": token["accessKey"], "x-api-secret": token["secret"]}


def program(api: Api, token: dict[str, Any], address: str = "192.0.2.7") -> httpx.AsyncClient:
    client = api.another_client(address)
    client.headers.update(headers(token))
    return client


async def test_a_token_opens_what_a_session_opens(api: Api, owner: httpx.AsyncClient) -> None:
    client = program(api, await made(owner))
    assert (await client.get("/v2/specs")).status_code == 200
    spec = {"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]}
    created = await client.post("/v2/specs", json=spec)
    assert created.status_code == 200
    assert (await client.post(f"/v2/specs/{created.json()['data']['id']}/runs")).status_code == 200
    assert (await client.get("/v2/user")).json()["data"]["attributes"]["via"] == "token"


async def test_a_token_is_no_session(api: Api, owner: httpx.AsyncClient) -> None:
    assert (await program(api, await made(owner)).delete("/sessions")).status_code == 401


async def test_the_token_of_v071_is_made_replaced_and_deleted(api: Api, owner: httpx.AsyncClient) -> None:
    first, second = [await owner.post("/v2/user/token", json={"password": PASSWORD}) for _ in range(2)]
    assert (first.status_code, first.json()["data"]["type"]) == (201, "auth_tokens")
    old, new = (each.json()["data"]["attributes"] for each in (first, second))
    assert set(new) == {"accessKey", "secret"}
    assert (await program(api, old).get("/v2/user")).status_code == 401
    assert (await program(api, new).get("/v2/user")).status_code == 200

    deleted = await owner.post("/v2/user/token/delete", json={"password": PASSWORD})

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await program(api, new).get("/v2/user")).status_code == 401


@pytest.mark.parametrize("path", ["/v2/user/token", "/v2/user/token/delete", "/v2/tokens"])
async def test_a_token_needs_the_password_once_more(owner: httpx.AsyncClient, path: str) -> None:
    response = await owner.post(path, json={"password": "wrong password", "name": "n"})
    assert (response.status_code, details(response.json())) == (401, ["incorrect password"])


async def test_the_secret_is_shown_once_and_only_its_hash_is_kept(api: Api, owner: httpx.AsyncClient) -> None:
    token = await made(owner)
    rows = await api.db.read("SELECT * FROM api_tokens")
    listed = await owner.get("/v2/tokens")

    assert hashlib.sha256(token["secret"].encode()).hexdigest() in rows[0]
    assert token["secret"] not in str(rows)
    assert token["secret"] not in listed.text
    assert "secret" not in listed.json()["data"][0]["attributes"]


async def test_a_token_may_do_what_its_role_says(api: Api, owner: httpx.AsyncClient) -> None:
    client = program(api, await made(owner, role="view"))
    assert (await client.get("/v2/specs")).status_code == 200
    assert (await client.post("/v2/specs", content="{}")).status_code == 403


async def test_a_token_never_may_more_than_its_user_at_that_moment(api: Api, owner: httpx.AsyncClient) -> None:
    await api.post("/v2/users", {"email": OTHER, "password": PASSWORD, "role": "admin"}, 201)
    other = await logged_in(api, OTHER)
    client = program(api, await made(other, role="admin"))
    assert (await client.get("/v2/users")).status_code == 200

    await owner.patch(f"/v2/users/{OTHER}", json={"role": "run"})

    assert (await client.get("/v2/users")).status_code == 403
    assert (await client.get("/v2/user")).json()["data"]["attributes"]["role"] == "run"


async def test_a_token_is_not_made_above_its_user(api: Api) -> None:
    await api.post("/v2/users", {"email": OTHER, "password": PASSWORD, "role": "run"}, 201)
    response = await (await logged_in(api, OTHER)).post("/v2/tokens", json={"password": PASSWORD, "name": "n", "role": "edit"})
    assert (response.status_code, response.json()["errors"][0]["code"]) == (403, "ADY-0110")


async def test_a_token_ends_when_it_shall(api: Api, owner: httpx.AsyncClient) -> None:
    client = program(api, await made(owner, expiresAt="2023-11-14T22:14:20Z"))
    await api.bench.clock.sleep(59)
    assert (await client.get("/v2/user")).status_code == 200
    await api.bench.clock.sleep(1)
    assert (await client.get("/v2/user")).status_code == 401


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"name": ""}, "name must be 1 to 100 printable characters that say what the token is for"),
        ({"name": "a\nb"}, "name must be 1 to 100 printable characters that say what the token is for"),
        ({"role": "root"}, 'role must be one of view, run, edit, admin, not "root"'),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt must be a time to come"),
        (
            {"expiresAt": "soon"},
            'expiresAt: "soon" is not a time; write it like 2019-06-27T14:03:11Z or 2019-06-27T16:03:11+02:00',
        ),
    ],
)
async def test_a_token_that_cannot_be_is_refused(api: Api, more: dict[str, str], said: str) -> None:
    assert details(await api.post("/v2/tokens", {"password": "x", "name": "n", **more}, 422)) == [said]


async def test_a_rotated_token_has_another_secret_and_the_same_rights(api: Api, owner: httpx.AsyncClient) -> None:
    token = await made(owner, role="run")
    before = program(api, token)
    assert (await before.get("/v2/user")).status_code == 200

    rotated = await owner.post(f"/v2/tokens/{token['accessKey']}/secret", json={"password": PASSWORD})

    after = rotated.json()["data"]["attributes"]
    assert (after["accessKey"], after["role"]) == (token["accessKey"], "run")
    assert (await before.get("/v2/user")).status_code == 401
    assert (await program(api, after).get("/v2/user")).status_code == 200
    assert (await owner.post(f"/v2/tokens/{'0' * 32}/secret", json={"password": PASSWORD})).status_code == 404


async def test_a_deleted_token_is_over_at_once(api: Api, owner: httpx.AsyncClient) -> None:
    token = await made(owner)
    client = program(api, token)
    assert (await client.get("/v2/user")).status_code == 200

    assert (await owner.delete(f"/v2/tokens/{token['accessKey']}")).status_code == 204

    assert (await client.get("/v2/user")).status_code == 401
    assert (await owner.delete(f"/v2/tokens/{token['accessKey']}")).status_code == 404


async def test_others_tokens_are_an_admins_affair(api: Api, owner: httpx.AsyncClient) -> None:
    await api.post("/v2/users", {"email": OTHER, "password": PASSWORD, "role": "edit"}, 201)
    other = await logged_in(api, OTHER)
    theirs, mine = await made(other), await made(owner)

    assert [each["id"] for each in (await other.get("/v2/tokens")).json()["data"]] == [theirs["accessKey"]]
    assert (await owner.get("/v2/tokens")).json()["meta"]["count"] == 2
    assert (await other.delete(f"/v2/tokens/{mine['accessKey']}")).status_code == 404
    assert (await owner.post(f"/v2/tokens/{theirs['accessKey']}/secret", json={"password": PASSWORD})).status_code == 404
    assert (await owner.delete(f"/v2/tokens/{theirs['accessKey']}")).status_code == 204


async def test_a_lesser_token_may_end_itself_and_nothing_else_of_its_user(api: Api, owner: httpx.AsyncClient) -> None:
    lesser, greater = await made(owner, role="view"), await made(owner)
    client = program(api, lesser)

    assert (await client.delete(f"/v2/tokens/{greater['accessKey']}")).json()["errors"][0]["code"] == "ADY-0114"
    assert (await client.delete("/v2/user/sessions")).json()["errors"][0]["code"] == "ADY-0114"
    assert (await client.delete(f"/v2/tokens/{lesser['accessKey']}")).status_code == 204
    assert (await program(api, greater).delete("/v2/user/sessions")).status_code == 204
    assert (await owner.get("/v2/user")).status_code == 401


# --- wrong ones ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", "0" * 32, "no key", "\xff"])
async def test_a_wrong_token_is_an_empty_401(api: Api, key: str) -> None:
    sent = [(b"x-api-key", key.encode("latin-1")), (b"x-api-secret", b"wrong")]
    response = await api.another_client().get("/v2/specs", headers=sent)
    assert (response.status_code, response.content) == (401, b"")


async def test_a_wrong_token_does_not_stand_in_the_way_of_a_session(api: Api) -> None:
    wrong = {"x-api-key": "0" * 32, "x-api-secret": "wrong"}
    assert (await api.client.get("/v2/specs", headers=wrong)).status_code == 200


async def test_a_key_waits_after_wrong_secrets_but_not_where_its_program_is(api: Api, owner: httpx.AsyncClient) -> None:
    token = await made(owner)
    good = program(api, token)
    assert (await good.get("/v2/user")).status_code == 200
    stranger = program(api, {**token, "secret": "wrong"}, "198.51.100.1")

    answers = [(await stranger.get("/v2/user")).status_code for _ in range(11)]

    assert answers == [401] * 10 + [429]
    elsewhere = await program(api, token, "198.51.100.2").get("/v2/user")
    assert (elsewhere.status_code, elsewhere.headers["retry-after"]) == (429, "900")
    assert (await good.get("/v2/user")).status_code == 200


async def test_wrong_secrets_of_external_initiators_count_too() -> None:
    async with Api(environment={"FEATURE_EXTERNAL_INITIATORS": "true"}) as api:
        known = (await api.post("/v2/external_initiators", {"name": "feed"}, 201))["data"]["attributes"]
        key = {"x-chainlink-ea-accesskey": known["incomingAccessKey"]}
        right, wrong = ({**key, "x-chainlink-ea-secret": secret} for secret in (known["incomingSecret"], "wrong"))
        program, stranger = api.another_client("192.0.2.7"), api.another_client("198.51.100.1")
        assert (await program.get("/v2/ping", headers=right)).status_code == 200

        answers = [(await stranger.get("/v2/ping", headers=wrong)).status_code for _ in range(11)]

        assert answers == [401] * 10 + [429]
        assert (await stranger.get("/v2/ping", headers=right)).status_code == 429
        assert (await program.get("/v2/ping", headers=right)).status_code == 200


# --- what it costs ---------------------------------------------------------------------------------------------------


class Counting(PassingDatabase):
    """Counts what is read of tokens."""

    reads = 0

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        self.reads += "api_tokens" in sql
        return await super().read(sql, params)


async def test_a_token_in_steady_use_is_read_now_and_then_and_its_use_written_each_minute() -> None:
    db = Counting(open_memory())
    async with Api(db=db) as api:
        await with_password(api)
        token = await made(await logged_in(api))
        client = program(api, token)
        used: set[Any] = set()
        db.reads = 0
        for _ in range(120):
            await api.bench.clock.sleep(1)
            assert (await client.get("/v2/ping")).status_code == 200
            used.add((await db.real.read("SELECT last_used FROM api_tokens"))[0][0])

        assert db.reads <= 120 / TRUSTED + 1
        assert len(used) == 120 / TOUCHED


async def test_who_is_asked_again_later_is_told_without_using_the_session(api: Api, owner: httpx.AsyncClient) -> None:
    """For streams: see ``auth.still``."""
    token = await made(owner)
    for sent in (
        [(b"cookie", f"{COOKIE}={owner.cookies[COOKIE]}".encode())],
        [(name.encode(), value.encode()) for name, value in headers(token).items()],
    ):
        request = Request({"type": "http", "headers": sent, "client": ("192.0.2.7", 1), "state": {}})
        caller = await auth.session(api.parts, request)
        assert caller is not None
        request.state.caller = caller
        assert await auth.still(api.parts, request) == caller
        assert auth.credential_of(request)
        await with_password(api, role=Role.VIEW)
        changed = await auth.still(api.parts, request)
        assert changed is not None
        assert changed.role is Role.VIEW
        await with_password(api)
