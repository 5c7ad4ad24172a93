"""External initiators: the list, a new one with its secrets (shown once), and how they call."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from adyton.domain.external_initiators import ACCESS_KEY_HEADER, SECRET_HEADER
from adyton.web.ui.api import Answer, piece
from adyton.web.ui.bridges import beside
from adyton.web.ui.outside import visible
from adyton.web.ui.page import View, Visit, go

SIZE = 50
_PATH = "/v2/external_initiators"
_FIELDS = {"/name": "name", "/url": "url"}


async def index(visit: Visit) -> View:
    """All of them, and a form for a new one."""
    return await _list(visit)


async def create(visit: Visit) -> View:
    """Make one, and show its secrets in this answer only: in no URL and no cookie, and browsers do not keep it."""
    url = visit.form.get("url", "").strip()
    answer = await visit.api.ask("POST", _PATH, {"name": visit.form.get("name", "").strip(), "url": url or None})
    if not answer.ok:
        return await _list(visit, answer)
    return View("connect/initiator_secrets.html.j2", {"made": answer.item, **_headers()})


async def delete(visit: Visit) -> View | Response:
    """Delete one, by its name or access key."""
    name = visit.param("name")
    answer = await visit.api.ask("DELETE", f"{_PATH}/{piece(name)}")
    if not answer.ok:
        return await _list(visit, answer)
    return go("/external_initiators#main", f"The external initiator {name} is deleted.")


async def _list(visit: Visit, refused: Answer | None = None) -> View:
    page = visit.query("page", "1")
    answer, features = await asyncio.gather(visit.api.get(_PATH, size=SIZE, page=page), visit.api.get("/v2/features"))
    names = [each["name"] for each in answer.items if each["name"]]
    uses = await visit.api.get("/v2/uses", kind="externalInitiator", names=names)
    faults = [] if refused is None else refused.faults
    values: dict[str, Any] = {
        "initiators": answer.items,
        "uses": {each["name"]: each for each in uses.items},
        "on": any(each["enabled"] for each in features.items if each["id"] == "external_initiators"),
        "count": answer.count,
        "number": int(page),
        "size": SIZE,
        "typed": {name: visit.form.get(name, "") for name in ("name", "url")},
        "faults": faults,
        "wrong": beside(faults, _FIELDS),
        "visible": visible,
        **_headers(),
    }
    return View("connect/initiators.html.j2", values, 200 if refused is None else refused.status)


def _headers() -> dict[str, str]:
    return {"key_header": ACCESS_KEY_HEADER, "secret_header": SECRET_HEADER}
