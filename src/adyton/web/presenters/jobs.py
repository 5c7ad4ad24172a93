"""Jobs as the API shows them.

A job seldom changes, and its runs repeat its tasks: the JSON of both is made once for each job in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from adyton.domain import data
from adyton.domain.chain import ZERO_ADDRESS
from adyton.domain.jobs import Initiator, Job, JobState, TaskSpec, state_at
from adyton.domain.times import rfc3339
from adyton.web.jsonapi import Resource, encode

_KEPT = 1000


class Fragments(msgspec.Struct, frozen=True):
    """Pieces of a job that are JSON already; initiators by their number, in both forms of v0.6.2."""

    job: Job
    tasks: tuple[Raw, ...]
    initiators: dict[int, Raw]
    stored_initiators: dict[int, Raw]


class JobTask(msgspec.Struct, frozen=True):
    """One task of a job. The capitals are v0.6.2's: it showed the columns of its database."""

    ID: int
    CreatedAt: str
    UpdatedAt: str
    DeletedAt: None
    type: str
    confirmations: int | None
    params: Raw


class InitiatorParams(msgspec.Struct, frozen=True, kw_only=True):
    """What v0.6.2 showed of each type, and v0.6.7 of ``external``; v0.6.2 could not show ``execagreement`` at all.

    Nothing is said of the last four, which v0.6.2 did not know, when the job leaves them out.
    """

    address: str | UnsetType = UNSET
    schedule: str | UnsetType = UNSET
    time: str | UnsetType | None = UNSET
    ran: bool | UnsetType = UNSET
    name: str | UnsetType | None = UNSET
    fromBlock: int | UnsetType = UNSET  # noqa: N815 - the API's own name
    topics: tuple[tuple[str, ...], ...] | UnsetType = UNSET
    missed: str | UnsetType = UNSET
    overlap: str | UnsetType = UNSET


class JobInitiator(msgspec.Struct, frozen=True):
    """What starts runs of a job. As v0.6.2, never with the requesters."""

    type: str
    params: InitiatorParams


class StoredInitiatorParams(msgspec.Struct, frozen=True, kw_only=True):
    """The params of every type at once, as v0.6.2 stored them."""

    time: str | None
    address: str
    schedule: str | UnsetType = UNSET
    ran: bool | UnsetType = UNSET
    requesters: tuple[str, ...] | UnsetType = UNSET
    name: str | UnsetType = UNSET
    fromBlock: int | UnsetType = UNSET  # noqa: N815 - the API's own name
    topics: tuple[tuple[str, ...], ...] | UnsetType = UNSET
    missed: str | UnsetType = UNSET
    overlap: str | UnsetType = UNSET


class StoredInitiator(msgspec.Struct, frozen=True):
    """An initiator in the form that v0.6.2 stored, which it showed inside lists of runs and agreements."""

    id: int
    jobSpecId: str  # noqa: N815 - the API's own name
    type: str
    CreatedAt: str
    params: StoredInitiatorParams


