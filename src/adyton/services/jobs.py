"""Jobs: create, show, archive. Lists of them are in ``job_lists``."""

from __future__ import annotations

import re
from typing import NamedTuple

import structlog

from adyton.domain import data, strangers
from adyton.domain.errors import Conflict, Invalid, NotFound, StorageUnavailable
from adyton.domain.event_logs import begun
from adyton.domain.external_initiators import news_of
from adyton.domain.job_requests import read_job
from adyton.domain.job_specs import spec_of
from adyton.domain.jobs import Job
from adyton.domain.log_requests import LISTENERS
from adyton.services import bridges, external_initiators, notifier
from adyton.services.notifier import ATTEMPT, NotTold
from adyton.services.parts import Parts
from adyton.storage import jobs as stored
from adyton.storage import notifications, rereads
from adyton.storage.database import Statement

log = structlog.get_logger(__name__)

_ID = re.compile("[0-9a-f]{32}")
_PATIENCE = int((ATTEMPT + 60) * 1_000_000)
"""Microseconds after which the notifier tells of a new job, if its creator has not. Longer than the creator takes."""


class NotAccepted(Invalid):
    """The external initiator that a job names did not take it: v0.8 calls that the node's own failure (status 500)."""

    usual = "ADY-0294"


async def create(parts: Parts, text: bytes, *, stranger: bool = False) -> Job:
    """Store the job that a JSON text describes and let it start runs from now on; from an earlier block if it says so: then
    the blocks from there are read again. An external initiator that it names is told, and must agree, before this returns.

    A ``stranger`` is an external initiator: its job may hold less. Raises Invalid with every fault, Conflict when its id is in
    use, and NotAccepted.
    """
    asked = read_job(text, job_id=parts.entropy.new_id(), now=parts.clock.now(), check=parts.task_types.check)
    if stranger and (faults := strangers.initiators_faults(asked)):
        raise Invalid(*faults)
    await parts.task_types.verify(asked.tasks)
    outsider = await external_initiators.named_by(parts, asked)
    if outsider is None or outsider.url is None:
        return await store(parts, asked)
    body = news_of(asked)
    now = parts.clock.now()
    # The row goes once the initiator has agreed. Should the node end before it does, the notifier tells it at the next start.
    news = notifications.created(asked.id, outsider.called, body, now=now, next_at=now + _PATIENCE)
    job = await store(parts, asked, news)
    try:
        await notifier.tell(parts, outsider, notifications.CREATED, job.id, body)
    except NotTold as refusal:
        await notifier.take_back(parts, job.id, heard=refusal.heard)
        raise NotAccepted(str(refusal), code="ADY-0294") from None
    try:
        await parts.db.write(notifications.told_of_creation(job.id))
    except StorageUnavailable as fault:
        # The job is there and its initiator knows: at worst the notifier tells it again.
        log.warning("that an external initiator was told is not written down", job=job.id, because=str(fault))
    return job


class Storing(NamedTuple):
    """A new job about to be stored: the statements that do it, and the block that had been read when they were made."""

    job: Job
    statements: tuple[Statement, ...]
    height: int | None
    looks_back: bool


def storing(parts: Parts, asked: Job) -> Storing:
    """How to store a job that has been judged. The first two statements that return rows give the numbers that
    ``stored.numbered`` takes; ``stored_now`` comes behind the write."""
    height = parts.intake.height
    job = begun(asked, parts.intake.reached)
    past = _past(job, height)
    spec = data.encode(spec_of(asked))
    return Storing(job, (*stored.insertion(job, spec), *bridges.fence(parts, job), *past), height, bool(past))


async def stored_now(parts: Parts, storing: Storing, job: Job) -> None:
    """Let a job start runs that has just been stored. A crash before this loses nothing: the registry is read from the rows at
    the next start, and so are re-reads."""
    parts.jobs.add(job)
    await _overtaken(parts, job, storing.height)
    if storing.looks_back:
        parts.intake.wake()
    log.info("job created", job=job.id, initiators=[i.type for i in job.initiators], tasks=[t.type for t in job.tasks])


async def store(parts: Parts, asked: Job, *also: Statement) -> Job:
    """Store a job that has been judged, and what belongs into the same write, and let it start runs. Raises Conflict."""
    new = storing(parts, asked)
    try:
        initiator_ids, task_ids, *_ = await parts.db.write(*new.statements, *also)
    except Conflict:
        if await stored.get(parts.db, asked.id, archived=True) is None:
            raise Conflict("a bridge that the job names has just been deleted", code="ADY-0292") from None
        raise Conflict(in_use(asked.id), code="ADY-0291") from None
    job = stored.numbered(new.job, initiator_ids, task_ids)
    await stored_now(parts, new, job)
    return job


def in_use(job_id: str) -> str:
    """What is said of an id that a job had before."""
    return f"there is or was a job {job_id}: leave externalJobID out, or choose another one"


async def _overtaken(parts: Parts, job: Job, height: int | None) -> None:
    """Have the blocks read again that log intake has read while the job was being stored, behind ``height``: it did not know
    the job yet. Should the node end before that is stored, the look back at the next start finds the same."""
    now = parts.intake.height
    if height is None or now is None or now <= height or not any(each.type in LISTENERS for each in job.initiators):
        return
    reason = f"job {job.id} was made while they were read"
    try:
        await parts.db.write(rereads.insert(rereads.asked(reason, height + 1, now, every_job=False, now=parts.clock.now())))
    except StorageUnavailable as fault:
        log.warning("blocks that were read before a job was known wait for the next look back", because=str(fault))
        return
    parts.intake.wake()


def _past(job: Job, height: int | None) -> list[Statement]:
    """The re-read of the blocks that the job wants and that have been read without it. Before the first block is read there is
    none to store: log intake sees then what its jobs want."""
    begins = [i.from_block for i in job.initiators if i.from_block is not None]
    if not begins or height is None or min(begins) > height:
        return []
    reason = f"job {job.id} begins at block {min(begins)}"
    return [rereads.insert(rereads.asked(reason, min(begins), height, every_job=False, now=job.created_at))]


def get(parts: Parts, job_id: str) -> Job:
    """The job of that id, with or without dashes. Raises NotFound, also when it is archived."""
    job = parts.jobs.jobs.get(plain_id(job_id))
    if job is None:
        raise NotFound("JobSpec not found", code="ADY-0293")
    return job


async def archive(parts: Parts, job_id: str) -> None:
    """Archive a job: it starts nothing any more and is not shown; runs under way go on. An external initiator that it names is
    told in the background. Raises NotFound."""
    known = plain_id(job_id)
    now = parts.clock.now()
    if not await stored.archive(parts.db, known, now, *notifications.deleted(known, now=now)):
        raise NotFound("JobSpec not found", code="ADY-0293")
    # A crash before this line loses nothing: registry and notifications are read from the rows at the next start.
    parts.jobs.remove(known)
    parts.news.set()
    log.info("job archived", job=known)


def plain_id(text: str) -> str:
    """An id as it is stored; later versions write ids with dashes, so both forms are taken. Empty, which is nobody's, when the
    text cannot be an id."""
    plain = text.replace("-", "").lower()
    return plain if _ID.fullmatch(plain) else ""
