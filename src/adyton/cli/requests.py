"""The commands about requests: what became of them, why, and what can be done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from adyton.cli import tables
from adyton.cli.client import Answer, connect
from adyton.cli.listing import show_list
from adyton.cli.output import clean, write_table
from adyton.cli.showing import Attributes, show_one
from adyton.cli.tree import Failure, Pages


def list_requests(pages: Pages, job_id: str | None, *, unanswered: bool, unaccounted: bool) -> None:
    """Requests, the newest first."""
    if unanswered and unaccounted:
        raise Failure(
            "--unanswered and --unaccounted exclude each other.",
            "The unaccounted ones are among the unanswered.",
            code="ADY-1164",
        )
    chosen = "unanswered" if unanswered else "unaccounted" if unaccounted else None
    show_list("v2", "requests", shown=_requests, pages=pages, query={"filter": chosen, "jobSpecId": job_id})


def show_request(request_id: str) -> None:
    """One request."""
    show_one(_known(connect().call("GET", "v2", "requests", _name(request_id))), _request, prefix="")


def run_request(request_id: str) -> None:
    """Run a request again."""
    answer = _known(connect().call("POST", "v2", "requests", _name(request_id), "runs"))
    if answer.status == 409:
        raise answer.failure(advice=f"`adyton explain {request_id}` says step by step what became of it.")
    show_one(answer, lambda run: tables.runs([run]), prefix="")


def explain(what: str) -> None:
    """Say step by step what became of something, a line for each step."""
    answer = connect().call("GET", "v2", "explain", _name(what))
    if answer.status == 404:
        advice = "Is it of this node? The hash of the transaction that asked can be explained too."
        raise answer.failure(advice=advice)
    if answer.status == 400:
        raise answer.failure(advice="An error's code is written ADY-0312; `adyton explain --list` shows all of them.")
    show_one(answer, _explanation, prefix="")


def replay(first: int) -> None:
    """Have blocks read again."""
    answer = connect().call("POST", "v2", "replay_from_block", str(first))
    show_one(answer, lambda started: click.echo(clean(started["message"])), prefix="")


def _name(given: str) -> str:
    """What is asked for, if it can be part of a path at all: the node would take an empty one, or half of one, for another
    address. Raises Failure."""
    name = given.strip()
    if not name or "/" in name:
        what = "A request's id is 0x and 64 hex digits, as is a transaction's hash; a run's id is 32 hex digits."
        raise Failure(f'"{name}" is no id.', what, code="ADY-1165")
    return name


def _known(answer: Answer) -> Answer:
    if answer.status == 404:
        raise answer.failure(advice="`adyton requests list` shows what there is.")
    return answer


# --- showing ---------------------------------------------------------------------------------------------------------


def _requests(found: Sequence[Attributes]) -> None:
    """Ids stay whole: they are what one copies."""
    rows = [(each["requestId"], str(each["blockNumber"]), each["jobId"], each["fate"]["kind"]) for each in found]
    write_table("Requests", ("ID", "Block", "Job", "Fate"), rows, wrap=None)


def _request(found: Attributes) -> None:
    fate = found["fate"]
    rows = [
        ("ID", found["id"]),
        ("Job", found["jobId"]),
        ("Run", found["runId"] or "none"),
        ("Requester", found["requester"]),
        ("Payment", f"{tables.units(found['payment'])} LINK"),
        ("Expires", tables.when(found["expiration"]) or "never"),
        ("Block", str(found["blockNumber"])),
        ("Transaction", found["transactionHash"]),
        ("Seen", tables.when(found["seenAt"])),
        ("Decision", found["decision"]),
        ("Fate", fate["kind"]),
        ("Reason", fate["reason"]),
        ("In", fate["transaction"] or ""),
    ]
    write_table("Request", ("What", "Value"), rows, wrap=110)


def _explanation(found: Attributes) -> None:
    for chapter in found["chapters"]:
        for line in _lines(chapter):
            click.echo(clean(line))


def _lines(chapter: Attributes) -> Iterator[str]:
    yield chapter["subject"]
    for step in chapter["steps"]:
        yield f"  {tables.when(step['at']) or '-':<20}  {step['what']}: {_flat(step['detail'])}"
    fate = chapter["fate"]
    if fate is not None:
        where = f" (transaction {fate['transaction']})" if fate["transaction"] else ""
        yield f"Fate: {fate['kind']}: {_flat(fate['reason'])}{where}"
    for line in filter(None, chapter["next"].split("\n")):
        yield f"Next: {line}"


def _flat(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())
