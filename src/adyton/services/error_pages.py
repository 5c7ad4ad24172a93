"""The pages about errors, as the API shows them."""

from __future__ import annotations

import asyncio
from functools import cache

import msgspec

from adyton import codes
from adyton.codes.listing import area
from adyton.domain.errors import NotFound


class ErrorPage(msgspec.Struct, frozen=True):
    """What is wrong, where one meets it ("" if the title says so), its cause, and its cure."""

    code: str
    title: str
    where: str
    cause: str
    cure: str


class ErrorLine(msgspec.Struct, frozen=True):
    """A code in a list, with the area that it belongs to."""

    code: str
    title: str
    area: str


async def every(words: str = "") -> list[ErrorLine]:
    """The codes that have a page, in order; with ``words`` those whose pages have each of them, in any case."""
    wanted = words.lower().split()
    return [line for line, text in await asyncio.to_thread(_lines) if all(word in text for word in wanted)]


@cache
def _lines() -> tuple[tuple[ErrorLine, str], ...]:
    """Each code with what its page says, in small letters. The pages are part of the package: they do not change."""
    return tuple(
        (ErrorLine(code, codes.title(code), area(code)), " ".join(codes.text(code).lower().split())) for code in codes.known()
    )


async def page(code: str) -> ErrorPage:
    """The page of a code. Raises NotFound, naming the nearest codes."""
    try:
        return ErrorPage(*await asyncio.to_thread(codes.page, code))
    except codes.UnknownCode as unknown:
        raise NotFound(f"{unknown} The nearest are {', '.join(unknown.nearest)}.", code="ADY-1166") from None
