"""What a node has done, and how it is now, as the API shows it. The forms are our own: v0.6.2 had nothing of it."""

from __future__ import annotations

from typing import Any

import msgspec

from adyton.domain.statistics import Tally
from adyton.domain.times import rfc3339
from adyton.services.overview import Overview
from adyton.services.statistics import JobStatistics, Stretch
from adyton.web.jsonapi import Resource


class StatisticsAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """An hour or a day that began at ``start``. ``runs`` ended in it. ``p50`` and ``p95`` are the seconds in which half, and
    95 of 100, of the completed ones were done, ``average`` what they took on average; null if none was completed.
    ``linkEarned`` is in juels: what was paid for the requests seen in it that are answered on the chain. ``gasSpent`` is in
    wei: what the transactions cost that were asked for in it and are on the chain."""

    id: str
    start: str
    runs: int
    completed: int
    errored: int
    cancelled: int
    average: float | None
    p50: float | None
    p95: float | None
    link_earned: str
    gas_spent: str


class JobStatisticsAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """What was ever counted of a job, also of runs that are deleted. ``runs`` are those that ended and those ``inProgress``."""

    id: str
    runs: int
    completed: int
    errored: int
    cancelled: int
    in_progress: int
    last_run_at: str | None
    next_fire_at: str | None
    p50: float | None
    p95: float | None
    link_earned: str
    gas_spent: str


class RequestsOfToday(msgspec.Struct, frozen=True, rename="camel"):
    """What became of the requests seen since ``since``, the beginning of the day in UTC."""

    since: str
    answered: int
    in_progress: int
    refused: int
    expired: int
    cancelled: int
    unaccounted: int


class QueueNow(msgspec.Struct, frozen=True):
    """Runs queued or being worked on; ``behind``: more are due than it keeps, and are taken from the database."""

    length: int
    behind: bool


class HeadNow(msgspec.Struct, frozen=True):
    """The newest block; ``age`` is the seconds since the time that it says."""

    number: int
    age: int


class Total(msgspec.Struct, frozen=True, rename="camel"):
    """What was counted from ``since`` until now, as in ``statistics``."""

    since: str
    runs: int
    completed: int
    errored: int
    cancelled: int
    average: float | None
    p50: float | None
    p95: float | None
    link_earned: str
    gas_spent: str


class OverviewAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """How the node is. ``requests`` is null while they are still being counted, ``head`` while no block has been seen;
    ``day`` is the last 24 hours, ``month`` the last 30 days, the one under way with them."""

    id: str
    requests: RequestsOfToday | None
    queue: QueueNow
    head: HeadNow | None
    jobs: int
    day: Total
    month: Total


def statistics_resource(found: Stretch) -> Resource:
    """An hour or a day."""
    start = rfc3339(found.start)
    return Resource("statistics", start, StatisticsAttributes(id=start, start=start, **_numbers(found.tally)))


def job_statistics_resource(found: JobStatistics) -> Resource:
    """A job's numbers."""
    tally = found.tally
    attributes = JobStatisticsAttributes(
        id=found.job.id,
        runs=tally.runs + found.in_progress,
        completed=tally.completed,
        errored=tally.errored,
        cancelled=tally.cancelled,
        in_progress=found.in_progress,
        last_run_at=None if found.last_run_at is None else rfc3339(found.last_run_at),
        next_fire_at=None if found.next_fire_at is None else rfc3339(found.next_fire_at),
        p50=tally.quantile(0.5),
        p95=tally.quantile(0.95),
        link_earned=str(tally.link_earned),
        gas_spent=str(tally.gas_spent),
    )
    return Resource("jobStatistics", found.job.id, attributes)


def overview_resource(found: Overview) -> Resource:
    """The node."""
    attributes = OverviewAttributes(
        id="overview",
        requests=None if found.requests is None else _requests(found),
        queue=QueueNow(found.queue, found.behind),
        head=None if found.head is None else HeadNow(found.head, found.head_age),
        jobs=found.jobs,
        day=_total(found.day),
        month=_total(found.month),
    )
    return Resource("overviews", "overview", attributes)


def _requests(found: Overview) -> RequestsOfToday:
    assert found.requests is not None, "the caller has looked"
    return RequestsOfToday(since=rfc3339(found.today), **{kind.name.lower(): number for kind, number in found.requests.items()})


def _total(found: Stretch) -> Total:
    return Total(since=rfc3339(found.start), **_numbers(found.tally))


def _numbers(tally: Tally) -> dict[str, Any]:
    return {
        "runs": tally.runs,
        "completed": tally.completed,
        "errored": tally.errored,
        "cancelled": tally.cancelled,
        "average": tally.average,
        "p50": tally.quantile(0.5),
        "p95": tally.quantile(0.95),
        "link_earned": str(tally.link_earned),
        "gas_spent": str(tally.gas_spent),
    }
