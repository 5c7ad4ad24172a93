"""What to do about logs that ask for nothing and start runs all the same (ethlog): pure decisions, as ``log_matching``.

Nobody waits for an answer, so such a log has no row among the requests. That it starts one run for each initiator is the run's
own unique key, made of the initiator and the log (``event_logs.event_id``); the decision keeps it true when the run has been
deleted.
"""

from __future__ import annotations

from collections.abc import Callable

from adyton.domain.chain import Log
from adyton.domain.errors import Refused
from adyton.domain.event_logs import Subscription, event_data, event_id
from adyton.domain.runs import Run, RunStatus
from adyton.initiators.findings import Decided, DecisionKey, Known, Move, as_known
from adyton.storage.logs import ALREADY_SEEN, REFUSED, RUN_STARTED, LogDecision

MakeEventRun = Callable[[Subscription, Log, str], Run]
"""(initiator, log, the id that the log is known by)"""


class EventJudge:
    """Decides log by log, and remembers what the logs before have come to. Adds to ``result`` and to ``known``."""

    def __init__(self, make_run: MakeEventRun, known: Known, result: Decided) -> None:
        self._make_run = make_run
        self._known = known
        self._result = result
        self._followed: set[str] = set()

    def event(self, entry: Log, subscription: Subscription) -> None:
        """Decide about a log that an initiator wants."""
        number = self._known.repeats.get((entry.block_hash, entry.log_index), 0)
        name = event_id(subscription, entry, number)
        earlier = self._known.runs.get((entry.address, name))
        if earlier is not None:
            self._followed.add(earlier.id)
            self._result.follow(Move(earlier, entry, name, event_data(entry), None), self._known)
            if _key(entry, subscription) not in self._known.decided:
                reason = f"the log has run {earlier.id}"
                self._decided(entry, subscription, name, ALREADY_SEEN, reason=reason, run_id=earlier.id)
        elif subscription.live and not self._settled(entry, subscription) and not _too_early(entry, subscription):
            self._start(entry, subscription, name)

    def give_up(self, entry: Log, subscription: Subscription) -> None:
        """Write down that a log met a defect of ours, unless more is known of it."""
        if _key(entry, subscription) not in self._known.decided:
            self._decided(entry, subscription, None, REFUSED, reason="internal error")

    def _settled(self, entry: Log, subscription: Subscription) -> bool:
        """Whether the log has been decided about, as the log that it is: of two equal logs of a transaction a node may have
        shown but the second at first, which then counted as the first."""
        key = _key(entry, subscription)
        return self._known.is_settled(key) and self._known.decided[key] not in self._followed

    def _start(self, entry: Log, subscription: Subscription, name: str) -> None:
        try:
            run = self._make_run(subscription, entry, name)
        except Refused as fault:
            self._decided(entry, subscription, name, REFUSED, reason=str(fault))
            return
        self._known.runs[(entry.address, name)] = as_known(run, entry)
        self._result.runs.append(run)
        decision = REFUSED if run.status is RunStatus.ERRORED else RUN_STARTED
        self._decided(entry, subscription, name, decision, reason=run.error, run_id=run.id)

    def _decided(
        self,
        entry: Log,
        subscription: Subscription,
        name: str | None,
        decision: str,
        *,
        reason: str | None = None,
        run_id: str | None = None,
    ) -> None:
        made = LogDecision(
            log=entry,
            job_id=subscription.job.id,
            subscription=subscription.name,
            decision=decision,
            request_id=name,
            reason=reason,
            run_id=run_id,
        )
        self._result.note(made, self._known)


def _key(entry: Log, subscription: Subscription) -> DecisionKey:
    return (entry.block_hash, entry.log_index, subscription.name)


def _too_early(entry: Log, subscription: Subscription) -> bool:
    """Whether the log is from before the initiator begins. Nothing is written about such logs, which may be many; and no
    re-read changes it: what every transfer of last year would start is not what an operator means who looks for lost
    requests."""
    begins = subscription.initiator.from_block
    return begins is not None and entry.block_number < begins
