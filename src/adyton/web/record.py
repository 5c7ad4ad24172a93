"""What a request does to the node is in the audit log: one place for all routes.

``Kept`` says when the entry is written. Runs are started many times a second, so theirs shares the commit of the run: its
statement is handed to the writer first. Everything else waits until its entry is durable, and is not done when it cannot be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.access import NOBODY, Caller, CallerKind
from adyton.domain.audit import Outcome, outcome_of
from adyton.domain.errors import AdytonError, StorageUnavailable
from adyton.services.audit import AuditLog

log = structlog.get_logger(__name__)

READING = frozenset({"GET", "HEAD", "OPTIONS"})
Work = Callable[[], Awaitable[Response]]


class Kept(Enum):
    """How the audit log hears of a route's requests."""

    BEFORE = auto()
    """Begun first."""
    ALONGSIDE = auto()
    """Begun in the same commit, or an earlier one. What an external initiator does so is told by the runs themselves."""
    AFTER = auto()
    """Written as a whole once the caller is known, before the answer goes out: for logins."""
    NEVER = auto()
    """It changes nothing, or is no operator's doing."""


class _Made(msgspec.Struct):
    id: str = ""


class _Document(msgspec.Struct):
    data: _Made = msgspec.field(default_factory=_Made)


def note(request: Request, subject: str | None = None, **detail: object) -> None:
    """Tell the audit log what a request is about, and more about it that is no secret."""
    if subject is not None:
        request.state.audit_subject = subject
    request.state.audit_detail = {**getattr(request.state, "audit_detail", {}), **detail}


def note_error(request: Request, error: Exception) -> None:
    """Tell it why nothing came of the request: the code, for words can repeat what was sent."""
    if isinstance(error, AdytonError):
        note(request, code=error.error_code)


def action_name(method: str, path: str) -> str:
    """What an entry calls a route: ``DELETE /v2/specs/:job_id``."""
    return f"{method} {path.replace('{', ':').replace('}', '')}"


async def recorded(audit: AuditLog, kept: Kept, action: str, request: Request, work: Work) -> Response:
    """Do the work with its entry. Raises StorageUnavailable when there can be no entry, and nothing was done then."""
    caller = _caller(request)
    match kept:
        case Kept.BEFORE:
            entry = await audit.begin(caller, action, _subject(request))
            response = await work()
            _end(audit, entry, request, response)
            return response
        case Kept.ALONGSIDE if caller.kind is not CallerKind.INITIATOR:
            return await _alongside(audit, action, request, work)
        case Kept.AFTER:
            response = await work()
            outcome = outcome_of(response.status_code)
            await audit.record(_caller(request), action, _subject(request), outcome, _detail(request, response))
            return response
        case _:
            return await work()


async def refused_by_role(audit: AuditLog, action: str, request: Request, code: str) -> None:
    """Note that a caller wanted what their role may not. A database that takes nothing now does not change the refusal."""
    try:
        await audit.record(_caller(request), action, _subject(request), Outcome.REFUSED, {"code": code, "status": 403})
    except StorageUnavailable as fault:
        log.warning("a refusal is not in the audit log", action=action, because=str(fault))


async def _alongside(audit: AuditLog, action: str, request: Request, work: Work) -> Response:
    # Tasks begin in the order in which they are made: the entry's statement is in the writer's queue before the work begins.
    entry = asyncio.ensure_future(audit.begin(_caller(request), action, _subject(request)))
    done = asyncio.ensure_future(work())
    try:
        await asyncio.wait((entry, done))
    finally:
        entry.cancel()
        done.cancel()
    try:
        _end(audit, entry.result(), request, done.result())
    except StorageUnavailable as fault:
        log.error("a request is not in the audit log", action=action, caller=_caller(request).name, because=str(fault))
    return done.result()


def _end(audit: AuditLog, entry: int, request: Request, response: Response) -> None:
    subject = _subject(request) or _made(request, response)
    audit.end(entry, outcome_of(response.status_code), subject, _detail(request, response))


def _caller(request: Request) -> Caller:
    known = getattr(request.state, "caller", None)
    return known if isinstance(known, Caller) else NOBODY


def _subject(request: Request) -> str:
    said = getattr(request.state, "audit_subject", None)
    return said if isinstance(said, str) else "/".join(map(str, request.path_params.values()))


def _detail(request: Request, response: Response) -> dict[str, Any]:
    made = _made(request, response) if request.path_params else ""
    return {"status": response.status_code, **({"made": made} if made else {}), **getattr(request.state, "audit_detail", {})}


def _made(request: Request, response: Response) -> str:
    """The id of what a request made."""
    body = getattr(response, "body", b"")  # what is streamed has none
    if request.method != "POST" or response.status_code >= 300 or not body:
        return ""
    try:
        return msgspec.json.decode(body, type=_Document).data.id
    except msgspec.DecodeError:
        return ""
