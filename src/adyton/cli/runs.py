"""The commands that end runs, and their history."""

from __future__ import annotations

from collections.abc import Sequence

import click
import msgspec

from adyton.cli import prompts, tables
from adyton.cli.client import connect
from adyton.cli.showing import Attributes, show_one
from adyton.cli.tree import Failure


def cancel(run_id: str) -> None:
    """Cancel a run."""
    answer = connect().call("PUT", "v2", "runs", run_id, "cancellation")
    if answer.status == 409:
        raise answer.failure(advice=f"`adyton explain {run_id}` says what became of it.")
    if answer.status == 404:
        raise answer.failure(advice="`adyton runs list` shows what there is.")
    show_one(answer, _run)


def delete(statuses: Sequence[str], before: str, *, yes: bool) -> None:
    """Delete finished runs. Raises UsageError where nobody can be asked and ``--yes`` is not given."""
    if not yes:
        if not prompts.interactive():
            raise click.UsageError("There is no terminal to ask at: give --yes to do it.")
        question = f"Delete for good the runs that are {' or '.join(statuses)} and have not changed since {before}? [y/N] "
        if prompts.ask(question).strip().lower() not in {"y", "yes"}:
            raise Failure("Nothing was done.", code="ADY-1161")
    body = msgspec.json.encode({"status": list(statuses), "updatedBefore": before})
    answer = connect().call("DELETE", "v2", "bulk_delete_runs", body=body)
    if answer.refused:
        raise answer.failure()


def _run(run: Attributes) -> None:
    tables.runs([run])
