"""The pages about errors: what a code means, and what to do."""

from __future__ import annotations

from itertools import groupby

from starlette.responses import Response

from adyton import codes
from adyton.web.ui import prose
from adyton.web.ui.page import View, Visit, go


async def index(visit: Visit) -> View:
    """Every code, or those whose pages have some words."""
    query = visit.query("q")
    answer = await visit.api.get("/v2/errors", q=query)
    areas = [(area, list(lines)) for area, lines in groupby(answer.items, lambda each: each["area"])]
    return View("node/errors.html.j2", {"areas": areas, "count": answer.count, "q": query})


async def show(visit: Visit) -> View | Response:
    """The page of one code. However it is written (``312``, ``ady-0312``), it has one address."""
    asked = visit.param("code")
    code = codes.asked(asked)
    if code is None:
        detail = "a code of an error is ADY- and four digits"
        return View("failed.html.j2", {"detail": detail, "code": "", "status": 404}, 404)
    answer = await visit.api.get(f"/v2/explain/{code}")
    if asked != code:
        return go(f"/errors/{code}")
    page = answer.item
    texts = {"where": prose.line(page["where"]), "cause": prose.html(page["cause"]), "cure": prose.html(page["cure"])}
    return View("node/error.html.j2", {"code": code, "title": page["title"], **texts})
