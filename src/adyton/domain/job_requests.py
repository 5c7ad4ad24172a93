"""A job as an operator writes it becomes a ``Job``: read, then judged, every fault at once.

The forms accepted, the order of the faults and their texts are those of v0.6.2; each fault also points to its field. What
cannot be read at all is reported first, alone: only a job that could be read is judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, cast

from msgspec import UNSET

from adyton.domain import initiator_requests
from adyton.domain.errors import Fault, Invalid
from adyton.domain.jobs import Job, TaskSpec
from adyton.domain.request_json import field, first_object, kind_of, object_at, text_at, written
from adyton.domain.runs import Data
from adyton.domain.times import parse_rfc3339

CheckTask = Callable[[str, Data], None]
"""Raises Invalid when a task type does not exist or cannot take these params."""

LONGEST_NAME = 255
"""Characters of a job's name."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TASK_TYPE = re.compile(r"[a-zA-Z0-9\-_]*")
_MAX_UINT32 = 2**32 - 1
_MAX_UINT256, _UINT256_DIGITS = 2**256 - 1, 78
_UUID = re.compile(r"[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")


def read_job(text: bytes, *, job_id: str, now: int, check: CheckTask) -> Job:
    """The job that a JSON text describes, created at ``now`` (microseconds), with the id that it brings along, else ``job_id``.
    Raises Invalid with every fault."""
    job = decode(text, job_id=job_id, now=now)
    faults = judge(job, check)
    if faults:
        raise Invalid(*faults)
    return job


# --- reading ---------------------------------------------------------------------------------------------------------


def decode(text: bytes, *, job_id: str, now: int) -> Job:
    """Read a job without judging it. Raises Invalid with everything that could not be read."""
    return read_object(first_object(text), job_id=job_id, now=now)


def read_object(source: Mapping[str, object], *, job_id: str, now: int) -> Job:
    """As ``decode``, of JSON that has been parsed."""
    job, faults = understood(source, job_id=job_id, now=now)
    if faults:
        raise Invalid(*faults)
    return job


def understood(source: Mapping[str, object], *, job_id: str, now: int) -> tuple[Job, list[Fault]]:
    """What can be read of a job, and everything that cannot: there the job has what it would have if nothing were said."""
    faults: list[Fault] = []
    job = Job(
        id=_own_id(source, faults) or job_id,
        initiators=tuple(
            initiator_requests.read(item, f"/initiators/{n}", now, faults) for n, item in _items(source, "initiators", faults)
        ),
        tasks=tuple(_task(item, f"/tasks/{n}", now, faults) for n, item in _items(source, "tasks", faults)),
        start_at=_time(source, "startAt", faults),
        end_at=_time(source, "endAt", faults),
        created_at=now,
        min_payment=_juels(field(source, "minPayment"), "/minPayment", faults),
        name=_name(field(source, "name"), faults),
    )
    return job, faults


def _items(source: Mapping[str, object], name: str, faults: list[Fault]) -> Iterator[tuple[int, Mapping[str, object]]]:
    """The numbered objects of a list; as v0.6.2, null is an empty list or an empty object."""
    value = field(source, name)
    if isinstance(value, list):
        for n, item in enumerate(value):
            yield n, object_at(item, f"/{name}/{n}", faults)
    elif value is not UNSET and value is not None:
        faults.append(Fault(f"{name} must be an array, not {kind_of(value)}", f"/{name}", code="ADY-0021"))


def _task(source: Mapping[str, object], pointer: str, now: int, faults: list[Fault]) -> TaskSpec:
    kind = text_at(source, "type", pointer, faults)
    if not _TASK_TYPE.fullmatch(kind):
        faults.append(
            Fault(f"Task Type validation: name {kind} contains invalid characters", f"{pointer}/type", code="ADY-0254")
        )
    return TaskSpec(
        type=kind.lower(),
        confirmations=_confirmations(field(source, "confirmations"), f"{pointer}/confirmations", faults),
        params=_params(field(source, "params"), f"{pointer}/params", faults),
        created_at=now,
        updated_at=now,
    )


def _own_id(source: Mapping[str, object], faults: list[Fault]) -> str | None:
    """The id that a job brings along (as v2): of a node that is set up again, so that requests which name it are answered."""
    value = field(source, "externalJobID")
    if value is UNSET or value is None or value == "":
        return None
    if isinstance(value, str) and _UUID.fullmatch(value):
        return value.replace("-", "").lower()
    shown = f'"{value[:40]}"' if isinstance(value, str) else kind_of(value)
    faults.append(
        Fault(f"externalJobID must be 32 hex digits, with or without dashes, not {shown}", "/externalJobID", code="ADY-0251")
    )
    return None


