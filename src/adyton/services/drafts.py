"""Drafts: jobs that are judged as a new job is, and not stored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from adyton.domain import data, json_places
from adyton.domain.errors import Fault, Invalid
from adyton.domain.job_requests import judge, understood
from adyton.domain.job_specs import spec_of
from adyton.domain.job_warnings import warnings
from adyton.domain.jobs import Initiator, Job
from adyton.domain.request_json import first_object
from adyton.domain.runs import Data
from adyton.services import external_initiators, job_lists, schedules
from adyton.services.jobs import in_use
from adyton.services.parts import Parts
from adyton.storage import jobs as stored


class Judged(msgspec.Struct, frozen=True):
    """A draft in which nothing is wrong. ``own_id``: it brings its id along. ``tells``: the external initiator that it names,
    if that is told of jobs. ``warnings`` is what is probably not meant; ``fires`` are the next times of its cron initiators."""

    job: Job
    own_id: bool
    tells: str | None
    warnings: Sequence[Fault]
    fires: Sequence[tuple[Initiator, Sequence[int]]]

    @property
    def spec(self) -> Data:
        """What was understood of it, as the request that would make it."""
        return spec_of(self.job)


async def validate(parts: Parts, text: bytes) -> Judged:
    """What a new job would be, of a JSON text. Nothing is stored, and nobody outside is told. Raises Invalid with every fault
    that a new job would be refused for, whichever it would have been refused for first."""
    draft = await judged(parts, first_object(text))
    if draft.own_id and await stored.get(parts.db, draft.job.id, archived=True) is not None:
        raise Invalid(Fault(in_use(draft.job.id), "/externalJobID", code="ADY-0291"))
    # A long text takes some tens of milliseconds.
    unread = await asyncio.to_thread(_unread, text.decode())
    return msgspec.structs.replace(draft, warnings=[*draft.warnings, *unread])


def _unread(text: str) -> list[Fault]:
    """What of a text that is a job says nothing: it is passed over, as v0.6.2 did, and was probably meant."""
    places = json_places.read(text)
    found = [
        Fault(  # no page: a warning
            f'the key "{each.key[:40]}" stands twice in its object: only the last one counts', each.pointer
        )
        for each in places.repeated
    ]
    if places.rest is not None:
        words = f"what stands behind the end of the job, from line {places.rest.line} on, is not read"
        found.append(Fault(words))  # no page: a warning
    return found


async def judged(parts: Parts, source: Mapping[str, object], *, at: str = "") -> Judged:
    """The draft that parsed JSON describes, which stands at the pointer ``at`` of what was sent. Raises Invalid with every
    fault."""
    now, made_up = parts.clock.now(), parts.entropy.new_id()
    job, faults = understood(source, job_id=made_up, now=now)
    # What comes of that a place could not be read is no fault of its own. Of confirmations nothing comes.
    unreadable = {fault.pointer for fault in faults if not fault.pointer.endswith("/confirmations")}
    around = {outer for pointer in unreadable for outer in _outwards(pointer)}
    faults += [
        fault
        for fault in judge(job, parts.task_types.check)
        if fault.pointer not in around and unreadable.isdisjoint(_outwards(fault.pointer))
    ]
    faults += await _unverified(parts, job, faults)
    tells = await _told(parts, job, faults)
    if faults:
        raise Invalid(*below(at, faults))
    fires = schedules.next_fires(parts, job)
    return Judged(job, job.id != made_up, tells, warnings(job, source, fires, now), fires)


async def exported(parts: Parts, job_id: str, *, archived: bool = False) -> tuple[Job, Data]:
    """A job, an archived one only when asked for, and the request that would make it: as it was accepted, or, for a job of an
    older node, as its rows tell. Raises NotFound."""
    job = await job_lists.find(parts, job_id, archived=archived)
    text = await stored.spec(parts.db, job.id)
    parsed = None if text is None else data.parse(text)
    return job, parsed if isinstance(parsed, dict) else spec_of(job)


def below(at: str, faults: Sequence[Fault]) -> list[Fault]:
    """Faults of something that stands at a pointer of what was sent."""
    return [msgspec.structs.replace(fault, pointer=f"{at}{fault.pointer}") for fault in faults]


async def _unverified(parts: Parts, job: Job, known: Sequence[Fault]) -> list[Fault]:
    """What only a look at secrets and installed adapters finds, of the tasks of which nothing is known yet."""
    wrong = {outer for fault in known for outer in _outwards(fault.pointer)}
    try:
        await parts.task_types.verify(job.tasks)
    except Invalid as invalid:
        return [
            msgspec.structs.replace(fault, code=fault.code or invalid.error_code)
            for fault in invalid.faults
            if wrong.isdisjoint(_tasks(fault.pointer))
        ]
    return []


def _outwards(pointer: str) -> Iterator[str]:
    """The pointer, and those of all that it stands in."""
    yield pointer
    while pointer:
        pointer = pointer.rpartition("/")[0]
        yield pointer


def _tasks(pointer: str) -> list[str]:
    """The pointer of the task in which a pointer stands."""
    return [each for each in _outwards(pointer) if each.startswith("/tasks/") and each.count("/") == 2]


async def _told(parts: Parts, job: Job, faults: list[Fault]) -> str | None:
    """The external initiator that is to be told; one that is missing is a fault."""
    try:
        outsider = await external_initiators.named_by(parts, job)
    except Invalid as invalid:
        faults += [msgspec.structs.replace(fault, code=fault.code or invalid.error_code) for fault in invalid.faults]
        return None
    return outsider.called if outsider is not None and outsider.url is not None else None
