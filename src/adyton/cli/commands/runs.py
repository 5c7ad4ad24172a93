"""Runs."""

from __future__ import annotations

import click

from adyton.cli.commands.common import PAGE, YES
from adyton.cli.tree import Entry, Group, Needed

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
DATA = click.Argument(["data"], metavar="[JSON|FILE|-]", required=False)

COMMANDS = (
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
)
GROUPS = {
    "runs": Group("runs", help="What the node did.", default="list"),
}
