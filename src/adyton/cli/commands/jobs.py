"""Jobs."""

from __future__ import annotations

from adyton.cli.commands.common import PAGE
from adyton.cli.tree import Entry, Group, Needed

COMMANDS = (
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
)
GROUPS = {
    "jobs": Group("jobs", help="What the node does, and what starts it.", default="list"),
}
