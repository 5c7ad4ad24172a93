"""What is in each table: titles, columns and cells as in v0.6.2."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from adyton.cli.output import clean, write_table

_LOG_TYPES = frozenset({"ethlog", "runlog"})
_ZERO_ADDRESS = "0x" + "0" * 40
Attributes = Mapping[str, Any]


def jobs(found: Sequence[Attributes]) -> None:
    """The list of jobs."""
    named = ("Name",) if any(job.get("name") for job in found) else ()
    rows = [
        (
            job["id"],
            *(job.get("name") or "" for _ in named),
            when(job["createdAt"]),
            _types(job["initiators"]),
            _types(job["tasks"]),
        )
        for job in found
    ]
    write_table("Jobs", ("ID", *named, "Created At", "Initiators", "Tasks"), rows)


def job(found: Attributes) -> None:
    """One job in three tables."""
    times = [when(found.get(name)) for name in ("createdAt", "startAt", "endAt")]
    named = (("Name", found["name"]),) if found.get("name") else ()
    heads = ("ID", *(head for head, _ in named), "Created At", "Start At", "End At")
    write_table("Job", heads, [(found["id"], *(name for _, name in named), *times)])
    initiators = [_initiator(initiator["type"], initiator.get("params") or {}) for initiator in found["initiators"]]
    write_table("Initiators", ("Type", "Schedule", "Run At", "Address"), initiators)
    write_table("Tasks", ("Type", "Config", "Value"), [_task(task) for task in found["tasks"]], wrap=None)


def next_fires(found: Attributes) -> None:
    """When the schedules of a job start runs next; nothing for a job without."""
    rows = [(fires["schedule"], "\n".join(map(when, fires["times"])) or "never") for fires in found.get("nextFires") or ()]
    if rows:
        write_table("Next Runs", ("Schedule", "Times"), rows)


def runs(found: Sequence[Attributes]) -> None:
    """Runs, one or many."""
    write_table("Runs", ("ID", "Status", "Created", "Completed", "Result", "Error"), [_run(run) for run in found])


def error_code(besides: Attributes) -> None:
    """Where to read about what ended a run; nothing for one that no error ended."""
    if besides.get("errorCode"):
        click.echo(clean(f"More: adyton explain {besides['errorCode']}"))


def balances(found: Sequence[Attributes]) -> None:
    """The node's accounts."""
    rows = [(account["address"], units(account["ethBalance"]), units(account["linkBalance"])) for account in found]
    write_table("Account Balance", ("Address", "ETH", "LINK"), rows, wrap=None)


def health(found: Sequence[Attributes]) -> None:
    """The node's checks."""
    rows = [(check["name"], check["status"], check.get("code") or "", check["output"]) for check in found]
    write_table("Health", ("Check", "Status", "Error", "Output"), rows, wrap=60)


def when(text: str | None) -> str:
    """A time in whole seconds, UTC; empty when it is not set."""
    if not text:
        return ""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def units(amount: str | None) -> str:
    """Wei or juels as whole ones with 18 decimals; empty when it is not known."""
    if amount is None:
        return ""
    number = int(amount)
    whole, rest = divmod(abs(number), 10**18)
    return f"{'-' if number < 0 else ''}{whole}.{rest:018d}"


def text(value: object) -> str:
    """A JSON value as text; a string is itself."""
    return value if isinstance(value, str) else _ENCODER.encode(value).decode()


_ENCODER = msgspec.json.Encoder(decimal_format="number")


def _types(items: Sequence[Attributes]) -> str:
    return "\n".join(item["type"] for item in items)


def _initiator(kind: str, params: Attributes) -> tuple[str, str, str, str]:
    address = params.get("address") or ""
    if kind in _LOG_TYPES:
        address = "[all]" if address in {"", _ZERO_ADDRESS} else checksummed(address)
    return kind, params.get("schedule") or "", when(params.get("time")) if kind == "runat" else "", address


def _task(task: Attributes) -> tuple[str, str, str]:
    params = {name: value for name, value in (task.get("params") or {}).items() if name != "type"}
    return task["type"], "\n".join(params), "\n".join(text(value) for value in params.values())


def _run(run: Attributes) -> tuple[str, ...]:
    result = run.get("result") or {}
    data = text(result.get("data") or {})
    return run["id"], run["status"], when(run["createdAt"]), when(run.get("finishedAt")), data, result.get("error") or ""


def checksummed(address: str) -> str:
    """An address with its checksum in its capitals."""
    from adyton.domain.evm import checksum  # the hash's library is loaded only when a job has an address

    return checksum(address)


Shown = Callable[[Sequence[Attributes]], None]
