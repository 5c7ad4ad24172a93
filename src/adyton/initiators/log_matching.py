"""What to do about logs: pure decisions, from values to values."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import structlog

from adyton.domain.chain import Log
from adyton.domain.errors import Refused
from adyton.domain.jobs import Initiator, Job
from adyton.domain.requests import CLOSINGS, Closing, MalformedLog, Request, RunLog, read_run_log
from adyton.domain.runs import Data, Run, RunStatus
from adyton.initiators.event_matching import EventJudge, MakeEventRun
from adyton.initiators.findings import Decided, DecisionKey, Known, Move, as_known
from adyton.initiators.routes import Route, Routes
from adyton.storage.logs import ALREADY_SEEN, REFUSED, RUN_STARTED, LogDecision
from adyton.storage.request_runs import RequestRun

log = structlog.get_logger(__name__)

MakeRun = Callable[[Job, Initiator, Log, RunLog], Run]


def decide(logs: Iterable[Log], *, routes: Routes, make_run: MakeRun, make_event_run: MakeEventRun, known: Known) -> Decided:
    """Decide about each log that asks one of our jobs or contracts, says that a request has ended, or is what an initiator
    waits for; a log may be all of it.

    The first log of a request starts its run; a second one, in this batch or later, is seen and written down only. ``known``
    is used up: what this batch decides is added to it.
    """
    judge = _Judge(make_run, known)
    events = EventJudge(make_event_run, known, judge.result)
    for entry in logs:
        if entry.removed:
            continue
        if len(entry.topics) > 1:
            _ask(entry, routes, judge)
        if routes.has_subscriptions:
            _tell(entry, routes, events)
    return judge.result


def _ask(entry: Log, routes: Routes, judge: _Judge) -> None:
    if entry.topics[0] in CLOSINGS:
        judge.closing(entry)
        return
    route = routes.match(entry)
    if route is None:
        return
    try:
        judge.request(entry, route)
    except Exception:
        # A defect of ours must cost one request, visibly, and not stop the intake of all others for ever.
        log.exception("a log could not be decided", job=route.job_id, request_tx=entry.transaction_hash)
        judge.give_up(entry, route)


def _tell(entry: Log, routes: Routes, events: EventJudge) -> None:
    for subscription in routes.subscribed(entry):
        try:
            events.event(entry, subscription)
        except Exception:
            log.exception("a log could not be decided", job=subscription.name, transaction=entry.transaction_hash)
            events.give_up(entry, subscription)


class _Judge:
    """Decides log by log, and remembers what the logs before have come to."""

    def __init__(self, make_run: MakeRun, known: Known) -> None:
        self._make_run = make_run
        self._known = known
        self.result = Decided()

    # --- requests ----------------------------------------------------------------------------------------------------

    def request(self, entry: Log, route: Route) -> None:
        """Decide about a request log."""
        try:
            request = read_run_log(entry, route.initiator)
        except MalformedLog as fault:
            if self._key(entry, route) not in self._known.decided:
                self.refuse(entry, route, None, str(fault))
            return
        earlier = self._known.runs.get((entry.address, request.request_id))
        if earlier is not None and not self._is_another(entry, route, request, earlier):
            self._again(entry, route, request, earlier)
        elif route.job is None or route.initiator is None:
            self._disown(entry, route, request)
        elif earlier is None and self._known.is_settled(self._key(entry, route)):
            self._note_place(entry, route, request, None)
        elif refusal := self._refusal(entry, route.initiator, request):
            self.refuse(entry, route, request, refusal)
        else:
            self._start(entry, route, route.job, route.initiator, request, earlier)

    def refuse(self, entry: Log, route: Route, request: RunLog | None, reason: str) -> None:
        """Write down that nothing comes of a log. What is not for a job of ours gets no decision, only its request's row."""
        decision = LogDecision(
            log=entry,
            job_id=route.job_id,
            decision=REFUSED,
            request_id=None if request is None else request.request_id,
            reason=reason,
        )
        if route.job is not None:
            self.result.note(decision, self._known)
        if request is not None:
            self._note(_row(entry, route, request, self._known.now, decision=REFUSED, reason=reason))

    def give_up(self, entry: Log, route: Route) -> None:
        """Write down that a log met a defect of ours, unless more is known of it."""
        if self._key(entry, route) not in self._known.decided:
            self.refuse(entry, route, None, "internal error")

    @staticmethod
    def _is_another(entry: Log, route: Route, request: RunLog, earlier: RequestRun) -> bool:
        """Whether a reorganisation gave the id to another request (an id counts its requester's requests, so two of them may
        change places) before the first one asked for a transaction: then the run would answer what nobody asks."""
        if earlier.asked or earlier.block_hash == entry.block_hash or route.job is None:
            return False
        return (earlier.job_id, earlier.payment) != (route.job_id, request.payment) or asks(earlier.input) != asks(request.data)

    def _refusal(self, entry: Log, initiator: Initiator, request: RunLog) -> str | None:
        begins = initiator.from_block
        if begins is not None and entry.block_number < begins and not self._known.every_job:
            return f"emitted in block {entry.block_number}, before the job begins (block {begins})"
        if (entry.address, request.request_id) in self._known.dead:
            return "already answered or cancelled when it was read"
        return None

    def _again(self, entry: Log, route: Route, request: RunLog, earlier: RequestRun) -> None:
        """A log of a request that has a run: the run follows it, if it still can."""
        move = Move(earlier, entry, request.request_id, request.data, request.payment)
        self.result.follow(move, self._known)
        if route.job is not None and self._key(entry, route) not in self._known.decided:
            decision = LogDecision(
                log=entry,
                job_id=route.job_id,
                decision=ALREADY_SEEN,
                request_id=request.request_id,
                run_id=earlier.id,
                reason=f"the request has run {earlier.id}",
            )
            self.result.note(decision, self._known)
        self._note_place(entry, route, request, earlier)

    def _disown(self, entry: Log, route: Route, request: RunLog) -> None:
        """A request of a contract of ours that no live job answers: an archived one may, whose run goes on."""
        self.result.look_up = not self._known.looked_up
        ended = f"job {route.job_id} is archived" if route.job_id in self._known.archived else None
        reason = route.refusal or ended or f"no job {route.job_id} on this node"
        known = self._known.requests.get((entry.address, request.request_id))
        if known is None or known.reason != reason:
            self.refuse(entry, route, request, reason)
        else:
            self._note_place(entry, route, request, None)

    def _start(
        self, entry: Log, route: Route, job: Job, initiator: Initiator, request: RunLog, earlier: RequestRun | None
    ) -> None:
        try:
            run = self._make_run(job, initiator, entry, request)
        except Refused as fault:
            self.refuse(entry, route, request, str(fault))
            return
        decision = REFUSED if run.status is RunStatus.ERRORED else RUN_STARTED
        self._known.runs[(entry.address, request.request_id)] = as_known(run, entry)
        self.result.runs.append(run)
        if earlier is not None:
            self.result.superseded.append((earlier, run))
        made = LogDecision(
            log=entry, job_id=job.id, decision=decision, request_id=request.request_id, run_id=run.id, reason=run.error
        )
        self.result.note(made, self._known)
        self._note(_row(entry, route, request, self._known.now, decision=decision, reason=run.error, run_id=run.id))

    def _note(self, request: Request) -> None:
        """A request's row, new or with another decision."""
        self.result.requests.append(request)
        self._known.requests[(request.contract, request.request_id)] = request

    def _note_place(self, entry: Log, route: Route, request: RunLog, run: RequestRun | None) -> None:
        """Where a known request is now. One that has a run but no row yet (it is older than the table) gets its row."""
        known = self._known.requests.get((entry.address, request.request_id))
        if known is None:
            if run is not None:
                self._note(_row(entry, route, request, self._known.now, decision=RUN_STARTED, run_id=run.id))
            return
        if (known.block_hash, known.log_index) == (entry.block_hash, entry.log_index):
            return
        moved = msgspec.structs.replace(
            known,
            block_number=entry.block_number,
            block_hash=entry.block_hash,
            transaction_hash=entry.transaction_hash,
            log_index=entry.log_index,
            requester=request.requester,
            payment=request.payment,
            expiration=request.expiration,
        )
        self.result.placed.append(moved)
        self._known.requests[(entry.address, request.request_id)] = moved

    @staticmethod
    def _key(entry: Log, route: Route) -> DecisionKey:
        return (entry.block_hash, entry.log_index, route.job_id)

    # --- their ends --------------------------------------------------------------------------------------------------

    def closing(self, entry: Log) -> None:
        """Note that the chain does not wait for a request any more; nothing new if the row says so already."""
        key = (entry.address, entry.topics[1])
        known = self._known.requests.get(key)
        unknown = known is None and self._known.looked_up
        if unknown or (known is not None and known.closed is not None):
            return
        how = CLOSINGS[entry.topics[0]]
        closing = Closing(
            how=how, transaction_hash=entry.transaction_hash, block_number=entry.block_number, block_hash=entry.block_hash
        )
        self.result.closings.append((key, closing))
        if known is not None:
            self._known.requests[key] = msgspec.structs.replace(known, closed=closing)


def asks(given: Data | None) -> Data:
    """What a request asks for, of a run's input: without what the contract derives from the block that the request is in."""
    return {name: value for name, value in (given or {}).items() if name != "dataPrefix"}


def _row(
    entry: Log, route: Route, request: RunLog, now: int, *, decision: str, reason: str | None = None, run_id: str | None = None
) -> Request:
    return Request(
        contract=entry.address,
        request_id=request.request_id,
        job_id=route.job_id,
        block_number=entry.block_number,
        block_hash=entry.block_hash,
        transaction_hash=entry.transaction_hash,
        log_index=entry.log_index,
        requester=request.requester,
        payment=request.payment,
        expiration=request.expiration,
        decision=decision,
        reason=reason,
        run_id=run_id,
        seen_at=now,
    )
