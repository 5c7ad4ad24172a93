"""Answers that cost something, kept for a moment: however many ask, the question is put once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from adyton.ports import Clock

T = TypeVar("T")


class Recent(Generic[T]):
    """The newest answer of ``ask``, not older than ``seconds``.

    Anyone may ask for metrics and health, as often as they like; this keeps what that costs the database within bounds. Who
    asks meanwhile gets the answer that is under way; it goes on when its first caller gives up.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]], *, clock: Clock, seconds: float) -> None:
        self._ask = ask
        self._clock = clock
        self._seconds = seconds
        self._asking: asyncio.Task[T] | None = None
        self._answered: float | None = None

    async def value(self) -> T:
        """The answer. Raises what ``ask`` raises; an error is not kept."""
        if self._asking is None or self._is_stale(self._asking):
            self._answered = None
            self._asking = asyncio.create_task(self._answer())
            self._asking.add_done_callback(_looked_at)
        return await asyncio.shield(self._asking)

    async def _answer(self) -> T:
        answer = await self._ask()
        self._answered = self._clock.monotonic()
        return answer

    def _is_stale(self, asked: asyncio.Task[T]) -> bool:
        if not asked.done():
            return False
        if asked.cancelled() or asked.exception() is not None or self._answered is None:
            return True
        return self._clock.monotonic() - self._answered >= self._seconds


def _looked_at(asked: asyncio.Task[T]) -> None:
    """An error is told to whoever waits; when nobody does any more, it is nobody's."""
    if not asked.cancelled():
        asked.exception()
