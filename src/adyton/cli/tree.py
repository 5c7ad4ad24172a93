"""How the command tree behaves: lazily loaded commands, synonyms, ``--json`` in both places, errors.

Imports click and nothing else, so that ``adyton --help`` stays quick. A command's own module is imported when it is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import IO, Any, NamedTuple

import click

JSON = "adyton.json"
"""Key in click's shared ``meta``: the person wants JSON."""
HELP = ("-h", "--help")
CONTEXT: Mapping[str, Any] = {"help_option_names": list(HELP), "max_content_width": 110}


class Failure(click.ClickException):
    """A command could not do what it was asked for; exit status 1. ``message`` is the cause, ``advice`` the next step,
    ``code`` the page about it."""

    exit_code = 1

    def __init__(self, message: str, advice: str = "", *, code: str = "") -> None:
        super().__init__(message)
        self.advice = advice
        self.code = code

    def show(self, file: IO[Any] | None = None) -> None:
        """The cause alone on its line, as v0.6.2 prints it, then the next step, then where to read more."""
        click.echo(self.format_message(), err=True, file=file)
        if self.advice:
            click.echo(self.advice, err=True, file=file)
        if self.code:
            click.echo(f"More: adyton explain {self.code}", err=True, file=file)


class UnknownCommand(click.UsageError):
    """No such command; exit status 3, as v0.6.2."""

    exit_code = 3

    def show(self, file: IO[Any] | None = None) -> None:
        """The message and where to look."""
        click.echo(self.format_message(), err=True, file=file)
        if self.ctx is not None:
            click.echo(f"See `{self.ctx.command_path} --help` for what there is.", err=True, file=file)


class Group(click.Group):
    """A noun. With ``default``, the noun alone is that verb: ``adyton jobs`` lists jobs, as it did in v0.6.2. With ``verbless``
    any word that is no verb is the first argument of the default: ``adyton agree FILE``."""

    def __init__(self, name: str | None = None, *, default: str | None = None, verbless: bool = False, **settings: Any) -> None:
        super().__init__(name, no_args_is_help=False, **settings)
        self.default = default
        self.verbless = verbless

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default verb before options that are not the noun's own; help for a noun that has none."""
        asks_for_help = bool(args) and args[0] in HELP
        if self.default is not None and (not args or (args[0].startswith("-") and (self.verbless or not asks_for_help))):
            args = [self.default, *args]
        if not args:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a subcommand. Raises UnknownCommand."""
        command = self.get_command(ctx, args[0])
        if command is None and self.verbless and self.default is not None:
            return self.default, self.get_command(ctx, self.default), args
        if command is None:
            raise UnknownCommand(f"No help topic for '{args[0]}'", ctx)
        return args[0], command, args[1:]


class Entry(NamedTuple):
    """A row of the table of commands.

    ``path`` is the command's words, ``handler`` a ``module:function`` of ``adyton.cli`` that takes the parameters as keywords,
    ``synonyms`` other words for it, which work and are not shown.
    """

    path: str
    handler: str
    help: str
    params: Sequence[click.Parameter] = ()
    synonyms: Sequence[str] = ()
    json: bool = True


class Needed(click.Argument):
    """An argument with v0.6.2's message for when it is missing, or empty, as an unset variable of a shell leaves it."""

    def __init__(self, name: str, metavar: str, missing: str) -> None:
        super().__init__([name], metavar=metavar, required=True)
        self.missing = missing

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """Raises UsageError."""
        try:
            given = super().process_value(ctx, value)
        except click.MissingParameter:
            raise click.UsageError(self.missing, ctx) from None
        if given == "":
            raise click.UsageError(self.missing, ctx)
        return given


def json_option() -> click.Option:
    """``--json``, wherever in the line it stands."""
    return click.Option(
        ["-j", "--json"], is_flag=True, expose_value=False, callback=_note_json, help="JSON instead of tables.", is_eager=True
    )


def wants_json() -> bool:
    """Whether the person asked for JSON."""
    return bool(click.get_current_context().meta.get(JSON))


def plant(root: click.Group, entries: Sequence[Entry], groups: Mapping[str, Group]) -> None:
    """Hang every command, and its synonyms, into the tree. ``groups`` are the nouns by their words."""
    for name, group in groups.items():
        _parent(root, name).add_command(group, name.split()[-1])
    for entry in entries:
        for path in (entry.path, *entry.synonyms):
            _parent(root, path).add_command(_command(entry, path, hidden=path != entry.path))


def _note_json(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[JSON] = True


def _parent(root: click.Group, path: str) -> click.Group:
    group = root
    for word in path.split()[:-1]:
        below = group.commands[word]
        assert isinstance(below, click.Group)
        group = below
    return group


def _command(entry: Entry, path: str, *, hidden: bool) -> click.Command:
    def call(**given: Any) -> None:
        module, function = entry.handler.split(":")
        getattr(import_module(f"adyton.cli.{module}"), function)(**given)

    name = path.rsplit(maxsplit=1)[-1]
    params = [*entry.params, *([json_option()] if entry.json else [])]
    return click.Command(name, callback=call, params=params, help=entry.help, hidden=hidden, context_settings={**CONTEXT})
