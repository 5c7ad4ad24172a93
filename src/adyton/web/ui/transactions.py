"""Transactions: what is in flight by key and nonce, the history, one of them with all its attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from starlette.responses import Response

from adyton.domain.transactions import TransactionState
from adyton.web.ui.api import piece
from adyton.web.ui.formats import instant
from adyton.web.ui.page import View, Visit, go
from adyton.web.ui.story import pieces
from adyton.web.ui.units import GWEI, read_units

SIZE = 25
IN_FLIGHT = ("unstarted", "in_progress", "unconfirmed", "confirmed")
SENT = frozenset({"in_progress", "unconfirmed"})
"""States in which a transaction holds up those behind it."""
SHOWN = 50
"""Transactions in flight that are shown, the oldest."""
SLOW = timedelta(minutes=2)
"""How old the lowest one is before a look at it is asked for."""
LIVE = ("transactions", "heads")
FILTERS = ("state", "from", "run", "purpose")
WISHES = {
    "bump": ("Bump", "Raise its price", "It is signed again at a higher price and sent at once."),
    "cancel": ("Cancel", "Cancel it", "A no-op competes for its nonce. Its request gets no answer."),
    "resend": ("Resend", "Send it again", "The same bytes are sent once more, at the same price."),
}
"""Of each wish its name, what the button says, and what it means."""
SENSIBLE = {
    "unstarted": ("cancel",),
    "in_progress": ("cancel",),
    "unconfirmed": ("bump", "resend", "cancel"),
}
"""The wishes that are offered in a state; the API decides whether they make sense."""


class Flight(NamedTuple):
    """What a key has in flight: those that have a nonce, the lowest first, then those that have none yet. ``blocker`` is the
    lowest one that is not mined, ``behind`` how many wait for it, ``stuck`` that it does not simply wait its turn; ``more`` are
    in flight and not shown."""

    address: str
    transactions: Sequence[Mapping[str, Any]]
    blocker: int | None
    behind: int
    stuck: bool
    more: int


async def index(visit: Visit) -> View:
    """What is in flight, and the history."""
    filters = {name: visit.query(name) for name in FILTERS}
    page = visit.query("page", "1")
    flying, listed = await asyncio.gather(
        visit.api.get("/v2/transactions", state=IN_FLIGHT, sort="createdAt", size=SHOWN),
        visit.api.get("/v2/transactions", size=SIZE, page=page, **filters),
    )
    values = {
        "flights": await _flights(visit, flying.items, flying.count),
        "flying": flying.count,
        "shown": len(flying.items),
        "transactions": listed.items,
        "count": listed.count,
        "number": int(page),
        "size": SIZE,
        "filters": filters,
        "states": list(TransactionState),
    }
    return View("chain/transactions.html.j2", values, live=LIVE)


async def _flights(visit: Visit, found: Sequence[Mapping[str, Any]], count: int) -> list[Flight]:
    """What is in flight, by key. Where not all of it is shown, the keys' own counts are asked for."""
    keys = sorted({each["from"] for each in found})
    of = {key: [each for each in found if each["from"] == key] for key in keys}
    totals = {key: len(of[key]) for key in keys}
    if count > len(found):
        each = [visit.api.get("/v2/transactions", **{"from": key, "state": IN_FLIGHT, "size": 1}) for key in keys]
        totals = {key: answer.count for key, answer in zip(keys, await asyncio.gather(*each), strict=True)}
    now = datetime.fromtimestamp(visit.node.parts.clock.now() / 1_000_000, UTC)
    return [_flight(key, of[key], totals[key], now) for key in keys]


def _flight(address: str, found: Sequence[Mapping[str, Any]], total: int, now: datetime) -> Flight:
    with_nonce = sorted((each for each in found if each["state"] != "unstarted"), key=lambda each: int(each["nonce"]))
    ordered = [*with_nonce, *(each for each in found if each["state"] == "unstarted")]
    blocker = next((each for each in with_nonce if each["state"] in SENT), None)
    before = 0 if blocker is None else ordered.index(blocker)
    return Flight(
        address=address,
        transactions=ordered,
        blocker=None if blocker is None else blocker["txId"],
        behind=0 if blocker is None else total - before - 1,
        stuck=blocker is not None and (bool(blocker["waiting"]) or now - instant(blocker["createdAt"]) > SLOW),
        more=total - len(found),
    )


async def show(visit: Visit) -> View:
    """One transaction: attempts, receipt, what it carries, and what the doctor says of it."""
    name = piece(visit.param("name"))
    found = (await visit.api.get(f"/v2/transactions/{name}")).item
    # The doctor asks the chain: only where there is something to be asked.
    examined = await visit.api.ask("GET", "/v2/transactions/doctor") if found["state"] in IN_FLIGHT else None
    opinions = [] if examined is None or not examined.ok else examined.items
    opinion = next((each for each in opinions if each["address"].lower() == found["from"].lower()), None)
    return View(
        "chain/transaction.html.j2",
        {
            "tx": found,
            "opinion": opinion,
            "lowest": opinion is not None and (opinion["lowest"] or {}).get("txId") == found["txId"],
            "wishes": _offered(visit, found),
            "words": WISHES,
            "told": pieces,
        },
        live=LIVE,
    )


def _offered(visit: Visit, transaction: Mapping[str, Any]) -> tuple[str, ...]:
    """The wishes that the visitor may have of a transaction."""
    return SENSIBLE.get(transaction["state"], ()) if visit.may("admin") else ()


async def ask(visit: Visit) -> View:
    """What would come of a wish, and what it would cost; nothing is done."""
    return await _asked(visit, _wish(visit), visit.query("price"))


async def do(visit: Visit) -> View | Response:
    """Leave a wish."""
    wish, price = _wish(visit), visit.form.get("price", "")
    wei = read_units(price, GWEI) if price else None
    if price and wei is None:
        return await _asked(visit, wish, price)
    answer = await visit.api.ask("POST", _path(visit, wish), _body(wei))
    if not answer.ok:
        return await _asked(visit, wish, price)
    return go(f"/transactions/{answer.item['txId']}", f"{WISHES[wish][0]}: {answer.item['outcome']}.")


async def _asked(visit: Visit, wish: str, price: str) -> View:
    """The page that asks once more. A price that cannot be read is said to be so."""
    name = piece(visit.param("name"))
    wei = read_units(price, GWEI) if price else None
    bad = bool(price) and wei is None
    found, answer = await asyncio.gather(
        visit.api.get(f"/v2/transactions/{name}"), visit.api.ask("POST", _path(visit, wish), _body(wei), dryRun=True)
    )
    return View(
        "chain/wish.html.j2",
        {
            "tx": found.item,
            "wish": wish,
            "words": WISHES[wish],
            "price": price,
            "bad_price": bad,
            "foreseen": answer.item if answer.ok and not bad else None,
            "faults": answer.faults,
        },
        200 if answer.ok and not bad else 422 if bad else answer.status,
    )


def _wish(visit: Visit) -> str:
    return visit.request.url.path.rpartition("/")[2]


def _path(visit: Visit, wish: str) -> str:
    return f"/v2/transactions/{piece(visit.param('name'))}/{wish}"


def _body(wei: int | None) -> dict[str, str]:
    return {} if wei is None else {"gasPrice": str(wei)}
