"""Bridges."""

from __future__ import annotations

from adyton.cli.commands.common import PAGE
from adyton.cli.tree import Entry, Group, Needed

COMMANDS = (
    Entry(
        "bridges create",
        "bridges:create_bridge",
        "Create a bridge to an external adapter; its incoming token is shown this once.\n\nBRIDGE is JSON, a file with JSON, "
        "or - for standard input.",
        (Needed("bridge", "BRIDGE", "Must pass in the bridge's parameters [JSON blob | JSON filepath]"),),
        ("bridge",),
    ),
    Entry("bridges list", "bridges:list_bridges", "List the bridges.", (PAGE,), ("getbridges",)),
    Entry(
        "bridges show",
        "bridges:show_bridge",
        "Show a bridge.",
        (Needed("name", "NAME", "Must pass the name of the bridge to be shown"),),
        ("showbridge",),
    ),
    Entry(
        "bridges update",
        "bridges:update_bridge",
        "Replace a bridge's URL, confirmations and minimum payment, all of them.\n\nBRIDGE is as for create.",
        (
            Needed("name", "NAME", "Must pass the name of the bridge to be changed"),
            Needed("bridge", "BRIDGE", "Must pass in the bridge's parameters [JSON blob | JSON filepath]"),
        ),
    ),
    Entry(
        "bridges tokens",
        "bridges:rotate_tokens",
        "Give a bridge new tokens, and show them this once; the old ones end.",
        (Needed("name", "NAME", "Must pass the name of the bridge that gets new tokens"),),
    ),
    Entry(
        "bridges destroy",
        "bridges:delete_bridge",
        "Delete a bridge that no job uses.",
        (Needed("name", "NAME", "Must pass the name of the bridge to be removed"),),
        ("removebridge", "bridges delete"),
    ),
)
GROUPS = {
    "bridges": Group("bridges", help="External adapters, which tasks name as their type.", default="list"),
}
