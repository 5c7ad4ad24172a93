"""How much a task may leave behind."""

from __future__ import annotations

from adyton.domain import data
from adyton.domain.runs import Data, Errored, Outcome


def bounded(outcome: Outcome, *, given: Data, task_type: str, limit: int) -> Outcome:
    """The outcome, if its data take ``limit`` bytes as JSON at most; else an error that keeps what the task was given, if
    that is not too large itself."""
    size = _size(outcome.data)
    if size <= limit:
        return outcome
    kept = given if _size(given) <= limit else {}
    if isinstance(outcome, Errored):
        return Errored(outcome.error, kept)
    return Errored(f"{task_type} left {size} bytes of data, more than RUN_DATA_LIMIT allows ({limit})", kept)


def _size(value: Data | None) -> int:
    return 0 if not value else len(data.encode_bytes(value))
