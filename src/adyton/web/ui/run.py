"""One run: what each task was given, said and left, over time; what it asked to be sent; run it again, cancel it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Raw
from starlette.responses import Response

from adyton.web.ui.api import Answer, ApiRefused, Json, piece, read
from adyton.web.ui.outside import Shown, beginning, pretty_json, visible
from adyton.web.ui.page import View, Visit, go
from adyton.web.ui.waterfall import waterfall

_JSON = 8_000
"""Characters of a JSON text that the page shows; the whole is a link away."""
_WHOLE = 20_000
"""The same of everything in one text."""
_LINE = 300
"""Characters of an error that stand in the open."""
_LIVE = ("runs", "transactions", "heads")
_FINISHED = frozenset({"completed", "errored", "cancelled"})


class _Task(msgspec.Struct):
    params: Raw
    input: Raw
    output: Raw


class _Tasks(msgspec.Struct):
    tasks: list[_Task]


class _Overrides(msgspec.Struct):
    data: Raw


class _Given(msgspec.Struct):
    overrides: _Overrides


T = TypeVar("T")


class _Resource(msgspec.Struct, Generic[T]):
    attributes: T


class _Document(msgspec.Struct, Generic[T]):
    data: _Resource[T]


async def show(visit: Visit) -> View:
    """The run as it is now."""
    return await _page(visit)


async def document(visit: Visit) -> Response:
    """Everything that the API says of the run in one JSON text, as it says it."""
    run, trace, transactions = await _three(visit)
    parts = {"run": run.body, "trace": trace.body, "transactions": transactions.body}
    text = b"{" + b",".join(b'"%s":%s' % (name.encode(), bytes(body)) for name, body in parts.items()) + b"}"
    name = "".join(letter for letter in visit.param("run_id") if letter in "0123456789abcdef-") or "run"
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
    if visit.query("download"):
        headers["content-disposition"] = f'attachment; filename="run-{name}.json"'
    return Response(_formatted(text), media_type="application/json", headers=headers)


async def cancel(visit: Visit) -> View | Response:
    """Cancel it."""
    run_id = visit.param("run_id")
    answer = await visit.api.ask("PUT", f"/v2/runs/{piece(run_id)}/cancellation")
    return go(f"/runs/{answer.item['id']}", "The run is cancelled.") if answer.ok else await _page(visit, answer)


async def again(visit: Visit) -> View | Response:
    """Run the request again, or the job with the same input; and go to the new run."""
    found = await visit.api.get(f"/v2/runs/{piece(visit.param('run_id'))}/trace")
    request = found.item["request"]
    if request is not None and request["id"] is not None:
        answer = await visit.api.ask("POST", f"/v2/requests/{request['id']}/runs")
    else:
        body = await _input(visit)
        answer = await visit.api.ask("POST", f"/v2/specs/{found.item['jobId']}/runs", body)
    return go(f"/runs/{answer.item['id']}", "Started again: this is the new run.") if answer.ok else await _page(visit, answer)


# --- the page --------------------------------------------------------------------------------------------------------


async def _page(visit: Visit, refused: Answer | None = None) -> View:
    run_raw, trace_raw, transactions_raw = await _three(visit)
    run, trace, transactions = await asyncio.gather(read(run_raw), read(trace_raw), read(transactions_raw))
    shown, traced = run.item, trace.item
    job, page = await asyncio.gather(
        visit.api.ask("GET", f"/v2/specs/{piece(traced['jobId'])}"), _about(visit, traced["errorCode"])
    )
    # A second time, because what tasks were given and left is shown as it is written: numbers keep their digits.
    decoded = msgspec.json.decode(bytes(trace_raw.body), type=_Document[_Tasks])
    now = datetime.fromtimestamp(visit.node.parts.clock.now() / 1_000_000, UTC)
    finished = traced["status"] in _FINISHED
    values = {
        "run": shown,
        "trace": traced,
        "texts": [_texts(task) for task in decoded.data.attributes.tasks],
        "chart": waterfall(traced, now),
        "transactions": transactions.items,
        "job": job.item if job.ok else {"id": traced["jobId"]},
        "about": page,
        "error": beginning(traced["error"] or "", _LINE),
        "whole_error": visible(traced["error"] or ""),
        "everything": _everything(run_raw, trace_raw, transactions_raw),
        "again": _again(visit, traced, job.item if job.ok else {}),
        "cancellable": not finished or traced["leftChain"] is not None,
        "finished": finished,
        "visible": visible,
        "faults": [] if refused is None else refused.faults,
    }
    return View("runs/run.html.j2", values, 200 if refused is None else refused.status, live=() if finished else _LIVE)


async def _three(visit: Visit) -> tuple[Response, Response, Response]:
    """The run, its detail and its transactions, as they come. Raises ApiRefused."""
    run_id = piece(visit.param("run_id"))
    api = visit.api
    found = await asyncio.gather(
        api.respond("GET", f"/v2/runs/{run_id}"),
        api.respond("GET", f"/v2/runs/{run_id}/trace"),
        api.respond("GET", "/v2/transactions", run=run_id, size=20),
    )
    for response in found:
        if response.status_code >= 400:
            raise ApiRefused(await read(response))
    return found[0], found[1], found[2]


async def _about(visit: Visit, code: str | None) -> Json | None:
    """The page about an error's code."""
    if code is None:
        return None
    answer = await visit.api.ask("GET", f"/v2/explain/{piece(code)}")
    return answer.item if answer.ok else None


async def _input(visit: Visit) -> bytes:
    """What the run was given, byte for byte."""
    response = await visit.api.respond("GET", f"/v2/runs/{piece(visit.param('run_id'))}")
    return bytes(msgspec.json.decode(bytes(response.body), type=_Document[_Given]).data.attributes.overrides.data)


def _again(visit: Visit, trace: Json, job: Json) -> dict[str, Any]:
    """Whether the visitor may run it again (``label``), or why not (``why``)."""
    if not visit.may("run"):
        return {"label": "", "why": ""}
    if trace["status"] not in _FINISHED:
        return {"label": "", "why": ""}
    if trace["supersededBy"]:
        return {"label": "", "why": "Another run took its place."}
    if trace["request"] is not None and trace["request"]["id"] is not None:
        if trace["status"] == "completed":
            return {"label": "", "why": "Its request is answered: nothing is left to run."}
        return {"label": "Run the request again", "why": ""}
    if any(each["type"] == "web" for each in job.get("initiators", ())):
        return {"label": "Run again", "why": ""}
    return {"label": "", "why": "It cannot be run again by hand: its job has no web initiator."}


def _texts(task: _Task) -> dict[str, Shown | None]:
    return {
        "params": _unless(task.params, b"{}"),
        "input": _unless(task.input, b"null"),
        "output": _unless(task.output, b"null"),
    }


def _unless(raw: Raw, nothing: bytes) -> Shown | None:
    return None if bytes(raw) == nothing else pretty_json(bytes(raw), _JSON)


def _everything(*responses: Response) -> Shown:
    run, trace, transactions = (bytes(each.body) for each in responses)
    return pretty_json(b'{"run":%s,"trace":%s,"transactions":%s}' % (run, trace, transactions), _WHOLE)


def _formatted(text: bytes) -> bytes:
    try:
        return msgspec.json.format(text, indent=2) + b"\n"
    except RecursionError:
        return text
