"""Requests whose body comes after the right to make them has gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from adyton.domain.access import Role
from adyton.domain.credentials import User
from adyton.services import tokens, users
from adyton.storage import users as stored_users
from adyton.web.auth import COOKIE
from support.api import PASSWORD, Api
from support.builders import NOW

EMAIL = "leaving@example.com"
WANTED = b'{"email": "evil@example.com", "password": "a password of evil", "role": "admin"}'

End = Callable[[Api], Awaitable[object]]


async def demoted(api: Api) -> object:
    return await users.set_role(api.parts, EMAIL, Role.EDIT)


async def deleted(api: Api) -> object:
    return await users.delete(api.parts, EMAIL)


async def logged_out(api: Api) -> object:
    await api.parts.sessions.close_all(EMAIL)
    return EMAIL


async def sent_late(api: Api, headers: dict[str, str], end: End) -> int:
    """The status of a request to make an admin, whose sender is let in, ends, and then sends the body."""
    let_in, may_go_on = asyncio.Event(), asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield WANTED[:3]
        let_in.set()
        await may_go_on.wait()
        yield WANTED[3:]

    client = api.another_client()
    request = client.post("/v2/users", content=body(), headers={"content-length": str(len(WANTED)), **headers})
    asking = asyncio.ensure_future(request)
    await let_in.wait()
    await end(api)
    may_go_on.set()
    return (await asking).status_code


async def nothing(_api: Api) -> object:
    return None


@pytest.mark.parametrize(("end", "status"), [(nothing, 201), (demoted, 403), (deleted, 401), (logged_out, 401)])
async def test_a_body_that_comes_late_does_not_outlast_the_session_or_the_role(api: Api, end: End, status: int) -> None:
    await stored_users.create(api.db, User(EMAIL, "not a hash", NOW, Role.ADMIN))
    cookie = {"cookie": f"{COOKIE}={await api.session(EMAIL)}"}

    assert await sent_late(api, cookie, end) == status
    assert (await stored_users.get(api.db, "evil@example.com") is not None) is (status == 201)


async def test_a_body_that_comes_late_does_not_outlast_its_token(api: Api) -> None:
    await users.create(
        api.db, clock=api.parts.clock, entropy=api.parts.entropy, email=EMAIL, password=PASSWORD, role=Role.ADMIN
    )
    caller = await api.parts.sessions.caller(await api.session(EMAIL))
    assert caller is not None
    token, secret = await tokens.create(api.parts, caller, PASSWORD, tokens.Wanted("a program"))

    async def end(api: Api) -> object:
        await tokens.delete(api.parts, caller, token.access_key)
        return token

    headers = {"x-api-key": token.access_key, "x-api-secret": secret}
    assert await sent_late(api, headers, end) == 401
    assert await stored_users.get(api.db, "evil@example.com") is None
