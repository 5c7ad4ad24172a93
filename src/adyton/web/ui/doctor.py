"""The doctor: what keeps each key from sending, and what helps."""

from __future__ import annotations

from adyton.web.ui.page import View, Visit
from adyton.web.ui.story import pieces
from adyton.web.ui.transactions import LIVE, WISHES


async def show(visit: Visit) -> View:
    """What the doctor says of each key."""
    answer = await visit.api.get("/v2/transactions/doctor")
    keys = sorted(answer.items, key=lambda each: (not each["blocked"], each["address"]))
    return View("chain/doctor.html.j2", {"keys": keys, "wishes": WISHES, "told": pieces}, live=LIVE)
