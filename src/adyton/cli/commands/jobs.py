"""Jobs."""

from __future__ import annotations

import click

from adyton.cli.commands.common import PAGES, YES
from adyton.cli.everywhere import offered
from adyton.cli.tree import Entry, Group, Needed

_JOB = Needed("job", "JOB", "Must pass in JSON or filepath", shell_complete=offered("files"))
COMMANDS: tuple[Entry, ...] = (
    Entry(
        "jobs create",
        "remote:create_job",
        "Create a job.\n\nJOB is JSON, a file with JSON, or - for standard input.",
        (Needed("job", "JOB", "Must pass in JSON or filepath", shell_complete=offered("files")),),
        ("create", "c"),
        examples=("adyton jobs create job.json", "generate-job | adyton jobs create -"),
    ),
    Entry(
        "jobs list",
        "remote:list_jobs",
        "List the jobs.",
        PAGES,
        ("jobspecs", "j", "specs"),
        examples=("adyton jobs", "adyton jobs list --all --json | jq -r '.[].id'"),
    ),
    Entry(
        "jobs show",
        "remote:show_job",
        "Show a job.",
        (Needed("job_id", "JOBID", "Must pass the job id to be shown", shell_complete=offered("jobs")),),
        ("show", "s"),
        examples=(
            "adyton jobs show c5f0e0f5c4e34d1b9f9d7ad0f3e4a111",
            "adyton jobs show c5f0e0f5c4e34d1b9f9d7ad0f3e4a111 --yaml",
        ),
    ),
    Entry(
        "jobs archive",
        "remote:archive_job",
        "Archive a job: nothing starts it any more, and it is no longer listed.",
        (Needed("job_id", "JOBID", "Must pass the job id to be archived", shell_complete=offered("jobs")),),
        ("archivejob", "jobs delete"),
        examples=("adyton jobs archive c5f0e0f5c4e34d1b9f9d7ad0f3e4a111",),
    ),
    Entry(
        "apply",
        "apply:apply",
        "Have the node's jobs as files say: create, change and archive what differs.\n\nThe plan is shown first. A job is "
        "known by the name in it, else by the name of its file; a file may hold one job or a list. Jobs that were not made by "
        "apply are never touched.",
        (
            click.Option(
                ["-f", "--file", "paths"],
                metavar="PATH",
                multiple=True,
                required=True,
                help="A file, or a directory with *.json; may be given again.",
                shell_complete=offered("files"),
            ),
            click.Option(["--dry-run"], is_flag=True, help="Show the plan and do nothing."),
            click.Option(["--prune"], is_flag=True, help="Archive jobs that were applied and are in no file any more."),
            YES,
        ),
        examples=("adyton apply -f jobs/ --dry-run", "adyton apply -f jobs/ --prune -y"),
    ),
    Entry(
        "jobs validate",
        "drafts:validate",
        "Say everything that is wrong with a job, without making it.\n\n"
        "JOB is JSON, a file with JSON, or - for standard input.",
        (_JOB,),
        examples=("adyton jobs validate jobs/eth-usd.json",),
    ),
    Entry(
        "jobs try",
        "drafts:attempt",
        "Perform the tasks of a job, without storing or sending anything.\n\n"
        "JOB is the id of a job, a file with a draft, JSON, or - for standard input. Bridges and installed adapters are not "
        "asked, and nothing is posted, unless that is allowed: the trial says what it would ask, and ends there or goes on "
        "with an --output.",
        (
            _JOB,
            click.Option(["--input", "given"], metavar="JSON|FILE|-", help="What the run is given."),
            click.Option(
                ["--request"],
                metavar="ID|JSON",
                help="The request to answer: one that the node knows, or what one would say.",
            ),
            click.Option(
                ["--output", "outputs"],
                metavar="N=JSON",
                multiple=True,
                help="What task N, from 1, answers, instead of doing it; may be given again.",
            ),
            click.Option(["--allow-bridges"], is_flag=True, help="Ask bridges and installed adapters."),
            click.Option(["--allow-posts"], is_flag=True, help="Do httppost tasks."),
        ),
        examples=(
            'adyton jobs try jobs/eth-usd.json --input \'{"result": "5"}\'',
            "adyton jobs try c5f0e0f5c4e34d1b9f9d7ad0f3e4a111 --output 2='{\"result\": 7}'",
        ),
    ),
    Entry(
        "jobs export",
        "drafts:export",
        "Print a job as a file for apply.",
        (Needed("job_id", "JOBID", "Must pass the job id to be exported", shell_complete=offered("jobs")),),
        examples=("adyton jobs export c5f0e0f5c4e34d1b9f9d7ad0f3e4a111 > jobs/eth-usd.json",),
    ),
)
GROUPS = {
    "jobs": Group("jobs", help="What the node does, and what starts it.", default="list"),
}
