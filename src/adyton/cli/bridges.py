"""The commands about bridges."""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec

from adyton.cli import files
from adyton.cli.client import connect
from adyton.cli.listing import show_list
from adyton.cli.output import clean, write_table
from adyton.cli.progress import progress
from adyton.cli.showing import Attributes, One, decoded, readable, show_one
from adyton.cli.tree import Failure, Pages

_PATH = ("v2", "bridge_types")
_WIDE = 60
PATIENCE = 60.0
"""Seconds for a test: the node ends it before."""


def create_bridge(bridge: str) -> None:
    """Create a bridge from JSON."""
    show_one(connect().call("POST", *_PATH, body=files.json_or_file(bridge)), _with_tokens)


def list_bridges(pages: Pages) -> None:
    """Bridges."""
    show_list(*_PATH, shown=_many, pages=pages)


def show_bridge(name: str) -> None:
    """One bridge."""
    show_one(connect().call("GET", *_PATH, name), _one)


def update_bridge(name: str, bridge: str) -> None:
    """Replace what JSON may say of a bridge."""
    show_one(connect().call("PATCH", *_PATH, name, body=files.json_or_file(bridge)), _one)


def rotate_tokens(name: str) -> None:
    """New tokens for a bridge."""
    show_one(connect().call("POST", *_PATH, name, "tokens"), _with_tokens)


def test_bridge(name: str, data: str | None) -> None:
    """Ask a bridge, and print what was sent and what came back. Raises Failure when a run could not use it."""
    # As it was written, so that numbers keep their digits; the node says what is wrong with it.
    body = b"" if data is None else b'{"data":' + files.json_or_file(data) + b"}"
    with progress("asking the bridge"):
        answer = connect(timeout=PATIENCE).call("POST", *_PATH, name, "test", body=body)
    show_one(answer, _tested)
    verdict = decoded(answer, One).data.attributes
    detail = readable(answer.where, lambda: _unusable(msgspec.json.decode(verdict)))
    if detail:
        raise Failure(clean(detail), code="ADY-1353")


def delete_bridge(name: str) -> None:
    """Delete a bridge, and show what it was."""
    show_one(connect().call("DELETE", *_PATH, name), _one)


def _many(found: Sequence[Attributes]) -> None:
    rows = [(bridge["name"], bridge["url"], str(bridge["confirmations"])) for bridge in found]
    write_table("Bridges", ("Name", "URL", "Confirmations"), rows, wrap=_WIDE)


def _one(found: Attributes) -> None:
    row = (found["name"], found["url"], str(found["confirmations"]), found.get("outgoingToken", ""))
    write_table("Bridge", ("Name", "URL", "Default Confirmations", "Outgoing Token"), [row], wrap=_WIDE)


def _tested(found: Attributes) -> None:
    sent = found["sent"]
    click.echo(clean(f"{sent['method']} {sent['url']}"))
    click.echo(clean(f"   {sent['body']}"))
    for number, attempt in enumerate(found["attempts"], 1):
        came = attempt["failure"] if attempt["status"] is None else attempt["status"]
        click.echo(clean(f"{number}. {came}, {attempt['ms']} ms"))
        for text in (attempt["error"], attempt["body"]):
            if text:
                click.echo(clean(f"   {text}"))
    if found["usable"]:
        click.echo(clean(f"{found['status']}: {found['detail']}"))


def _unusable(found: Attributes) -> str:
    """Why a run could not use what came back; "" if it could."""
    return "" if found["usable"] else f"{found['status']}: {found['detail']}"


def _with_tokens(found: Attributes) -> None:
    row = (found["name"], found["url"], str(found["confirmations"]), found["incomingToken"], found["outgoingToken"])
    columns = ("Name", "URL", "Default Confirmations", "Incoming Token", "Outgoing Token")
    write_table("Bridge", columns, [row], wrap=_WIDE)