TaskJson: TypeAlias = Annotated[Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/JobTask"})]
"""A ``JobTask`` that is JSON already; so the others."""
InitiatorJson: TypeAlias = Annotated[Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/JobInitiator"})]
StoredInitiatorJson: TypeAlias = Annotated[Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/StoredInitiator"})]


class JobAttributes(msgspec.Struct, frozen=True, kw_only=True):
    """A job spec. The last three are not v0.6.2's, and left out of a job that is as all were there: ``state`` of one that is
    active, ``version`` of one that was never changed."""

    initiators: list[InitiatorJson]
    id: str
    createdAt: str  # noqa: N815 - the API's own name
    tasks: tuple[TaskJson, ...]
    startAt: str | None  # noqa: N815 - the API's own name
    endAt: str | None  # noqa: N815 - the API's own name
    minPayment: str | UnsetType = UNSET  # noqa: N815 - the API's own name
    name: str | UnsetType = UNSET
    state: JobState | UnsetType = UNSET
    version: int | UnsetType = UNSET
    archivedAt: str | UnsetType = UNSET  # noqa: N815 - the API's own name


_fragments: dict[str, Fragments] = {}


def job_resource(job: Job, now: int) -> Resource:
    """A job at a time (microseconds). As v0.6.2, initiators show their type and parameters only, and never the requesters."""
    pieces, state = fragments(job), state_at(job, now)
    attributes = JobAttributes(
        initiators=list(pieces.initiators.values()),
        id=job.id,
        createdAt=rfc3339(job.created_at),
        tasks=pieces.tasks,
        startAt=_optional(job.start_at),
        endAt=_optional(job.end_at),
        minPayment=UNSET if job.min_payment is None else str(job.min_payment),
        name=UNSET if job.name is None else job.name,
        state=UNSET if state is JobState.ACTIVE else state,
        version=UNSET if job.version == 1 else job.version,
        archivedAt=UNSET if job.archived_at is None else rfc3339(job.archived_at),
    )
    return Resource("specs", job.id, attributes)


def fires(found: Sequence[tuple[Initiator, Sequence[int]]]) -> dict[str, object] | None:
    """When a job's cron initiators fire next, for a document's ``meta``: clients of v0.6.2 do not look there."""
    shown = [{"schedule": item.schedule, "times": [rfc3339(time) for time in times]} for item, times in found]
    return {"nextFires": shown} if shown else None


def fragments(job: Job) -> Fragments:
    """The pieces of a job, made at the first call."""
    known = _fragments.get(job.id)
    if known is not None and (known.job is job or known.job == job):
        return known
    if len(_fragments) >= _KEPT:
        _fragments.clear()
    made = _fragments[job.id] = Fragments(
        job,
        tuple(shown_task(task) for task in job.tasks),
        {item.id: _initiator(item) for item in job.initiators},
        {item.id: _stored_initiator(job, item) for item in job.initiators},
    )
    return made


def shown_task(task: TaskSpec) -> Raw:
    """A task of a job."""
    shown = JobTask(
        ID=task.id,
        CreatedAt=rfc3339(task.created_at),
        UpdatedAt=rfc3339(task.updated_at),
        DeletedAt=None,
        type=task.type,
        confirmations=task.confirmations,
        params=Raw(data.encode_bytes(task.params)),
    )
    return Raw(encode(shown))


def _initiator(initiator: Initiator) -> Raw:
    return Raw(encode(JobInitiator(initiator.type, InitiatorParams(**_params(initiator), **_asked_for(initiator)))))


def _params(initiator: Initiator) -> dict[str, Any]:
    match initiator.type:
        case "runlog" | "ethlog":
            return {"address": initiator.address}
        case "execagreement":
            return {} if initiator.address == ZERO_ADDRESS else {"address": initiator.address}
        case "cron":
            return {"schedule": initiator.schedule or ""}
        case "runat":
            return {"time": _optional(initiator.run_at), "ran": initiator.ran}
        case "external":
            return {"name": initiator.name}
        case _:
            return {}


def _stored_initiator(job: Job, initiator: Initiator) -> Raw:
    params = StoredInitiatorParams(
        time=_optional(initiator.run_at),
        address=initiator.address,
        schedule=initiator.schedule or UNSET,
        ran=initiator.ran or UNSET,
        requesters=initiator.requesters or UNSET,
        name=UNSET if initiator.name is None else initiator.name,
        **_asked_for(initiator),
    )
    return Raw(encode(StoredInitiator(initiator.id, job.id, initiator.type, rfc3339(initiator.created_at), params)))


def _asked_for(initiator: Initiator) -> dict[str, Any]:
    known = {
        "fromBlock": initiator.from_block,
        "topics": initiator.topics or None,
        "missed": initiator.missed,
        "overlap": initiator.overlap,
    }
    return {name: value for name, value in known.items() if value is not None}


def _optional(micros: int | None) -> str | None:
    return None if micros is None else rfc3339(micros)
