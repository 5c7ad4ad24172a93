"""What is kept of what operators did."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

_LONGEST = 500
_ODD = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class Outcome(StrEnum):
    """What came of it."""

    BEGUN = "begun"
    """Not known: it goes on, or a crash came between it and the note of its end."""
    DONE = "done"
    REFUSED = "refused"
    """The caller must change something, or may not: nothing was done."""
    FAILED = "failed"
    """It went wrong on our side: some of it may have been done."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was done: by whom, from where, what, to what, with what outcome. ``at`` is in microseconds; ``action`` a
    method and the path of its route, or a command on the node's files; ``detail`` JSON without secrets."""

    id: int = 0
    at: int
    caller_kind: str
    caller: str
    address: str = ""
    action: str
    subject: str = ""
    outcome: Outcome = Outcome.BEGUN
    detail: str = "{}"


def outcome_of(status: int) -> Outcome:
    """What an HTTP status tells of what was asked for."""
    if status < 400:
        return Outcome.DONE
    return Outcome.REFUSED if status < 500 else Outcome.FAILED


def storable(text: str) -> str:
    """A stranger's text as an entry may hold it: not too long, without what no database takes."""
    return _ODD.sub("�", text[:_LONGEST])
