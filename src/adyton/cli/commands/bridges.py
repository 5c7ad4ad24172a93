"""Bridges."""

from __future__ import annotations

import click

from adyton.cli.commands.common import PAGES
from adyton.cli.everywhere import offered
from adyton.cli.tree import Entry, Group, Needed

COMMANDS = (
    Entry(
        "bridges create",
        "bridges:create_bridge",
        "Create a bridge to an external adapter; its incoming token is shown this once.\n\nBRIDGE is JSON, a file with JSON, "
        "or - for standard input.",
        (
            Needed(
                "bridge",
                "BRIDGE",
                "Must pass in the bridge's parameters [JSON blob | JSON filepath]",
                shell_complete=offered("files"),
            ),
        ),
        ("bridge",),
        examples=(
            "adyton bridges create bridge.json",
            """adyton bridges create '{"name": "prices", "url": "http://localhost:8080"}'""",
        ),
    ),
    Entry(
        "bridges list",
        "bridges:list_bridges",
        "List the bridges.",
        PAGES,
        ("getbridges",),
        examples=("adyton bridges", "adyton bridges list --json | jq -r '.[].url'"),
    ),
    Entry(
        "bridges show",
        "bridges:show_bridge",
        "Show a bridge.",
        (Needed("name", "NAME", "Must pass the name of the bridge to be shown", shell_complete=offered("bridges")),),
        ("showbridge",),
        examples=("adyton bridges show prices",),
    ),
    Entry(
        "bridges update",
        "bridges:update_bridge",
        "Replace a bridge's URL, confirmations and minimum payment, all of them.\n\nBRIDGE is as for create.",
        (
            Needed("name", "NAME", "Must pass the name of the bridge to be changed", shell_complete=offered("bridges")),
            Needed(
                "bridge",
                "BRIDGE",
                "Must pass in the bridge's parameters [JSON blob | JSON filepath]",
                shell_complete=offered("files"),
            ),
        ),
        examples=("adyton bridges update prices bridge.json",),
    ),
    Entry(
        "bridges tokens",
        "bridges:rotate_tokens",
        "Give a bridge new tokens, and show them this once; the old ones end.",
        (Needed("name", "NAME", "Must pass the name of the bridge that gets new tokens", shell_complete=offered("bridges")),),
        examples=("adyton bridges tokens prices",),
    ),
    Entry(
        "bridges test",
        "bridges:test_bridge",
        "Ask a bridge as a run would, without a run, and show what it answers.\n\nDATA is a JSON object, a file with one, or - "
        "for standard input: what a run would have. Exits with 1 if a run could not use the answer.",
        (
            Needed("name", "NAME", "Must pass the name of the bridge to be tested", shell_complete=offered("bridges")),
            click.Argument(["data"], metavar="DATA", required=False, shell_complete=offered("files")),
        ),
        examples=(
            "adyton bridges test prices",
            """adyton bridges test prices '{"from": "ETH", "to": "USD"}'""",
        ),
    ),
    Entry(
        "bridges destroy",
        "bridges:delete_bridge",
        "Delete a bridge that no job uses.",
        (Needed("name", "NAME", "Must pass the name of the bridge to be removed", shell_complete=offered("bridges")),),
        ("removebridge", "bridges delete"),
        examples=("adyton bridges destroy prices",),
    ),
)
GROUPS = {
    "bridges": Group("bridges", help="External adapters, which tasks name as their type.", default="list"),
}
