"""The node itself: start it, see its settings and how it is."""

from __future__ import annotations

import click

from adyton.cli.tree import Entry, Group

PASSWORD = click.Option(["-p", "--password"], metavar="FILE", help="File with the password of the keystore.")
API = click.Option(
    ["-a", "--api"], metavar="FILE", help="File with e-mail and password of the API's user, for the first start."
)
DEBUG = click.Option(["-d", "--debug"], is_flag=True, help="Log everything.")

COMMANDS = (
    Entry(
        "node start",
        "local:start",
        "Run the node until SIGINT or SIGTERM.\n\nAsks for what the files do not say, if there is a terminal.",
        (PASSWORD, API, DEBUG),
        ("node node", "node n", "local start", "local node", "local n"),
        json=False,
    ),
    Entry("config", "settings:show", "Show every setting, its value and where the value came from."),
    Entry("health", "remote:health", "Ask the node how it is; fails unless all is well."),
)
GROUPS = {
    "node": Group("node", help="The node itself."),
    "local": Group("local", help="The node itself.", hidden=True),
}
