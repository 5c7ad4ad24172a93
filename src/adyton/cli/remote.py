"""The commands that ask the node: each is one request and one thing printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from adyton.cli import files, prompts, tables
from adyton.cli.client import Answer, connect
from adyton.cli.output import write_json
from adyton.cli.tree import Failure, wants_json

PAGE_SIZE = 25
"""The node's own, as in v0.6.2."""
_ONE = "parseResponse error: "
"""What v0.6.2 writes before the refusal of a single thing."""

T = TypeVar("T")
Attributes = Mapping[str, Any]


class Resource(msgspec.Struct):
    """An item of a JSON:API document. The attributes stay as they were written until they are needed."""

    attributes: msgspec.Raw


class One(msgspec.Struct):
    """A document about one thing."""

    data: Resource


class Many(msgspec.Struct):
    """A document about a list. ``links`` has ``next`` when there is more."""

    data: list[Resource]
    links: dict[str, str] = {}
    meta: dict[str, Any] = {}


# --- sessions --------------------------------------------------------------------------------------------------------


def login(file: str | None) -> None:
    """Log in with a file's or a person's e-mail and password; prints nothing."""
    client = connect()
    if file is not None:
        email, password = files.credentials(Path(file).expanduser())
    else:
        email, password = prompts.ask("Enter email: "), prompts.ask_hidden("Enter password: ")
    client.log_in(email, password)


def logout() -> None:
    """End the session. A session that is over already is as good."""
    client = connect()
    answer = client.call("DELETE", "sessions")
    if answer.refused and answer.status != 401:
        raise answer.failure()
    client.forget()


# --- jobs ------------------------------------------------------------------------------------------------------------


def create_job(job: str) -> None:
    """Create a job from JSON."""
    _show_one(connect().call("POST", "v2", "specs", body=files.json_or_file(job)), tables.job)


def list_jobs(page: int | None) -> None:
    """A page of jobs."""
    _show_page(connect().call("GET", "v2", "specs", query={"page": page}), tables.jobs, page)


def show_job(job_id: str) -> None:
    """One job."""
    _show_one(connect().call("GET", "v2", "specs", job_id), tables.job)


def archive_job(job_id: str) -> None:
    """Archive a job; prints nothing."""
    answer = connect().call("DELETE", "v2", "specs", job_id)
    if answer.refused:
        raise answer.failure(_ONE)


# --- runs ------------------------------------------------------------------------------------------------------------


def create_run(job_id: str, data: str | None) -> None:
    """Start a run."""
    body = files.json_or_file(data) if data is not None else b""
    _show_one(connect().call("POST", "v2", "specs", job_id, "runs", body=body), _run)


def list_runs(page: int | None, job_id: str | None) -> None:
    """A page of runs."""
    _show_page(connect().call("GET", "v2", "runs", query={"jobSpecId": job_id, "page": page}), tables.runs, page)


def show_run(run_id: str) -> None:
    """One run."""
    _show_one(connect().call("GET", "v2", "runs", run_id), _run)


# --- the node --------------------------------------------------------------------------------------------------------


def balances() -> None:
    """The node's accounts."""
    _show_page(connect().call("GET", "v2", "user", "balances"), tables.balances, None)


def health() -> None:
    """The node's checks. Raises Failure unless all pass."""
    answer = connect().send("GET", "/health")
    if answer.refused and answer.status != 503:
        raise answer.failure()
    _show(_decoded(answer, Many).data, tables.health)
    if answer.status == 503:
        raise Failure("The node is not well.", "The checks above that fail say why.")


# --- showing ---------------------------------------------------------------------------------------------------------


def _run(run: Attributes) -> None:
    tables.runs([run])


def _show_one(answer: Answer, show: Callable[[Attributes], None]) -> None:
    if answer.refused:
        raise answer.failure(_ONE)
    attributes = _decoded(answer, One).data.attributes
    if wants_json():
        write_json(bytes(attributes))
    else:
        _readable(lambda: show(_value(attributes)))


def _show_page(answer: Answer, show: Callable[[Sequence[Attributes]], None], page: int | None) -> None:
    if answer.refused:
        raise answer.failure()
    document = _decoded(answer, Many)
    _show(document.data, show)
    if document.links.get("next"):
        count = document.meta.get("count", "more")
        click.echo(f"Page {page or 1}, {PAGE_SIZE} to a page, {count} in all. Next: --page {(page or 1) + 1}", err=True)


def _show(resources: Sequence[Resource], show: Callable[[Sequence[Attributes]], None]) -> None:
    if wants_json():
        write_json(b"[" + b",".join(bytes(resource.attributes) for resource in resources) + b"]")
    else:
        _readable(lambda: show([_value(resource.attributes) for resource in resources]))


def _decoded(answer: Answer, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeError) as problem:
        raise _not_understood(str(problem)) from None


def _value(attributes: msgspec.Raw) -> Attributes:
    value = msgspec.json.Decoder(float_hook=Decimal).decode(attributes)
    if not isinstance(value, dict):
        raise _not_understood("attributes are not an object")
    return value


def _readable(show: Callable[[], None]) -> None:
    """Whatever a stranger's answer holds must end in a message."""
    try:
        show()
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise _not_understood(f"{type(problem).__name__}: {problem}") from None


def _not_understood(reason: str) -> Failure:
    return Failure(f"{_ONE}{reason}", "Is CLIENT_NODE_URL the address of a node?")
