"""Jobs that are kept in files: what has to be done so that the node has those, and no others of them.

A job is known by its key. One whose initiators stay is changed in place: it keeps its id, so requests which name it are
answered as before, and runs under way keep the tasks that they began with. Any other change needs a new job, with another id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from hashlib import sha256

import msgspec

from adyton.domain import data
from adyton.domain.errors import Fault, Invalid
from adyton.domain.job_differences import differences
from adyton.domain.job_specs import spec_of
from adyton.domain.jobs import Job
from adyton.domain.request_json import field, first_object, kind_of, object_at, text_at
from adyton.domain.requests import EXEC_AGREEMENT, RUN_LOG
from adyton.domain.runs import Data

LONGEST_KEY = 255
_KEY = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,255}")


class Action(StrEnum):
    """What becomes of a key."""

    CREATE = "create"
    UPDATE = "update"
    """Changed in place, under the same id."""
    REPLACE = "replace"
    """Archived, and another job made, with another id."""
    ARCHIVE = "archive"
    UNCHANGED = "unchanged"


class Kept(msgspec.Struct, frozen=True):
    """A live job that is kept in a file, and its request."""

    job: Job
    spec: Data


class Draft(msgspec.Struct, frozen=True):
    """A job as a file wants it; ``own_id`` says whether it brings its id along. ``place`` is its number in what was sent."""

    key: str
    job: Job
    own_id: bool
    place: int
    warnings: tuple[str, ...] = ()


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a plan. ``job`` is the one wanted (as it will be stored, but for its numbers), ``spec`` its request,
    ``before`` the live one."""

    key: str
    action: Action
    job: Job | None = None
    spec: Data | None = None
    before: Job | None = None
    diff: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


# --- what is asked for -----------------------------------------------------------------------------------------------


class Entry(msgspec.Struct, frozen=True):
    """A key and the request for its job, not yet read."""

    key: str
    spec: Mapping[str, object]


class Wish(msgspec.Struct, frozen=True):
    """The jobs that are kept in files. With ``prune`` those that were, and are not any more, are archived; with ``dry_run``
    nothing is done. ``plan`` is the mark of the one that was agreed to; None: any will do."""

    entries: tuple[Entry, ...]
    prune: bool = False
    dry_run: bool = False
    plan: str | None = None


def read_wish(body: bytes) -> Wish:
    """What a body asks for: ``{"jobs": [{"key": ..., "spec": {...}}], "prune": false, "dryRun": false, "plan": "..."}``. Raises
    Invalid."""
    source = first_object(body)
    faults: list[Fault] = []
    listed = field(source, "jobs")
    if not isinstance(listed, list):
        faults.append(Fault('jobs must be a list of {"key": ..., "spec": {...}}', "/jobs", code="ADY-0201"))
    entries = [_entry(each, f"/jobs/{n}", faults) for n, each in enumerate(listed if isinstance(listed, list) else ())]
    seen: set[str] = set()
    for n, entry in enumerate(entries):
        if entry.key in seen:
            faults.append(Fault(f'there are two jobs with the key "{entry.key}"', f"/jobs/{n}/key", code="ADY-0202"))
        seen.add(entry.key)
    plan = text_at(source, "plan", "", faults) or None
    wish = Wish(tuple(entries), prune=_flag(source, "prune", faults), dry_run=_flag(source, "dryRun", faults), plan=plan)
    if faults:
        raise Invalid(*faults)
    return wish


def _entry(value: object, pointer: str, faults: list[Fault]) -> Entry:
    source = object_at(value, pointer, faults)
    key, spec = field(source, "key"), field(source, "spec")
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        words = f"key must be a text of 1 to {LONGEST_KEY} characters on one line"
        faults.append(Fault(words, f"{pointer}/key", code="ADY-0201"))
    if not isinstance(spec, dict):
        faults.append(Fault("spec must be an object: the job", f"{pointer}/spec", code="ADY-0201"))
    return Entry(key if isinstance(key, str) else "", spec if isinstance(spec, dict) else {})


def _flag(source: Mapping[str, object], name: str, faults: list[Fault]) -> bool:
    value = field(source, name)
    if value is msgspec.UNSET or isinstance(value, bool):
        return value is True
    faults.append(Fault(f"{name} must be true or false, not {kind_of(value)}", f"/{name}", code="ADY-0201"))
    return False


# --- the plan --------------------------------------------------------------------------------------------------------


