"""Logging in and out."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest

from adyton.services import users
from adyton.system.entropy import SystemEntropy
from adyton.web.auth import COOKIE
from support.api import PASSWORD, PATIENT, Api, details
from support.builders import TestClock

USER = "real@example.com"


async def with_user(api: Api) -> None:
    await users.create(api.db, clock=TestClock(), entropy=SystemEntropy(), email=USER, password=PASSWORD)
    api.client.cookies.clear()


async def test_a_login_gives_a_cookie_that_opens_the_api(api: Api) -> None:
    await with_user(api)
    assert (await api.client.get("/v2/specs")).status_code == 401

    response = await api.client.post("/sessions", json={"email": USER, "password": PASSWORD})

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/vnd.api+json"
    assert response.json() == {"data": {"type": "session", "id": "sessionID", "attributes": {"authenticated": True}}}
    assert (await api.client.get("/v2/specs")).status_code == 200


@pytest.mark.parametrize("secure", [True, False])
async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(secure: bool) -> None:
    settings = PATIENT.__class__(secure_cookies=secure)
    async with Api(settings=settings) as api:
        await with_user(api)
        response = await api.client.post("/sessions", json={"email": USER, "password": PASSWORD})
        cookie = SimpleCookie(response.headers["set-cookie"])[COOKIE]

    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["max-age"]) == (True, "Lax", "/", "2592000")
    assert bool(cookie["secure"]) is secure
    assert cookie["expires"] == "Thu, 14 Dec 2023 22:13:20 GMT"


async def test_a_refused_login_does_not_say_what_was_wrong(api: Api) -> None:
    await with_user(api)

    wrong_password = await api.client.post("/sessions", json={"email": USER, "password": "wrong password"})
    wrong_email = await api.client.post("/sessions", json={"email": "x@example.com", "password": PASSWORD})

    assert (wrong_password.status_code, wrong_email.status_code) == (401, 401)
    assert wrong_password.json() == wrong_email.json()
    assert wrong_password.json() == {"errors": [{"detail": "Invalid email or password", "code": "ADY-0100"}]}
    assert wrong_password.headers["content-type"] == "application/json; charset=utf-8"
    assert "set-cookie" not in wrong_password.headers


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("", "error binding json EOF"),
        ('{"email":', "error binding json unexpected EOF"),
        ("[]", "error binding json the body must be a JSON object, not an array"),
        ('{"email":["a@b"]}', "error binding json email must be a string"),
        ('{"email":"a@b","password":5}', "error binding json password must be a string"),
    ],
)
async def test_a_login_that_cannot_be_read_is_refused(api: Api, body: str, detail: str) -> None:
    assert details(await api.post("/sessions", body, 400)) == [detail]


@pytest.mark.parametrize("body", ["{}", "null", '{"email":null,"password":null}'])
async def test_a_login_without_credentials_is_a_wrong_login(api: Api, body: str) -> None:
    assert details(await api.post("/sessions", body, 401)) == ["Invalid email or password"]


async def test_logging_out_ends_this_session_only(api: Api) -> None:
    other = await api.session()

    response = await api.client.delete("/sessions")

    assert response.json() == {"data": {"type": "session", "id": "sessionID", "attributes": {"authenticated": False}}}
    assert SimpleCookie(response.headers["set-cookie"])[COOKIE]["max-age"] == "0"
    assert (await api.client.get("/v2/specs")).status_code == 401
    assert (await api.client.get("/v2/specs", headers={"cookie": f"{COOKIE}={other}"})).status_code == 200


async def test_an_old_token_is_worthless_after_logging_out(api: Api) -> None:
    token = await api.log_in()
    await api.client.delete("/sessions")

    response = await api.client.get("/v2/specs", headers={"cookie": f"{COOKIE}={token}"})

    assert response.status_code == 401


@pytest.mark.parametrize("cookie", ["", "clsession=", f"clsession={'0' * 64}", "clsession=\xff", "other=x", "clsession"])
async def test_without_a_session_every_answer_is_an_empty_401(api: Api, cookie: str) -> None:
    api.client.cookies.clear()

    response = await api.client.get("/v2/runs", headers=[(b"cookie", cookie.encode("latin-1"))])

    assert (response.status_code, response.content) == (401, b"")
    assert "x-ratelimit-remaining" in response.headers


async def test_the_sixth_login_in_twenty_seconds_is_refused_right_or_wrong() -> None:
    async with Api(settings=PATIENT.__class__()) as api:
        answers = [await api.client.post("/sessions", content="") for _ in range(6)]
        elsewhere = await api.another_client("192.0.2.1").post("/sessions", content="")
        forged = await api.client.post("/sessions", content="", headers={"x-forwarded-for": "192.0.2.7"})
        await api.bench.clock.sleep(20)
        later = await api.client.post("/sessions", content="")

    assert [answer.status_code for answer in answers] == [400] * 5 + [429]
    assert (answers[5].text, answers[5].headers["content-type"]) == ("Limit exceeded", "text/plain; charset=utf-8")
    assert answers[0].headers["x-ratelimit-limit"] == "5"
    assert answers[0].headers["x-ratelimit-remaining"] == "4"
    assert answers[5].headers["x-ratelimit-reset"] == "1700000020"
    assert (elsewhere.status_code, forged.status_code, later.status_code) == (400, 429, 400)
