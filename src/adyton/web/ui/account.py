"""The visitor's own account: password, sessions, how the pages look."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from starlette.responses import Response

from adyton.web.ui.api import Fault, piece
from adyton.web.ui.page import SIGN_IN, View, Visit, go
from adyton.web.ui.users import MAY


async def index(visit: Visit) -> View:
    """Who one is, and what is open."""
    return await _page(visit)


async def change_password(visit: Visit) -> View | Response:
    """Give the visitor another password. This session goes on under a new cookie, all others end."""
    form = visit.form
    if form.get("new") != form.get("again"):
        return await _page(visit, [Fault("the two new passwords differ", pointer="/newPassword")], 422)
    body = {"oldPassword": form.get("old", ""), "newPassword": form.get("new", "")}
    answer = await visit.api.ask("PATCH", "/v2/user/password", body)
    if not answer.ok:
        return await _page(visit, answer.faults, answer.status)
    response = go("/account", "Your password is changed. All other sessions have ended.")
    response.headers.append("set-cookie", answer.headers["set-cookie"])
    return response


async def end_session(visit: Visit) -> View | Response:
    """End one session by its id."""
    answer = await visit.api.ask("DELETE", f"/v2/user/sessions/{piece(visit.form.get('session', ''))}")
    if not answer.ok:
        return await _page(visit, answer.faults, answer.status)
    if "set-cookie" not in answer.headers:
        return go("/account", "The session has ended.")
    response = go(SIGN_IN, "You are signed out.")
    response.headers.append("set-cookie", answer.headers["set-cookie"])
    return response


async def end_others(visit: Visit) -> View | Response:
    """End every session but this one."""
    answer = await visit.api.ask("DELETE", "/v2/user/sessions", others=True)
    if not answer.ok:
        return await _page(visit, answer.faults, answer.status)
    return go("/account", "All other sessions have ended.")


async def _page(visit: Visit, faults: Sequence[Fault] = (), status: int = 200) -> View:
    user, sessions = await asyncio.gather(visit.api.get("/v2/user"), visit.api.get("/v2/user/sessions"))
    values = {"user": user.item, "sessions": sessions.items, "about": MAY[user.item["role"]], "faults": faults}
    return View("node/account.html.j2", values, status)
