"""The command tree, as a table: words, handlers, what they do, their parameters, their synonyms.

The nouns of later Chainlink versions are the commands; every name of v0.6.2 works as well and is not shown. Exit statuses:
0 success, 1 failure, 2 wrong usage, 3 unknown command.
"""

from __future__ import annotations

from importlib import import_module

import click

from adyton import __version__
from adyton.cli.tree import CONTEXT, Entry, Group, Needed, UnknownCommand, json_option, plant

LAZY = {
    "dev": ("adyton.cli.dev:dev", "A local chain, contracts and a node to play with."),
    "sim": ("adyton.cli.sim:sim", "A whole node in a simulated world where everything goes wrong."),
}
"""Subtrees that are loaded when they are called: where, and the line about them."""

PAGE = click.Option(["--page"], type=click.IntRange(min=1), metavar="N", help="Which page, from 1.")
JOB_OF_RUNS = click.Option(["--jobid", "job_id"], metavar="JOBID", help="Only runs of this job.")
RUN_STATUSES = click.Option(
    ["--status", "statuses"],
    type=click.Choice(["completed", "errored", "cancelled"]),
    multiple=True,
    required=True,
    help="Runs that ended so; may be given again.",
)
RUNS_BEFORE = click.Option(
    ["--before"], metavar="TIME", required=True, help="Last changed before this, such as 2019-06-27T14:03:11Z."
)
LOGIN_FILE = click.Option(["-f", "--file", "file"], metavar="FILE", help="Two lines: e-mail, password.")
PASSWORD = click.Option(["-p", "--password"], metavar="FILE", help="File with the password of the keystore.")
API = click.Option(
    ["-a", "--api"], metavar="FILE", help="File with e-mail and password of the API's user, for the first start."
)
DEBUG = click.Option(["-d", "--debug"], is_flag=True, help="Log everything.")
FROM_BLOCK = click.Option(["--from", "first"], type=click.IntRange(min=0), metavar="BLOCK", help="The first block.")
CONTRACTS = click.Option(
    ["--contract", "contracts"], multiple=True, metavar="ADDRESS", help="An oracle contract; may be given again."
)
JOB_OF_REQUESTS = click.Option(["--jobid", "job_id"], metavar="JOBID", help="Only requests of this job.")
UNANSWERED = click.Option(["--unanswered"], is_flag=True, help="Only those that are neither answered nor cancelled.")
UNACCOUNTED = click.Option(["--unaccounted"], is_flag=True, help="Only those without an end and without a reason.")
REPLAY_FROM = click.Option(
    ["--from", "--block-number", "first"], type=click.IntRange(min=0), metavar="N", required=True, help="The first block."
)
REQUEST = Needed("request_id", "REQUESTID", "Must pass the id of a request, alone or as CONTRACT:ID")
TRANSACTION = Needed("name", "ID|HASH", "Must pass the id of a transaction, or the hash of one of its attempts")
GAS_PRICE = click.Option(
    ["--gas-price", "price"], type=click.IntRange(min=1), metavar="WEI", help="At this price a gas; else as the rules say."
)
DRY_RUN = click.Option(["--dry-run"], is_flag=True, help="Only say what would happen and what it costs at most.")
YES = click.Option(["-y", "--yes"], is_flag=True, help="Do not ask.")
PAYMENT_KEY = click.Option(["--id", "key"], metavar="KEY", help="A key of your own: under one key it is paid only once.")
_WITHDRAW = "withdraw expects two arguments: an address and an amount"
_SEND_ETHER = "sendether expects two arguments: an amount and an address"
_CREATE = "txs create expects three arguments: an amount, the sender's address and the recipient's"
INITIATOR = click.Argument(["name"], metavar="[NAME]", required=False)
INITIATOR_URL = click.Argument(["url"], metavar="[URL]", required=False)
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
        "ledger",
        "ledger:show",
        "Account for every request, nonce, gas and LINK.\n\nReads the chain and the database, not the node, which may run or "
        "not; fails when something does not add up.",
        (FROM_BLOCK, CONTRACTS),
    ),
    Entry(
        "explain",
        "requests:explain",
        "Say step by step why something did or did not happen.\n\nWHAT is the hash of the transaction that asked or that "
        "answers, the id of a request, or that of a run.",
        (Needed("what", "WHAT", "Must pass a transaction's hash, a request's id or a run's id"),),
    ),
    Entry(
        "requests list",
        "requests:list_requests",
        "List requests and what became of them, the newest first.",
        (PAGE, JOB_OF_REQUESTS, UNANSWERED, UNACCOUNTED),
    ),
    Entry("requests show", "requests:show_request", "Show a request.", (REQUEST,)),
    Entry("requests run", "requests:run_request", "Run a request again that got no answer.", (REQUEST,)),
    Entry(
        "blocks replay",
        "requests:replay",
        "Read blocks again, from one on; nothing is started twice.",
        (REPLAY_FROM,),
    ),
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
    Entry(
        "runs cancel",
        "runs:cancel",
        "Cancel a run that is not finished.\n\nWhat it asked to be sent is taken back, unless it may be on the chain already.",
        (Needed("run_id", "RUNID", "Must pass the RunID to cancel"),),
    ),
    Entry(
        "runs delete",
        "runs:delete",
        "Delete finished runs for good, the oldest first.\n\nThose stay that a reorganisation may still concern, or that alone "
        "say what became of a request.",
        (RUN_STATUSES, RUNS_BEFORE, YES),
    ),
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
    Entry(
        "initiators create",
        "external_initiators:create",
        "Create an external initiator; its secrets are shown this once.\n\nWith a NAME it may start the jobs that name it, and "
        "is told of them at URL; without one, any job with a web initiator.",
        (INITIATOR, INITIATOR_URL),
        ("externalinitiators create", "exi create"),
    ),
    Entry("initiators list", "external_initiators:list_initiators", "List the external initiators.", (PAGE,)),
    Entry(
        "initiators destroy",
        "external_initiators:destroy",
        "Delete an external initiator.",
        (Needed("name", "NAME|ACCESSKEY", "Must pass the AccessKey for the external initiator to delete"),),
        ("initiators delete", "externalinitiators delete", "exi delete"),
    ),
    Entry(
        "agreements create",
        "agreements:create",
        "Have the node sign a service agreement and keep it.\n\nAGREEMENT is JSON, a file with JSON, or - for standard input.",
        (Needed("agreement", "AGREEMENT", "Must pass in JSON or filepath"),),
        ("agree create", "createsa"),
    ),
    Entry("txs list", "transactions:list_transactions", "List transactions, newest first.", (PAGE,), ("transactions",)),
    Entry("txs show", "transactions:show_transaction", "Show a transaction and its attempts.", (TRANSACTION,)),
    Entry(
        "txs attempts",
        "transactions:list_attempts",
        "List signed versions of transactions, newest first.",
        (PAGE,),
        ("txattempts", "attempts list", "txas"),
    ),
    Entry(
        "txs doctor",
        "transactions:doctor",
        "Say what keeps each key from sending, and what to type.\n\nOnly looks; fails when something keeps one.",
    ),
    Entry(
        "txs bump",
        "transactions:bump",
        "Raise the price of a transaction that is sent and not mined.",
        (TRANSACTION, GAS_PRICE, DRY_RUN, YES),
    ),
    Entry(
        "txs cancel",
        "transactions:cancel",
        "Cancel a transaction that is not mined.\n\nIf it may have been sent, a no-op competes for its nonce; whichever is "
        "mined first decides.",
        (TRANSACTION, GAS_PRICE, DRY_RUN, YES),
    ),
    Entry(
        "txs resend",
        "transactions:resend",
        "Send the same bytes of a transaction again.",
        (TRANSACTION, DRY_RUN, YES),
    ),
    Entry(
        "txs create",
        "transactions:create",
        "Send ether.\n\nAMOUNT is in ETH, FROM one of the node's keys.",
        (
            Needed("amount", "AMOUNT", _CREATE),
            Needed("sender", "FROM", _CREATE),
            Needed("address", "TO", _CREATE),
            click.Option(["--wei"], is_flag=True, help="AMOUNT is in wei."),
            PAYMENT_KEY,
        ),
    ),
    Entry(
        "sendether",
        "transactions:send_ether",
        "Send ether, in wei, from one of the node's keys.",
        (
            Needed("amount", "AMOUNT", _SEND_ETHER),
            Needed("address", "ADDRESS", _SEND_ETHER),
            click.Option(["-f", "--from", "sender"], metavar="ADDRESS", help="The key; else the node chooses."),
            PAYMENT_KEY,
        ),
    ),
    Entry(
        "admin withdraw",
        "transactions:withdraw",
        "Send LINK, in juels, that an oracle contract has earned to an address.",
        (
            Needed("address", "ADDRESS", _WITHDRAW),
            Needed("amount", "AMOUNT", _WITHDRAW),
            click.Option(
                ["--from-oracle-contract-address", "--from", "contract"],
                metavar="ADDRESS",
                help="The contract; else ORACLE_CONTRACT_ADDRESS.",
            ),
            PAYMENT_KEY,
        ),
        ("withdraw", "w"),
    ),
)
GROUPS = {
    "requests": Group("requests", help="What contracts asked the node, and what became of it.", default="list"),
    "blocks": Group("blocks", help="The blocks that the node has read."),
    "node": Group("node", help="The node itself."),
    "local": Group("local", help="The node itself.", hidden=True),
    "admin": Group("admin", help="Log in and out; the node's accounts."),
    "jobs": Group("jobs", help="What the node does, and what starts it.", default="list"),
    "runs": Group("runs", help="What the node did.", default="list"),
    "bridges": Group("bridges", help="External adapters, which tasks name as their type.", default="list"),
    "initiators": Group("initiators", help="Programs outside that start runs.", default="list"),
    "externalinitiators": Group("externalinitiators", help="Programs outside that start runs.", hidden=True),
    "exi": Group("exi", help="Programs outside that start runs.", hidden=True),
    "agreements": Group("agreements", help="What the node has promised together with other oracles."),
    "agree": Group("agree", help="Make a service agreement.", default="create", verbless=True, hidden=True),
    "txs": Group("txs", help="What the node sends to the chain.", default="list"),
    "attempts": Group("attempts", help="Signed versions of transactions.", default="list", hidden=True),
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
