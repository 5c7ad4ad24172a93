"""What to do about logs: pure decisions, from values to values."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import structlog

from adyton.domain.chain import Hash, Log
from adyton.domain.errors import Refused
from adyton.domain.jobs import Initiator, Job
from adyton.domain.requests import LAYOUTS, RUN_LOG, MalformedLog, RunLog, accepts, job_topics, read_run_log
from adyton.domain.runs import Run, RunStatus
from adyton.storage.logs import ALREADY_SEEN, REFUSED, RUN_STARTED, LogDecision

log = structlog.get_logger(__name__)

RequestKey = tuple[str, str]
"""(contract, request id)"""
MakeRun = Callable[[Job, Initiator, Log, RunLog], Run]


class Known(msgspec.Struct, frozen=True):
    """A run that a request already has."""

    run_id: str
    height: int
    block_hash: Hash


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch of logs comes to: rows to write, runs to start, waiting runs whose request is now in another block."""

    decisions: list[LogDecision]
    runs: list[Run]
    moves: list[tuple[Known, Log, RunLog]]


class Routes:
    """Which job a log is for: a look-up by its second topic."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._by_topic: dict[Hash, Job] = {}
        for job in jobs:
            if job.initiator(RUN_LOG) is not None:
                self._by_topic.update(dict.fromkeys(job_topics(job.id), job))

    def match(self, log: Log) -> tuple[Job, Initiator] | None:
        """The job that a log asks for and the initiator that listens to its contract."""
        if len(log.topics) < 2 or log.topics[0] not in LAYOUTS:
            return None
        job = self._by_topic.get(log.topics[1])
        if job is None:
            return None
        initiator = next((i for i in job.initiators if i.type == RUN_LOG and accepts(i, log)), None)
        return None if initiator is None else (job, initiator)


def decide(
    logs: Iterable[Log],
    *,
    routes: Routes,
    make_run: MakeRun,
    known: dict[RequestKey, Known],
    decided: set[tuple[Hash, int, str]],
) -> Decided:
    """Decide about each log that is for one of our jobs.

    ``known`` holds the runs that requests already have, ``decided`` the (block, log index, job) already written down.
    The first log of a request starts its run; a second one, in this batch or later, is seen and written down only.
    """
    result = Decided(decisions=[], runs=[], moves=[])
    for entry in logs:
        found = routes.match(entry)
        if found is not None and not entry.removed:
            try:
                _decide_one(result, entry, *found, make_run=make_run, known=known, decided=decided)
            except Exception:
                # A defect of ours must cost one request, visibly, and not stop the intake of all others for ever.
                log.exception("a log could not be decided", job=found[0].id, transaction=entry.transaction_hash)
                if (entry.block_hash, entry.log_index, found[0].id) not in decided:
                    result.decisions.append(
                        LogDecision(log=entry, job_id=found[0].id, decision=REFUSED, reason="internal error")
                    )
    return result


def _decide_one(
    result: Decided,
    entry: Log,
    job: Job,
    initiator: Initiator,
    *,
    make_run: MakeRun,
    known: dict[RequestKey, Known],
    decided: set[tuple[Hash, int, str]],
) -> None:
    seen = (entry.block_hash, entry.log_index, job.id) in decided
    try:
        request = read_run_log(entry)
    except MalformedLog as fault:
        if not seen:
            result.decisions.append(LogDecision(log=entry, job_id=job.id, decision=REFUSED, reason=str(fault)))
        return
    key = (entry.address, request.request_id)
    earlier = known.get(key)
    if earlier is not None:
        if earlier.block_hash != entry.block_hash:
            result.moves.append((earlier, entry, request))
            known[key] = Known(earlier.run_id, entry.block_number, entry.block_hash)
        if not seen:
            result.decisions.append(
                LogDecision(
                    log=entry,
                    job_id=job.id,
                    decision=ALREADY_SEEN,
                    request_id=request.request_id,
                    run_id=earlier.run_id,
                    reason=f"the request has run {earlier.run_id}",
                )
            )
        return
    if not seen:
        _start(result, entry, job, initiator, request, make_run=make_run, known=known)


def _start(
    result: Decided,
    entry: Log,
    job: Job,
    initiator: Initiator,
    request: RunLog,
    *,
    make_run: MakeRun,
    known: dict[RequestKey, Known],
) -> None:
    try:
        run = make_run(job, initiator, entry, request)
    except Refused as fault:
        result.decisions.append(
            LogDecision(log=entry, job_id=job.id, decision=REFUSED, request_id=request.request_id, reason=str(fault))
        )
        return
    refused = run.status is RunStatus.ERRORED
    known[(entry.address, request.request_id)] = Known(run.id, entry.block_number, entry.block_hash)
    result.runs.append(run)
    result.decisions.append(
        LogDecision(
            log=entry,
            job_id=job.id,
            decision=REFUSED if refused else RUN_STARTED,
            request_id=request.request_id,
            run_id=run.id,
            reason=run.error,
        )
    )
