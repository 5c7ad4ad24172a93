"""Where the document is asked for."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from adyton.web.endpoint import Node
from adyton.web.jsonapi import encode
from adyton.web.openapi.document import Table, document
from adyton.web.schemas import standalone as schemas

FILES = Path(__file__).parent / "files"
POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""What the page may load: its own style sheet."""
_SCHEMA = "application/schema+json"


class Served(NamedTuple):
    """Bytes that do not change as long as the node runs."""

    plain: bytes
    packed: bytes
    tag: str


async def show(_node: Node, request: Request) -> Response:
    """Show the OpenAPI document of this API."""
    return answer(request, await asyncio.to_thread(_documents(request).openapi), "application/json")


async def read(_node: Node, request: Request) -> Response:
    """Show this API on a page for people."""
    found = await asyncio.to_thread(_documents(request).page)
    return answer(request, found, "text/html", {"content-security-policy": _documents(request).policy})


async def style(_node: Node, request: Request) -> Response:
    """Show the style sheet of the page."""
    return answer(request, await asyncio.to_thread(_documents(request).style), "text/css")


async def job(_node: Node, request: Request) -> Response:
    """Show the JSON Schema of job specs, for editors."""
    return answer(request, await asyncio.to_thread(_documents(request).schema, "job"), _SCHEMA)


async def bridge(_node: Node, request: Request) -> Response:
    """Show the JSON Schema of bridges, for editors."""
    return answer(request, await asyncio.to_thread(_documents(request).schema, "bridge"), _SCHEMA)


def _documents(request: Request) -> Documents:
    found = request.app.state.documents
    assert isinstance(found, Documents)
    return found


def answer(request: Request, served: Served, media: str, headers: Mapping[str, str] | None = None) -> Response:
    """The bytes, packed if the client takes that; nothing but the tag if the client has them."""
    common = {"etag": served.tag, "cache-control": "no-cache", "vary": "Accept-Encoding", **(headers or {})}
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

    policy = POLICY

    def __init__(self, table: Table) -> None:
        self.table = table
        self._made: dict[str, Served] = {}

    def openapi(self) -> Served:
        """The OpenAPI document."""
        return self._once("openapi", lambda: encode(document(self.table)))

    def page(self) -> Served:
        """The page for people."""
        return self._once("page", self._written)

    def style(self) -> Served:
        """Its style sheet."""
        return self._once("style", (FILES / "docs.css").read_bytes)

    def schema(self, name: str) -> Served:
        """The JSON Schema of a ``job`` or a ``bridge``."""
        return self._once(name, lambda: schemas.text(name).encode())

    def _written(self) -> bytes:
        from adyton.web.openapi.page import page  # noqa: PLC0415 - what makes pages is imported when one is asked for

        return page(document(self.table)).encode()

    def _once(self, name: str, make: Callable[[], bytes]) -> Served:
        # Two threads may make the same at once: the same bytes.
        found = self._made.get(name)
        if found is None:
            found = self._made[name] = serve(make())
        return found
