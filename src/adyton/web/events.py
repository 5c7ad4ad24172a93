"""Live updates as server-sent events, which browsers and the standard libraries of most languages read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from adyton.domain.errors import AdytonError, Fault, TryAgain
from adyton.services import jobs, runs
from adyton.services.live import Stream
from adyton.services.live_events import Kind, Wanted
from adyton.services.live_guests import Guest
from adyton.web import auth
from adyton.web.endpoint import Node
from adyton.web.failures import Unprocessable

MOST = 10_000
"""Streams at once."""
_SOONEST, _LATEST = 1000, 5000
"""Milliseconds after which a client comes back; drawn, so that after a restart not all come at the same moment."""
_LONGEST_ID = 64

log = structlog.get_logger(__name__)


async def stream(node: Node, request: Request) -> Response:
    """Begin a stream of what happens, from the id of the last event that the client has had, or from now."""
    parts = node.parts
    wanted = await _wanted(node, request)
    if len(parts.live.streams) >= MOST:
        raise TryAgain(f"{MOST} streams are open, which is as many as the node serves; try again later", code="ADY-1202")
    caller = auth.caller_of(request)

    async def may_stay() -> bool:
        return await auth.still(parts, request) == caller

    last_id = request.headers.get("last-event-id") or request.query_params.get("lastEventId") or None
    retry = _SOONEST + round((_LATEST - _SOONEST) * parts.entropy.jitter())
    opened = Stream(
        parts.live,
        parts.db,
        wanted,
        last_id=None if last_id is None else last_id[:_LONGEST_ID],
        retry=retry,
        guest=Guest(auth.credential_of(request), may_stay),
    )
    return EventStream(opened.chunks())


async def _wanted(node: Node, request: Request) -> Wanted:
    """What the query asks for. Raises Unprocessable, NotFound."""
    query = request.query_params
    names = [name for text in query.getlist("kinds") for name in text.split(",") if name]
    job_id, run_id = query.get("jobSpecId") or None, query.get("runId") or None
    if job_id is not None:
        job_id = jobs.get(node.parts, job_id).id
    if run_id is not None:
        run_id = (await runs.get(node.parts, run_id))[0].id
    return Wanted(_kinds(names), job_id, run_id)


def _kinds(names: list[str]) -> frozenset[Kind]:
    try:
        return frozenset(Kind(name) for name in names) or frozenset(Kind)
    except ValueError:
        unknown = next(name for name in names if name not in set(Kind))
        words = f'kinds: "{unknown[:40]}" is none of {", ".join(Kind)}'
        raise Unprocessable(Fault(words, parameter="kinds"), code="ADY-1201") from None


class EventStream(StreamingResponse):
    """A response that lasts until either side has enough.

    The next piece is made when the connection has room for it, so a client that does not read costs a place in a list and
    nothing else; after a while its connection is cut (see ``protocol``), and it goes on where it was when it comes back.
    """

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        # The last one is for nginx, which would gather an answer before it passes it on.
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(chunks, media_type="text/event-stream", headers=headers)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as every response
        """Send pieces until there are no more or the client has left."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        sending = asyncio.ensure_future(self._send(send))
        try:
            leaving = asyncio.ensure_future(_left(receive))
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.wait((sending, leaving))
        if not sending.cancelled():
            sending.result()

    async def _send(self, send: Send) -> None:
        try:
            async with aclosing(self._chunks) as chunks:
                async for chunk in chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except AdytonError as fault:
            # The rest of the answer has begun, so all that is left is to end it; the client comes back with its last id.
            log.warning("an event stream ends", because=str(fault))
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    """Wait until the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
