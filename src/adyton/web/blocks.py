"""Blocks: read them again, and see how far that is."""

from __future__ import annotations

import re

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from adyton.domain.errors import Invalid
from adyton.domain.times import rfc3339
from adyton.services import blocks
from adyton.storage.rereads import Reread
from adyton.web import jsonapi
from adyton.web.endpoint import Node
from adyton.web.failures import Unprocessable
from adyton.web.pages import Page, shown_by

_NUMBER = re.compile(r"[0-9]{1,78}", re.ASCII)


class ReplayStarted(msgspec.Struct, frozen=True):
    """That blocks will be read again."""

    message: str


class RereadAttributes(msgspec.Struct, frozen=True, rename="camel"):
    """Blocks that are read again, or were."""

    id: str
    reason: str
    from_block: int
    next_block: int
    through_block: int
    asked_at: str
    finished_at: str | None


async def replay(node: Node, request: Request) -> Response:
    """Read blocks again, in the form of v0.10.12. It is stored when the response goes out."""
    number = request.path_params["number"]
    if not _NUMBER.fullmatch(number):
        raise Unprocessable(f'invalid block number: "{number}"; it is a whole number, zero or more', code="ADY-0610")
    try:
        await blocks.replay(node.parts, int(number))
    except Invalid as invalid:
        raise Unprocessable(*invalid.faults, code=invalid.error_code) from None
    return jsonapi.shown(jsonapi.Resource("replay", "replayID", ReplayStarted("Replay started")))


async def rereads(node: Node, request: Request) -> Response:
    """List what is read again or was, the newest first."""
    page = Page.of(request)
    found = await blocks.rereads(node.parts, offset=page.offset, limit=page.size)
    return await page.listed(request, found.of(shown_by(_resource)), node.parts.lists.turns)


def _resource(each: Reread) -> jsonapi.Resource:
    attributes = RereadAttributes(
        id=str(each.id),
        reason=each.reason,
        from_block=each.from_block,
        next_block=each.next_block,
        through_block=each.through_block,
        asked_at=rfc3339(each.asked_at),
        finished_at=None if each.finished_at is None else rfc3339(each.finished_at),
    )
    return jsonapi.Resource("rereads", str(each.id), attributes)
