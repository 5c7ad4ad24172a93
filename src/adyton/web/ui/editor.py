"""Where a job is written: checked while one types, tried, and saved. One form does all of it, so that it works without scripts;
with them its parts are asked for alone. Whatever comes in between, the form comes back with what was typed.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw
from starlette.responses import Response

from adyton.domain import request_json
from adyton.domain.errors import Invalid
from adyton.web.ui import editor_templates
from adyton.web.ui.api import Answer, ApiRefused, Fault, piece, read
from adyton.web.ui.editor_check import Check, checked
from adyton.web.ui.editor_reference import reference
from adyton.web.ui.editor_templates import TEMPLATES
from adyton.web.ui.editor_trial import BEGINNINGS, Trial, Wish, first_value, tried, wish_of, written
from adyton.web.ui.job_text import laid_out
from adyton.web.ui.outside import visible
from adyton.web.ui.page import View, Visit, go

Values = dict[str, Any]
_ID = re.compile("[0-9a-f]{32}")
_NO_SESSION = "you are not signed in any more"
_UNCHECKED = Check(state="unknown", why=_NO_SESSION)


class Origin(msgspec.Struct, frozen=True):
    """The job that a text began as. ``key`` is the one that it was applied under: such a job can be changed in place."""

    id: str
    key: str | None


class _Exported(msgspec.Struct):
    spec: Raw
    key: str | None = None


class _Resource(msgspec.Struct):
    attributes: _Exported


class _Document(msgspec.Struct):
    data: _Resource


async def show(visit: Visit) -> View:
    """An empty editor, a template, or a job of the node (``from``), to be edited as a new one."""
    job_id = visit.query("from")
    if job_id:
        origin, text = await _exported(visit, job_id)
        return await _page(visit, text, origin=origin)
    return await _page(visit, await editor_templates.filled(visit, visit.query("template")))


async def send(visit: Visit) -> View | Response:
    """Do with the text what the button says that was pressed. Anybody may send it, so that it is never lost: whoever is not
    signed in any more gets it back, and nothing else: the node does not even read what a stranger sends."""
    text = visit.form.get("spec", "")
    if visit.caller.role is None:
        return await _given_back(visit, text)
    return await _DOING.get(visit.form.get("do", ""), _check)(visit, text)


async def _given_back(visit: Visit, text: str) -> View:
    if not _is_alone(visit):
        return await _typed(visit, text)
    if visit.form.get("do") == "try":
        return _trial(Trial(refused=[Fault(_NO_SESSION)]))
    return View("editor/check.html.j2", {"check": _UNCHECKED, "visible": visible})


async def _check(visit: Visit, text: str) -> View:
    if _is_alone(visit):
        return View("editor/check.html.j2", {"check": await checked(visit, text), "visible": visible})
    return await _typed(visit, text)


async def _tidy(visit: Visit, text: str) -> View:
    """The same JSON, laid out. Numbers, the order of keys, and keys that stand twice stay. What is nested too deep, or would be
    too long to be saved when it is laid out, stays as it is."""
    try:
        laid = msgspec.json.format(text.encode(), indent=2)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return await _typed(visit, text)
    return await _typed(visit, f"{laid.decode()}\n" if len(laid) < visit.node.settings.body_limit else text)


async def _try(visit: Visit, text: str) -> View:
    trial = await tried(visit, text, wish_of(visit.form))
    if _is_alone(visit):
        return _trial(trial)
    return await _typed(visit, text, trial=trial, status=200 if trial.steps else 400)


def _trial(trial: Trial) -> View:
    return View("editor/trial.html.j2", {"trial": trial, "written": written, "visible": visible})


async def _save(visit: Visit, text: str) -> View | Response:
    """Make the job. Should the answer be lost on its way, the list of jobs tells whether it is there."""
    answer = await visit.api.ask("POST", "/v2/specs", text.encode())
    if answer.ok:
        return go(f"/jobs/{answer.item['id']}", "The job is saved.")
    return await _typed(visit, text, refused=answer)


async def _plan(visit: Visit, text: str) -> View | Response:
    return await _change(visit, text, {"dryRun": True})


async def _apply(visit: Visit, text: str) -> View | Response:
    """Do what was shown, and only that: the node refuses any other plan. Without one there is first something to be shown."""
    mark = visit.form.get("plan", "")
    return await _change(visit, text, {"plan": mark} if mark else {"dryRun": True})


async def _change(visit: Visit, text: str, how: Mapping[str, object]) -> View | Response:
    try:
        request_json.first_object(text.encode())
    except Invalid:
        return await _typed(visit, text, status=400)
    origin = _origin(visit)
    key = (origin.key if origin is not None else None) or ""
    answer = await visit.api.ask("POST", "/v2/specs/apply", {"jobs": [{"key": key, "spec": first_value(text)}], **how})
    if answer.ok and answer.meta["applied"]:
        change = answer.items[0]
        return go(f"/jobs/{change['jobId']}", _APPLIED.get(change["action"], "The job is changed."))
    if not answer.ok:
        at = "/jobs/0/spec"
        about_text = [each for each in answer.faults if each.pointer.startswith(at)]
        moved = [msgspec.structs.replace(each, pointer=each.pointer.removeprefix(at)) for each in about_text]
        rest = [each for each in answer.faults if not each.pointer.startswith(at)]
        return await _typed(visit, text, refused=answer, others=moved, notes=rest)
    return await _typed(visit, text, plan={"mark": answer.meta["plan"], "changes": answer.items})


_APPLIED = {
    "create": "The job is saved.",
    "update": "The job is changed in place; runs under way keep the tasks that they began with.",
    "replace": "The old job is archived; this one is in its place, with another id.",
}
_DOING: dict[str, Callable[[Visit, str], Awaitable[View | Response]]] = {
    "check": _check,
    "tidy": _tidy,
    "try": _try,
    "save": _save,
    "plan": _plan,
    "apply": _apply,
}


# --- the page --------------------------------------------------------------------------------------------------------


async def _typed(
    visit: Visit,
    text: str,
    *,
    refused: Answer | None = None,
    others: Sequence[Fault] | None = None,
    notes: Sequence[Fault] = (),
    status: int = 200,
    **more: Any,
) -> View:
    """The form again, with what was typed. ``others`` are the faults of the text that a refusal told of, ``notes`` what it told
    of other things."""
    told = [] if refused is None else refused.faults if others is None else others
    code = status if refused is None else 400 if refused.status == 500 else refused.status
    return await _page(
        visit, text, origin=_origin(visit), wish=wish_of(visit.form), told=told, notes=notes, status=code, **more
    )


async def _page(
    visit: Visit,
    text: str,
    *,
    origin: Origin | None = None,
    wish: Wish | None = None,
    told: Sequence[Fault] = (),
    status: int = 200,
    **more: Any,
) -> View:
    is_over = visit.caller.role is None
    if is_over:
        check, known = _UNCHECKED, await reference(visit)
    else:
        check, known = await asyncio.gather(checked(visit, text, told), reference(visit))
    values: Values = {
        "text": text,
        "origin": origin,
        "check": check,
        "reference": known,
        "templates": TEMPLATES,
        "beginnings": BEGINNINGS,
        "wish": wish or Wish(),
        "limit": visit.node.settings.body_limit,
        "written": written,
        "visible": visible,
        "is_over": is_over,
        "is_sent": visit.request.method == "POST",
        "trial": None,
        "plan": None,
        "notes": (),
        **more,
    }
    return View("editor/page.html.j2", values, 401 if is_over else status)


def _is_alone(visit: Visit) -> bool:
    """Whether only the part that it is about is asked for."""
    return visit.request.headers.get("hx-request") == "true"


def _origin(visit: Visit) -> Origin | None:
    job_id = visit.form.get("from", "")
    return Origin(job_id, visit.form.get("key") or None) if _ID.fullmatch(job_id) else None


async def _exported(visit: Visit, job_id: str) -> tuple[Origin, str]:
    """A job, also an archived one, as its request; read as bytes, so that no number loses a digit on its way."""
    response = await visit.api.respond("GET", f"/v2/specs/{piece(job_id)}/export", archived=True)
    if response.status_code != 200:
        raise ApiRefused(await read(response))
    found = msgspec.json.decode(bytes(response.body), type=_Document).data.attributes
    return Origin(job_id, found.key), visible(laid_out(bytes(found.spec)))
