"""What runs failed of, the same errors together: one group for each task, code and text, whatever numbers the text has."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from adyton.domain.run_errors import SOMETHING, code_of
from adyton.domain.runs import Run, RunStatus

_VARYING = re.compile(r"0x[0-9a-fA-F]+|[0-9a-f]{32}|\d+(\.\d+)?")


class ErrorGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Runs that failed of the same. ``error`` is the text of the newest of them, ``last_run``; ``position`` and ``task`` (its
    type) say where it failed, None: before any task. Times are microseconds: when the first and the last of them ended."""

    code: str
    error: str
    position: int | None
    task: str | None
    count: int
    first_at: int
    last_at: int
    last_run: str


def grouped(runs: Iterable[Run]) -> list[ErrorGroup]:
    """The groups of errored runs that come the newest first; the group with the newest run first."""
    found: dict[tuple[int | None, str | None, str, str], ErrorGroup] = {}
    for run in runs:
        failed = next((each for each in run.tasks if each.status is RunStatus.ERRORED), None)
        position, task = (None, None) if failed is None else (failed.position, failed.spec.type)
        code, text = code_of(run) or SOMETHING, run.error or ""
        key = (position, task, code, _VARYING.sub("0", text))
        at = run.updated_at if run.finished_at is None else run.finished_at
        known = found.get(key)
        found[key] = (
            ErrorGroup(code=code, error=text, position=position, task=task, count=1, first_at=at, last_at=at, last_run=run.id)
            if known is None
            else msgspec.structs.replace(
                known, count=known.count + 1, first_at=min(known.first_at, at), last_at=max(known.last_at, at)
            )
        )
    return list(found.values())
