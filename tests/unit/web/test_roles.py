"""Who may do what: the table of routes, route by route."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.access import Role
from adyton.web import app, auth
from adyton.web.endpoint import Node, Route
from adyton.web.record import READING
from adyton.web.routes import ROUTES
from support.api import Api
from support.people import another

WITH_A_ROLE = (auth.session, auth.session_cookie, auth.session_or_initiator, auth.session_or_anonymous_initiator)
GUARDED = tuple(route for allowed, routes in ROUTES if allowed in WITH_A_ROLE for route in routes)
STAIR = tuple(Role)
OWN = {
    "PATCH /v2/user/password",
    "DELETE /v2/user/sessions",
    "DELETE /v2/user/sessions/{session_id}",
    "POST /v2/user/token",
    "POST /v2/user/token/delete",
    "POST /v2/tokens",
    "POST /v2/tokens/{access_key}/secret",
    "DELETE /v2/tokens/{access_key}",
    "DELETE /sessions",
}
"""What everybody may change: one's own ways in."""


def words(route: Route) -> str:
    return f"{route.method} {route.path}"


async def stub(_node: Node, _request: Request) -> Response:
    return Response(status_code=204)


@pytest.fixture
async def api(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Api]:
    """An API whose routes do nothing but let in or refuse."""
    stubbed = tuple(
        (allowed, tuple(Route(r.method, r.path, stub, r.needs, r.limiters, r.kept) for r in routes))
        for allowed, routes in ROUTES
    )
    monkeypatch.setattr(app, "ROUTES", stubbed)
    async with Api() as opened:
        yield opened


async def asked(client: httpx.AsyncClient, route: Route) -> httpx.Response:
    return await client.request(route.method, re.sub(r"{[^}]+}", "x", route.path), content="{}")


@pytest.mark.parametrize("route", GUARDED, ids=words)
async def test_a_route_takes_the_role_that_it_needs_and_refuses_the_one_below(api: Api, route: Route) -> None:
    fits = await another(api, "fits@example.com", route.needs)
    assert (await asked(fits, route)).status_code == 204

    for role in STAIR[: STAIR.index(route.needs)]:
        response = await asked(await another(api, f"{role}@example.com", role), route)
        assert response.status_code == 403
        assert response.json()["errors"][0]["code"] == "ADY-0101"


@pytest.mark.parametrize("route", GUARDED, ids=words)
async def test_without_a_session_or_a_token_a_route_is_an_empty_401(api: Api, route: Route) -> None:
    response = await asked(api.another_client(), route)
    assert (response.status_code, response.content) == (401, b"")


def test_who_may_only_look_changes_nothing_but_their_own_ways_in() -> None:
    changing = {words(route) for route in GUARDED if route.method not in READING and route.needs is Role.VIEW}
    assert changing <= OWN | {"POST /v2/specs/validate"}


def test_money_keys_users_and_the_audit_log_are_for_admins() -> None:
    private = re.compile(r"/v2/(withdrawals|transfers|users|audit)|POST /v2/keys|DELETE /v2/keys|PATCH /v2/keys")
    guarded = [route for route in GUARDED if private.search(words(route))]
    assert len(guarded) >= 10
    assert [words(route) for route in guarded if route.needs is not Role.ADMIN] == []


@pytest.mark.parametrize(("role", "sees"), [(Role.VIEW, False), (Role.RUN, False), (Role.EDIT, True), (Role.ADMIN, True)])
async def test_what_the_node_proves_itself_with_is_for_those_who_may_change_it(role: Role, sees: bool) -> None:
    async with Api(environment={"FEATURE_EXTERNAL_INITIATORS": "true"}) as api:
        await api.post("/v2/bridge_types", {"name": "b", "url": "http://me:pass@bridge.example/?key=1"})
        await api.post("/v2/external_initiators", {"name": "feed", "url": "http://me:pass@feed.example/?key=1"}, 201)
        client = await another(api, role=role)
        for path in ("/v2/bridge_types/b", "/v2/bridge_types", "/v2/external_initiators"):
            response = await client.get(path)
            shown = response.json()["data"]
            attributes = (shown[0] if isinstance(shown, list) else shown)["attributes"]
            assert bool(attributes.get("outgoingToken")) is sees
            assert ("pass" in response.text or "key=1" in response.text) is sees


def test_a_role_is_a_step_of_a_stair() -> None:
    assert [role for role in Role if role.covers(Role.RUN)] == [Role.RUN, Role.EDIT, Role.ADMIN]
    assert Role.EDIT.and_not_above(Role.VIEW) is Role.VIEW
    assert Role.VIEW.and_not_above(Role.ADMIN) is Role.VIEW
