"""The command tree, as a table: words, handlers, what they do, their parameters, their synonyms.

The nouns of later Chainlink versions are the commands; every name of v0.6.2 works as well and is not shown. Exit statuses:
0 success, 1 failure, 2 wrong usage, 3 unknown command.
"""

from __future__ import annotations

from importlib import import_module

import click

from adyton import __version__
from adyton.cli.tree import CONTEXT, Entry, Group, Needed, UnknownCommand, json_option, plant

LAZY = {"dev": ("adyton.cli.dev:dev", "A local chain, contracts and a node to play with.")}
"""Subtrees that are loaded when they are called: where, and the line about them."""

PAGE = click.Option(["--page"], type=click.IntRange(min=1), metavar="N", help="Which page, from 1.")
JOB_OF_RUNS = click.Option(["--jobid", "job_id"], metavar="JOBID", help="Only runs of this job.")
LOGIN_FILE = click.Option(["-f", "--file", "file"], metavar="FILE", help="Two lines: e-mail, password.")
PASSWORD = click.Option(["-p", "--password"], metavar="FILE", help="File with the password of the keystore.")
API = click.Option(
    ["-a", "--api"], metavar="FILE", help="File with e-mail and password of the API's user, for the first start."
)
DEBUG = click.Option(["-d", "--debug"], is_flag=True, help="Log everything.")
DATA = click.Argument(["data"], metavar="[JSON|FILE|-]", required=False)

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
    Entry(
        "admin login",
        "remote:login",
        "Log in: ask for e-mail and password, or read them from a file, and keep the session in ROOT/cookie.",
        (LOGIN_FILE,),
        ("login",),
    ),
    Entry("admin logout", "remote:logout", "End the session and forget it.", (), ("logout",)),
    Entry("admin info", "remote:balances", "Show the node's accounts and what they hold.", (), ("account", "a")),
    Entry(
        "jobs create",
        "remote:create_job",
        "Create a job.\n\nJOB is JSON, a file with JSON, or - for standard input.",
        (Needed("job", "JOB", "Must pass in JSON or filepath"),),
        ("create", "c"),
    ),
    Entry("jobs list", "remote:list_jobs", "List the jobs.", (PAGE,), ("jobspecs", "j", "specs")),
    Entry(
        "jobs show",
        "remote:show_job",
        "Show a job.",
        (Needed("job_id", "JOBID", "Must pass the job id to be shown"),),
        ("show", "s"),
    ),
    Entry(
        "jobs archive",
        "remote:archive_job",
        "Archive a job: nothing starts it any more, and it is no longer listed.",
        (Needed("job_id", "JOBID", "Must pass the job id to be archived"),),
        ("archivejob", "jobs delete"),
    ),
    Entry(
        "runs create",
        "remote:create_run",
        "Start a run of a job that has a web initiator.\n\nThe run's data is JSON, a file with JSON, or - for standard input.",
        (Needed("job_id", "JOBID", "Must pass in SpecID [JSON blob | JSON filepath]"), DATA),
        ("run", "r", "jobs run"),
    ),
    Entry("runs list", "remote:list_runs", "List runs, oldest first.", (PAGE, JOB_OF_RUNS), ("listruns", "lr")),
    Entry(
        "runs show",
        "remote:show_run",
        "Show a run.",
        (Needed("run_id", "RUNID", "Must pass the RunID to show"),),
        ("showrun", "sr"),
    ),
)
GROUPS = {
    "node": Group("node", help="The node itself."),
    "local": Group("local", help="The node itself.", hidden=True),
    "admin": Group("admin", help="Log in and out; the node's accounts."),
    "jobs": Group("jobs", help="What the node does, and what starts it.", default="list"),
    "runs": Group("runs", help="What the node did.", default="list"),
}


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
