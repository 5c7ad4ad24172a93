"""Keys: what they hold, how to fund them, and making, importing, exporting and deleting them.

Passwords come in the bodies of forms and go to the API; no page shows one again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import segno
from starlette.responses import Response

from adyton.web.ui.api import Answer, Api, Fault, piece
from adyton.web.ui.page import View, Visit, go

_PATH = "/v2/keys/eth"
_DIFFERENT = "the new password and its repetition are not the same"
_ZEROS = re.compile(r"([0-9]+\.[0-9]+)")
_BORDER = 4
"""Modules around a QR code that must stay empty, as its standard asks."""


class Code(NamedTuple):
    """A QR code: the path of its dark modules, each 1 x 1, and the length of its sides with the border."""

    path: str
    size: int


async def index(visit: Visit) -> View:
    """The keys that send, the contracts, and the forms for more keys."""
    return await _list(visit)


async def create(visit: Visit) -> View | Response:
    """Make a key."""
    answer = await visit.api.ask("POST", _PATH, {"currentPassword": visit.form.get("password", "")})
    return _made(answer) if answer.ok else await _list(visit, refused=answer, at="create")


async def take_in(visit: Visit) -> View | Response:
    """Add the key of a key file."""
    form = visit.form
    body = {
        "keyJSON": _object(form.get("key", "")),
        "oldPassword": form.get("key_password", ""),
        "currentPassword": form.get("password", ""),
    }
    answer = await visit.api.ask("POST", f"{_PATH}/import", body)
    return _made(answer) if answer.ok else await _list(visit, refused=answer, at="import")


async def change_password(visit: Visit) -> View | Response:
    """Give the keystore another password."""
    form = visit.form
    if form.get("new") != form.get("again"):
        return await _list(visit, at="password", said=_DIFFERENT)
    answer = await visit.api.ask(
        "PATCH", "/v2/keys/password", {"oldPassword": form.get("password", ""), "newPassword": form.get("new", "")}
    )
    if not answer.ok:
        return await _list(visit, refused=answer, at="password")
    return go("/keys#main", "The keystore has a new password. The file that the node is started with must say it too.")


async def show(visit: Visit) -> View:
    """One key: what it holds, its address as a QR code, and what can be done with it."""
    return await _one(visit)


async def give_out(visit: Visit) -> View | Response:
    """Send the key file, under a password of its own, as a file to keep."""
    form, address = visit.form, visit.param("address")
    if form.get("new") != form.get("again"):
        return await _one(visit, at="export", said=_DIFFERENT)
    answer = await visit.api.ask(
        "POST",
        f"{_PATH}/export/{piece(address)}",
        {"currentPassword": form.get("password", ""), "newPassword": form.get("new", "")},
    )
    if not answer.ok:
        return await _one(visit, refused=answer, at="export")
    return _file(answer.document)


async def delete(visit: Visit) -> View | Response:
    """Take a key out of use."""
    form, address = visit.form, visit.param("address")
    hard = "true" if form.get("hard") else None
    body = {"currentPassword": form.get("password", "")}
    answer = await visit.api.ask("DELETE", f"{_PATH}/{piece(address)}", body, hard=hard)
    if not answer.ok:
        return await _one(visit, refused=answer, at="delete")
    return go("/keys#main", f"The key {answer.item['address']} sends no more.")


async def _list(visit: Visit, *, refused: Answer | None = None, at: str = "", said: str = "") -> View:
    keys, balances = await _known(visit.api)
    values = {
        "keys": [each for each in keys if each["kind"] == "key"],
        "contracts": [each for each in balances if each["kind"] == "contract"],
        "key_json": visit.form.get("key", "") if at == "import" else "",
        **_wrong(refused, at, said),
    }
    return View("connect/keys.html.j2", values, _status(refused, said), live=("heads",))


async def _one(visit: Visit, *, refused: Answer | None = None, at: str = "", said: str = "") -> View:
    (keys, _), chains = await asyncio.gather(_known(visit.api), visit.api.get("/v2/chains"))
    wanted = visit.param("address").lower()
    key = next((each for each in keys if each["address"].lower() == wanted), None)
    if key is None:
        detail = "this node has no key of that address"
        return View("failed.html.j2", {"detail": detail, "code": "ADY-0803", "status": 404}, 404)
    chain = chains.items[0]["id"] if chains.items else ""
    uri = payment_uri(key["address"], chain)
    # Some milliseconds the first time, which are not the event loop's.
    code = await asyncio.to_thread(qr, uri)
    values = {"key": key, "alone": len(keys) == 1, "chain": chain, "uri": uri, "code": code, **_wrong(refused, at, said)}
    return View("connect/key.html.j2", values, _status(refused, said), live=("heads",))


async def _known(api: Api) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The keys, each with what was seen of it, and everything that was seen."""
    keys, balances = await asyncio.gather(api.get(_PATH), api.get("/v2/balances"))
    known = [{**each, "low": _short(each["low"])} for each in balances.items]
    seen = {each["address"]: each for each in known if each["kind"] == "key"}
    nothing = {"kind": "key", "seenAt": None, "low": None, "unsent": 0, "inFlight": 0, "mined": 0, "waiting": 0}
    return [{**nothing, **seen.get(key["address"], {}), **key} for key in keys.items], known


def _short(low: str | None) -> str | None:
    """The words about what is too little, without the zeros at the end of its amounts."""
    return None if low is None else _ZEROS.sub(lambda found: found[1].rstrip("0").rstrip("."), low)


def payment_uri(address: str, chain: str) -> str:
    """What wallets read as "pay ether to this address, on this chain" (EIP-681)."""
    return f"ethereum:{address}@{chain}" if chain else f"ethereum:{address}"


@lru_cache(maxsize=256)
def qr(text: str) -> Code:
    """The QR code of a text."""
    rows = tuple(tuple(row) for row in segno.make(text, error="m", micro=False).matrix)
    path = "".join(f"M{x + _BORDER} {y + _BORDER}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    return Code(path, len(rows) + 2 * _BORDER)


def _made(answer: Answer) -> Response:
    address = answer.item["address"]
    return go(f"/keys/{address}#main", f"The key {address} sends from now on. Fund it, and keep a copy of it.")


def _object(text: str) -> object:
    """The object that a JSON text is; another text stays one, and the API says that it is no key file."""
    try:
        return msgspec.json.decode(text.removeprefix("\ufeff"))  # some editors begin a file with it
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return text


def _file(content: Mapping[str, Any]) -> Response:
    name = f"{str(content.get('address', 'key')).removeprefix('0x')}.json"
    headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
    return Response(msgspec.json.encode(content), headers=headers, media_type="application/json")


def _wrong(refused: Answer | None, at: str, said: str) -> dict[str, Any]:
    """What was wrong with which form."""
    faults = [Fault(said)] if said else [] if refused is None else refused.faults
    return {"at": at, "faults": faults}


def _status(refused: Answer | None, said: str) -> int:
    return 422 if said else 200 if refused is None else refused.status
