"""Users: who may operate the node, with which role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import Response

from adyton.domain.access import Role
from adyton.web.ui.api import Answer, Fault, piece
from adyton.web.ui.page import View, Visit, go

SIZE = 50
MAY: Mapping[Role, str] = {
    Role.VIEW: "look at everything that is not a secret",
    Role.RUN: "start and cancel runs",
    Role.EDIT: "change jobs, bridges and external initiators",
    Role.ADMIN: "spend money; change users, keys and the node",
}
"""What a role may do besides what those before it may."""


async def index(visit: Visit) -> View:
    """Everybody, the oldest first."""
    return await _page(visit)


async def create(visit: Visit) -> View | Response:
    """Make a user."""
    form = visit.form
    wanted = {name: form.get(name, "") for name in ("email", "password", "role")}
    if form.get("password") != form.get("again"):
        return await _page(visit, [Fault("the two passwords differ", pointer="/password")], 422, opened=True)
    answer = await visit.api.ask("POST", "/v2/users", wanted)
    if not answer.ok:
        return await _page(visit, answer.faults, answer.status, opened=True)
    return go("/users", f"{answer.item['email']} may sign in now, with the role {answer.item['role']}.")


async def change_role(visit: Visit) -> View | Response:
    """Give a user another role."""
    email, role = visit.form.get("email", ""), visit.form.get("role", "")
    answer = await visit.api.ask("PATCH", f"/v2/users/{piece(email)}", {"role": role})
    return await _after(visit, answer, f"{email} has the role {role} now.")


async def delete(visit: Visit) -> View | Response:
    """Delete a user with what is theirs."""
    email = visit.form.get("email", "")
    answer = await visit.api.ask("DELETE", f"/v2/users/{piece(email)}")
    return await _after(visit, answer, f"{email} is deleted, with all sessions and API tokens.")


async def _after(visit: Visit, answer: Answer, notice: str) -> View | Response:
    return go("/users", notice) if answer.ok else await _page(visit, answer.faults, answer.status)


async def _page(visit: Visit, faults: Sequence[Fault] = (), status: int = 200, *, opened: bool = False) -> View:
    """``opened``: the form of a new user is shown with what was typed, but the passwords."""
    number = visit.query("page", "1")
    answer = await visit.api.get("/v2/users", size=SIZE, page=number)
    values: dict[str, Any] = {"users": answer.items, "count": answer.count, "number": int(number), "size": SIZE}
    typed = visit.form if opened else {}
    values["typed"] = {"email": typed.get("email", ""), "role": typed.get("role", Role.VIEW)}
    return View("node/users.html.j2", {**values, "roles": MAY, "faults": faults}, status)
