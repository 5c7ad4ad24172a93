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

from adyton.domain.chain import ZERO_ADDRESS, Address
from adyton.domain.errors import Fault, Invalid
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.request_json import field, first_object, kind_of
from adyton.domain.requests import RUN_LOG
from adyton.domain.runs import Data
from adyton.domain.times import parse_rfc3339

CheckTask = Callable[[str, Data], None]
"""Raises Invalid when a task type does not exist or cannot take these params."""

STARTABLE = ("web", "runlog")
"""Initiator types that this version can start."""
_KNOWN_LATER = ("cron", "runat", "ethlog", "execagreement")
_TASK_TYPE = re.compile(r"[a-zA-Z0-9\-_]*")
_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
_MAX_UINT32 = 2**32 - 1
_BLOCK = re.compile(r"0[xX]([0-9a-fA-F]{1,15})|([0-9]{1,18})")
_HIGHEST_BLOCK = 2**60
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
    source = first_object(text)
    faults: list[Fault] = []
    job = Job(
        id=_own_id(source, faults) or job_id,
        initiators=tuple(_initiator(item, f"/initiators/{n}", now, faults) for n, item in _items(source, "initiators", faults)),
        tasks=tuple(_task(item, f"/tasks/{n}", now, faults) for n, item in _items(source, "tasks", faults)),
        start_at=_time(source, "startAt", faults),
        end_at=_time(source, "endAt", faults),
        created_at=now,
    )
    if faults:
        raise Invalid(*faults)
    return job


def _items(source: Mapping[str, object], name: str, faults: list[Fault]) -> Iterator[tuple[int, Mapping[str, object]]]:
    """The numbered objects of a list; as v0.6.2, null is an empty list or an empty object."""
    value = field(source, name)
    if isinstance(value, list):
        for n, item in enumerate(value):
            yield n, _object(item, f"/{name}/{n}", faults)
    elif value is not UNSET and value is not None:
        faults.append(Fault(f"{name} must be an array, not {kind_of(value)}", f"/{name}"))


def _object(value: object, pointer: str, faults: list[Fault]) -> Mapping[str, object]:
    if value is UNSET or value is None:
        return {}
    if not isinstance(value, dict):
        faults.append(Fault(f"{_name(pointer)} must be an object, not {kind_of(value)}", pointer))
        return {}
    return value


def _initiator(source: Mapping[str, object], pointer: str, now: int, faults: list[Fault]) -> Initiator:
    params = _object(field(source, "params"), f"{pointer}/params", faults)
    kind = _text(source, "type", pointer, faults).lower()
    begins = _from_block(field(params, "fromBlock"), f"{pointer}/params/fromBlock", faults)
    return Initiator(
        type=kind,
        address=_address(field(params, "address"), f"{pointer}/params/address", faults),
        requesters=_requesters(field(params, "requesters"), f"{pointer}/params/requesters", faults),
        from_block=begins if kind == RUN_LOG else None,  # as v0.6.2, what a type has no use for is passed over
        created_at=now,
    )


def _task(source: Mapping[str, object], pointer: str, now: int, faults: list[Fault]) -> TaskSpec:
    kind = _text(source, "type", pointer, faults)
    if not _TASK_TYPE.fullmatch(kind):
        faults.append(Fault(f"Task Type validation: name {kind} contains invalid characters", f"{pointer}/type"))
    return TaskSpec(
        type=kind.lower(),
        confirmations=_confirmations(field(source, "confirmations"), f"{pointer}/confirmations", faults),
        params=_params(field(source, "params"), f"{pointer}/params", faults),
        created_at=now,
        updated_at=now,
    )


def _text(source: Mapping[str, object], name: str, pointer: str, faults: list[Fault]) -> str:
    value = field(source, name)
    if isinstance(value, str):
        return value
    if value is not UNSET and value is not None:
        faults.append(Fault(f"{_name(f'{pointer}/{name}')} must be a string, not {kind_of(value)}", f"{pointer}/{name}"))
    return ""


def _address(value: object, pointer: str, faults: list[Fault]) -> Address:
    """An address in any case; absent means the zero address, but null and "" are errors (as v0.6.2)."""
    if value is UNSET:
        return ZERO_ADDRESS
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        return value.lower()
    faults.append(Fault(f"{_name(pointer)} must be 0x and 40 hex digits{_complaint(value)}", pointer))
    return ZERO_ADDRESS


def _complaint(value: object) -> str:
    if not isinstance(value, str):
        return f", not {kind_of(value)}"
    if value and not value.startswith(("0x", "0X")):
        return "; the 0x is missing"
    digits = value[2:]
    if len(digits) != 40:
        return f"; hex string has length {len(digits)}, want 40 for common.Address"
    return "; it has characters that are not hex digits"


