"""Bridges: the list, one with what uses it, its tokens (shown once), and a test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from starlette.responses import Response

from adyton.web.ui.api import Answer, Fault, piece
from adyton.web.ui.outside import visible
from adyton.web.ui.page import View, Visit, go

SIZE = 50
_PATH = "/v2/bridge_types"
_DECIMALS = 18
_LONGEST_AMOUNT = 100
_FIELDS = ("name", "url", "confirmations", "payment")
_OF_FIELD = {"/name": "name", "/url": "url", "/confirmations": "confirmations", "/minimumContractPayment": "payment"}
_EXAMPLE = {"from": "ETH", "to": "USD"}


async def index(visit: Visit) -> View:
    """Every bridge by name, and a form for a new one."""
    return await _list(visit)


async def create(visit: Visit) -> View:
    """Make one, and show its tokens in this answer only: in no URL and no cookie, and browsers do not keep it."""
    body = {"name": visit.form.get("name", ""), **_asked(visit.form)}
    answer = await visit.api.ask("POST", _PATH, body)
    if not answer.ok:
        return await _list(visit, answer)
    return _tokens(answer.item, new=True)


async def show(visit: Visit) -> View:
    """One bridge."""
    return await _one(visit)


async def change(visit: Visit) -> View | Response:
    """Give it another URL, confirmations and minimum payment."""
    name = visit.param("name")
    answer = await visit.api.ask("PATCH", f"{_PATH}/{piece(name)}", _asked(visit.form))
    if not answer.ok:
        return await _one(visit, refused=answer, typed=visit.form)
    return go(f"{_page(name)}#main", "The bridge is changed.")


async def delete(visit: Visit) -> View | Response:
    """Delete it, if no job uses it."""
    name = visit.param("name")
    answer = await visit.api.ask("DELETE", f"{_PATH}/{piece(name)}")
    return go("/bridges#main", f"The bridge {name} is deleted.") if answer.ok else await _one(visit, refused=answer)


async def rotate(visit: Visit) -> View:
    """New tokens, shown as those of a new bridge are."""
    answer = await visit.api.ask("POST", f"{_PATH}/{piece(visit.param('name'))}/tokens")
    return _tokens(answer.item, new=False) if answer.ok else await _one(visit, refused=answer)


async def test(visit: Visit) -> View:
    """Ask it with sample data, and show what came back."""
    sample = visit.form.get("data", "").strip()
    body = b'{"data":' + sample.encode() + b"}" if sample else b""  # as typed, so that numbers keep their digits
    answer = await visit.api.ask("POST", f"{_PATH}/{piece(visit.param('name'))}/test", body)
    if not answer.ok:
        return await _one(visit, unsent=answer, sample=sample)
    return await _one(visit, tested=answer.item, sample=sample)


async def _list(visit: Visit, refused: Answer | None = None) -> View:
    page = visit.query("page", "1")
    answer = await visit.api.get(_PATH, size=SIZE, page=page)
    uses = await visit.api.get("/v2/uses", kind="bridge", names=[each["name"] for each in answer.items])
    values = {
        "bridges": answer.items,
        "uses": {each["name"]: each for each in uses.items},
        "count": answer.count,
        "number": int(page),
        "size": SIZE,
        "visible": visible,
        **_typed(visit.form, refused),
    }
    return View("connect/bridges.html.j2", values, 200 if refused is None else refused.status)


async def _one(
    visit: Visit,
    *,
    refused: Answer | None = None,
    unsent: Answer | None = None,
    typed: Mapping[str, str] | None = None,
    tested: Mapping[str, Any] | None = None,
    sample: str | None = None,
) -> View:
    found = await visit.api.get(f"{_PATH}/{piece(visit.param('name'))}")
    name = found.item["name"]
    uses, jobs = await asyncio.gather(
        visit.api.get("/v2/uses", kind="bridge", names=[name]), visit.api.get("/v2/specs", task=name, size=1)
    )
    bridge = {**found.item, "payment": _link(found.item["minimumContractPayment"])}
    values = {
        "bridge": bridge,
        "use": uses.items[0],
        "at_change": typed is not None,
        "tested": tested,
        "sample": _sample(name, jobs.items) if sample is None else sample,
        "visible": visible,
        "unsent": [] if unsent is None else unsent.faults,
        **_typed(bridge if typed is None else typed, refused),
    }
    status = next((each.status for each in (refused, unsent) if each is not None), 200)
    return View("connect/bridge.html.j2", values, status)


def _tokens(bridge: Mapping[str, Any], *, new: bool) -> View:
    return View("connect/bridge_tokens.html.j2", {"bridge": bridge, "new": new})


def _page(name: str) -> str:
    return f"/bridges/{piece(name)}"


def _typed(values: Mapping[str, Any], refused: Answer | None) -> dict[str, Any]:
    """What stands in the form, and what was wrong with it: beside its field where that is known."""
    faults = [] if refused is None else [_of_payment(each) for each in refused.faults]
    return {
        "typed": {name: values.get(name, "") for name in _FIELDS},
        "faults": faults,
        "wrong": beside(faults, _OF_FIELD),
    }


def _of_payment(fault: Fault) -> Fault:
    """The API's words are about juels, and LINK was typed."""
    if fault.pointer != "/minimumContractPayment":
        return fault
    return msgspec.structs.replace(fault, detail="the minimum payment must be an amount of LINK such as 0.1, or empty")


def beside(faults: Sequence[Fault], fields: Mapping[str, str]) -> dict[str, str]:
    """What was wrong with each field of a form: ``fields`` are their names by the pointers of the API."""
    found = {fields[each.pointer]: each.detail for each in faults if each.pointer in fields}
    return {name: found.get(name, "") for name in fields.values()}


def _asked(form: Mapping[str, str]) -> dict[str, Any]:
    """What a form asks for. What is no number is sent as it is: the API says what is wrong with it."""
    confirmations = form.get("confirmations", "").strip()
    payment = form.get("payment", "").strip()
    return {
        "url": form.get("url", "").strip(),
        "confirmations": int(confirmations) if confirmations.isascii() and confirmations.isdigit() else confirmations or 0,
        "minimumContractPayment": _juels(payment) if payment else None,
    }


def _juels(link: str) -> str:
    """LINK as juels; a text that is no amount stays as it is."""
    try:
        amount = Decimal(link).scaleb(_DECIMALS) if len(link) < _LONGEST_AMOUNT else None
    except ArithmeticError:
        return link
    if amount is None or not amount.is_finite() or abs(amount.adjusted()) > _LONGEST_AMOUNT:
        return link
    return f"{amount:f}" if amount != amount.to_integral_value() else f"{int(amount)}"


def _link(juels: str | None) -> str:
    """Juels as LINK, exactly."""
    if juels is None:
        return ""
    text = f"{Decimal(juels).scaleb(-_DECIMALS):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _sample(name: str, jobs: Sequence[Mapping[str, Any]]) -> str:
    """Data to begin with: the params of a job's task that asks the bridge, else an example."""
    tasks = [task for job in jobs for task in job["tasks"] if task["type"] == name]
    params = next((task["params"] for task in tasks if task.get("params")), _EXAMPLE)
    return json.dumps(params, indent=2, ensure_ascii=False)
