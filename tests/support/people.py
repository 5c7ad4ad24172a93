"""People who use the API: with passwords, with roles, logged in."""

from __future__ import annotations

import httpx

from adyton.domain.access import Role
from adyton.domain.credentials import User, hash_password
from adyton.domain.errors import Conflict
from adyton.storage import users as stored
from adyton.storage.database import Statement
from adyton.web.auth import COOKIE
from support.api import EMAIL, PASSWORD, Api
from support.builders import NOW

OTHER = "other@example.com"


async def with_password(api: Api, email: str = EMAIL, role: Role = Role.ADMIN) -> None:
    """Give a user, new or not, the usual password. Sessions stay open."""
    hashed = hash_password(PASSWORD, b"sixteen bytes...")
    try:
        await stored.create(api.db, User(email, hashed, NOW, role))
    except Conflict:
        update = "UPDATE users SET password_hash = ?, role = ? WHERE email = ?"
        await api.db.write(Statement(update, [(hashed, role, email)]))
    api.parts.sessions.forget(email)
    api.parts.tokens.forget(email)


async def logged_in(api: Api, email: str = EMAIL, password: str = PASSWORD) -> httpx.AsyncClient:
    """A client that has logged in."""
    client = api.another_client()
    response = await client.post("/sessions", json={"email": email, "password": password})
    assert response.status_code == 200, response.text
    return client


async def another(api: Api, email: str = OTHER, role: Role = Role.VIEW) -> httpx.AsyncClient:
    """A client with a session of another user, who has no password."""
    await stored.create(api.db, User(email, "not a hash", NOW, role))
    client = api.another_client()
    client.cookies.set(COOKIE, await api.session(email))
    return client
