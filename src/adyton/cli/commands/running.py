"""What a node that runs is set to, the Ethereum nodes that it asks, and the schemas for editors."""

from __future__ import annotations

import click

from adyton.cli.tree import Entry, Group, Needed

COMMANDS = (
    Entry(
        "config node",
        "running:settings",
        "Show every setting of the running node, its value there now and where it came from.",
        examples=("adyton config node", "adyton config node --json"),
    ),
    Entry(
        "config setgasprice",
        "running:set_gas_price",
        "Set the gas price (ETH_GAS_PRICE_DEFAULT) of the running node, at once and for the next start.\n\nTransactions that "
        "are signed keep their price until it is raised.",
        (
            Needed("amount", "AMOUNT", "Must specify the gas price, in wei or with --gwei in gwei"),
            click.Option(["--gwei"], is_flag=True, help="AMOUNT is in gwei."),
        ),
        examples=("adyton config setgasprice 40 --gwei", "adyton config setgasprice 40000000000"),
    ),
    Entry(
        "config loglevel",
        "running:log_level",
        "Log more or less, until the node's next start. Without --level, show what is logged.",
        (
            click.Option(
                ["--level"],
                type=click.Choice(["debug", "info", "warn", "error", "panic", "fatal"], case_sensitive=False),
                help="The least important lines to write.",
            ),
        ),
        examples=("adyton config loglevel --level debug", "adyton config loglevel"),
    ),
    Entry(
        "config logsql",
        "running:log_sql",
        "Log SQL statements (at the level debug, without their values) or no more, until the node's next start.",
        (click.Option(["--enable/--disable"], default=None, help="Log them, or no more."),),
        examples=("adyton config logsql --enable", "adyton config logsql --disable"),
    ),
    Entry(
        "chains list",
        "running:chains",
        "Show the chain of the node, with its newest block.",
        examples=("adyton chains",),
    ),
    Entry(
        "nodes list",
        "running:nodes",
        "List the Ethereum nodes that the node asks, with how they do.",
        examples=("adyton nodes", "adyton nodes list --json"),
    ),
    Entry(
        "jobs schema",
        "running:job_schema",
        "Print the JSON Schema of job specs, for editors. Asks no node.",
        json=False,
        examples=("adyton jobs schema > job.schema.json",),
        local=True,
    ),
    Entry(
        "bridges schema",
        "running:bridge_schema",
        "Print the JSON Schema of bridges, for editors. Asks no node.",
        json=False,
        examples=("adyton bridges schema > bridge.schema.json",),
        local=True,
    ),
)
GROUPS = {
    "chains": Group("chains", help="The chain of the node.", default="list"),
    "nodes": Group("nodes", help="The Ethereum nodes that the node asks.", default="list"),
}
