"""``adyton watch``: what happens at the node, a line for each event, until it is told to stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import click
import msgspec

from adyton.cli.client import Client, connect
from adyton.cli.everywhere import wishes
from adyton.cli.output import clean
from adyton.cli.streaming import Received, follow
from adyton.cli.tree import Failure
from adyton.cli.yaml import from_json

_PASSING = frozenset({429, 502, 503, 504})


def watch(kinds: Sequence[str], job_id: str | None, run_id: str | None, since: str | None) -> None:
    """Print events as they come. Raises Failure when the node cannot be reached at first, or refuses."""
    query = {"kinds": ",".join(kinds), "jobSpecId": job_id, "runId": run_id}
    given = {name: value for name, value in query.items() if value}
    target = "/v2/events" + (f"?{urlencode(given)}" if given else "")
    show = {"json": _show_json, "yaml": _show_yaml}.get(wishes().form, _show_line)
    line = _Line()
    try:
        for event in follow(line.connect, target, line.lost, since or ""):
            line.works()
            show(event)
    except KeyboardInterrupt:
        return  # that is how one stops watching


class _Line:
    """The line to the node: lost ones are told of once, and only the first must be there at once."""

    def __init__(self) -> None:
        self._worked = False
        self._told = False

    def connect(self) -> Client:
        """A client that is logged in. Raises Failure when the node refuses, OSError when it only has to be asked again."""
        client = connect()
        try:
            answer = client.call("GET", "v2", "ping")
        except Failure as failure:
            if self._worked:
                raise OSError(failure.message) from None
            raise
        if answer.refused:
            if self._worked and answer.status in _PASSING:
                raise OSError(answer.problem())
            raise answer.failure()
        return client

    def works(self) -> None:
        """An event has come."""
        if self._told:
            click.echo("The node is back.", err=True)
        self._worked, self._told = True, False

    def lost(self, because: str) -> None:
        """It is lost. Raises Failure when it never worked."""
        if not self._worked:
            cause = f"No events from the node: {clean(because)}"
            raise Failure(cause, "Does it know /v2/events? Older nodes do not.", code="ADY-1205")
        if not self._told:
            click.echo(f"Lost the node ({clean(because)}); trying again, nothing is missed.", err=True)
        self._told = True


# --- showing ---------------------------------------------------------------------------------------------------------


def _object(event: Received) -> bytes:
    return msgspec.json.encode({"event": event.name, "id": event.id, "data": msgspec.Raw(event.data.encode())})


def _show_json(event: Received) -> None:
    """One object a line, for programs."""
    click.echo(_object(event))


def _show_yaml(event: Received) -> None:
    """A document for each."""
    click.echo("---\n" + from_json(_object(event)).rstrip("\n"))


def _show_line(event: Received) -> None:
    body = msgspec.json.decode(event.data)
    if event.name == "reset":
        click.echo(f"Something was missed: {clean(str(body.get('reason')))}.", err=True)
    elif event.name == "state":
        _show_state(body)
    else:
        cells = _CELLS.get(event.name, _unknown)(body)
        click.echo(_row(event.name, *cells))


def _show_state(body: dict[str, Any]) -> None:
    if body.get("head"):
        click.echo(_row("head", *_head(body["head"])))
    for alert in body.get("alerts") or ():
        click.echo(_row("alert", *_alert(alert)))


def _row(kind: str, name: object, status: object, *rest: object) -> str:
    words = "  ".join(str(part) for part in rest if part not in (None, ""))
    return clean(f"{kind:<11}  {name!s:<32}  {status or '-'!s:<21}  {words}").replace("\n", " ").rstrip()


def _run(body: dict[str, Any]) -> tuple[object, ...]:
    return body["id"], body["status"] or "unstarted", body["updatedAt"], f"job {body['jobId']}", body["error"]


def _head(body: dict[str, Any]) -> tuple[object, ...]:
    return body["number"], "newest", body["hash"]


def _transaction(body: dict[str, Any]) -> tuple[object, ...]:
    run = f"run {body['runId']}" if body["runId"] else None
    block = f"block {body['blockNumber']}" if body["blockNumber"] is not None else None
    reverted = "reverted" if body["succeeded"] is False else None
    return body["id"], body["state"], body["hash"], block, reverted, run, body["waiting"] or body["error"]


def _alert(body: dict[str, Any]) -> tuple[object, ...]:
    cure = f"Then: {body['cure']}" if body.get("cure") else None
    return body["name"], body["status"], body["detail"], cure


def _unknown(body: dict[str, Any]) -> tuple[object, ...]:
    return "", "", msgspec.json.encode(body).decode()


_CELLS = {"run": _run, "head": _head, "transaction": _transaction, "alert": _alert}
