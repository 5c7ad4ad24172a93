"""A page of a list, which may be as long as its reader wishes: some of it at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
U = TypeVar("U")

AT_A_TIME = 25
"""Items that are made of rows before others get their turn."""


@dataclass(frozen=True, slots=True)
class Paged(Generic[T]):
    """Items of a page, read while one goes through them, once; ``count`` is how many the list has in all."""

    count: int
    parts: AsyncIterator[Sequence[T]]

    async def whole(self) -> list[T]:
        """The page at once."""
        return [item async for part in self.parts for item in part]

    def of(self, change: Callable[[Sequence[T]], Awaitable[Sequence[U]]]) -> Paged[U]:
        """The same page with each part changed."""
        return Paged(self.count, _changed(self.parts, change))


async def _changed(
    parts: AsyncIterator[Sequence[T]], change: Callable[[Sequence[T]], Awaitable[Sequence[U]]]
) -> AsyncIterator[Sequence[U]]:
    async for part in parts:
        yield await change(part)


async def in_parts(items: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """What is at hand, as parts."""
    for start in range(0, len(items), AT_A_TIME):
        yield items[start : start + AT_A_TIME]


async def smaller(parts: AsyncIterator[Sequence[T]]) -> AsyncIterator[Sequence[T]]:
    """Parts that are no longer than is worked on at a time."""
    async for part in parts:
        for start in range(0, len(part), AT_A_TIME):
            yield part[start : start + AT_A_TIME]