def planned(drafts: Sequence[Draft], kept: Mapping[str, Kept], *, prune: bool) -> list[Change]:
    """What has to be done, in the order of the drafts. Raises Invalid for drafts that ask for an id which they cannot have."""
    faults = list(_ids(drafts, kept))
    if faults:
        raise Invalid(*faults)
    changes = [_change(draft, kept.get(draft.key)) for draft in drafts]
    if prune:
        wanted = {draft.key for draft in drafts}
        changes += [_archived(key, each.job) for key, each in sorted(kept.items()) if key not in wanted]
    return changes


def mark(changes: Sequence[Change]) -> str:
    """What tells a plan from every other: of the same files and the same jobs it is the same."""
    said = [[each.key, each.action, *_as_it_is(each.before), each.spec, list(each.diff)] for each in changes]
    return sha256(data.encode_bytes(said)).hexdigest()


def _as_it_is(job: Job | None) -> tuple[str, int]:
    return ("", 0) if job is None else (job.id, job.version)


def _ids(drafts: Sequence[Draft], kept: Mapping[str, Kept]) -> Iterator[Fault]:
    taken: dict[str, str] = {}
    for draft in drafts:
        if not draft.own_id:
            continue
        at, job_id = f"/jobs/{draft.place}/spec/externalJobID", draft.job.id
        if job_id in taken:
            yield Fault(f'the job "{taken[job_id]}" has the same externalJobID', at, code="ADY-0203")
        taken[job_id] = draft.key
        known = kept.get(draft.key)
        if known is not None and known.job.id == job_id and not _may_stay(draft, known):
            words = (
                f"the initiators change, and a job that was {job_id} cannot be made again: choose another id, or leave it out"
            )
            yield Fault(words, at, code="ADY-0203")


def _change(draft: Draft, known: Kept | None) -> Change:
    wanted = spec_of(draft.job)
    if known is None:
        return _new(draft, Action.CREATE, None, differences({}, wanted))
    moves = draft.own_id and draft.job.id != known.job.id
    if data.encode(wanted) == data.encode(known.spec) and not moves:
        return Change(key=draft.key, action=Action.UNCHANGED, job=known.job, before=known.job, warnings=draft.warnings)
    diff = differences(known.spec, wanted)
    if not _may_stay(draft, known):
        ids = (f'~ externalJobID: "{known.job.id}" -> "{draft.job.id}"',) if moves else ()
        return _new(draft, Action.REPLACE, known.job, (*ids, *diff))
    job = _in_place(known.job, draft)
    return Change(
        key=draft.key, action=Action.UPDATE, job=job, spec=wanted, before=known.job, diff=diff, warnings=draft.warnings
    )


def _new(draft: Draft, action: Action, before: Job | None, diff: tuple[str, ...]) -> Change:
    warnings = (*draft.warnings, *(_unanswered(before, replaced=True) if before is not None else ()))
    job = msgspec.structs.replace(draft.job, applied_as=draft.key)
    return Change(key=draft.key, action=action, job=job, spec=spec_of(job), before=before, diff=diff, warnings=warnings)


def _archived(key: str, job: Job) -> Change:
    return Change(key=key, action=Action.ARCHIVE, before=job, warnings=tuple(_unanswered(job, replaced=False)))


def _may_stay(draft: Draft, known: Kept) -> bool:
    """Whether the job can be changed in place. Its initiators are what the chain, the scheduler and programs outside know of
    it: how far each has got is kept with it."""
    if draft.own_id and draft.job.id != known.job.id:
        return False
    return data.encode(spec_of(draft.job)["initiators"]) == data.encode(known.spec.get("initiators"))


def _in_place(job: Job, draft: Draft) -> Job:
    wanted = draft.job
    return msgspec.structs.replace(
        job,
        tasks=wanted.tasks,
        start_at=wanted.start_at,
        end_at=wanted.end_at,
        min_payment=wanted.min_payment,
        name=wanted.name,
        applied_as=draft.key,
    )


def _unanswered(job: Job, *, replaced: bool) -> Iterator[str]:
    """The id of a job stands in each request for it."""
    if not any(each.type in {RUN_LOG, EXEC_AGREEMENT} for each in job.initiators):
        return
    words = f"REQUESTS GO UNANSWERED: contracts that ask job {job.id} get no answer once this is applied. "
    if replaced:
        yield (
            f"{words}Its initiators change, so the job gets another id. To keep the id, leave the initiators as they are. Else "
            "keep this file, give the new job a file of its own, have every contract ask the new id, and delete this file then"
        )
    else:
        yield f"{words}Archive it when no contract asks it any more"
