"""Which targets of a request are looked at: those that are text, and not endless."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from adyton.web.jsonapi import refused

LONGEST = 16384
"""Bytes of path and query. (v0.6.2 took a mebibyte.)"""
MOST_PARAMETERS = 200


class Targets:
    """Refuses paths and queries that no client of ours can mean. A NUL is no text to a database; bytes that are no UTF-8 would
    reach handlers as other characters than were sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = _problem(scope.get("raw_path") or scope["path"].encode(), scope["query_string"])
        await (self._app if problem is None else problem)(scope, receive, send)


def _problem(path: bytes, query: bytes) -> Response | None:
    if len(path) + len(query) > LONGEST:
        return refused(414, [f"path and query have more than {LONGEST} bytes"], code="ADY-1004")
    if query.count(b"&") >= MOST_PARAMETERS:
        return refused(414, [f"the query has more than {MOST_PARAMETERS} parameters"], code="ADY-1004")
    for part, name in ((path, "path"), (query, "query")):
        wrong = _wrong(part)
        if wrong:
            return refused(400, [f"the {name} holds {wrong}"], code="ADY-1003")
    return None


def _wrong(part: bytes) -> str:
    decoded = unquote_to_bytes(part) if b"%" in part else part
    if b"\0" in decoded:
        return "a NUL character"
    try:
        decoded.decode()
    except UnicodeDecodeError:
        return "bytes that are not UTF-8"
    return ""
