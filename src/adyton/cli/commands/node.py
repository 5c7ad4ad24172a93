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
        examples=(
            "adyton node start",
            "adyton node start --password /run/secrets/keystore --api /run/secrets/api",
            "ETH_URL=wss://ethereum.example.com adyton node start -d",
        ),
        local=True,
    ),
    Entry(
        "node validate",
        "validate:run",
        "Look at everything that a start could stumble over: settings, ports, database, keys, modes of files.\n\nChanges "
        "nothing, and may run beside the node. Fails when something is wrong.",
        examples=("adyton node validate", "adyton node validate --json"),
        local=True,
    ),
    Entry(
        "node db version",
        "database:version",
        "Print the version of the database's schema, and that of the program.",
        examples=("adyton node db version",),
        local=True,
    ),
    Entry(
        "node db status",
        "database:status",
        "List the migrations of the database, those that were run and those that will be.",
        examples=("adyton node db status",),
        local=True,
    ),
    Entry(
        "node db migrate",
        "database:migrate",
        "Bring the database up to date. The node must not run.\n\nA start does the same. An SQLite file is copied first.",
        json=False,
        examples=("adyton node db migrate",),
        local=True,
    ),
    Entry(
        "config list",
        "settings:show",
        "Show every setting, its value and where the value came from.",
        (),
        ("config show",),
        examples=("adyton config", "adyton config --json"),
        local=True,
    ),
    Entry(
        "health",
        "remote:health",
        "Ask the node how it is; fails unless all is well.",
        (),
        ("node status",),
        examples=("adyton health", "adyton health --node staging --json"),
    ),
)
GROUPS = {
    "node": Group("node", help="The node itself."),
    "node db": Group("db", help="The schema of the database."),
    "config": Group("config", help="The settings.", default="list"),
    "local": Group("local", help="The node itself.", hidden=True),
}
