"""Users: who calls, passwords, sessions, roles."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

import bcrypt
import httpx
import pytest

from adyton.domain.access import Role
from adyton.domain.credentials import User
from adyton.storage import users as stored
from adyton.web.auth import COOKIE
from support.api import EMAIL, PASSWORD, Api, details
from support.builders import NOW
from support.people import OTHER, another, logged_in, with_password

NEW = "another long password"


async def change(client: httpx.AsyncClient, old: str = PASSWORD, new: str = NEW) -> httpx.Response:
    return await client.patch("/v2/user/password", json={"oldPassword": old, "newPassword": new})


# --- who calls -------------------------------------------------------------------------------------------------------


async def test_one_learns_who_one_is(api: Api) -> None:
    client = await another(api, role=Role.RUN)
    found = (await client.get("/v2/user")).json()["data"]
    assert (found["type"], found["id"]) == ("users", OTHER)
    assert found["attributes"] == {"email": OTHER, "createdAt": "2023-11-14T22:13:20Z", "role": "run", "via": "session"}


# --- password --------------------------------------------------------------------------------------------------------


async def test_a_password_change_answers_as_v062(api: Api) -> None:
    await with_password(api)
    response = await change(await logged_in(api))
    assert response.status_code == 200
    assert response.json()["data"]["type"] == "users"
    assert response.json()["data"]["attributes"] == {"email": EMAIL, "createdAt": "2023-11-14T22:13:20Z", "role": "admin"}


async def test_a_password_change_ends_all_sessions_and_the_one_that_asked_goes_on_under_another_token(api: Api) -> None:
    await with_password(api)
    mine, others = await logged_in(api), await logged_in(api)
    before = mine.cookies[COOKIE]

    response = await change(mine)

    after = SimpleCookie(response.headers["set-cookie"])[COOKIE].value
    assert after != before
    assert (await others.get("/v2/user")).status_code == 401
    assert (await mine.get("/v2/user")).status_code == 200
    assert (await api.another_client().get("/v2/user", headers={"cookie": f"{COOKIE}={before}"})).status_code == 401
    assert (await api.another_client().post("/sessions", json={"email": EMAIL, "password": PASSWORD})).status_code == 401
    await logged_in(api, password=NEW)


async def test_api_tokens_outlive_a_password_change(api: Api) -> None:
    await with_password(api)
    client = await logged_in(api)
    made = (await client.post("/v2/user/token", json={"password": PASSWORD})).json()["data"]["attributes"]

    await change(client)

    headers = {"x-api-key": made["accessKey"], "x-api-secret": made["secret"]}
    assert (await api.another_client().get("/v2/user", headers=headers)).status_code == 200


async def test_a_wrong_old_password_changes_nothing(api: Api) -> None:
    await with_password(api)
    client = await logged_in(api)
    response = await change(client, old="wrong password")
    assert (response.status_code, details(response.json())) == (409, ["Old password does not match"])
    assert (await client.get("/v2/user")).status_code == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "EOF"),
        ('{"oldPassword":5}', "oldPassword must be a string, not a number"),
        ('{"newPassword":"short"}', "Must enter a password with 8 - 1028 characters"),
        (f'{{"newPassword":"{"x" * 1029}"}}', "Must enter a password with 8 - 1028 characters"),
    ],
)
async def test_a_password_change_that_will_not_do_is_a_422(api: Api, body: str, said: str) -> None:
    response = await api.client.patch("/v2/user/password", content=body)
    assert (response.status_code, details(response.json())) == (422, [said])


async def test_wrong_passwords_inside_count_there_and_a_stranger_cannot_use_them_up(api: Api) -> None:
    await with_password(api)
    client = await logged_in(api)
    for _ in range(10):
        assert (await change(client, old="wrong password")).status_code == 409
    assert (await change(client)).status_code == 429
    assert (await client.get("/v2/user")).status_code == 200


# --- old hashes ------------------------------------------------------------------------------------------------------


async def test_a_hash_of_v062_is_believed_and_replaced_at_the_next_login(api: Api) -> None:
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).replace(b"$2b$", b"$2a$").decode()
    await stored.create(api.db, User(OTHER, hashed, NOW))

    refused = await api.another_client().post("/sessions", json={"email": OTHER, "password": "wrong password"})
    kept = await stored.get(api.db, OTHER)
    assert refused.status_code == 401
    assert kept is not None
    assert kept.password_hash == hashed

    await logged_in(api, OTHER)
    kept = await stored.get(api.db, OTHER)
    assert kept is not None
    assert kept.password_hash.startswith("$argon2id$")
    await logged_in(api, OTHER)


# --- logging in ------------------------------------------------------------------------------------------------------


async def test_a_login_never_goes_on_with_the_token_that_came(api: Api) -> None:
    await with_password(api)
    client = await logged_in(api)
    first = client.cookies[COOKIE]

    await client.post("/sessions", json={"email": EMAIL, "password": PASSWORD})

    assert client.cookies[COOKIE] != first
    assert (await api.another_client().get("/v2/user", headers={"cookie": f"{COOKIE}={first}"})).status_code == 401


async def test_nothing_tells_whether_there_is_a_user_not_even_a_lock_out(api: Api) -> None:
    await with_password(api)
    told: list[list[Any]] = []
    for email in (EMAIL, "nobody@example.com"):
        client = api.another_client()
        answers = [await client.post("/sessions", json={"email": email, "password": "wrong password"}) for _ in range(12)]
        told.append([(each.status_code, each.content, each.headers.get("retry-after")) for each in answers])
    assert told[0] == told[1]
    assert [status for status, *_ in told[0]] == [401] * 10 + [429] * 2


async def test_during_a_lock_out_the_right_password_is_refused_and_open_sessions_go_on(api: Api) -> None:
    await with_password(api)
    mine, stranger = await logged_in(api), api.another_client("192.0.2.9")
    for _ in range(10):
        await stranger.post("/sessions", json={"email": EMAIL, "password": "wrong password"})

    refused = await api.another_client().post("/sessions", json={"email": EMAIL, "password": PASSWORD})

    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "900"
    assert refused.json()["errors"][0]["code"] == "ADY-0102"
    assert (await mine.get("/v2/specs")).status_code == 200
    assert (await change(mine)).status_code == 200
    await api.bench.clock.sleep(900)
    await logged_in(api, password=NEW)


# --- sessions --------------------------------------------------------------------------------------------------------


async def test_ones_sessions_are_listed_without_their_tokens(api: Api) -> None:
    token = api.client.cookies[COOKIE]
    await api.session()
    await another(api)

    response = await api.client.get("/v2/user/sessions")

    shown = [each["attributes"] for each in response.json()["data"]]
    assert sorted(each["current"] for each in shown) == [False, True]
    assert shown[0]["expiresAt"] == "2023-11-14T22:28:20Z"
    assert token not in response.text


async def test_all_sessions_end_or_all_others(api: Api) -> None:
    other, stranger = await api.session(), await another(api)

    assert (await api.client.delete("/v2/user/sessions?others=true")).status_code == 204
    assert (await api.another_client().get("/v2/user", headers={"cookie": f"{COOKIE}={other}"})).status_code == 401
    assert (await api.client.get("/v2/user")).status_code == 200

    response = await api.client.delete("/v2/user/sessions")
    assert SimpleCookie(response.headers["set-cookie"])[COOKIE]["max-age"] == "0"
    assert (await api.client.get("/v2/user")).status_code == 401
    assert (await stranger.get("/v2/user")).status_code == 200


async def test_others_is_true_or_false(api: Api) -> None:
    assert (await api.client.delete("/v2/user/sessions?others=yes")).status_code == 422


# --- everybody -------------------------------------------------------------------------------------------------------


async def test_an_admin_makes_users_who_may_log_in(api: Api) -> None:
    made = await api.post("/v2/users", {"email": OTHER, "password": PASSWORD, "role": "view"}, 201)
    assert made["data"]["attributes"]["role"] == "view"
    assert PASSWORD not in str(made)

    client = await logged_in(api, OTHER)
    assert (await client.get("/v2/specs")).status_code == 200
    assert (await client.post("/v2/specs", content="{}")).status_code == 403

    found = await api.get("/v2/users")
    assert [each["id"] for each in found["data"]] == [EMAIL, OTHER]
    assert found["meta"] == {"count": 2}


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"email": OTHER, "password": PASSWORD}, 422, "role is missing: one of view, run, edit, admin"),
        ({"email": OTHER, "password": PASSWORD, "role": "root"}, 422, 'role must be one of view, run, edit, admin, not "root"'),
        ({"email": "x", "password": PASSWORD, "role": "view"}, 422, "Invalid email format"),
        ({"email": OTHER, "password": "short", "role": "view"}, 422, "Must enter a password with 8 - 1028 characters"),
        ({"email": EMAIL, "password": PASSWORD, "role": "view"}, 409, f"there is a user {EMAIL} already"),
    ],
)
async def test_what_can_be_no_user_is_refused(api: Api, body: dict[str, str], status: int, said: str) -> None:
    assert details(await api.post("/v2/users", body, status)) == [said]


async def test_another_role_counts_in_sessions_that_are_open(api: Api) -> None:
    client = await another(api, role=Role.ADMIN)
    assert (await client.get("/v2/users")).status_code == 200

    response = await api.client.patch(f"/v2/users/{OTHER}", json={"role": "view"})

    assert response.json()["data"]["attributes"]["role"] == "view"
    assert (await client.get("/v2/users")).status_code == 403
    assert (await client.get("/v2/specs")).status_code == 200


async def test_a_deleted_user_is_out_at_once_with_sessions_and_tokens(api: Api) -> None:
    await another(api)
    await with_password(api, OTHER, Role.EDIT)
    client = await logged_in(api, OTHER)
    made = (await client.post("/v2/user/token", json={"password": PASSWORD})).json()["data"]["attributes"]
    headers = {"x-api-key": made["accessKey"], "x-api-secret": made["secret"]}
    assert (await api.another_client().get("/v2/user", headers=headers)).status_code == 200

    assert (await api.client.delete(f"/v2/users/{OTHER}")).json()["data"]["id"] == OTHER

    assert (await client.get("/v2/specs")).status_code == 401
    assert (await api.another_client().get("/v2/user", headers=headers)).status_code == 401
    assert (await api.client.delete(f"/v2/users/{OTHER}")).status_code == 404


async def test_the_last_admin_stays(api: Api) -> None:
    await another(api, role=Role.EDIT)
    demoted = await api.client.patch(f"/v2/users/{EMAIL}", json={"role": "edit"})
    deleted = await api.client.delete(f"/v2/users/{EMAIL}")

    said = f"{EMAIL} is the only user with the role admin; give it to another one first"
    assert [(each.status_code, details(each.json())) for each in (demoted, deleted)] == [(409, [said])] * 2
    assert (await api.client.patch(f"/v2/users/{OTHER}", json={"role": "admin"})).status_code == 200
    assert (await api.client.delete(f"/v2/users/{EMAIL}")).status_code == 200
    assert (await api.client.get("/v2/user")).status_code == 401


async def test_nobody_is_not_found(api: Api) -> None:
    assert (await api.client.patch("/v2/users/nobody@example.com", json={"role": "edit"})).status_code == 404
    assert (await api.client.delete("/v2/users/no e-mail")).status_code == 404
