"""What the API says of a text that is to become a job, each with the line that it is about."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from adyton.domain import json_places
from adyton.domain.json_places import Places, Spot
from adyton.web.ui.api import Answer, Fault
from adyton.web.ui.page import Visit

_NOT_JSON = "ADY-0020"
_WORDS = {"EOF": "there is no job in it", "unexpected EOF": "the text ends before its JSON does"}
"""What v0.6.2 says in two words."""
_NAME = re.compile(r"[A-Za-z0-9]+")
# Blanks of a line only: over line ends each line would be the beginning of all that follow.
_TOML = re.compile(r"^[ \t]*(type|schemaVersion|name|observationSource)[ \t]*=", re.MULTILINE)
_IS_TOML = (
    "This looks like a TOML job of a later version. This node takes jobs as JSON, with initiators and tasks, as v0.6.2 does"
)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A fault, or a warning: something that is probably not meant. ``spot`` is where, ``pointer`` the JSON pointer of that."""

    detail: str
    code: str = ""
    pointer: str = ""
    spot: Spot | None = None
    hint: str = ""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """``state``: right, wrong, empty (nothing is written yet) or unknown, when the API could not tell: ``why`` not. ``fires``
    are the next times of each cron line."""

    state: str
    faults: Sequence[Finding] = ()
    warnings: Sequence[Finding] = ()
    fires: Sequence[Mapping[str, Any]] = ()
    why: str = ""

    @property
    def marks(self) -> Mapping[int, str]:
        """How each line is marked of which something is said; "" of any other."""
        found: dict[int, str] = defaultdict(str)
        for kind, said in (("warning", self.warnings), ("bad", self.faults)):
            found.update({each.spot.line: kind for each in said if each.spot is not None})
        return found

    @property
    def summary(self) -> str:
        """It in a sentence."""
        match self.state:
            case "right":
                return "Nothing is wrong" + (f"; {_count(len(self.warnings), 'warning')}" if self.warnings else "")
            case "wrong":
                return f"{_count(len(self.faults), 'fault')}: it cannot be saved"
            case "empty":
                return "Nothing is written yet"
            case _:
                return f"Not checked: {self.why}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


async def checked(visit: Visit, text: str, others: Sequence[Fault] = ()) -> Check:
    """What the API finds in a text. ``others`` are faults of it that are known already, which go first."""
    if not text.strip():
        return Check(state="empty")
    answer = await visit.api.ask("POST", "/v2/specs/validate", text.encode())
    # A long text takes some tens of milliseconds.
    places = await asyncio.to_thread(json_places.read, text)
    known = {(each.detail, each.pointer) for each in others}
    faults = [*others, *(each for each in answer.faults if (each.detail, each.pointer) not in known)]
    if answer.ok and not faults:
        return _right(answer, places)
    if not others and not _is_about_text(answer):
        return Check(state="unknown", why="; ".join(each.detail for each in answer.faults))
    return Check(state="wrong", faults=_findings(faults, text, places))


def _is_about_text(answer: Answer) -> bool:
    """Whether it was refused for what it says, and not for who asks, or when."""
    return answer.ok or answer.status in {400, 413, 422}


def _right(answer: Answer, places: Places) -> Check:
    draft = answer.item
    warnings = [
        Finding(detail=each["detail"], pointer=each["pointer"], spot=places.find(each["pointer"]) if each["pointer"] else None)
        for each in draft["warnings"]
    ]
    return Check(state="right", warnings=warnings, fires=draft["nextFires"])


async def findings(faults: Sequence[Fault], text: str, *, at: str = "") -> list[Finding]:
    """Faults of a text, which stood at the pointer ``at`` of what was sent, in the order of its lines."""
    return _findings(faults, text, await asyncio.to_thread(json_places.read, text), at=at) if faults else []


def _findings(faults: Iterable[Fault], text: str, places: Places, *, at: str = "") -> list[Finding]:
    found = [_finding(each, text, places, each.pointer.removeprefix(at)) for each in faults]
    return sorted(found, key=lambda each: each.spot or Spot(0, 0))


def _finding(fault: Fault, text: str, places: Places, pointer: str) -> Finding:
    detail = _WORDS.get(fault.detail, fault.detail)
    if fault.code != _NOT_JSON:
        return Finding(detail=detail, code=fault.code, pointer=pointer, spot=_spot(places, pointer, detail))
    hint = _IS_TOML if _TOML.search(text) else ""
    return Finding(detail=detail, code=fault.code, spot=places.stopped or places.find(""), hint=hint)


def _spot(places: Places, pointer: str, detail: str) -> Spot | None:
    """Where a fault stands. Those of a task point to it, and begin with the name of the param; what is wrong with the whole
    has no line."""
    named = _NAME.match(detail)
    param = places.find(f"{pointer}/params/{named[0]}", exactly=True) if named is not None else None
    return param or (places.find(pointer) if pointer else None)
