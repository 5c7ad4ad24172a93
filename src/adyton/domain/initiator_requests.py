"""The initiators of a job as an operator writes them: read, then judged.

What a type has no use for is passed over, as v0.6.2 did. Params are matched in any case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal

from msgspec import UNSET

from adyton.domain import external_initiators, log_requests, schedule_requests
from adyton.domain.chain import ZERO_ADDRESS, Address
from adyton.domain.errors import Fault
from adyton.domain.event_logs import ETH_LOG
from adyton.domain.external_initiators import EXTERNAL, read_params
from adyton.domain.jobs import Initiator, Job
from adyton.domain.request_json import field, kind_of, object_at, text_at, written
from adyton.domain.requests import EXEC_AGREEMENT, RUN_LOG
from adyton.domain.schedule_requests import CRON, RUN_AT

WEB = "web"

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
_BLOCK = re.compile(r"0[xX]([0-9a-fA-F]{1,15})|([0-9]{1,18})")
_HIGHEST_BLOCK = 2**60


# --- reading ---------------------------------------------------------------------------------------------------------


def read(source: Mapping[str, object], pointer: str, now: int, faults: list[Fault]) -> Initiator:
    """The initiator that an object describes; what cannot be read is added to ``faults``."""
    params = object_at(field(source, "params"), f"{pointer}/params", faults)
    kind = text_at(source, "type", pointer, faults).lower()
    begins = _from_block(field(params, "fromBlock"), f"{pointer}/params/fromBlock", faults)
    log_requests.check_beginning(kind, field(params, "fromBlock"), f"{pointer}/params/fromBlock", faults)
    name, body = read_params(params, f"{pointer}/params", faults) if kind == EXTERNAL else (None, None)
    return Initiator(
        type=kind,
        name=name,
        body=body,
        address=_address(field(params, "address"), f"{pointer}/params/address", faults),
        requesters=_requesters(field(params, "requesters"), f"{pointer}/params/requesters", faults),
        from_block=begins if kind in log_requests.LISTENERS else None,
        topics=log_requests.read_topics(kind, params, f"{pointer}/params", faults),
        **schedule_requests.read(kind, params, f"{pointer}/params", faults),
        created_at=now,
    )


def _address(value: object, pointer: str, faults: list[Fault]) -> Address:
    """An address in any case; absent means the zero address, but null and "" are errors (as v0.6.2)."""
    if value is UNSET:
        return ZERO_ADDRESS
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        return value.lower()
    faults.append(Fault(f"{written(pointer)} must be 0x and 40 hex digits{_complaint(value)}", pointer, code="ADY-0259"))
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
        faults.append(
            Fault(f"{written(pointer)} must be an array of addresses, not {kind_of(value)}", pointer, code="ADY-0259")
        )
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
    faults.append(Fault(f"{written(pointer)} must be {allowed}, not {shown}", pointer, code="ADY-0260"))
    return None


# --- judging ---------------------------------------------------------------------------------------------------------


Judge = Callable[[Initiator, Job, str], list[Fault]]
"""What is wrong with an initiator of a job, at a pointer."""


def _nothing(_initiator: Initiator, _job: Job, _pointer: str) -> list[Fault]:
    return []


JUDGES: dict[str, Judge] = {
    WEB: _nothing,
    RUN_LOG: _nothing,
    CRON: schedule_requests.judge_cron,
    RUN_AT: schedule_requests.judge_run_at,
    EXTERNAL: external_initiators.judge,
    ETH_LOG: _nothing,
    EXEC_AGREEMENT: log_requests.judge_agreement,
}
"""The initiator types that this version can start, and what is asked of each."""


def judge(initiator: Initiator, job: Job, pointer: str) -> list[Fault]:
    """Everything wrong with an initiator that could be read."""
    rule = JUDGES.get(initiator.type)
    if rule is not None:
        return rule(initiator, job, pointer)
    return [Fault(f"type {initiator.type} does not exist", f"{pointer}/type", code="ADY-0258")]
