"""Callers try what is not theirs: a view token everything, an initiator and a bridge what is others', nobody anything."""

from __future__ import annotations

import re

import pytest

from adyton.domain.access import Role
from adyton.domain.credentials import User
from adyton.domain.external_initiators import ACCESS_KEY_HEADER, SECRET_HEADER
from adyton.storage import users as stored_users
from adyton.web import auth
from adyton.web.auth import COOKIE
from adyton.web.endpoint import Route
from adyton.web.routes import ROUTES
from support.api import Api
from support.builders import NOW

READS = {"GET", "HEAD"}
OF_ONES_OWN = {
    ("DELETE", "/sessions"),
    ("DELETE", "/v2/user/sessions"),
    ("DELETE", "/v2/user/sessions/{session_id}"),
    ("PATCH", "/v2/user/password"),
    ("POST", "/v2/user/token"),
    ("POST", "/v2/user/token/delete"),
    ("POST", "/v2/tokens"),
    ("POST", "/v2/tokens/{access_key}/secret"),
    ("DELETE", "/v2/tokens/{access_key}"),
    # It changes nothing.
    ("POST", "/v2/specs/validate"),
}
"""What is everybody's own: sessions, password, tokens."""
WITHOUT_A_ROLE = {auth.nobody}
ALL = [(allowed, route) for allowed, group in ROUTES for route in group]


def path_of(route: Route) -> str:
    return re.sub(r"{[^}]+}", "x", route.path)


async def as_user(api: Api, role: Role) -> None:
    """Let the client be somebody with that role."""
    await stored_users.create(api.db, User(f"{role}@example.com", "not a hash", NOW, role))
    api.client.cookies.set(COOKIE, await api.session(f"{role}@example.com"))


def test_whatever_changes_something_needs_more_than_looking() -> None:
    """Of the table itself, so that a new route cannot be forgotten."""
    loose = [
        (route.method, route.path)
        for allowed, route in ALL
        if allowed not in WITHOUT_A_ROLE and route.method not in READS and route.needs is Role.VIEW
    ]
    assert set(loose) <= OF_ONES_OWN


async def test_who_may_look_changes_nothing(api: Api) -> None:
    await as_user(api, Role.VIEW)
    for allowed, route in ALL:
        if allowed in WITHOUT_A_ROLE or route.needs is Role.VIEW:
            continue
        answer = await api.client.request(route.method, path_of(route), content=b"{}")
        assert (answer.status_code, "ADY-0101" in answer.text) == (403, True), f"{route.method} {route.path}"


@pytest.mark.parametrize("role", [Role.VIEW, Role.RUN, Role.EDIT])
async def test_who_is_no_admin_spends_no_money_and_sees_no_user(api: Api, role: Role) -> None:
    await as_user(api, role)
    tries = [
        ("POST", "/v2/withdrawals"),
        ("POST", "/v2/transfers"),
        ("GET", "/v2/users"),
        ("POST", "/v2/users"),
        ("GET", "/v2/audit"),
        ("POST", "/v2/keys/eth"),
        ("POST", "/v2/keys/eth/export/0x"),
        ("PATCH", "/v2/keys/password"),
    ]
    for method, path in tries:
        assert (await api.client.request(method, path, content=b"{}")).status_code == 403, f"{method} {path}"


@pytest.mark.parametrize("credential", [{}, {"cookie": f"{COOKIE}={'0' * 64}"}, {"cookie": f"{COOKIE}="},
                                        {"x-api-key": "a" * 32, "x-api-secret": "b" * 64},
                                        {"authorization": "Bearer " + "c" * 32}])  # fmt: skip
async def test_nobody_gets_in_anywhere(api: Api, credential: dict[str, str]) -> None:
    """The tenth wrong token is not looked at any more; it does not get in by that."""
    api.client.cookies.clear()
    for allowed, route in ALL:
        if allowed in WITHOUT_A_ROLE or allowed.__name__ == "scraper":
            continue
        answer = await api.client.request(route.method, path_of(route), content=b"{}", headers=credential)
        assert answer.status_code == 401 or ("x-api-key" in credential and answer.status_code == 429), (
            f"{route.method} {route.path}"
        )


async def test_an_initiator_has_its_routes_and_no_other() -> None:
    async with Api(environment={"FEATURE_EXTERNAL_INITIATORS": "true"}) as api:
        made = await api.client.post("/v2/external_initiators", json={"name": "outside"})
        shown = made.json()["data"]["attributes"]
        headers = {ACCESS_KEY_HEADER: shown["incomingAccessKey"], SECRET_HEADER: shown["incomingSecret"]}
        job = (await api.post("/v2/specs", {"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]}))["data"]["id"]
        api.client.cookies.clear()
        assert (await api.client.get("/v2/ping", headers=headers)).status_code == 200
        others = await api.client.post(f"/v2/specs/{job}/runs", content=b"{}", headers=headers)
        assert others.status_code in {401, 403, 404}
        for allowed, route in ALL:
            if allowed in {*WITHOUT_A_ROLE, auth.session_or_initiator} or allowed.__name__ == "scraper":
                continue
            answer = await api.client.request(route.method, path_of(route), content=b"{}", headers=headers)
            assert answer.status_code == 401, f"{route.method} {route.path}"
