"""Which jobs a log is for: look-ups in memory, the same for ten jobs and for ten thousand."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from adyton.domain.chain import ZERO_ADDRESS, Address, Hash, Log
from adyton.domain.event_logs import Subscription, subscriptions, wants
from adyton.domain.jobs import Initiator, Job
from adyton.domain.requests import (
    EXEC_AGREEMENT,
    EXECUTION_TOPIC,
    LAYOUTS,
    ORACLE_REQUEST,
    RUN_LOG,
    accepts,
    job_topics,
    named_job,
)


class Route(msgspec.Struct, frozen=True):
    """Whom a request log is for: a job and its initiator that listens, or, of a contract of ours, a job that does not.
    ``initiator`` alone is that of an archived job, of which no run starts any more."""

    job_id: str
    job: Job | None = None
    initiator: Initiator | None = None
    refusal: str | None = None


class Routes:
    """Which job a request log is for, by its second topic, and which jobs want a log although it asks for nothing.

    ``own`` are contracts whose requests are accounted for whether or not a job listens, besides those that runlog initiators
    name. (Not those of agreements: a Coordinator serves many oracles.) ``lingering`` are archived jobs with runs under way,
    which must follow their logs.
    """

    def __init__(self, jobs: Iterable[Job], own: Iterable[Address] = (), lingering: Iterable[Job] = ()) -> None:
        self._by_topic: dict[Hash, Job] = {}
        self._agreements: dict[Hash, Route] = {}
        self._executions: dict[Hash, Route] = {}
        self._archived: dict[Hash, Job] = {}
        self._named = set(own)
        self._by_event: dict[Hash, list[Subscription]] = {}
        self._by_contract: dict[Address, list[Subscription]] = {}
        self._to_all: list[Subscription] = []
        self.has_subscriptions = False
        for job in jobs:
            self._add(job, live=True)
        for job in lingering:
            self._add(job, live=False)
        self._named.discard(ZERO_ADDRESS)

    def _add(self, job: Job, *, live: bool) -> None:
        for initiator in job.initiators:
            if initiator.type == RUN_LOG:
                self._named.add(initiator.address)
                (self._by_topic if live else self._archived).update(dict.fromkeys(job_topics(job.id), job))
            elif initiator.type == EXEC_AGREEMENT and initiator.agreement is not None:
                self._agreements[initiator.agreement] = Route(job.id, job if live else None, initiator)
            elif initiator.type == EXEC_AGREEMENT:
                self._executions.update(dict.fromkeys(job_topics(job.id), Route(job.id, job if live else None, initiator)))
        for each in subscriptions(job, live=live):
            self._subscribe(each)

    def _subscribe(self, subscription: Subscription) -> None:
        self.has_subscriptions = True
        initiator = subscription.initiator
        if initiator.topics and initiator.topics[0]:
            for event in initiator.topics[0]:
                self._by_event.setdefault(event, []).append(subscription)
        elif initiator.address != ZERO_ADDRESS:
            self._by_contract.setdefault(initiator.address, []).append(subscription)
        else:
            self._to_all.append(subscription)

    # --- requests ----------------------------------------------------------------------------------------------------

    def match(self, log: Log) -> Route | None:
        """Whom a log asks; None when that is none of our business."""
        if len(log.topics) < 2:
            return None
        event, named = log.topics[0], log.topics[1]
        if event not in LAYOUTS:
            return _accepted(self._executions.get(named), log) if event == EXECUTION_TOPIC else None
        job = self._by_topic.get(named)
        initiator = None if job is None else next((i for i in job.initiators if i.type == RUN_LOG and accepts(i, log)), None)
        if job is not None and initiator is not None:
            return Route(job.id, job, initiator)
        if event == ORACLE_REQUEST and (route := _accepted(self._agreements.get(named), log)) is not None:
            return route
        if log.address not in self._named and named not in self._archived:
            return None
        if job is not None:
            return Route(job.id, refusal=f"job {job.id} does not listen to contract {log.address}")
        return Route(named_job(log))

    # --- logs that ask for nothing -----------------------------------------------------------------------------------

    def subscribed(self, log: Log) -> list[Subscription]:
        """The ethlog initiators that want a log, in the order of their jobs."""
        found = [*self._by_contract.get(log.address, ()), *self._to_all]
        if log.topics:
            found += self._by_event.get(log.topics[0], ())
        return [each for each in found if wants(each.initiator, log)]


def _accepted(route: Route | None, log: Log) -> Route | None:
    taken = route is not None and route.initiator is not None and accepts(route.initiator, log)
    return route if taken else None
