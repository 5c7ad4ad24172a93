"""The commands about bridges."""

from __future__ import annotations

from collections.abc import Sequence

from adyton.cli import files
from adyton.cli.client import connect
from adyton.cli.listing import show_list
from adyton.cli.output import write_table
from adyton.cli.showing import Attributes, show_one
from adyton.cli.tree import Pages

_PATH = ("v2", "bridge_types")
_WIDE = 60


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


def delete_bridge(name: str) -> None:
    """Delete a bridge, and show what it was."""
    show_one(connect().call("DELETE", *_PATH, name), _one)


def _many(found: Sequence[Attributes]) -> None:
    rows = [(bridge["name"], bridge["url"], str(bridge["confirmations"])) for bridge in found]
    write_table("Bridges", ("Name", "URL", "Confirmations"), rows, wrap=_WIDE)


def _one(found: Attributes) -> None:
    row = (found["name"], found["url"], str(found["confirmations"]), found.get("outgoingToken", ""))
    write_table("Bridge", ("Name", "URL", "Default Confirmations", "Outgoing Token"), [row], wrap=_WIDE)


def _with_tokens(found: Attributes) -> None:
    row = (found["name"], found["url"], str(found["confirmations"]), found["incomingToken"], found["outgoingToken"])
    columns = ("Name", "URL", "Default Confirmations", "Incoming Token", "Outgoing Token")
    write_table("Bridge", columns, [row], wrap=_WIDE)
