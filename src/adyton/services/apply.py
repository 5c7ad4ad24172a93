"""Jobs that are kept in files: the plan, and its one write.

A crash leaves all of a plan or nothing. Each job that a plan is about is held by a fence, also those that stay, so that of two
who apply at the same time the later one sees what the earlier one did, or is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import msgspec
import structlog

from adyton.domain import data, plans
from adyton.domain.errors import Conflict, Fault, Invalid
from adyton.domain.external_initiators import news_of
from adyton.domain.job_specs import spec_of
from adyton.domain.plans import Action, Change, Draft, Kept
from adyton.domain.runs import Data
from adyton.services import bridges, drafts, jobs
from adyton.services.drafts import Judged
from adyton.services.jobs import Storing
from adyton.services.parts import Parts
from adyton.storage import jobs as stored
from adyton.storage import notifications
from adyton.storage.database import Row, Statement
from adyton.storage.jobs import Applied

log = structlog.get_logger(__name__)

_NEW = frozenset({Action.CREATE, Action.REPLACE})
_ENDED = frozenset({Action.REPLACE, Action.ARCHIVE})


class Plan(msgspec.Struct, frozen=True):
    """The changes, with the jobs as they are stored then; ``mark`` tells it from others, ``applied`` says whether anything was
    written."""

    changes: Sequence[Change]
    mark: str
    applied: bool


async def apply(parts: Parts, body: bytes) -> Plan:
    """Have the node's jobs as files say.

    Raises Invalid with every fault of every job, and Conflict when somebody else changed one of the jobs meanwhile, or the plan
    is not the one that was agreed to. Nothing is written in both cases, nor with ``dryRun``.
    """
    wish = plans.read_wish(body)
    judged = await _judged(parts, wish)
    wanted = [
        Draft(entry.key, each.job, each.own_id, n, tuple(_words(each)))
        for n, (entry, each) in enumerate(zip(wish.entries, judged, strict=True))
    ]
    # Hundreds of jobs take long to compare; all of it is frozen.
    changes, mark = await asyncio.to_thread(_planned, wanted, await stored.applied(parts.db), prune=wish.prune)
    await _check_ids(parts, wanted, changes)
    if wish.plan not in {None, mark}:
        raise Conflict("this is not the plan that was shown: somebody changed a job since; look at it again", code="ADY-0204")
    if wish.dry_run or all(change.action is Action.UNCHANGED for change in changes):
        return Plan(changes, mark, applied=False)
    tells = {entry.key: each.tells for entry, each in zip(wish.entries, judged, strict=True) if each.tells is not None}
    return Plan(await _Writing(parts, changes, tells).written(), mark, applied=True)


def _planned(wanted: Sequence[Draft], applied: Sequence[Applied], *, prune: bool) -> tuple[list[Change], str]:
    """The plan, and its mark. Raises Invalid."""
    kept = {str(each.job.applied_as): Kept(each.job, _spec(each)) for each in applied}
    changes = plans.planned(wanted, kept, prune=prune)
    return changes, plans.mark(changes)


async def _judged(parts: Parts, wish: plans.Wish) -> list[Judged]:
    """Every draft. Raises Invalid with the faults of all of them."""
    found: list[Judged] = []
    faults: list[Fault] = []
    for n, entry in enumerate(wish.entries):
        await parts.clock.sleep(0)  # judging seldom waits for anything, and there may be hundreds
        try:
            found.append(await drafts.judged(parts, entry.spec, at=f"/jobs/{n}/spec"))
        except Invalid as invalid:
            faults += [msgspec.structs.replace(each, code=each.code or invalid.error_code) for each in invalid.faults]
    if faults:
        raise Invalid(*faults)
    return found


def _words(draft: Judged) -> Iterator[str]:
    """What is to be said of a draft."""
    for each in draft.warnings:
        yield f"{each.pointer}: {each.detail}" if each.pointer else each.detail
    if draft.tells is not None:
        yield f"external initiator {draft.tells} is told of a new job behind this; should it refuse, the job is archived"


def _spec(known: Applied) -> Data:
    parsed = None if known.spec is None else data.parse(known.spec)
    return parsed if isinstance(parsed, dict) else spec_of(known.job)


async def _check_ids(parts: Parts, wanted: Sequence[Draft], changes: Sequence[Change]) -> None:
    """Raises Invalid for new jobs that bring an id along which another job has or had."""
    own = {draft.key: draft.place for draft in wanted if draft.own_id}
    faults = [
        Fault(jobs.in_use(change.job.id), f"/jobs/{own[change.key]}/spec/externalJobID", code="ADY-0203")
        for change in changes
        if change.action in _NEW and change.key in own and change.job is not None
        if await stored.get(parts.db, change.job.id, archived=True) is not None
    ]
    if faults:
        raise Invalid(*faults)


class _Writing:
    """The write of one plan: its statements, and what is read from what comes back. ``tells`` are the external initiators that
    new jobs are told to, by key."""

    def __init__(self, parts: Parts, changes: Sequence[Change], tells: dict[str, str]) -> None:
        self._parts = parts
        self._changes = changes
        self._tells = tells
        self._now = parts.clock.now()
        self._new: dict[str, Storing] = {}

    async def written(self) -> list[Change]:
        """Write, and let the parts of the node know. Raises Conflict: nothing is written."""
        parts = [(change, list(self._statements(change))) for change in self._ends_first()]
        statements = [statement for _, own in parts for statement in own]
        try:
            answers = iter(await self._parts.db.write(*self._held(), *statements))
        except Conflict:
            raise Conflict(
                "somebody else changed one of these jobs, or deleted a bridge of theirs, at the same time; nothing was "
                "written: look at the plan again",
                code="ADY-0204",
            ) from None
        done = {change.key: self._done(change, [next(answers) for each in own if each.returning]) for change, own in parts}
        # A crash before these lines loses nothing: registry, re-reads and notifications are read from the rows.
        for change in self._changes:
            if change.action in _ENDED and change.before is not None:
                self._parts.jobs.remove(change.before.id)
        for change in done.values():
            await self._known(change)
        self._parts.news.set()
        told = {action: sum(change.action is action for change in self._changes) for action in Action}
        log.info("jobs applied", **{action.value: count for action, count in told.items() if count})
        return [done[change.key] for change in self._changes]

    def _ends_first(self) -> list[Change]:
        """A key is free once the job that had it is archived."""
        return sorted(self._changes, key=lambda change: change.action not in _ENDED)

    def _held(self) -> list[Statement]:
        stays = [change.before for change in self._changes if change.action is Action.UNCHANGED and change.before is not None]
        return [stored.holding(stays)] if stays else []

    def _statements(self, change: Change) -> Iterator[Statement]:
        """Of those that return rows the first are the ones that ``_done`` reads."""
        if change.action in _ENDED and change.before is not None:
            yield stored.ending(change.before, self._now)
            yield from notifications.deleted(change.before.id, now=self._now)
        if change.action in _NEW and change.job is not None:
            new = self._new[change.key] = jobs.storing(self._parts, change.job)
            yield from new.statements
            if (initiator := self._tells.get(change.key)) is not None:
                body = news_of(change.job)
                yield notifications.created(change.job.id, initiator, body, now=self._now, next_at=self._now)
        if change.action is Action.UPDATE and change.job is not None:
            yield from stored.change(change.job, data.encode(change.spec), self._now)
            yield from bridges.fence(self._parts, change.job)

    def _done(self, change: Change, answers: Sequence[list[Row]]) -> Change:
        """The change with the job as it is stored now."""
        if change.job is None:
            return change
        if change.action in _NEW:
            job = stored.numbered(self._new[change.key].job, *answers[:2])
            return msgspec.structs.replace(change, job=job)
        if change.action is Action.UPDATE:
            tasks = stored.numbered_tasks(change.job, answers[0], self._now)
            job = msgspec.structs.replace(change.job, tasks=tasks, version=change.job.version + 1)
            return msgspec.structs.replace(change, job=job)
        return change

    async def _known(self, change: Change) -> None:
        """Let the node work with a job as it is now."""
        if change.action in _NEW and change.job is not None:
            await jobs.stored_now(self._parts, self._new[change.key], change.job)
        elif change.action is Action.UPDATE and change.job is not None:
            live = self._parts.jobs.jobs.get(change.job.id)
            # What the scheduler has noted in them since the plan was made stays.
            initiators = change.job.initiators if live is None else live.initiators
            self._parts.jobs.add(msgspec.structs.replace(change.job, initiators=initiators))
            log.info("job changed in place", job=change.job.id, version=change.job.version)
