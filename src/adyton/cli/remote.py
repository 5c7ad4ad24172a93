"""The commands that ask the node: each is one request and one thing printed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adyton.cli import files, prompts, tables
from adyton.cli.client import Answer, connect
from adyton.cli.listing import show_list
from adyton.cli.showing import ONE, Attributes, Many, decoded, show, show_besides, show_one, show_page
from adyton.cli.tree import Failure, Pages

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
    _show_job(connect().call("POST", "v2", "specs", body=files.json_or_file(job)))


def list_jobs(pages: Pages) -> None:
    """Jobs."""
    show_list("v2", "specs", shown=tables.jobs, pages=pages)


def show_job(job_id: str) -> None:
    """One job."""
    _show_job(connect().call("GET", "v2", "specs", job_id))


def archive_job(job_id: str) -> None:
    """Archive a job; prints nothing."""
    answer = connect().call("DELETE", "v2", "specs", job_id)
    if answer.refused:
        raise answer.failure(ONE)


def _show_job(answer: Answer) -> None:
    show_one(answer, tables.job)
    show_besides(answer, tables.next_fires)


# --- runs ------------------------------------------------------------------------------------------------------------


def create_run(job_id: str, data: str | None) -> None:
    """Start a run."""
    body = files.json_or_file(data) if data is not None else b""
    show_one(connect().call("POST", "v2", "specs", job_id, "runs", body=body), _run)


def list_runs(
    pages: Pages,
    job_id: str | None,
    statuses: Sequence[str],
    since: str | None,
    until: str | None,
    initiator: str | None,
    request: str | None,
    transaction: str | None,
    newest: bool,
) -> None:
    """Runs."""
    query: dict[str, str | int | None] = {
        "jobSpecId": job_id,
        "status": ",".join(statuses) or None,
        "createdAfter": since,
        "createdBefore": until,
        "initiator": initiator,
        "requestId": request,
        "transactionHash": transaction,
        "sort": "-createdAt" if newest else None,
    }
    show_list("v2", "runs", shown=tables.runs, pages=pages, query=query)


def show_run(run_id: str) -> None:
    """One run."""
    answer = connect().call("GET", "v2", "runs", run_id)
    show_one(answer, _run)
    show_besides(answer, tables.error_code)


# --- the node --------------------------------------------------------------------------------------------------------


def balances() -> None:
    """The node's accounts."""
    show_page(connect().call("GET", "v2", "user", "balances"), tables.balances)


def health() -> None:
    """The node's checks. Raises Failure unless all pass."""
    answer = connect().send("GET", "/health")
    if answer.refused and answer.status != 503:
        raise answer.failure()
    show(decoded(answer, Many).data, tables.health, answer.where)
    if answer.status == 503:
        raise Failure("The node is not well.", "The checks above that fail say why.", code="ADY-1162")


def _run(run: Attributes) -> None:
    tables.runs([run])
