"""How the command tree behaves: lazily loaded commands, synonyms, options that may stand anywhere, help, errors.

Imports click and nothing else, so that ``adyton --help`` stays quick. A command's own module is imported when it is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import IO, Any, NamedTuple

import click

from adyton.cli.everywhere import EVERYWHERE, FORMS, NODES, leading, wishes

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
    """No such command; exit status 3, as v0.6.2. ``near`` are names that may be meant."""

    exit_code = 3
    CODE = "ADY-1114"

    def __init__(self, word: str, ctx: click.Context, near: Sequence[str] = ()) -> None:
        super().__init__(f"No help topic for '{word}'", ctx)
        self.near = near

    def show(self, file: IO[Any] | None = None) -> None:
        """The message, what may be meant, and where to look."""
        assert self.ctx is not None
        click.echo(self.format_message(), err=True, file=file)
        if self.near:
            click.echo(f"Did you mean {' or '.join(f'`{name}`' for name in self.near)}?", err=True, file=file)
        click.echo(f"See `{self.ctx.command_path} --help` for what there is.", err=True, file=file)
        click.echo(f"More: adyton explain {self.CODE}", err=True, file=file)


class WrongUsage(click.UsageError):
    """The line is not as the command wants it; exit status 2. ``wrong`` is what click, or a command, said of it."""

    CODE = "ADY-1113"

    def __init__(self, wrong: click.UsageError) -> None:
        super().__init__(wrong.format_message(), wrong.ctx)

    def show(self, file: IO[Any] | None = None) -> None:
        """How the command is written, what was wrong, where to read more."""
        super().show(file)
        click.echo(f"More: adyton explain {self.CODE}", err=True, file=file)


class Group(click.Group):
    """A noun. With ``default``, the noun alone is that verb: ``adyton jobs`` lists jobs, as it did in v0.6.2. With ``verbless``
    any word that is no verb is the first argument of the default: ``adyton agree FILE``."""

    def __init__(self, name: str | None = None, *, default: str | None = None, verbless: bool = False, **settings: Any) -> None:
        super().__init__(name, no_args_is_help=False, **{"subcommand_metavar": "VERB ...", **settings})
        self.default = default
        self.verbless = verbless
        self.params.extend(EVERYWHERE)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default verb before options that are not the noun's own; help for a noun that has none."""
        options, rest = args[: leading(args)], args[leading(args) :]
        asks_for_help = bool(rest) and rest[0] in HELP
        completing = ctx.resilient_parsing and not rest  # what comes next may be any verb
        if self.default is not None and not completing and self._lacks_verb(rest, asks_for_help=asks_for_help):
            args = [*options, self.default, *rest]
        elif not rest and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        with _about(ctx):
            return super().parse_args(ctx, args)

    def _lacks_verb(self, rest: Sequence[str], *, asks_for_help: bool) -> bool:
        return not rest or (rest[0].startswith("-") and (self.verbless or not asks_for_help))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a subcommand. Raises UnknownCommand."""
        command = self.get_command(ctx, args[0])
        if command is None and self.verbless and self.default is not None:
            return self.default, self.get_command(ctx, self.default), args
        if command is None:
            if ctx.resilient_parsing:
                return None, None, args
            raise self.unknown(args[0], ctx)
        return args[0], command, args[1:]

    def unknown(self, word: str, ctx: click.Context) -> UnknownCommand:
        """The error about a word that is none of the verbs."""
        from difflib import get_close_matches

        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx) if len(name) > 1}
        shown = [name for name, command in commands.items() if command is not None and not command.hidden]
        near = get_close_matches(word, shown, 2, 0.7) or get_close_matches(word, commands, 1, 0.7)
        return UnknownCommand(word, ctx, [f"{ctx.command_path} {name}" for name in near])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Verbs; and the options of the default verb, which may be left out."""
        found = super().shell_complete(ctx, incomplete)
        verb = self.get_command(ctx, self.default) if self.default is not None else None
        if verb is not None and incomplete.startswith("-"):
            own = {item.value for item in found}
            below = verb.shell_complete(click.Context(verb, parent=ctx, info_name=self.default), incomplete)
            found += [item for item in below if item.value not in own]
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each verb with its whole line, which click would cut."""
        verbs = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        lines = [(name, line(verb)) for name, verb in verbs if verb is not None and not verb.hidden]
        if lines:
            with formatter.section("Commands"):
                formatter.write_dl(lines)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Verbs first, as they are what one looks for."""
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)


