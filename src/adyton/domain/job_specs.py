"""A job as the request that would make it: what was understood of a request, in one spelling, so that two can be compared.

``job_requests`` reads it back as the same job. What the node adds by itself (ids, times, the block at which an initiator
begins) is not in it, unless the request said it.
"""

from __future__ import annotations

from typing import Any

from adyton.domain import data
from adyton.domain.chain import ZERO_ADDRESS
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.runs import Data
from adyton.domain.times import rfc3339


def spec_of(job: Job) -> Data:
    """The request, without what it leaves out, and with its numbers as the database gives them back (-0 is 0)."""
    known = {
        "name": job.name,
        "initiators": [_initiator(each) for each in job.initiators],
        "tasks": [_task(each) for each in job.tasks],
        "startAt": _time(job.start_at),
        "endAt": _time(job.end_at),
        "minPayment": None if job.min_payment is None else str(job.min_payment),
    }
    spec: Data = data.parse(data.encode(_said(known)))
    return spec


def _initiator(initiator: Initiator) -> Data:
    params = {
        "address": None if initiator.address == ZERO_ADDRESS else initiator.address,
        "requesters": list(initiator.requesters) or None,
        "fromBlock": initiator.from_block,
        "topics": [list(place) for place in initiator.topics] or None,
        "schedule": initiator.schedule,
        "missed": initiator.missed,
        "overlap": initiator.overlap,
        "time": _time(initiator.run_at),
        "ran": initiator.ran or None,
        "name": initiator.name,
        "body": initiator.body,
    }
    return _said({"type": initiator.type, "params": _said(params) or None})


def _task(task: TaskSpec) -> Data:
    return _said({"type": task.type, "confirmations": task.confirmations, "params": task.params or None})


def _time(micros: int | None) -> str | None:
    return None if micros is None else rfc3339(micros)


def _said(known: dict[str, Any]) -> Data:
    return {name: value for name, value in known.items() if value is not None}
