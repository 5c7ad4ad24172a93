"""The params of cron and runat initiators as an operator writes them: read, then judged, in the words of v0.6.2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from adyton.domain import any_time, schedule
from adyton.domain.errors import Fault
from adyton.domain.jobs import Initiator, Job
from adyton.domain.request_json import field, kind_of, written

CRON, RUN_AT = "cron", "runat"

_MISSED = ("skip", "latest", "all")
_OVERLAP = ("allow", "skip")
_SECOND = 1_000_000


# --- reading ---------------------------------------------------------------------------------------------------------


def read(kind: str, params: Mapping[str, object], pointer: str, faults: list[Fault]) -> dict[str, Any]:
    """The fields of an ``Initiator`` that its schedule is made of; what cannot be read is added to ``faults``. As v0.6.2, a
    param that the type has no use for must be readable all the same."""
    line = _line(field(params, "schedule"), f"{pointer}/schedule", faults)
    time = _time(field(params, "time"), f"{pointer}/time", faults)
    ran = _boolean(field(params, "ran"), f"{pointer}/ran", faults)
    if kind == RUN_AT:
        return {"run_at": time, "ran": ran}
    if kind == CRON:
        return {
            "schedule": line,
            "missed": _word(field(params, "missed"), _MISSED, f"{pointer}/missed", faults),
            "overlap": _word(field(params, "overlap"), _OVERLAP, f"{pointer}/overlap", faults),
        }
    return {}


def _line(value: object, pointer: str, faults: list[Fault]) -> str | None:
    """A cron line, as it was written. As v0.6.2, one that cannot be read is refused at once, and an empty one when the job is
    judged."""
    if value is UNSET or value is None or value == "":
        return None
    if not isinstance(value, str):
        faults.append(Fault(f"Cron: {written(pointer)} must be a string, not {kind_of(value)}", pointer, code="ADY-0262"))
        return None
    try:
        schedule.check(value)
    except ValueError as wrong:
        faults.append(Fault(f"Cron: {wrong}", pointer, code="ADY-0262"))
        return None
    return value


def _time(value: object, pointer: str, faults: list[Fault]) -> int | None:
    if value is UNSET:
        return None
    try:
        return any_time.parse(value)
    except ValueError as wrong:
        faults.append(Fault(f"{written(pointer)}: {wrong}", pointer, code="ADY-0263"))
        return None


def _boolean(value: object, pointer: str, faults: list[Fault]) -> bool:
    if isinstance(value, bool):
        return value
    if value is not UNSET and value is not None:
        faults.append(Fault(f"{written(pointer)} must be true or false, not {kind_of(value)}", pointer, code="ADY-0265"))
    return False


def _word(value: object, allowed: tuple[str, ...], pointer: str, faults: list[Fault]) -> str | None:
    if value is UNSET or value is None or value == "":
        return None
    if isinstance(value, str) and value.lower() in allowed:
        return value.lower()
    shown = f'"{value[:40]}"' if isinstance(value, str) else kind_of(value)
    words = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
    faults.append(Fault(f"{written(pointer)} must be {words}, not {shown}", pointer, code="ADY-0265"))
    return None


# --- judging ---------------------------------------------------------------------------------------------------------


def judge_cron(initiator: Initiator, _job: Job, pointer: str) -> list[Fault]:
    """A cron initiator has a line."""
    return [] if initiator.schedule else [Fault("Schedule must have a cron", f"{pointer}/params/schedule", code="ADY-0262")]


def judge_run_at(initiator: Initiator, job: Job, pointer: str) -> list[Fault]:
    """A runat initiator has a time, within the job's; compared by whole seconds, as v0.6.2."""
    at, place = initiator.run_at, f"{pointer}/params/time"
    if at is None:
        return [Fault("RunAt must have a time", place, code="ADY-0263")]
    if job.start_at is not None and at // _SECOND < job.start_at // _SECOND:
        return [Fault("RunAt time must be after job's StartAt", place, code="ADY-0264")]
    if job.end_at is not None and at // _SECOND > job.end_at // _SECOND:
        return [Fault("RunAt time must be before job's EndAt", place, code="ADY-0264")]
    return []
