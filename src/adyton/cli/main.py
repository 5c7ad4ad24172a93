"""The top of the command tree. Its rows stand in ``commands``: words, handlers, what they do, parameters, synonyms.

The nouns of later Chainlink versions are the commands; every name of v0.6.2 works as well and is not shown. Exit statuses:
0 success, 1 failure, 2 wrong usage, 3 unknown command.
"""

from __future__ import annotations

from importlib import import_module

import click

from adyton import __version__
from adyton.cli.commands import COMMANDS, GROUPS
from adyton.cli.tree import CONTEXT, Group, UnknownCommand, json_option, plant

LAZY = {
    "dev": ("adyton.cli.dev:dev", "A local chain, contracts and a node to play with."),
    "sim": ("adyton.cli.sim:sim", "A whole node in a simulated world where everything goes wrong."),
}
"""Subtrees that are loaded when they are called: where, and the line about them."""


class Root(Group):
    """The top of the tree."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The lazy ones as well."""
        return sorted([*super().list_commands(ctx), *LAZY])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a lazy command."""
        if cmd_name not in LAZY:
            return super().get_command(ctx, cmd_name)
        module, name = LAZY[cmd_name][0].split(":")
        loaded = getattr(import_module(module), name)
        assert isinstance(loaded, click.Command)
        return loaded

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands without loading the lazy ones."""
        lines = {name: about for name, (_, about) in LAZY.items()}
        lines |= {name: command.get_short_help_str(90) for name, command in self.commands.items() if not command.hidden}
        with formatter.section("Commands"):
            formatter.write_dl(sorted(lines.items()))


@click.command(cls=Root, context_settings={**CONTEXT})
@click.version_option(__version__, "-v", "--version", message="adyton version %(version)s")
def main() -> None:
    """Adyton, a self-hosted oracle node, and the client of its API.

    The client talks to CLIENT_NODE_URL, by default to this machine. Settings come from the environment and from
    ROOT/adyton.toml: see `adyton config`.
    """


@click.command("help", hidden=True, context_settings={**CONTEXT})
@click.argument("words", nargs=-1)
@click.pass_context
def show_help(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show what a command does."""
    where: click.Context = ctx.find_root()
    for word in words:
        group = where.command
        command = group.get_command(where, word) if isinstance(group, click.Group) else None
        if command is None:
            raise UnknownCommand(f"No help topic for '{word}'", where)
        where = click.Context(command, info_name=word, parent=where)
    click.echo(where.get_help())


main.params.append(json_option())
plant(main, COMMANDS, GROUPS)
main.add_command(show_help)
main.add_command(show_help, "h")
