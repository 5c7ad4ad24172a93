"""Stories of the API as the pages show them: what in their texts names something becomes a link to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_NAMES = re.compile(
    r"(?P<request>0x[0-9a-fA-F]{40}:0x[0-9a-fA-F]{64}(?![0-9a-fA-F]))"
    r"|(?P<hash>0x[0-9a-fA-F]{64}(?![0-9a-fA-F]))"
    r"|(?P<address>0x[0-9a-fA-F]{40})(?![0-9a-fA-F])"
    r"|(?P<job>(?<=job )[0-9a-f]{32}(?![0-9a-fA-F]))"
    r"|(?P<run>(?<![0-9a-fA-Fx])[0-9a-f]{32}(?![0-9a-fA-F]))"
    r"|(?P<transaction>(?<=transaction )[0-9]{1,18}\b)"
    r"|(?P<code>`[^`]+`)"
)
_COMMANDS = (
    (re.compile(r"adyton explain (ADY-[0-9]{4})"), "/errors/{}"),
    (re.compile(r"adyton (?:explain|runs show) ([0-9a-f]{32})"), "/runs/{}"),
    (re.compile(r"adyton requests run (0x[0-9a-fA-F]{40}:0x[0-9a-fA-F]{64})"), "/requests/{}"),
    (re.compile(r"adyton txs (?:cancel|bump|resend) ([0-9]{1,18})"), "/transactions/{}"),
    (re.compile(r"adyton txs doctor"), "/transactions/doctor"),
    (re.compile(r"adyton jobs list"), "/jobs"),
    (re.compile(r"adyton health"), "/#health"),
)
"""Commands, and the pages that do the same."""
_GIVEN = "; it was given "
"""Behind this a step tells the data of a task."""
_MANY = 400
"""Pieces of one text that are told apart; the rest stays as it is."""


class Piece(NamedTuple):
    """A piece of a text: ``kind`` is text, hash, address or code; ``href`` leads to what it names, "" to nothing."""

    kind: str
    text: str
    href: str = ""


class Step(NamedTuple):
    """One step of a story. ``at`` is null where nobody noted the time; ``mood`` is good, bad or plain; ``data`` is what is
    unfolded only by who wants to see it."""

    at: str | None
    what: str
    detail: list[Piece]
    data: list[Piece]
    block: int | None
    mood: str


class Chapter(NamedTuple):
    """The story of one request, run or transaction. ``subject`` is what it is of, ``next`` what to do."""

    kind: str
    subject: str
    name: str
    href: str
    fate: Mapping[str, Any] | None
    next: list[Piece]
    steps: list[Step]


def chapters(explanation: Mapping[str, Any]) -> list[Chapter]:
    """The chapters of an explanation."""
    return [_chapter(each) for each in explanation["chapters"]]


def pieces(text: str, *, job: bool = False) -> list[Piece]:
    """A text in pieces. ``job``: 32 hex digits in it name a job."""
    return list(_pieces(text, job))


def _pieces(text: str, job: bool) -> Iterator[Piece]:
    at = 0
    for found, _ in zip(_NAMES.finditer(text), range(_MANY), strict=False):
        if found.start() > at:
            yield Piece("text", text[at : found.start()])
        yield _named(str(found.lastgroup), found.group(), job)
        at = found.end()
    if at < len(text):
        yield Piece("text", text[at:])


def _named(kind: str, text: str, job: bool) -> Piece:
    match kind:
        case "request":
            return Piece("hash", text, f"/requests/{text}")
        case "hash":
            return Piece("hash", text, f"/explain?what={text}")
        case "run":
            return Piece("hash", text, f"/jobs/{text}" if job else f"/runs/{text}")
        case "job":
            return Piece("hash", text, f"/jobs/{text}")
        case "transaction":
            return Piece("text", text, f"/transactions/{text}")
        case "code":
            return Piece("code", text.strip("`"), _page_of(text.strip("`")))
    return Piece("address", text)


def _page_of(command: str) -> str:
    """Where a page does what a command does; "" when none does."""
    for pattern, href in _COMMANDS:
        if (found := pattern.fullmatch(command)) is not None:
            return href.format(*found.groups())
    return ""


def _chapter(given: Mapping[str, Any]) -> Chapter:
    kind, _, name = given["subject"].partition(" ")
    href = {"request": f"/requests/{name}", "run": f"/runs/{name}", "transaction": f"/transactions/{name}"}.get(kind, "")
    return Chapter(
        kind, given["subject"], name, href, given["fate"], pieces(given["next"]), [_step(each) for each in given["steps"]]
    )


def _step(given: Mapping[str, Any]) -> Step:
    what, detail = given["what"], given["detail"]
    said, between, data = detail.partition(_GIVEN) if what.startswith("task ") else (detail, "", "")
    told = pieces(f"given {data}") if between else []
    return Step(given["at"], what, pieces(said, job=what == "job"), told, given["block"], _mood(what, said))


_BAD = ("errored", "reverted", "refused", "fatal_error", "not on the chain", "too little", "may not ask", "no such job")


def _mood(what: str, detail: str) -> str:
    """How a step is coloured, besides its words."""
    if any(word in f"{what} {detail}" for word in _BAD):
        return "bad"
    return "good" if "succeeded" in detail or detail.startswith(("answered", "completed")) else "plain"
