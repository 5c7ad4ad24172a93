"""Runs."""

from __future__ import annotations

import click

from adyton.cli.commands.common import PAGES, YES
from adyton.cli.everywhere import offered
from adyton.cli.tree import Entry, Group, Needed

JOB_OF_RUNS = click.Option(
    ["--jobid", "job_id"], metavar="JOBID", help="Only runs of this job.", shell_complete=offered("jobs")
)
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
RUNS_WANTED = (
    click.Option(
        ["--status", "statuses"],
        type=click.Choice(
            [
                *("unstarted", "in_progress", "pending_confirmations", "pending_connection", "pending_bridge", "pending_sleep"),
                *("errored", "completed", "cancelled"),
            ]
        ),
        multiple=True,
        help="Only runs of this status; may be given again.",
    ),
    click.Option(["--since"], metavar="TIME", help="Only runs that began then or later, such as 2019-06-27T14:03:11Z."),
    click.Option(["--until"], metavar="TIME", help="Only runs that began before then."),
    click.Option(["--initiator"], metavar="TYPE", help="Only runs that an initiator of this type started, such as web."),
    click.Option(["--request"], metavar="REQUESTID", help="Only runs of this request."),
    click.Option(["--tx", "transaction"], metavar="HASH", help="Only runs that this transaction asked for, or answered."),
    click.Option(["--newest"], is_flag=True, help="The newest first."),
)
DATA = click.Argument(["data"], metavar="[JSON|FILE|-]", required=False, shell_complete=offered("files"))

COMMANDS = (
    Entry(
        "runs create",
        "remote:create_run",
        "Start a run of a job that has a web initiator.\n\nThe run's data is JSON, a file with JSON, or - for standard input.",
        (Needed("job_id", "JOBID", "Must pass in SpecID [JSON blob | JSON filepath]", shell_complete=offered("jobs")), DATA),
        ("run", "r", "jobs run"),
        examples=(
            "adyton runs create c5f0e0f5c4e34d1b9f9d7ad0f3e4a111",
            'adyton runs create c5f0e0f5c4e34d1b9f9d7ad0f3e4a111 \'{"result": "5"}\'',
        ),
    ),
    Entry(
        "runs list",
        "remote:list_runs",
        "List runs, oldest first.",
        (*PAGES, JOB_OF_RUNS, *RUNS_WANTED),
        ("listruns", "lr"),
        examples=(
            "adyton runs",
            "adyton runs list --jobid c5f0e0f5c4e34d1b9f9d7ad0f3e4a111 --all --json",
            "adyton runs list --status errored --since 2019-06-27T00:00:00Z --newest",
        ),
    ),
    Entry(
        "runs show",
        "remote:show_run",
        "Show a run.",
        (Needed("run_id", "RUNID", "Must pass the RunID to show", shell_complete=offered("runs")),),
        ("showrun", "sr"),
        examples=("adyton runs show 9f0e1d2c3b4a59687786950a1b2c3d4e",),
    ),
    Entry(
        "runs cancel",
        "runs:cancel",
        "Cancel a run that is not finished.\n\nWhat it asked to be sent is taken back, unless it may be on the chain already.",
        (Needed("run_id", "RUNID", "Must pass the RunID to cancel", shell_complete=offered("runs")),),
        examples=("adyton runs cancel 9f0e1d2c3b4a59687786950a1b2c3d4e",),
    ),
    Entry(
        "runs delete",
        "runs:delete",
        "Delete finished runs for good, the oldest first.\n\nThose stay that a reorganisation may still concern, or that alone "
        "say what became of a request.",
        (RUN_STATUSES, RUNS_BEFORE, YES),
        examples=("adyton runs delete --status completed --status errored --before 2030-01-01T00:00:00Z --yes",),
    ),
)
GROUPS = {
    "runs": Group("runs", help="What the node did.", default="list"),
}
