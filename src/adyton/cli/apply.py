"""``adyton apply``: the node's jobs as files say, with what changes shown first."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import click
import msgspec

from adyton.cli import job_files, prompts
from adyton.cli.answers import Answer
from adyton.cli.client import Client, connect
from adyton.cli.job_files import JobFile
from adyton.cli.output import clean, write_json, write_table
from adyton.cli.showing import ONE, Many, decoded, readable
from adyton.cli.tree import Failure, wants_json

TIMEOUT = 120.0
"""Seconds for the plan of many jobs."""
_SIGNS = {"create": "+", "update": "~", "replace": "!", "archive": "-", "unchanged": "="}
_COLOURS = {"+": "green", "-": "red", "~": "yellow", "!": "red"}
_WORDS = {
    "create": "create",
    "update": "change in place: it keeps its id",
    "replace": "replace: it gets another id",
    "archive": "archive",
    "unchanged": "unchanged",
}


class Change(msgspec.Struct, frozen=True, rename="camel"):
    """What is read of a line of the plan."""

    key: str
    action: str
    job_id: str | None = None
    previous_job_id: str | None = None
    diff: list[str] = []
    warnings: list[str] = []


def apply(paths: tuple[str, ...], prune: bool, dry_run: bool, yes: bool) -> None:
    """Show the plan, ask, and have it done. Raises Failure; UsageError where nobody can be asked and ``--yes`` is not given."""
    jobs = job_files.read_all(paths)
    if not jobs and not prune:
        raise Failure("There is no job in these files.", code="ADY-0207")
    if not (dry_run or yes or prompts.interactive()):
        raise click.UsageError("There is no terminal to ask at: give --yes to do it, or --dry-run to see what it would do.")
    client = connect(timeout=TIMEOUT)
    plan = _ask(client, jobs, prune=prune, dry_run=True)
    changes = _changes(plan)
    is_news = any(change.action != "unchanged" for change in changes)
    if dry_run or not is_news:
        _show_plan(plan, changes)
        return
    if not wants_json():
        with suppress(BrokenPipeError):  # who looks no longer at the plan wants it done all the same
            _show_plan(plan, changes)
    if not yes and prompts.ask("Apply this? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise Failure("Nothing was done.", code="ADY-1161")
    mark = decoded(plan, Many).meta.get("plan")
    done = _ask(client, jobs, prune=prune, dry_run=False, plan=mark)
    if wants_json():
        _write(done)
    else:
        _table(_changes(done))


def _ask(client: Client, jobs: Sequence[JobFile], *, prune: bool, dry_run: bool, plan: object = None) -> Answer:
    """The node's plan. Raises Failure, after a line for each fault."""
    listed = [{"key": job.key, "spec": job.spec} for job in jobs]
    body = msgspec.json.encode({"jobs": listed, "prune": prune, "dryRun": dry_run, "plan": plan})
    answer = client.call("POST", "v2", "specs", "apply", body=body)
    if not answer.refused:
        return answer
    if found := job_files.problems(answer):
        raise job_files.told([job_files.placed(each, jobs) for each in found])
    advice = "The node takes up to 8 times DEFAULT_HTTP_LIMIT bytes of jobs: raise it." if answer.status == 413 else ""
    raise answer.failure(ONE, advice)


def _changes(answer: Answer) -> list[Change]:
    listed = [resource.attributes for resource in decoded(answer, Many).data]
    return readable(answer.where, lambda: [msgspec.json.decode(attributes, type=Change) for attributes in listed])


# --- shown -----------------------------------------------------------------------------------------------------------


def _show_plan(plan: Answer, changes: Sequence[Change]) -> None:
    if wants_json():
        _write(plan)
        return
    for change in changes:
        if change.action != "unchanged" or change.warnings:
            _show_change(change)
    counts = {action: sum(change.action == action for change in changes) for action in _SIGNS}
    told = ", ".join(f"{count} to {action}" for action, count in counts.items() if count and action != "unchanged")
    click.echo(f"{told or 'Nothing to change'}{'; ' if told else ': '}{counts['unchanged']} unchanged.")


def _show_change(change: Change) -> None:
    known = change.previous_job_id or change.job_id
    about = f"{change.key}: {_WORDS.get(change.action, change.action)}{f' (job {known})' if known else ''}"
    _say(_SIGNS.get(change.action, " "), about)
    for line in change.diff:
        _say(line[:1], f"    {line}", mark=False)
    for warning in change.warnings:
        _say("!", f"    warning: {warning}", mark=False)


def _say(sign: str, text: str, *, mark: bool = True) -> None:
    """A line, coloured on a terminal that shows colours."""
    line = clean(f"{sign} {text}" if mark else text)
    shows = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    click.echo(click.style(line, fg=_COLOURS[sign]) if shows and sign in _COLOURS else line, color=shows)


def _table(changes: Sequence[Change]) -> None:
    """What was done; the plan that was shown counts the others."""
    done = [each for each in changes if each.action != "unchanged"]
    rows = [(each.key, each.action, each.job_id or "", each.previous_job_id or "") for each in done]
    write_table("Jobs", ("Key", "Action", "Job ID", "Previous Job ID"), rows, wrap=None)


def _write(answer: Answer) -> None:
    write_json(b"[" + b",".join(bytes(resource.attributes) for resource in decoded(answer, Many).data) + b"]")