def _requesters(value: object, pointer: str, faults: list[Fault]) -> tuple[Address, ...]:
    if value is UNSET or value is None:
        return ()
    if not isinstance(value, list):
        faults.append(Fault(f"{_name(pointer)} must be an array of addresses, not {kind_of(value)}", pointer))
        return ()
    return tuple(_address(item, f"{pointer}/{n}", faults) for n, item in enumerate(value))


def _from_block(value: object, pointer: str, faults: list[Fault]) -> int | None:
    """The first block whose requests count: a height as a number, in decimals or in hex; "unanswered": all that wait for an
    answer, so from the first block; "latest", null or nothing: those from now on."""
    if value is UNSET or value is None or value == "latest":
        return None
    if value == "unanswered":
        return 0
    number = value
    if isinstance(value, str) and (match := _BLOCK.fullmatch(value)):
        number = int(match[1], 16) if match[1] else int(match[2])
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= _HIGHEST_BLOCK:
        return number
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    shown = f'"{value[:40]}"' if isinstance(value, str) else str(value) if is_number else kind_of(value)
    allowed = 'a block number (such as 1200 or "0x4b0"), "latest" or "unanswered"'
    faults.append(Fault(f"{_name(pointer)} must be {allowed}, not {shown}", pointer))
    return None


def _own_id(source: Mapping[str, object], faults: list[Fault]) -> str | None:
    """The id that a job brings along (as v2): of a node that is set up again, so that requests which name it are answered."""
    value = field(source, "externalJobID")
    if value is UNSET or value is None or value == "":
        return None
    if isinstance(value, str) and _UUID.fullmatch(value):
        return value.replace("-", "").lower()
    shown = f'"{value[:40]}"' if isinstance(value, str) else kind_of(value)
    faults.append(Fault(f"externalJobID must be 32 hex digits, with or without dashes, not {shown}", "/externalJobID"))
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
    faults.append(Fault(f"{_name(pointer)} must be a whole number from 0 to {_MAX_UINT32}, not {shown}", pointer))
    return None


def _params(value: object, pointer: str, faults: list[Fault]) -> Data:
    """Absent means none. Null and other values are refused: no adapter of v0.6.2 could read them either."""
    if value is UNSET:
        return {}
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    faults.append(Fault(f"{_name(pointer)} must be an object, not {kind_of(value)}; leave it out for none", pointer))
    return {}


def _time(source: Mapping[str, object], name: str, faults: list[Fault]) -> int | None:
    """null, an RFC 3339 string, or ``{"Time": ..., "Valid": ...}`` (as v0.6.2); "" is an error."""
    value = field(source, name)
    if isinstance(value, dict):
        value = field(value, "Time") if field(value, "Valid") is True else None
    if value is UNSET or value is None:
        return None
    if not isinstance(value, str):
        faults.append(Fault(f"{name} must be a time in a string, not {kind_of(value)}", f"/{name}"))
        return None
    try:
        return parse_rfc3339(value)
    except ValueError as wrong:
        faults.append(Fault(f"{name}: {wrong}", f"/{name}"))
        return None


def _name(pointer: str) -> str:
    """How a person writes a pointer: ``/tasks/0/type`` is ``tasks[0].type``."""
    parts = pointer.strip("/").split("/")
    return "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts).removeprefix(".")


# --- judging ---------------------------------------------------------------------------------------------------------


def judge(job: Job, check: CheckTask) -> list[Fault]:
    """Everything wrong with a job that could be read, in the order of v0.6.2: dates, presence, initiators, tasks."""
    return [
        *_dates(job),
        *_presence(job),
        *(fault for n, initiator in enumerate(job.initiators) for fault in _initiator_faults(initiator, n)),
        *(fault for n, task in enumerate(job.tasks) for fault in _task_faults(task, n, check)),
    ]


def _dates(job: Job) -> list[Fault]:
    if job.start_at is not None and job.end_at is not None and job.start_at > job.end_at:
        # The words of v0.6.2 say the opposite of what they mean.
        return [Fault("StartAt cannot be before EndAt", "/startAt")]
    return []


def _presence(job: Job) -> list[Fault]:
    if job.initiators and job.tasks:
        return []
    return [Fault("Must have at least one Initiator and one Task", "/tasks" if job.initiators else "/initiators")]


def _initiator_faults(initiator: Initiator, n: int) -> list[Fault]:
    if initiator.type in STARTABLE:
        return []
    pointer = f"/initiators/{n}/type"
    if initiator.type in _KNOWN_LATER:
        # A job that nothing would ever start must not look accepted.
        able = " and ".join(STARTABLE)
        return [Fault(f"this version cannot start initiators of type {initiator.type}, only {able}", pointer)]
    return [Fault(f"type {initiator.type} does not exist", pointer)]


def _task_faults(task: TaskSpec, n: int, check: CheckTask) -> list[Fault]:
    try:
        check(task.type, task.params)
    except Invalid as invalid:
        return [Fault(fault.detail, f"/tasks/{n}{fault.pointer}") for fault in invalid.faults]
    return []
