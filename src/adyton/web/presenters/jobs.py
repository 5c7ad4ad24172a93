"""Jobs as the API shows them.

A job never changes, and its runs repeat its tasks: the JSON of both is made once for each job in memory.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from adyton.domain import data
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


class _Attributes(msgspec.Struct, frozen=True):
    initiators: list[Raw]
    id: str
    createdAt: str  # noqa: N815 - the API's own name
    tasks: tuple[Raw, ...]
    startAt: str | None  # noqa: N815 - the API's own name
    endAt: str | None  # noqa: N815 - the API's own name


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
    )
    return Resource("specs", job.id, attributes)


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
    params: dict[str, Any] = {"address": initiator.address} if initiator.type in {"runlog", "ethlog"} else {}
    return Raw(encode({"type": initiator.type, "params": params | _beginning(initiator)}))


def _stored_initiator(job: Job, initiator: Initiator) -> Raw:
    params: dict[str, Any] = {"time": None, "address": initiator.address} | _beginning(initiator)
    if initiator.requesters:
        params["requesters"] = initiator.requesters
    return Raw(
        encode(
            {
                "id": initiator.id,
                "jobSpecId": job.id,
                "type": initiator.type,
                "CreatedAt": rfc3339(initiator.created_at),
                "params": params,
            }
        )
    )


def _beginning(initiator: Initiator) -> dict[str, int]:
    """Where it was told to begin; as v0.6.2, nothing is said of one that was not told."""
    return {} if initiator.from_block is None else {"fromBlock": initiator.from_block}


def _optional(micros: int | None) -> str | None:
    return None if micros is None else rfc3339(micros)
