"""One job: what it does, how it goes, and what may be done with it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from msgspec import Raw
from starlette.responses import Response

from adyton.domain import data
from adyton.domain.jobs import JobState
from adyton.web.ui import job_flow, job_money
from adyton.web.ui.api import Answer, ApiRefused, Fault, Json, piece, read
from adyton.web.ui.job_flow import Flow
from adyton.web.ui.jobs import counted
from adyton.web.ui.page import View, Visit, go

LATEST = 20
"""Runs and requests that the page shows."""
_WATCHED = 10
"""The newest runs, whose errors are marked in the drawing."""
# Characters that turn the direction of what stands around them are written as JSON writes any character.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

Values = dict[str, Any]


class _Exported(msgspec.Struct):
    spec: Raw
    key: str | None = None


class _Resource(msgspec.Struct):
    attributes: _Exported


class _Document(msgspec.Struct):
    data: _Resource


class Definition(msgspec.Struct, frozen=True):
    """The request that would make a job: its JSON for people, as a value whose numbers keep their digits, and the key of the
    file that it is kept in."""

    text: str
    spec: Json
    key: str | None


async def show(visit: Visit) -> View:
    """The job, and of what belongs to it the part that ``tab`` names."""
    return await _page(visit, visit.query("tab"))


async def download(visit: Visit) -> Response:
    """The definition as a file, which ``adyton jobs create`` takes."""
    job_id = visit.param("job_id")
    text = (await _definition(visit, job_id)).text
    name = re.sub("[^0-9a-f-]", "", job_id) or "job"
    return Response(
        f"{text}\n",
        media_type="application/json",
        headers={"content-disposition": f'attachment; filename="job-{name}.json"', "cache-control": "no-store"},
    )


async def archive(visit: Visit) -> View | Response:
    """Archive it."""
    answer = await visit.api.ask("DELETE", f"/v2/specs/{piece(visit.param('job_id'))}")
    return go("/jobs", "The job is archived.") if answer.ok else await _page(visit, "", answer)


async def run(visit: Visit) -> View | Response:
    """Start a run with the input that was typed, and go to it."""
    job_id, given = visit.param("job_id"), visit.form.get("input", "")
    answer = await visit.api.ask("POST", f"/v2/specs/{piece(job_id)}/runs", given.encode())
    if answer.ok:
        return go(f"/runs/{answer.item['id']}", "The run has started.")
    return await _page(visit, "run", answer, {"input": given})


async def _page(visit: Visit, tab: str, refused: Answer | None = None, typed: Values | None = None) -> View:
    job_id = visit.param("job_id")
    shown, definition = await asyncio.gather(
        visit.api.get(f"/v2/specs/{piece(job_id)}", archived=True), _definition(visit, job_id)
    )
    job = {"name": None, "version": 1, "state": JobState.ACTIVE, **shown.item}
    flow = job_flow.drawn(definition.spec)
    tabs = _tabs(visit, job, flow)
    chosen = tab if tab in tabs else "overview"
    values = {
        "job": job,
        "definition": definition,
        "flow": flow,
        "tabs": tabs,
        "tab": chosen,
        "archived": job["state"] == JobState.ARCHIVED,
        "next_fires": shown.meta.get("nextFires", ()),
        "faults": _faults(refused),
        "input": "{}",
        **(await _PARTS[chosen](visit, job, flow)),
        **(typed or {}),
    }
    # A form that is shown again is no place to come back to by itself.
    live = ("runs",) if chosen in _LIVE and refused is None and not values["archived"] else ()
    return View("jobs/page.html.j2", values, 200 if refused is None else _status(refused), live)


def _tabs(visit: Visit, job: Json, flow: Flow) -> dict[str, str]:
    """The parts that this job has for this visitor. Runs of archived jobs are nowhere shown."""
    every = {"overview": "Overview", "definition": "Definition", "runs": "Runs", "requests": "Requests"}
    every |= {"money": "Money", "errors": "Errors"}
    if job["state"] == JobState.ARCHIVED:
        return {name: every[name] for name in ("overview", "definition", "requests", "money")}
    by_hand = any(start.type == "web" for start in flow.starts)
    return every | ({"run": "Run it"} if by_hand and visit.may("run") else {})


def _faults(refused: Answer | None) -> list[Fault]:
    return [] if refused is None else refused.faults


def _status(refused: Answer) -> int:
    """The API says 500, as v0.6.2, of an input that is no JSON; to a browser that would say that the page is broken."""
    return 400 if refused.status == 500 else refused.status


async def _definition(visit: Visit, job_id: str) -> Definition:
    """Read as bytes, so that no number loses a digit on its way."""
    response = await visit.api.respond("GET", f"/v2/specs/{piece(job_id)}/export", archived=True)
    if response.status_code != 200:
        raise ApiRefused(await read(response))
    found = msgspec.json.decode(bytes(response.body), type=_Document).data.attributes
    text = msgspec.json.format(bytes(found.spec), indent=2).decode()
    return Definition(_TURNING.sub(lambda each: f"\\u{ord(each[0]):04x}", text), data.parse(bytes(found.spec)), found.key)


# --- parts -----------------------------------------------------------------------------------------------------------


async def _overview(visit: Visit, job: Json, flow: Flow) -> Values:
    """What it does, drawn, with what came of it lately. An archived job has nothing that was counted, and no runs."""
    names = sorted({step.type for step in flow.steps if not step.is_known})
    config, *bridges = await asyncio.gather(
        visit.api.ask("GET", "/v2/config"), *(visit.api.ask("GET", f"/v2/bridge_types/{piece(name)}") for name in names)
    )
    values: Values = {
        "config": config.item if config.ok else None,
        "bridges": {name: answer.item for name, answer in zip(names, bridges, strict=True) if answer.ok},
        "numbers": None,
        "runs": [],
        "failed": {},
    }
    if job["state"] == JobState.ARCHIVED:
        return values
    numbers, runs = await asyncio.gather(counted(visit, [job["id"]]), _latest_runs(visit, job, _WATCHED))
    failed = Counter(_failed_at(each) for each in runs.items if each["status"] == "errored")
    return {**values, "numbers": numbers.get(job["id"]), "runs": runs.items, "failed": failed}


def _failed_at(found: Mapping[str, Any]) -> int:
    """The number of the task, from 1, at which a run failed; 0 if it failed before any."""
    statuses = [task["status"] for task in found["taskRuns"]]
    return statuses.index("errored") + 1 if "errored" in statuses else 0


async def _runs(visit: Visit, job: Json, _flow: Flow) -> Values:
    found = await _latest_runs(visit, job, LATEST)
    return {"runs": found.items, "count": found.count}


async def _latest_runs(visit: Visit, job: Json, size: int) -> Answer:
    return await visit.api.get("/v2/runs", jobSpecId=job["id"], sort="-createdAt", size=size)


async def _requests(visit: Visit, job: Json, _flow: Flow) -> Values:
    found = await visit.api.get("/v2/requests", jobSpecId=job["id"], size=LATEST)
    return {"requests": found.items, "count": found.count}


async def _money(visit: Visit, job: Json, _flow: Flow) -> Values:
    hours, days = await asyncio.gather(
        *(visit.api.get("/v2/statistics", jobSpecId=job["id"], step=step) for step in ("hour", "day"))
    )
    return {"money": job_money.balance(hours.items, days.items)}


async def _errors(visit: Visit, job: Json, _flow: Flow) -> Values:
    return {"errors": (await visit.api.get(f"/v2/specs/{job['id']}/errors")).item}


async def _nothing_more(_visit: Visit, _job: Json, _flow: Flow) -> Values:
    return {}


_PARTS: dict[str, Callable[[Visit, Json, Flow], Awaitable[Values]]] = {
    "overview": _overview,
    "definition": _nothing_more,
    "runs": _runs,
    "requests": _requests,
    "money": _money,
    "errors": _errors,
    "run": _nothing_more,
}
_LIVE = frozenset({"overview", "runs", "requests", "money", "errors"})
