"""Settings: each with its value, where that came from, and what it is about."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from starlette.responses import Response

from adyton.config import DEFAULT
from adyton.web.ui.api import Answer, Fault
from adyton.web.ui.page import View, Visit, go

_NUMBER_OF = "a whole number of "
_SEARCHED = ("name", "value", "meaning", "source", "group")


async def index(visit: Visit) -> View:
    """Every setting, or those that were asked for."""
    return await _page(visit)


async def change_gas_price(visit: Visit) -> View | Response:
    """Give ETH_GAS_PRICE_DEFAULT another value, in wei."""
    price = visit.form.get("ethGasPriceDefault", "").strip().replace(",", "")
    answer = await visit.api.ask("PATCH", "/v2/config", {"ethGasPriceDefault": price})
    return await _after(visit, answer, "The gas price counts from now on, and after the next start.")


async def change_log(visit: Visit) -> View | Response:
    """Log more or less until the next start."""
    wanted = {"level": visit.form.get("level", ""), "sqlEnabled": visit.form.get("sqlEnabled") == "true"}
    answer = await visit.api.ask("PATCH", "/v2/log", wanted)
    return await _after(visit, answer, "The log is written so from now on, until the next start.")


async def _after(visit: Visit, answer: Answer, notice: str) -> View | Response:
    return go("/config", notice) if answer.ok else await _page(visit, answer.faults, answer.status)


async def _page(visit: Visit, faults: Sequence[Fault] = (), status: int = 200) -> View:
    asked = ("/v2/config/settings", "/v2/features", "/v2/build_info")
    settings, features, build = await asyncio.gather(*(visit.api.get(path) for path in asked))
    every = [{**each, "unit": _unit(each["allowed"]), "changed": each["source"] != DEFAULT} for each in settings.items]
    query, only_changed = visit.query("q"), visit.query("changed") == "yes"
    found = [each for each in every if _fits(each, query) and (each["changed"] or not only_changed)]
    values: dict[str, Any] = {
        "sections": [(name, list(rows)) for name, rows in groupby(found, lambda each: each["group"])],
        "now": {each["name"]: each for each in every if each["changeable"]},
        "count": len(found),
        "every": len(every),
        "q": query,
        "only_changed": only_changed,
        "features": features.items,
        "build": build.document,
        "typed": {name: visit.form.get(name, "") for name in ("ethGasPriceDefault", "level")},
        "faults": faults,
    }
    return View("node/config.html.j2", values, status)


def _fits(setting: Mapping[str, Any], query: str) -> bool:
    text = " ".join(str(setting[name]) for name in _SEARCHED).lower()
    return all(word in text for word in query.lower().split())


def _unit(allowed: str) -> str:
    """What a number counts: ``wei`` of ``a whole number of wei, at least 1``."""
    _, found, rest = allowed.partition(_NUMBER_OF)
    return rest.partition(",")[0] if found else ""
