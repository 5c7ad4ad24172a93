"""What is to be tried, as a client asks for it: a job, and what its run is to be given."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec import UNSET

from adyton.domain import evm
from adyton.domain.chain import Log
from adyton.domain.errors import Fault, Invalid
from adyton.domain.request_json import field, first_object, kind_of
from adyton.domain.requests import ORACLE_REQUEST, read_run_log
from adyton.domain.runs import Data, RunRequest

_POSITION = re.compile(r"0|[1-9][0-9]{0,8}")
_HEX = re.compile(r"0x([0-9a-fA-F]{2})*")
_WORDS = 2**256
_SIZES = {"contract": 20, "requester": 20, "requestId": 32, "callbackAddress": 20, "callbackFunctionId": 4}
_NUMBERS = ("payment", "expiration", "dataVersion")
_NAME = "ADY-0205"


class TryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``job`` is a draft, else ``job_id`` names a job. ``outputs`` are stand-ins for what tasks answer, by position. ``asked``
    is the request on chain that the run is to answer: the id of one that the node knows, or how one is to look."""

    job: Mapping[str, object] | None
    job_id: str
    given: Data
    asked: str | Asked | None
    outputs: dict[int, Any]
    allow_bridges: bool
    allow_posts: bool


class Asked(msgspec.Struct, frozen=True):
    """A request on chain that nobody made: where it would be, and what its log would bring into the run."""

    place: RunRequest
    data: Data


def read_try(body: bytes) -> TryRequest:
    """What a body asks for. Raises Invalid with every fault."""
    source = first_object(body)
    faults: list[Fault] = []
    job, job_id = field(source, "job"), field(source, "jobSpecId")
    if (job is UNSET) == (job_id is UNSET):
        faults.append(Fault("give one of the two: job, a draft, or jobSpecId, the id of a job", "/job", code=_NAME))
    elif job is not UNSET and not isinstance(job, dict):
        faults.append(Fault(f"job must be an object, not {kind_of(job)}", "/job", code=_NAME))
    elif job_id is not UNSET and not isinstance(job_id, str):
        faults.append(Fault(f"jobSpecId must be a string, not {kind_of(job_id)}", "/jobSpecId", code=_NAME))
    asked = TryRequest(
        job=cast("dict[str, object]", job) if isinstance(job, dict) else None,
        job_id=job_id if isinstance(job_id, str) else "",
        given=_object(source, "input", faults),
        asked=_asked(field(source, "request"), faults),
        outputs=_outputs(_object(source, "outputs", faults), faults),
        allow_bridges=_flag(source, "allowBridges", faults),
        allow_posts=_flag(source, "allowPosts", faults),
    )
    if faults:
        raise Invalid(*faults)
    return asked


def _object(source: Mapping[str, object], name: str, faults: list[Fault]) -> Data:
    value = field(source, name)
    if value is UNSET or value is None:
        return {}
    if isinstance(value, dict):
        return cast("Data", value)
    faults.append(Fault(f"{name} must be an object, not {kind_of(value)}", f"/{name}", code=_NAME))
    return {}


def _outputs(given: Data, faults: list[Fault]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for key, value in given.items():
        if _POSITION.fullmatch(key):
            found[int(key)] = value
        else:
            words = "outputs stand by the position of their task, from 0"
            faults.append(Fault(f"{words}; {key[:40]!r} is none", "/outputs", code=_NAME))
    return found


def _flag(source: Mapping[str, object], name: str, faults: list[Fault]) -> bool:
    value = field(source, name)
    if value is UNSET or isinstance(value, bool):
        return value is True
    faults.append(Fault(f"{name} must be true or false, not {kind_of(value)}", f"/{name}", code=_NAME))
    return False


# --- a request that nobody made --------------------------------------------------------------------------------------


def _asked(value: object, faults: list[Fault]) -> str | Asked | None:
    if value is UNSET or value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return _made_up(value, faults)
    faults.append(Fault(f"request must be a request's id or an object, not {kind_of(value)}", "/request", code=_NAME))
    return None


def _made_up(source: Mapping[str, object], faults: list[Fault]) -> Asked | None:
    """The request of a log as a current contract would emit it; read by what reads those, so that the run is given the same."""
    parts = {name: _bytes(source, name, size, faults) for name, size in _SIZES.items()}
    numbers = {name: _number(source, name, faults) for name in _NUMBERS}
    if faults:
        return None
    words = (
        parts["requester"].rjust(evm.WORD, b"\0"),
        parts["requestId"],
        evm.unsigned_word(numbers["payment"]),
        parts["callbackAddress"].rjust(evm.WORD, b"\0"),
        parts["callbackFunctionId"].ljust(evm.WORD, b"\0"),
        evm.unsigned_word(numbers["expiration"]),
        evm.unsigned_word(numbers["dataVersion"] or 1),
        evm.unsigned_word(8 * evm.WORD),
        evm.unsigned_word(0),
    )
    nowhere = "0x" + "0" * 64
    log = Log(
        address="0x" + parts["contract"].hex(),
        topics=(ORACLE_REQUEST, nowhere),
        data="0x" + b"".join(words).hex(),
        block_number=0,
        block_hash=nowhere,
        transaction_hash=nowhere,
        transaction_index=0,
        log_index=0,
    )
    found = read_run_log(log)
    place = RunRequest(
        contract=log.address,
        transaction_hash=nowhere,
        block_hash=nowhere,
        log_index=0,
        request_id=found.request_id,
        requester=found.requester,
    )
    return Asked(place, found.data)


def _bytes(source: Mapping[str, object], name: str, size: int, faults: list[Fault]) -> bytes:
    value = field(source, name)
    if value is UNSET:
        return bytes(size)
    if isinstance(value, str) and _HEX.fullmatch(value) and len(value) == 2 + 2 * size:
        return bytes.fromhex(value[2:])
    faults.append(Fault(f"request.{name} must be 0x and {2 * size} hex digits", f"/request/{name}", code=_NAME))
    return bytes(size)


def _number(source: Mapping[str, object], name: str, faults: list[Fault]) -> int:
    value = field(source, name)
    if value is UNSET:
        return 0
    number = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 78 else value
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < _WORDS:
        return number
    faults.append(Fault(f"request.{name} must be a whole number", f"/request/{name}", code=_NAME))
    return 0
