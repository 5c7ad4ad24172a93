"""The command line. The rows of its tree stand in ``commands``: words, handlers, what they do, parameters, synonyms.

The nouns of later Chainlink versions are the commands; every name of v0.6.2 works as well and is not shown. Exit statuses:
0 success, 1 failure, 2 wrong usage, 3 unknown command, 130 Ctrl-C.
"""

from __future__ import annotations

import click

from adyton import __version__
from adyton.cli.commands import COMMANDS, GROUPS
from adyton.cli.top import Root, show_everything, show_help
from adyton.cli.tree import CONTEXT, plant


@click.command(cls=Root, context_settings={**CONTEXT}, subcommand_metavar="COMMAND ...")
@click.version_option(__version__, "-v", "--version", message="adyton version %(version)s")
def main() -> None:
    """Adyton, a self-hosted oracle node, and the client of its API.

    The client talks to CLIENT_NODE_URL, by default to this machine, or to a node of `adyton profiles`. Settings come from the
    environment and from ROOT/adyton.toml: see `adyton config`.
    """


plant(main, COMMANDS, GROUPS)
main.add_command(show_help)
main.add_command(show_help, "h")
main.add_command(show_everything)
