"""The audit log, for admins."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.audit import Entry, Outcome
from adyton.domain.errors import Fault
from adyton.domain.times import rfc3339
from adyton.storage.audit import Wanted
from adyton.web import filters
from adyton.web.endpoint import Node
from adyton.web.failures import Unprocessable
from adyton.web.jsonapi import Resource
from adyton.web.pages import Page, shown_by

_LONGEST = 500
_FILTERS = ("caller", "action", "subject", "outcome")


class EntryAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """Who (``caller``, in the manner of ``callerKind``) did what from where to what, when, and what came of it."""

    at: str
    caller_kind: str
    caller: str
    address: str
    action: str
    subject: str
    outcome: Outcome
    detail: msgspec.Raw


async def index(node: Node, request: Request) -> Response:
    """List what was done, the newest first; ``caller``, ``action``, ``subject``, ``outcome``, ``after``, ``before`` choose."""
    page = Page.of(request)
    found = await node.parts.audit.page(_wanted(request), offset=page.offset, limit=page.size)
    return await page.listed(request, found.of(shown_by(_resource)), node.parts.lists.turns)


def _wanted(request: Request) -> Wanted:
    given = {name: request.query_params.get(name, "") for name in _FILTERS}
    for name, value in given.items():
        if len(value) > _LONGEST or not value.isprintable():
            raise Unprocessable(Fault(f"{name} can be no such text", parameter=name), code="ADY-0121")
    if given["outcome"] and given["outcome"] not in set(Outcome):
        raise Unprocessable(Fault(f"outcome must be one of {', '.join(Outcome)}", parameter="outcome"), code="ADY-0121")
    return Wanted(**given, after=filters.time(request, "after"), before=filters.time(request, "before"))


def _resource(entry: Entry) -> Resource:
    attributes = EntryAttributes(
        at=rfc3339(entry.at),
        caller_kind=entry.caller_kind,
        caller=entry.caller,
        address=entry.address,
        action=entry.action,
        subject=entry.subject,
        outcome=entry.outcome,
        detail=msgspec.Raw(entry.detail.encode()),
    )
    return Resource("auditEntries", str(entry.id), attributes)
