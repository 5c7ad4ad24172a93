"""Where the document is asked for."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from adyton.web.endpoint import Node
from adyton.web.jsonapi import encode
from adyton.web.openapi.document import Table, document


class Served(NamedTuple):
    """Bytes that do not change as long as the node runs."""

    plain: bytes
    packed: bytes
    tag: str


async def show(_node: Node, request: Request) -> Response:
    """The OpenAPI document of this API."""
    documents: Documents = request.app.state.documents
    return answer(request, await asyncio.to_thread(documents.openapi), "application/json")


def answer(request: Request, served: Served, media: str, headers: Sequence[tuple[str, str]] = ()) -> Response:
    """The bytes, packed if the client takes that; nothing but the tag if the client has them."""
    common = {"etag": served.tag, "cache-control": "no-cache", "vary": "Accept-Encoding", **dict(headers)}
    if served.tag in (each.strip() for each in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=common)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(served.packed, headers={**common, "content-encoding": "gzip"}, media_type=media)
    return Response(served.plain, headers=common, media_type=media)


def serve(plain: bytes) -> Served:
    """Bytes ready to be served. The tag is a weak one: packed or not, it names the same."""
    return Served(plain, gzip.compress(plain, mtime=0), f'W/"{sha256(plain).hexdigest()[:32]}"')


class Documents:
    """What is made of the table of routes: at the first question, so that a node starts no later for it. For threads."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._openapi: Served | None = None

    def openapi(self) -> Served:
        """The OpenAPI document."""
        if self._openapi is None:
            self._openapi = serve(encode(document(self._table)))
        return self._openapi
