"""The pages about errors, as the API shows them."""

from __future__ import annotations

import asyncio

import msgspec

from adyton import codes
from adyton.domain.errors import NotFound


class ErrorPage(msgspec.Struct, frozen=True):
    """What is wrong, where one meets it ("" if the title says so), its cause, and its cure."""

    code: str
    title: str
    where: str
    cause: str
    cure: str


async def page(code: str) -> ErrorPage:
    """The page of a code. Raises NotFound, naming the nearest codes."""
    try:
        return ErrorPage(*await asyncio.to_thread(codes.page, code))
    except codes.UnknownCode as unknown:
        raise NotFound(f"{unknown} The nearest are {', '.join(unknown.nearest)}.", code="ADY-1166") from None
