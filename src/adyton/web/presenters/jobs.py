"""Jobs as the API shows them.

A job never changes, and its runs repeat its tasks: the JSON of both is made once for each job in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from adyton.domain import data
from adyton.domain.chain import ZERO_ADDRESS
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.times import rfc3339
from adyton.web.jsonapi import Resource, encode

_KEPT = 1000


class Fragments(msgspec.Struct, frozen=True):
    """Pieces of a job that are JSON already; initiators by their number, in both forms of v0.6.2."""

    job: Job
    tasks: tuple[Raw, ...]
    initiators: dict[int, Raw]
    stored_initiators: dict[int, Raw]


class _Attributes(msgspec.Struct, frozen=True, kw_only=True):
    initiators: list[Raw]
    id: str
    createdAt: str  # noqa: N815 - the API's own name
    tasks: tuple[Raw, ...]
    startAt: str | None  # noqa: N815 - the API's own name
    endAt: str | None  # noqa: N815 - the API's own name
    minPayment: str | UnsetType = UNSET  # noqa: N815 - the API's own name


_fragments: dict[str, Fragments] = {}


def job_resource(job: Job) -> Resource:
    """A job. As v0.6.2, initiators show their type and parameters only, and never the requesters."""
    pieces = fragments(job)
    attributes = _Attributes(
        initiators=list(pieces.initiators.values()),
        id=job.id,
        createdAt=rfc3339(job.created_at),
        tasks=pieces.tasks,
        startAt=_optional(job.start_at),
        endAt=_optional(job.end_at),
        minPayment=UNSET if job.min_payment is None else str(job.min_payment),
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
        tuple(_task(task) for task in job.tasks),
        {item.id: _initiator(item) for item in job.initiators},
        {item.id: _stored_initiator(job, item) for item in job.initiators},
    )
    return made


def _task(task: TaskSpec) -> Raw:
    """The capitals are v0.6.2's: it showed the columns of its database."""
    return Raw(
        encode(
            {
                "ID": task.id,
                "CreatedAt": rfc3339(task.created_at),
                "UpdatedAt": rfc3339(task.updated_at),
                "DeletedAt": None,
                "type": task.type,
                "confirmations": task.confirmations,
                "params": Raw(data.encode_bytes(task.params)),
            }
        )
    )


def _initiator(initiator: Initiator) -> Raw:
    return Raw(encode({"type": initiator.type, "params": _params(initiator) | _asked_for(initiator)}))


def _params(initiator: Initiator) -> dict[str, Any]:
    """What v0.6.2 showed of each type, and v0.6.7 of ``external``; v0.6.2 could not show ``execagreement`` at all."""
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
    params: dict[str, Any] = {"time": _optional(initiator.run_at), "address": initiator.address}
    if initiator.schedule:
        params["schedule"] = initiator.schedule
    if initiator.ran:
        params["ran"] = True
    if initiator.requesters:
        params["requesters"] = initiator.requesters
    if initiator.name is not None:
        params["name"] = initiator.name
    return Raw(
        encode(
            {
                "id": initiator.id,
                "jobSpecId": job.id,
                "type": initiator.type,
                "CreatedAt": rfc3339(initiator.created_at),
                "params": params | _asked_for(initiator),
            }
        )
    )


def _asked_for(initiator: Initiator) -> dict[str, Any]:
    """Params that v0.6.2 did not know; nothing is said of those that the job leaves out."""
    known = {
        "fromBlock": initiator.from_block,
        "topics": initiator.topics or None,
        "missed": initiator.missed,
        "overlap": initiator.overlap,
    }
    return {name: value for name, value in known.items() if value is not None}


def _optional(micros: int | None) -> str | None:
    return None if micros is None else rfc3339(micros)
