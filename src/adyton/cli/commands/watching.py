"""Watching the node."""

from __future__ import annotations

import click

from adyton.cli.tree import Entry, Group

COMMANDS = (
    Entry(
        "watch",
        "watch:watch",
        "Show what happens as it happens: runs, transactions, new blocks, alerts.\n\nEnds with Ctrl-C. A lost line is taken up "
        "where it was. With --json each line is one object, and its id is where --since goes on.",
        (
            click.Option(
                ["-k", "--kind", "kinds"],
                type=click.Choice(["runs", "heads", "transactions", "alerts"]),
                multiple=True,
                help="Only these; may be given again.",
            ),
            click.Option(["--job", "job_id"], metavar="JOBID", help="Of runs and transactions only those of this job."),
            click.Option(["--run", "run_id"], metavar="RUNID", help="Of runs and transactions only those of this run."),
            click.Option(["--since"], metavar="ID", help="Begin behind the event with this id, instead of now."),
        ),
        examples=(
            "adyton watch",
            "adyton watch -k runs --job 4c9a7f7a0b1e4d7c8f2e6a5b3d1c0f9e",
            "adyton watch -k alerts --json",
        ),
    ),
)
GROUPS: dict[str, Group] = {}
