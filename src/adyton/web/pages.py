"""Which page of a list is wanted, and where its neighbours are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Self, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from adyton.domain.errors import Fault
from adyton.storage.paged import AT_A_TIME, Paged
from adyton.web import jsonapi
from adyton.web.failures import Unprocessable
from adyton.web.jsonapi import Links, Resource

T = TypeVar("T")

_MOST = 2**63 - 1


class Page(msgspec.Struct, frozen=True):
    """The ``number``-th page (from 1) of ``size`` items, newest first if ``descending``."""

    number: int
    size: int
    descending: bool

    @classmethod
    def of(cls, request: Request) -> Self:
        """Read ``size`` (default 25), ``page`` (default 1) and ``sort``. Raises Unprocessable with the words of v0.6.2."""
        query = request.query_params
        size = _positive("size", query.get("size", ""), 25)
        return cls(_positive("page", query.get("page", ""), 1), size, query.get("sort") == "-createdAt")

    @property
    def offset(self) -> int:
        """How many items stand before the page; never more than a database can count."""
        return min((self.number - 1) * self.size, _MOST)

    def links(self, request: Request, count: int) -> Links | None:
        """The neighbouring pages of a list of ``count`` items; None when all fit on one page (as v0.6.2)."""
        if count <= self.size:
            return None
        following = self._link(request, self.number + 1) if self.number * self.size < count else UNSET
        return Links(following, self._link(request, self.number - 1) if self.number > 1 else UNSET)

    async def listed(self, request: Request, found: Paged[Resource], turns: asyncio.Semaphore) -> Response:
        """The response that shows the page. One that is long is sent while it is read, so that neither other clients nor memory
        feel it; should the database fail in the middle, the response ends broken. ``turns`` are those of all long ones."""
        links = self.links(request, found.count)
        if self.size <= AT_A_TIME:
            return jsonapi.listed(await found.whole(), links, found.count)
        parts = _in_turn(found.parts, turns)
        # The first part is awaited here: what is wrong shows before anything is sent.
        first = await anext(parts, b"")
        return StreamingResponse(_document(first, parts, links, found.count), media_type=jsonapi.CONTENT_TYPE)

    def _link(self, request: Request, number: int) -> str:
        kept = [pair for pair in parse_qsl(request.url.query, keep_blank_values=True) if pair[0] not in {"page", "size"}]
        query = sorted([*kept, ("page", str(number)), ("size", str(self.size))], key=lambda pair: pair[0])
        return f"{request.url.path}?{urlencode(query)}"


def shown_by(resource: Callable[[T], Resource]) -> Callable[[Sequence[T]], Awaitable[list[Resource]]]:
    """How parts of a page become what is shown, where each item is shown by itself."""

    async def shown(part: Sequence[T]) -> list[Resource]:
        return [resource(each) for each in part]

    return shown


async def _in_turn(parts: AsyncIterator[Sequence[Resource]], turns: asyncio.Semaphore) -> AsyncIterator[bytes]:
    """Parts as bytes. Each is made in its turn, and sent outside of it: a client that does not read holds up nobody."""
    while True:
        async with turns:
            text = await _next(parts)
        if text is None:
            return
        if text:
            yield text


async def _next(parts: AsyncIterator[Sequence[Resource]]) -> bytes | None:
    part = await anext(parts, None)
    return None if part is None else b",".join([jsonapi.encode(each) for each in part])


async def _document(first: bytes, others: AsyncIterator[bytes], links: Links | None, count: int) -> AsyncIterator[bytes]:
    """The bytes of a list's document, in the key order of ``jsonapi.listed``."""
    yield (b"{" if links is None else b'{"links":' + jsonapi.encode(links) + b",") + b'"data":[' + first
    async for part in others:
        yield b"," + part
    yield b'],"meta":' + jsonapi.encode(jsonapi.Meta(count)) + b"}"


def _positive(name: str, text: str, default: int) -> int:
    if not text:
        return default
    digits = text[1:] if text[0] in "+-" else text
    if not (digits.isascii() and digits.isdigit()):
        raise _wrong(name, f'strconv.Atoi: parsing "{text}": invalid syntax')
    number = int(text) if len(digits) < 20 else _MOST + 1
    if number > _MOST:
        raise _wrong(name, f'strconv.Atoi: parsing "{text}": value out of range')
    if number < 1:
        raise _wrong(name, "<nil>")
    return number


def _wrong(name: str, problem: str) -> Unprocessable:
    return Unprocessable(Fault(f"invalid {name} param, error: {problem}", code="ADY-0153", parameter=name))
