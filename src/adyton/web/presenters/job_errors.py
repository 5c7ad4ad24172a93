"""What goes wrong with a job, as the API shows it. The form is our own: v0.6.2 had nothing of it."""

from __future__ import annotations

import msgspec

from adyton.domain.error_groups import ErrorGroup
from adyton.domain.times import rfc3339
from adyton.services.job_errors import JobErrors
from adyton.web.jsonapi import Resource


class SameError(msgspec.Struct, frozen=True, rename="camel"):
    """Runs that failed of the same: texts that differ in numbers only are the same. ``error`` is the text of the newest of
    them, ``lastRunId``; ``task`` is the type of the task that failed, at the place ``position``, null: none had begun."""

    code: str
    error: str
    position: int | None
    task: str | None
    count: int
    first_at: str
    last_at: str
    last_run_id: str


class JobErrorAttributes(msgspec.Struct, frozen=True):
    """``errored`` runs has the job; the newest ``latest`` of them are in ``groups``, that of the newest run first."""

    errored: int
    latest: int
    groups: list[SameError]


def errors_resource(found: JobErrors) -> Resource:
    """The errors of a job."""
    groups = [_group(each) for each in found.groups]
    return Resource("specErrors", found.job.id, JobErrorAttributes(found.errored, found.latest, groups))


def _group(group: ErrorGroup) -> SameError:
    return SameError(
        code=group.code,
        error=group.error,
        position=group.position,
        task=group.task,
        count=group.count,
        first_at=rfc3339(group.first_at),
        last_at=rfc3339(group.last_at),
        last_run_id=group.last_run,
    )
