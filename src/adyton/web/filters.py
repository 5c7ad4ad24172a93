"""What of a list is wanted: the parameters of the query string that choose."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from starlette.requests import Request

from adyton.domain.chain import Address, Hash
from adyton.domain.errors import Fault
from adyton.domain.event_logs import ETH_LOG
from adyton.domain.external_initiators import EXTERNAL
from adyton.domain.initiator_requests import WEB
from adyton.domain.requests import EXEC_AGREEMENT, RUN_LOG
from adyton.domain.runs import RunStatus
from adyton.domain.schedule_requests import CRON, RUN_AT
from adyton.domain.times import parse_rfc3339
from adyton.domain.transactions import TransactionState
from adyton.services.jobs import Wanted as WantedJobs
from adyton.services.jobs import plain_id
from adyton.storage.run_lists import Wanted as WantedRuns
from adyton.storage.transaction_lists import Wanted as WantedTransactions
from adyton.web.failures import Unprocessable

UNSTARTED = "unstarted"
"""How a status is asked for whose word is empty."""
_STATUSES = {status.value or UNSTARTED: status.value for status in RunStatus}
_STATES = {state.value: state.value for state in TransactionState}
_INITIATORS = {kind: kind for kind in (WEB, CRON, RUN_AT, ETH_LOG, RUN_LOG, EXEC_AGREEMENT, EXTERNAL)}
_HASH = re.compile("0x[0-9a-f]{64}")
_ADDRESS = re.compile("0x[0-9a-f]{40}")


def runs(request: Request) -> WantedRuns:
    """``jobSpecId``, ``status``, ``initiator``, ``createdAfter``, ``createdBefore``, ``requestId``, ``transactionHash``. Raises
    Unprocessable, as all here."""
    given = request.query_params
    return WantedRuns(
        job_id=given.get("jobSpecId") or None,
        statuses=_words(request, "status", _STATUSES),
        initiator=_word(request, "initiator", _INITIATORS),
        created_after=_time(request, "createdAfter"),
        created_before=_time(request, "createdBefore"),
        request_id=_hash(request, "requestId"),
        transaction=_hash(request, "transactionHash"),
    )


def transactions(request: Request) -> WantedTransactions:
    """``state``, ``from``, ``run``."""
    run = request.query_params.get("run", "")
    return WantedTransactions(
        states=_words(request, "state", _STATES), sender=_address(request, "from"), run_id=plain_id(run) if run else None
    )


def jobs(request: Request) -> WantedJobs:
    """``name``, ``initiator``, ``task``: what a task's type is, in any case."""
    given = request.query_params
    return WantedJobs(
        name=given.get("name") or None,
        initiator=_word(request, "initiator", _INITIATORS),
        task=given.get("task", "").lower() or None,
    )


# --- kinds of values -------------------------------------------------------------------------------------------------


def _words(request: Request, name: str, known: Mapping[str, str]) -> tuple[str, ...]:
    """Words of the API, separated by commas, in one parameter or several; what they are inside."""
    given = [word.strip() for text in request.query_params.getlist(name) for word in text.split(",")]
    found = [word for word in given if word]
    for word in found:
        if word not in known:
            raise _wrong(name, f'invalid {name} param: "{word}"; it is one of {_listed(known)}', "ADY-0150")
    return tuple(sorted({known[word] for word in found}))


def _word(request: Request, name: str, known: Mapping[str, str]) -> str | None:
    found = _words(request, name, known)
    if len(found) > 1:
        raise _wrong(name, f"invalid {name} param: give one of {_listed(known)}", "ADY-0150")
    return found[0] if found else None


def _listed(known: Collection[str]) -> str:
    return ", ".join(known)


def _time(request: Request, name: str) -> int | None:
    text = request.query_params.get(name, "")
    try:
        return parse_rfc3339(text) if text else None
    except ValueError as wrong:
        raise _wrong(name, f"invalid {name} param: {wrong}", "ADY-0151") from None


def _hash(request: Request, name: str) -> Hash | None:
    text = request.query_params.get(name, "").lower()
    if text and not _HASH.fullmatch(text):
        raise _wrong(name, f'invalid {name} param: "{text}"; it is 0x and 64 hex digits', "ADY-0152")
    return text or None


def _address(request: Request, name: str) -> Address | None:
    text = request.query_params.get(name, "").lower()
    if text and not _ADDRESS.fullmatch(text):
        raise _wrong(name, f'invalid {name} param: "{text}"; an address is 0x and 40 hex digits', "ADY-0152")
    return text or None


def _wrong(name: str, detail: str, code: str) -> Unprocessable:
    return Unprocessable(Fault(detail, code=code, parameter=name))
