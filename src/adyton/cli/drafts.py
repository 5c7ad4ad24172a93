"""Drafts on the command line: judged, tried, and a job written as a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import click
import msgspec

from adyton.cli import files, job_files, tables
from adyton.cli.answers import Answer
from adyton.cli.client import connect
from adyton.cli.output import clean, write_json
from adyton.cli.progress import progress
from adyton.cli.showing import ONE, One, decoded, readable, show_one
from adyton.cli.tree import Failure, wants_json

TIMEOUT = 180.0
"""Seconds for a trial: the node ends it before."""
_JOB_ID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_OUTPUT = re.compile(r"([0-9]+)=(.*)", re.DOTALL)
_LONGEST = 2000
"""Characters of a value that are shown; --json shows all."""

Attributes = Mapping[str, Any]


# --- validate --------------------------------------------------------------------------------------------------------


def validate(job: str) -> None:
    """Say what is wrong with a job, or that nothing is. Raises Failure."""
    answer = connect().call("POST", "v2", "specs", "validate", body=files.json_or_file(job))
    if found := job_files.problems(answer):
        raise job_files.told([(_called(job), each) for each in found])
    show_one(answer, lambda shown: _valid(job, shown))


def _called(argument: str) -> str:
    return "the job" if argument == "-" or argument.lstrip()[:1] == "{" else argument


def _valid(job: str, shown: Attributes) -> None:
    click.echo(clean(f"{_called(job)}: nothing is wrong"))
    for warning in shown["warnings"]:
        click.echo(clean(f"{_called(job)}: {warning['pointer']}: warning: {warning['detail']}"), err=True)
    tables.next_fires(shown)


# --- try -------------------------------------------------------------------------------------------------------------


def attempt(
    job: str, given: str | None, request: str | None, outputs: tuple[str, ...], allow_bridges: bool, allow_posts: bool
) -> None:
    """Try a job and print what each task was given and left. Raises Failure when a task failed."""
    body: dict[str, object] = {"allowBridges": allow_bridges, "allowPosts": allow_posts}
    is_id = _JOB_ID.fullmatch(job) is not None
    body |= {"jobSpecId": job} if is_id else {"job": _json(files.json_or_file(job), "JOB")}
    if given is not None:
        body["input"] = _json(files.json_or_file(given), "--input")
    if request is not None:
        body["request"] = _json(files.json_or_file(request), "--request") if _is_object(request) else request
    if outputs:
        body["outputs"] = dict(map(_output, outputs))
    with progress("trying the job"):
        answer = connect(timeout=TIMEOUT).call("POST", "v2", "specs", "try", body=msgspec.json.encode(body))
    if found := job_files.problems(answer):
        raise job_files.told([_in_draft(job, each) for each in found])
    show_one(answer, _tried)
    _end(answer)


def _in_draft(job: str, problem: job_files.Problem) -> tuple[str, job_files.Problem]:
    """A fault of the draft itself, at its place in the file."""
    if not problem.pointer.startswith("/job/"):
        return "the trial", problem
    return _called(job), job_files.Problem(problem.detail, problem.code, job_files.Problem.Source(problem.pointer[4:]))


def _is_object(text: str) -> bool:
    return not text.startswith(("0x", "0X"))


def _json(text: bytes, what: str) -> msgspec.Raw:
    """The text as a part of another one, its numbers as they were written. Raises Failure."""
    try:
        return msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as problem:
        raise Failure(clean(f"{what} is not JSON: {problem}"), code="ADY-1157") from None


def _output(text: str) -> tuple[str, msgspec.Raw]:
    found = _OUTPUT.fullmatch(text)
    if found is None:
        raise click.UsageError("--output is the number of a task, from 1, an equals sign and JSON: 2='{\"result\": 5}'")
    if int(found[1]) < 1:
        raise click.UsageError("--output: tasks are numbered from 1")
    return str(int(found[1]) - 1), _json(found[2].encode(), "--output")


def _tried(shown: Attributes) -> None:
    for task in shown["tasks"]:
        _task(task)
    if sends := shown["wouldSend"]:
        click.echo("would send")
        for name in ("to", "data", "value", "gasLimit", "gasPrice", "fromAddress"):
            _line(name, "the node's own" if sends[name] is None else sends[name])
        reason = f": {sends['reason']}" if sends["reason"] else ""
        _line("eth_call", f"{sends['outcome']}{reason}")
        if int(sends["to"], 16) == 0:
            _line("note", "nothing said which contract to call; --request says what one would ask")
    click.echo(clean(f"In all: {shown['status']}. Nothing was stored and nothing was sent to the chain."))


def _task(task: Attributes) -> None:
    took = "" if task["status"] == "not reached" else f", {task['ms']} ms"
    click.echo(clean(f"{task['position'] + 1}. {task['type']}: {task['status']}{took}"))
    if task["status"] == "not reached":
        return
    _line("input", task["input"])
    if task["output"] is not None:
        _line("output", task["output"])
    for name in ("error", "note"):
        if task[name]:
            _line(name, task[name])
    if asked := task.get("wouldAsk"):
        _line("url", f"{asked['method']} {asked['url']}".strip())
        _line("body", asked["body"])


def _line(name: str, value: object) -> None:
    text = tables.text(value) if not isinstance(value, str) else value
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters; --json shows all)"
    click.echo(clean(f"   {name:<11} {shown}"))


def _end(answer: Answer) -> None:
    """Raises Failure when the trial failed."""
    status = msgspec.json.Decoder(float_hook=Decimal).decode(decoded(answer, One).data.attributes).get("status")
    if status == "errored":
        raise Failure("The job fails with this input.", code="ADY-0209")


# --- export ----------------------------------------------------------------------------------------------------------


def export(job_id: str) -> None:
    """Print the request that would make a job: a file for apply."""
    answer = connect().call("GET", "v2", "specs", job_id, "export")
    if answer.refused:
        raise answer.failure(ONE)
    attributes = decoded(answer, One).data.attributes
    if wants_json():
        write_json(bytes(attributes))
        return
    write_json(readable(answer.where, lambda: bytes(msgspec.json.decode(attributes, type=dict[str, msgspec.Raw])["spec"])))
