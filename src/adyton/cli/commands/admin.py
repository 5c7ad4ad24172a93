"""Sessions and accounts."""

from __future__ import annotations

import click

from adyton.cli.tree import Entry, Group

LOGIN_FILE = click.Option(["-f", "--file", "file"], metavar="FILE", help="Two lines: e-mail, password.")

COMMANDS = (
    Entry(
        "admin login",
        "remote:login",
        "Log in: ask for e-mail and password, or read them from a file, and keep the session in ROOT/cookie.",
        (LOGIN_FILE,),
        ("login",),
    ),
    Entry("admin logout", "remote:logout", "End the session and forget it.", (), ("logout",)),
    Entry("admin info", "remote:balances", "Show the node's accounts and what they hold.", (), ("account", "a")),
)
GROUPS = {
    "admin": Group("admin", help="Log in and out; the node's accounts."),
}
