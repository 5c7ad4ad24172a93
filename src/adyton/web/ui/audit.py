"""The audit log: who did what, when, from where, and what came of it."""

from __future__ import annotations

from adyton.domain.audit import Outcome
from adyton.web.record import Kept
from adyton.web.routes import ROUTES
from adyton.web.ui import typed
from adyton.web.ui.page import View, Visit

SIZE = 50
FILTERS = ("caller", "action", "subject", "outcome", "after", "before")
ACTIONS = sorted({route.name for _, routes in ROUTES for route in routes if route.audited is not Kept.NEVER})
"""What the field for the action offers."""


async def index(visit: Visit) -> View:
    """What was done, the newest first."""
    filters = {name: visit.query(name).strip() for name in FILTERS}
    times = {name: typed.instant(visit, filters[name]) for name in ("after", "before")}
    number = visit.query("page", "1")
    answer = await visit.api.ask("GET", "/v2/audit", size=SIZE, page=number, **{**filters, **times})
    values = {
        "entries": answer.items if answer.ok else [],
        "count": answer.count if answer.ok else 0,
        "number": int(number) if answer.ok else 1,
        "size": SIZE,
        "filters": filters,
        "filtered": any(filters.values()),
        "outcomes": list(Outcome),
        "actions": ACTIONS,
        "faults": answer.faults,
    }
    return View("node/audit.html.j2", values, answer.status)
