"""Hand-over between parts in which only the newest counts: nothing queues up, and nobody waits for a slow listener."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Holds one value. Whoever sets it never waits; a listener gets the newest at once, then each change, skipping what it
    was too slow for. Nothing survives a crash: the value is derived from what is stored and from the chain."""

    def __init__(self, value: T) -> None:
        self._value = value
        self._version = 0
        self._changed = asyncio.Event()

    @property
    def value(self) -> T:
        """The newest value."""
        return self._value

    def set(self, value: T) -> None:
        """Replace the value and wake the listeners, unless it is the same."""
        if value == self._value:
            return
        self._value = value
        self._version += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def updates(self) -> AsyncIterator[T]:
        """The newest value at once, then the newest after each change; never ends."""
        seen = -1
        while True:
            while seen == self._version:
                await self._changed.wait()
            seen = self._version
            yield self._value


class Slot(Generic[T]):
    """A mailbox for one message: a newer one replaces what has not been taken."""

    def __init__(self) -> None:
        self._filled = asyncio.Event()
        self._message: T | None = None

    def put(self, message: T) -> None:
        """Leave a message; never waits."""
        self._message = message
        self._filled.set()

    async def take(self) -> T:
        """Wait for a message and take it out. Cancelled while waiting, it takes nothing."""
        while (message := self._message) is None:
            self._filled.clear()
            await self._filled.wait()
        self._message = None
        return message
