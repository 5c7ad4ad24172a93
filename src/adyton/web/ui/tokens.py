"""API tokens: what programs prove themselves with."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from adyton.domain.tokens import ACCESS_KEY_HEADER, SECRET_HEADER
from adyton.web.ui import typed
from adyton.web.ui.api import Answer, Fault, piece
from adyton.web.ui.formats import instant
from adyton.web.ui.page import View, Visit, go
from adyton.web.ui.users import MAY

SIZE = 50
FIELDS = ("name", "role", "expires")


async def index(visit: Visit) -> View:
    """The visitor's tokens, for an admin everybody's."""
    return await _page(visit)


async def create(visit: Visit) -> View:
    """Make a token, and show its secret in this answer, the only one that has it: it is in no address, in no cookie and
    in no cache."""
    form = visit.form
    ends = typed.end_of_day(visit, form.get("expires", ""))
    wanted = {"name": form.get("name", ""), "role": form.get("role") or None, "expiresAt": ends or None}
    answer = await visit.api.ask("POST", "/v2/tokens", {**wanted, "password": form.get("password", "")})
    return await _shown_once(visit, answer, {name: form.get(name, "") for name in FIELDS})


async def rotate(visit: Visit) -> View:
    """Give a token another secret, and show it as ``create`` does."""
    path = f"/v2/tokens/{piece(visit.form.get('access_key', ''))}/secret"
    return await _shown_once(visit, await visit.api.ask("POST", path, {"password": visit.form.get("password", "")}))


async def delete(visit: Visit) -> View | Response:
    """Delete a token."""
    answer = await visit.api.ask("DELETE", f"/v2/tokens/{piece(visit.form.get('access_key', ''))}")
    if not answer.ok:
        return await _page(visit, answer.faults, answer.status)
    return go("/tokens", "The token is deleted. Programs that use it are refused from now on.")


async def _shown_once(visit: Visit, answer: Answer, form: dict[str, str] | None = None) -> View:
    if not answer.ok:
        return await _page(visit, answer.faults, answer.status, form=form)
    return await _page(visit, status=answer.status, made=answer.item)


async def _page(
    visit: Visit,
    faults: Sequence[Fault] = (),
    status: int = 200,
    *,
    form: dict[str, str] | None = None,
    made: dict[str, Any] | None = None,
) -> View:
    """``form`` is what was typed for a new token, ``made`` a token with its secret."""
    number = visit.query("page", "1")
    answer = await visit.api.get("/v2/tokens", size=SIZE, page=number)
    now = datetime.fromtimestamp(visit.node.parts.clock.now() / 1_000_000, UTC)
    over = {each["id"] for each in answer.items if each["expiresAt"] and instant(each["expiresAt"]) <= now}
    values: dict[str, Any] = {
        "tokens": answer.items,
        "count": answer.count,
        "number": int(number),
        "size": SIZE,
        "over": over,
        "roles": {role: about for role, about in MAY.items() if visit.may(role)},
        "faults": faults,
        "typed": form or dict.fromkeys(FIELDS, ""),
        "opened": form is not None,
        "made": made,
        "call": made and _call(visit, made),
    }
    return View("node/tokens.html.j2", values, status)


def _call(visit: Visit, made: dict[str, Any]) -> str:
    """A first request with the token, to type into a shell."""
    url = visit.request.url
    words = ["curl"]
    for name, value in ((ACCESS_KEY_HEADER, made["accessKey"]), (SECRET_HEADER, made["secret"])):
        words += ["-H", f"{name}: {value}"]
    return shlex.join([*words, f"{url.scheme}://{url.netloc}/v2/user"])
