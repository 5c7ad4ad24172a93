"""The top of the tree: which commands are shown under which heading, subtrees that are loaded when they are called, and what
ends a command that its own code did not end.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from typing import IO, Any

import click

from adyton.cli.tree import CONTEXT, Failure, Group, UnknownCommand, WrongUsage, line

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""A disk that takes no more, or is broken."""

LAZY = {
    "dev": ("adyton.cli.dev:dev", "A local chain, contracts and a node to play with."),
    "sim": ("adyton.cli.sim:sim", "A whole node in a simulated world where everything goes wrong."),
}
"""Subtrees that are loaded when they are called: where, and the line about them."""

HEADINGS = {
    "Work": ("jobs", "apply", "runs", "requests", "bridges", "initiators", "agreements", "watch"),
    "Chain": ("txs", "sendether", "keys", "blocks", "chains", "nodes", "ledger"),
    "Node": ("node", "health", "alerts", "config", "admin"),
    "Help and tools": ("explain", "profiles", "completion", "help-all", "dev", "sim"),
}
"""The words of the first level, by what they are about. A word that is missing here is shown under the last heading."""


class Interrupted(click.ClickException):
    """Ctrl-C; exit status 130, as shells have it. (v0.6.2 ended with 1.)"""

    exit_code = 130

    def show(self, file: IO[Any] | None = None) -> None:
        """On a line of its own: the terminal has written ^C."""
        click.echo("\nAborted!", err=True, file=file)


class Root(Group):
    """The top of the tree."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Raises Interrupted on Ctrl-C, WrongUsage, and Failure for what was raised for people and nobody
        caught. A reader that has seen enough ends it with 0."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            raise Interrupted("") from None
        except click.UsageError as wrong:
            raise _usage(wrong) from None
        except BrokenPipeError:
            _close_output()
            ctx.exit(0)
        except Exception as error:
            failure = _failure(error)
            if failure is None:
                raise
            raise failure from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Raises WrongUsage."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as wrong:
            raise _usage(wrong) from None

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

    def about(self) -> dict[str, str]:
        """The line about each word that is shown, without loading the lazy ones."""
        lines = {name: about for name, (_, about) in LAZY.items()}
        return lines | {name: line(command) for name, command in self.commands.items() if not command.hidden}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The words of the first level under their headings."""
        about = self.about()
        placed = {word for words in HEADINGS.values() for word in words}
        for heading, words in HEADINGS.items():
            rest = sorted(about.keys() - placed) if heading == list(HEADINGS)[-1] else []
            with formatter.section(heading):
                formatter.write_dl([(word, about[word]) for word in [*words, *rest] if word in about], col_max=14)


def _usage(wrong: click.UsageError) -> click.UsageError:
    """The same with where to read more; but for those that show themselves."""
    return WrongUsage(wrong) if type(wrong).show is click.UsageError.show else wrong


def _close_output() -> None:
    """Nobody reads it: what is still to be written goes nowhere, also at the end of the process."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _failure(error: Exception) -> Failure | None:
    """What to say about a full disk, or an error of the error tree; None for any other. The tree is loaded if such an error
    exists."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        cause = f"Cannot write{f' {error.filename}' if error.filename else ''}: {error.strerror}"
        return Failure(cause, "Make room, or write elsewhere; what was asked for may be done.", code="ADY-1112")
    errors = sys.modules.get("adyton.domain.errors")
    if errors is None or not isinstance(error, errors.AdytonError) or isinstance(error, errors.Broken):
        return None
    return Failure(str(error) or type(error).__name__, code=error.error_code)


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
            raise group.unknown(word, where) if isinstance(group, Group) else UnknownCommand(word, where)
        where = click.Context(command, info_name=word, parent=where)
    click.echo(where.get_help())


@click.command("help-all", context_settings={**CONTEXT})
@click.pass_context
def show_everything(ctx: click.Context) -> None:
    """Show every command in one list."""
    root = ctx.find_root()
    formatter = root.make_formatter()
    with formatter.section("Commands"):
        formatter.write_dl(list(_lines(root.command, root, ())), col_max=34)
    click.echo(formatter.getvalue().rstrip("\n"))


def _lines(command: click.Command, ctx: click.Context, path: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each command below, with the usage of its arguments, and the line about it."""
    if not isinstance(command, click.Group):
        pieces = (param.make_metavar(ctx) for param in command.params if isinstance(param, click.Argument))
        yield " ".join([*path, *pieces]), line(command)
        return
    for name in command.list_commands(ctx):
        below = command.get_command(ctx, name)
        if below is not None and not below.hidden:
            yield from _lines(below, click.Context(below, info_name=name, parent=ctx), [*path, name])
