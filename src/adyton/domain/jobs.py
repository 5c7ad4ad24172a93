"""A job: what starts it (initiators) and what it does (tasks)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from adyton.domain.chain import ZERO_ADDRESS, Address, Hash


class Initiator(msgspec.Struct, frozen=True, kw_only=True):
    """What starts a run of the job. Times are microseconds since the epoch; a type uses only what is its own.

    ``id`` is the database's number (0 before it is stored).
    Logs: ``address`` limits to one contract (the zero address: any); ``requesters`` limits who may ask (empty: anyone);
    ``from_block`` is the first block whose requests it takes (None: those of every block that is read); ``topics`` are what
    an ethlog initiator wants of a log, place by place, any of a list (an empty list: anything); ``agreement`` is the service
    agreement whose requests start it.
    Schedules: ``schedule`` is the cron line as written, ``missed`` and ``overlap`` its policies (None: the node's);
    ``run_at`` is when a runat initiator starts its run, ``ran`` whether it has.
    External initiators: ``name`` says which may start the job, ``body`` is what it is told about it.
    """

    type: str
    id: int = 0
    address: Address = ZERO_ADDRESS
    requesters: tuple[Address, ...] = ()
    from_block: int | None = None
    topics: tuple[tuple[Hash, ...], ...] = ()
    agreement: Hash | None = None
    schedule: str | None = None
    missed: str | None = None
    overlap: str | None = None
    run_at: int | None = None
    ran: bool = False
    name: str | None = None
    body: dict[str, Any] | None = None
    created_at: int = 0


class TaskSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a job. ``type`` names an adapter or a bridge, in lower case; ``confirmations`` of the request's block are
    needed before it starts (None: the node's minimum)."""

    type: str
    id: int = 0
    confirmations: int | None = None
    params: dict[str, Any] = {}
    created_at: int = 0
    updated_at: int = 0


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A job spec as stored. Times are microseconds since the epoch.

    ``min_payment`` is what a request must pay at least, in juels, instead of the node's minimum. ``name`` is what its author
    calls it, ``applied_as`` the key of the file that it is kept in (``adyton apply``). ``version`` grows when it is changed in
    place: then it keeps its id and its initiators, and each run keeps the tasks of the version that it was made with.
    """

    id: str
    initiators: tuple[Initiator, ...]
    tasks: tuple[TaskSpec, ...]
    start_at: int | None = None
    end_at: int | None = None
    created_at: int = 0
    archived_at: int | None = None
    min_payment: int | None = None
    name: str | None = None
    applied_as: str | None = None
    version: int = 1

    def initiator(self, kind: str) -> Initiator | None:
        """The first initiator of a type, or None."""
        return next((i for i in self.initiators if i.type == kind), None)


class JobState(StrEnum):
    """Whether a job takes runs."""

    ACTIVE = "active"
    WAITING = "waiting"
    """Its ``startAt`` is still to come."""
    ENDED = "ended"
    """Its ``endAt`` is over."""
    ARCHIVED = "archived"


def state_at(job: Job, now: int) -> JobState:
    """The state of a job at a time (microseconds): the engine starts its runs when it is active, and else refuses them."""
    if job.archived_at is not None:
        return JobState.ARCHIVED
    if job.start_at is not None and now < job.start_at:
        return JobState.WAITING
    return JobState.ENDED if job.end_at is not None and now > job.end_at else JobState.ACTIVE