def _name(value: object, faults: list[Fault]) -> str | None:
    """What the author calls the job. v0.6.2 ignored the key, so what is no text is still ignored."""
    if not isinstance(value, str) or not value:
        return None
    if len(value) > LONGEST_NAME or _CONTROL.search(value):
        words = f"name must be at most {LONGEST_NAME} characters on one line, without control characters"
        faults.append(Fault(words, "/name", code="ADY-0200"))
    return value


def _juels(value: object, pointer: str, faults: list[Fault]) -> int | None:
    """Juels as later versions write them: digits in a string, or a whole number; "" and null are none."""
    if value is UNSET or value is None or value == "":
        return None
    number = value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _UINT256_DIGITS:
        number = int(value)
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _MAX_UINT256:
        return number
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    shown = f'"{value[:90]}"' if isinstance(value, str) else str(value)[:90] if is_number else kind_of(value)
    example = '"1000000000000000000" for one LINK'
    faults.append(
        Fault(f"{written(pointer)} must be a whole number of juels, {example}, not {shown}", pointer, code="ADY-0252")
    )
    return None


def _confirmations(value: object, pointer: str, faults: list[Fault]) -> int | None:
    """A whole number below 2^32, as a number or as digits in a string; "" and null are none (as v0.6.2)."""
    if value is UNSET or value is None or value == "":
        return None
    number = value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 10:
        number = int(value)
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _MAX_UINT32:
        return number
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    shown = f'"{value}"' if isinstance(value, str) else str(value) if is_number else kind_of(value)
    faults.append(
        Fault(f"{written(pointer)} must be a whole number from 0 to {_MAX_UINT32}, not {shown}", pointer, code="ADY-0253")
    )
    return None


def _params(value: object, pointer: str, faults: list[Fault]) -> Data:
    """Absent means none. Null and other values are refused: no adapter of v0.6.2 could read them either."""
    if value is UNSET:
        return {}
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    faults.append(
        Fault(f"{written(pointer)} must be an object, not {kind_of(value)}; leave it out for none", pointer, code="ADY-0021")
    )
    return {}


def _time(source: Mapping[str, object], name: str, faults: list[Fault]) -> int | None:
    """null, an RFC 3339 string, or ``{"Time": ..., "Valid": ...}`` (as v0.6.2); "" is an error."""
    value = field(source, name)
    if isinstance(value, dict):
        value = field(value, "Time") if field(value, "Valid") is True else None
    if value is UNSET or value is None:
        return None
    if not isinstance(value, str):
        faults.append(Fault(f"{name} must be a time in a string, not {kind_of(value)}", f"/{name}", code="ADY-0256"))
        return None
    try:
        return parse_rfc3339(value)
    except ValueError as wrong:
        faults.append(Fault(f"{name}: {wrong}", f"/{name}", code="ADY-0256"))
        return None


# --- judging ---------------------------------------------------------------------------------------------------------


def judge(job: Job, check: CheckTask) -> list[Fault]:
    """Everything wrong with a job that could be read, in the order of v0.6.2: dates, presence, initiators, tasks."""
    return [
        *_dates(job),
        *_presence(job),
        *(
            fault
            for n, initiator in enumerate(job.initiators)
            for fault in initiator_requests.judge(initiator, job, f"/initiators/{n}")
        ),
        *(fault for n, task in enumerate(job.tasks) for fault in _task_faults(task, n, check)),
    ]


def _dates(job: Job) -> list[Fault]:
    if job.start_at is not None and job.end_at is not None and job.start_at > job.end_at:
        # The words of v0.6.2 say the opposite of what they mean.
        return [Fault("StartAt cannot be before EndAt", "/startAt", code="ADY-0257")]
    return []


def _presence(job: Job) -> list[Fault]:
    if job.initiators and job.tasks:
        return []
    return [
        Fault("Must have at least one Initiator and one Task", "/tasks" if job.initiators else "/initiators", code="ADY-0250")
    ]


def _task_faults(task: TaskSpec, n: int, check: CheckTask) -> list[Fault]:
    try:
        check(task.type, task.params)
    except Invalid as invalid:
        return [Fault(fault.detail, f"/tasks/{n}{fault.pointer}", fault.code or invalid.error_code) for fault in invalid.faults]
    return []
