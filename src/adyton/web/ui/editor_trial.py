"""Trying a text: what its run is given, as it was typed, and what the API says came of each task.

Values of a run are passed on as the bytes that they are, both ways, so that no number loses a digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from adyton.domain import data, json_places, request_json
from adyton.domain.errors import Invalid
from adyton.web.ui.api import Answer, Fault, Json, read
from adyton.web.ui.editor_check import Finding, findings
from adyton.web.ui.outside import Shown, beginning, pretty_json
from adyton.web.ui.page import Visit

BEGINNINGS = {
    "": "as the job's first initiator would",
    "hand": "by hand",
    "asked": "by a request on chain that nobody made",
    "known": "by a request that the node knows",
}
"""How the run is to begin."""
_ASKED = frozenset({"runlog", "execagreement"})
_MADE_UP = "0x" + "1".rjust(64, "0")
_CODE = "ADY-0205"
_NULL = b"null"
LONGEST, _SHORT = 20_000, 200
"""Characters that are shown of a value, and of a result in its task's line."""


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """The form, as it was typed."""

    input: str = "{}"
    begins: str = ""
    request: str = ""
    outputs: str = ""
    bridges: bool = False
    posts: bool = False


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP exchange of a task; ``ms`` are milliseconds, ``size`` bytes of the answer, of which ``body`` is the beginning."""

    method: str
    url: str
    ms: float
    status: int | None
    size: int | None
    mediaType: str | None  # noqa: N815 - the API's own name
    body: str | None
    truncated: bool
    failure: str | None
    error: str | None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A task, as the API shows it. ``params`` and ``output`` are null where there are none."""

    position: int
    type: str
    status: str
    ms: float
    input: Raw
    params: Raw
    output: Raw
    error: str | None
    note: str
    exchanges: Sequence[Exchange]
    wouldAsk: dict[str, str] | UnsetType = UNSET  # noqa: N815 - the API's own name

    @property
    def values(self) -> list[tuple[str, Raw]]:
        """What is known of its values, by what they are."""
        every = (("Input", self.input), ("Params", self.params), ("Output", self.output))
        return [(name, value) for name, value in every if bytes(value) != _NULL]

    @property
    def result(self) -> str | None:
        """Its ``result`` as JSON; None if there is none."""
        if bytes(self.output) == _NULL:
            return None
        found = msgspec.json.decode(bytes(self.output), type=dict[str, Raw]).get("result")
        return None if found is None else beginning(bytes(found).decode(), _SHORT).text


class _Tried(msgspec.Struct, frozen=True):
    status: str
    tasks: list[Step]
    wouldSend: dict[str, Any] | None  # noqa: N815 - the API's own name


class _Resource(msgspec.Struct, frozen=True):
    attributes: _Tried


class _Document(msgspec.Struct, frozen=True):
    data: _Resource


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: the steps, or why there are none. ``faults`` are the text's, ``refused`` those of the form.
    ``is_made_up``: it answers a request that nobody made."""

    status: str = "refused"
    steps: Sequence[Step] = ()
    sends: Json | None = None
    is_made_up: bool = False
    faults: Sequence[Finding] = ()
    refused: Sequence[Fault] = ()

    @property
    def summary(self) -> str:
        """It in a sentence."""
        if self.faults or self.refused:
            return "Not tried: see what is wrong"
        words = _CAME.get(self.status, self.status)
        if self.status == "held":
            words = "It comes to a transaction" if self.sends else "It would ask something outside, and was not let"
        return f"{words}. Nothing was stored, no transaction was sent"


_CAME = {"completed": "Every task was done", "errored": "A task failed", "pending": "A run would wait here"}


def wish_of(form: Mapping[str, str]) -> Wish:
    """What was typed."""
    begins = form.get("begins", "")
    return Wish(
        input=form.get("input", "{}"),
        begins=begins if begins in BEGINNINGS else "",
        request=form.get("request", ""),
        outputs=form.get("outputs", ""),
        bridges="bridges" in form,
        posts="posts" in form,
    )


async def tried(visit: Visit, text: str, wish: Wish) -> Trial:
    """Have the API try a text."""
    try:
        job = request_json.first_object(text.encode())
    except Invalid as invalid:
        wrong = [Fault(each.detail, each.code or invalid.error_code, each.pointer) for each in invalid.faults]
        return Trial(faults=await findings(wrong, text))
    given, faults = _typed(wish)
    if faults:
        return Trial(refused=faults)
    body = {"job": first_value(text), **given, "allowBridges": wish.bridges, "allowPosts": wish.posts}
    asked = _request(job, wish)
    if asked is not None:
        body["request"] = asked
    response = await visit.api.respond("POST", "/v2/specs/try", body)
    if response.status_code != 200:
        return await _refused(await read(response), text)
    found = msgspec.json.decode(bytes(response.body), type=_Document).data.attributes
    made_up = isinstance(asked, dict)
    return Trial(status=found.status, steps=found.tasks, sends=found.wouldSend, is_made_up=made_up)


def first_value(text: str) -> Raw:
    """The JSON object that a text begins with, as it is written. The text has been read without a fault."""
    found = data.first_value(text.lstrip(" \t\r\n"))
    return Raw(found.encode() if found.startswith("{") else b"{}")


def written(value: Raw) -> Shown:
    """JSON for people, with the digits that it has; of a long one the beginning."""
    return pretty_json(bytes(value), LONGEST)


def _typed(wish: Wish) -> tuple[dict[str, Raw], list[Fault]]:
    """What is JSON in the form."""
    found: dict[str, Raw] = {}
    faults: list[Fault] = []
    for name, text in (("input", wish.input), ("outputs", wish.outputs)):
        if not text.strip():
            continue
        try:
            data.parse(text, deepest=data.DEEPEST_OF_A_SOURCE)
        except ValueError as wrong:
            spot = json_places.read(text).stopped
            where = "" if spot is None else f", line {spot.line}, column {spot.column}"
            faults.append(Fault(f"{name} is not JSON{where}: {wrong}", _CODE, f"/{name}"))
        else:
            found[name] = Raw(text.strip().encode())
    if wish.begins == "known" and not wish.request.strip():
        faults.append(Fault("name the request that the run is to answer", _CODE, "/request"))
    return found, faults


def _request(job: Mapping[str, object], wish: Wish) -> object:
    """The request on chain that the run is to answer; None: it answers none."""
    if wish.begins == "known":
        return wish.request.strip()
    initiators = request_json.field(job, "initiators")
    known = [each for each in initiators if isinstance(each, dict)] if isinstance(initiators, list) else []
    asked = [each for each in known if str(request_json.field(each, "type")).lower() in _ASKED]
    if wish.begins == "hand" or (not wish.begins and not (asked and known[0] is asked[0])):
        return None
    params = request_json.field(asked[0], "params") if asked else None
    address = request_json.field(params, "address") if isinstance(params, dict) else UNSET
    contract = {"contract": address} if isinstance(address, str) else {}
    return {"requestId": _MADE_UP, **contract}


async def _refused(answer: Answer, text: str) -> Trial:
    about_text = [each for each in answer.faults if each.pointer.startswith("/job")]
    rest = [each for each in answer.faults if not each.pointer.startswith("/job")]
    return Trial(faults=await findings(about_text, text, at="/job"), refused=rest)