class Verb(click.Command):
    """A command with examples."""

    def __init__(self, name: str, *, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(name, **settings)
        self.examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Raises UsageError."""
        with _about(ctx):
            return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Its own, then those that stand everywhere."""
        write_options(self, ctx, formatter)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The examples."""
        if self.examples:
            with formatter.section("Examples"):
                formatter.write("".join(f"{'':>{formatter.current_indent}}{line}\n" for line in self.examples))


def line(command: click.Command) -> str:
    """The line about a command, whole."""
    return command.get_short_help_str(1000)


@contextmanager
def _about(ctx: click.Context) -> Iterator[None]:
    """Click does not say of every error which command it is about."""
    try:
        yield
    except click.UsageError as wrong:
        wrong.ctx = wrong.ctx or ctx
        raise


def write_options(command: click.Command, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Two lists: the command's own options, and those that stand everywhere."""
    for title, everywhere in (("Options", False), ("Everywhere", True)):
        params = [param for param in command.get_params(ctx) if (param in EVERYWHERE) is everywhere]
        records = [param.get_help_record(ctx) for param in params if isinstance(param, click.Option)]
        if lines := [record for record in records if record is not None]:
            with formatter.section(title):
                formatter.write_dl(lines)


class Entry(NamedTuple):
    """A row of the table of commands.

    ``path`` is the command's words, ``handler`` a ``module:function`` of ``adyton.cli`` that takes the parameters as keywords,
    ``synonyms`` other words for it, which work and are not shown. ``json``: it can be asked for JSON and YAML. ``examples``:
    lines that one may type. ``local``: it does not ask a node.
    """

    path: str
    handler: str
    help: str
    params: Sequence[click.Parameter] = ()
    synonyms: Sequence[str] = ()
    json: bool = True
    examples: Sequence[str] = ()
    local: bool = False


class Pages(NamedTuple):
    """Which part of a list is wanted: a page, of how many items, or all of it. None: as the node has it."""

    number: int | None = None
    size: int | None = None
    every: bool = False


FIRST = Pages()
"""The first page, as the node has it."""


class Needed(click.Argument):
    """An argument with v0.6.2's message for when it is missing, or empty, as an unset variable of a shell leaves it."""

    def __init__(self, name: str, metavar: str, missing: str, **settings: Any) -> None:
        super().__init__([name], metavar=metavar, required=True, **settings)
        self.missing = missing

    def process_value(self, ctx: click.Context, value: Any) -> Any:
        """Raises UsageError."""
        try:
            given = super().process_value(ctx, value)
        except click.MissingParameter:
            raise click.UsageError(self.missing, ctx) from None
        if given == "" and not ctx.resilient_parsing:
            raise click.UsageError(self.missing, ctx)
        return given


def wants_json() -> bool:
    """Whether the answer is for a program: JSON, or the same as YAML."""
    return bool(wishes().form)


def plant(root: click.Group, entries: Sequence[Entry], groups: Mapping[str, Group]) -> None:
    """Hang every command, and its synonyms, into the tree. ``groups`` are the nouns by their words."""
    for name, group in groups.items():
        _parent(root, name).add_command(group, name.split()[-1])
    for entry in entries:
        for path in (entry.path, *entry.synonyms):
            _parent(root, path).add_command(_command(entry, path, hidden=path != entry.path))


def _parent(root: click.Group, path: str) -> click.Group:
    group = root
    for word in path.split()[:-1]:
        below = group.commands[word]
        assert isinstance(below, click.Group)
        group = below
    return group


def _command(entry: Entry, path: str, *, hidden: bool) -> click.Command:
    def call(**given: Any) -> None:
        if "every" in given:  # the three options of a list are one wish
            given["pages"] = Pages(given.pop("number"), given.pop("size"), given.pop("every"))
        module, function = entry.handler.split(":")
        getattr(import_module(f"adyton.cli.{module}"), function)(**given)

    name = path.rsplit(maxsplit=1)[-1]
    everywhere = [*(FORMS if entry.json else ()), *(() if entry.local else NODES)]
    return Verb(
        name,
        callback=call,
        params=[*entry.params, *everywhere],
        help=entry.help,
        hidden=hidden,
        examples=entry.examples,
        context_settings={**CONTEXT},
    )
