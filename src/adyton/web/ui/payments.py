"""Withdrawals and transfers: LINK out of the oracle contracts, ether out of the keys. Asked for, looked at once more, paid.

A payment has a key of its own from the page on which it is confirmed: however often that is sent, it is paid once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from adyton.web.ui.api import Fault
from adyton.web.ui.page import View, Visit, go
from adyton.web.ui.units import ETHER, read_units, written

SIZE = 25
PURPOSES = ("withdrawal", "transfer")
_PATHS = {"withdrawal": "/v2/withdrawals", "transfer": "/v2/transfers"}
_SOURCES = {"withdrawal": "contractAddress", "transfer": "from"}
_UNITS = {"withdrawal": "LINK", "transfer": "ETH"}


async def show(visit: Visit) -> View:
    """The forms, what there is to pay with, and what was paid."""
    return await _forms(visit, {}, [], 200)


async def pay(visit: Visit) -> View | Response:
    """Look at a payment once more; pay it when that was confirmed."""
    purpose = visit.form.get("purpose", "")
    if purpose not in PURPOSES:
        return go("/withdrawals", "That form is not complete; nothing was paid.", kind="failed")
    if visit.form.get("confirmed") != "yes":
        return await _look(visit, purpose)
    body = _body(purpose, visit.form, visit.form.get("juels", ""), visit.form.get("key", ""))
    # The row is written with the key: a crash in between, or a second press, finds it again and pays nothing more.
    answer = await visit.api.ask("POST", _PATHS[purpose], body)
    if not answer.ok:
        return await _forms(visit, visit.form, answer.faults, answer.status)
    paid = answer.item
    what = f"{written(visit.form.get('juels', '0'), ETHER)} {_UNITS[purpose]}"
    return go(f"/transactions/{paid['txId']}", f"The {purpose} of {what} is on its way: this is its transaction.")


async def _look(visit: Visit, purpose: str) -> View:
    """The page that repeats everything and asks once more; or the forms again with what is wrong."""
    typed = visit.form.get("amount", "")
    units = read_units(typed, ETHER)
    if units is None:
        words = f"amount of {typed[:80]!r}: type {_UNITS[purpose]} with digits and a point, at most {ETHER} digits behind it"
        return await _forms(visit, visit.form, [Fault(words, "ADY-0710", "/amount")], 422)
    body = _body(purpose, visit.form, str(units))
    answer = await visit.api.ask("POST", _PATHS[purpose], body, dryRun=True)
    if not answer.ok:
        return await _forms(visit, visit.form, answer.faults, answer.status)
    key = visit.node.parts.entropy.token(16).hex()
    return View(
        "chain/payment.html.j2",
        {"purpose": purpose, "payment": answer.item, "unit": _UNITS[purpose], "exact": written(units, ETHER), "key": key},
    )


def _body(purpose: str, form: Mapping[str, str], amount: str, key: str = "") -> dict[str, str]:
    body = {"address": form.get("address", "").strip(), "amount": amount}
    source = form.get("source", "").strip()
    return {**body, **({_SOURCES[purpose]: source} if source else {}), **({"idempotencyKey": key} if key else {})}


async def _forms(visit: Visit, typed: Mapping[str, str], faults: list[Fault], status: int) -> View:
    """The page of the forms. What cannot be told without the chain is left out, and said."""
    page = visit.query("page", "1")
    held, link, paid = await asyncio.gather(
        visit.api.ask("GET", "/v2/user/balances"),
        visit.api.ask("GET", "/v2/user/withdrawable"),
        visit.api.get("/v2/transactions", purpose=PURPOSES, size=SIZE, page=page),
    )
    values: dict[str, Any] = {
        "balances": held.items if held.ok else [],
        "balances_faults": held.faults,
        "contracts": link.items if link.ok else [],
        "contracts_faults": link.faults,
        "paid": [_told(each) for each in paid.items],
        "count": paid.count,
        "number": int(page),
        "size": SIZE,
    }
    forms = {each: _typed(typed if typed.get("purpose") == each else {}) for each in PURPOSES}
    wrong = {each: faults if typed.get("purpose") == each else [] for each in PURPOSES}
    return View(
        "chain/payments.html.j2",
        {**values, "typed": forms, "faults": wrong, "written": written},
        status,
        live=("transactions",),
    )


def _typed(form: Mapping[str, str]) -> dict[str, str]:
    return {name: form.get(name, "") for name in ("source", "address", "amount")}


def _told(transaction: dict[str, Any]) -> dict[str, Any]:
    """A payment with who is paid, and how much: of a withdrawal both are in what it calls."""
    call = transaction["call"]
    if transaction["purpose"] == "withdrawal" and call is not None and call["arguments"]:
        to, amount = (each["value"] for each in call["arguments"])
        return {**transaction, "recipient": to, "amount": amount, "contract": transaction["to"]}
    return {**transaction, "recipient": transaction["to"], "amount": transaction["value"], "contract": None}
