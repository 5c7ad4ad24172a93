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
from adyton.domain.jobs import JobState
from adyton.domain.requests import EXEC_AGREEMENT, RUN_LOG
from adyton.domain.runs import RunStatus
from adyton.domain.schedule_requests import CRON, RUN_AT
from adyton.domain.times import parse_rfc3339
from adyton.domain.transactions import TransactionState
from adyton.services.jobs import plain_id
from adyton.services.payments import TRANSFER, WITHDRAWAL
from adyton.storage.job_lists import Wanted as WantedJobs
from adyton.storage.run_lists import Wanted as WantedRuns
from adyton.storage.transaction_lists import Wanted as WantedTransactions
from adyton.web.failures import Unprocessable

UNSTARTED = "unstarted"
"""How a status is asked for whose word is empty."""
_STATUSES = {status.value or UNSTARTED: status.value for status in RunStatus}
_STATES = {state.value: state.value for state in TransactionState}
_JOB_STATES = {state.value: state.value for state in JobState}
_FLAGS = {word: word for word in ("true", "false")}
PURPOSES = {WITHDRAWAL: WITHDRAWAL, TRANSFER: TRANSFER}
"""What transactions may be for that no task asked for."""
_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"", "false", "0"})
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
        created_after=time(request, "createdAfter"),
        created_before=time(request, "createdBefore"),
        request_id=_hash(request, "requestId"),
        transaction=_hash(request, "transactionHash"),
    )


def transactions(request: Request) -> WantedTransactions:
    """``state``, ``from``, ``run``, ``purpose``."""
    run = request.query_params.get("run", "")
    return WantedTransactions(
        states=_words(request, "state", _STATES),
        sender=_address(request, "from"),
        run_id=plain_id(run) if run else None,
        purposes=_words(request, "purpose", PURPOSES),
    )


def is_dry(request: Request) -> bool:
    """``dryRun``: whether to say only what would be done."""
    text = request.query_params.get("dryRun", "").lower()
    if text not in _TRUE | _FALSE:
        # Whatever was meant, it was not "do it".
        raise _wrong("dryRun", "dryRun must be true or false", "ADY-0709")
    return text in _TRUE


def jobs(request: Request) -> WantedJobs:
    """``name``, ``initiator``, ``task``: what a task's type is, in any case; ``search``: a piece of the name or the id."""
    given = request.query_params
    return WantedJobs(
        name=given.get("name") or None,
        initiator=_word(request, "initiator", _INITIATORS),
        task=given.get("task", "").lower() or None,
        search=given.get("search", "").strip() or None,
    )


def job_state(request: Request) -> JobState | None:
    """``state``: of a job."""
    found = _word(request, "state", _JOB_STATES)
    return None if found is None else JobState(found)


def flag(request: Request, name: str) -> bool:
    """A parameter that is ``true`` or ``false``; the latter when it is left out."""
    return _word(request, name, _FLAGS) == "true"


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


def time(request: Request, name: str) -> int | None:
    """A time in microseconds; None when it is not said."""
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
