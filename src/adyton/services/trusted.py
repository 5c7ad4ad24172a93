"""Rows that are asked for at every request, and not read for each.

A row that was read is believed for ``TRUSTED`` seconds, so what another process changes counts here at most that much later;
what changes here counts at once: whoever writes tells ``drop`` after the write.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from adyton.ports import Clock

TRUSTED = 5
"""Seconds for which a row that was read is believed."""
_SECOND = 1_000_000
_KEPT = 10_000

T = TypeVar("T")


class Trusted(Generic[T]):
    """Things by their keys, as they were read last. Keys of nothing are not kept: strangers can invent as many as they like."""

    def __init__(self, read: Callable[[str, T | None], Awaitable[T | None]], clock: Clock) -> None:
        """``read`` gets the key, and what was known before, from which it may take over what is newer than the row."""
        self._read = read
        self._clock = clock
        self._known: dict[str, tuple[T, int]] = {}
        self._drops = 0

    async def get(self, key: str) -> T | None:
        """The thing with that key; None when there is none. Raises StorageUnavailable."""
        known = self._known.get(key)
        now = self._clock.now()
        # A time that lies in the future was noted before the machine's time was set back.
        if known is not None and 0 <= now - known[1] < TRUSTED * _SECOND:
            return known[0]
        while True:
            drops = self._drops
            found = await self._read(key, known[0] if known is not None else None)
            if drops == self._drops:
                return self._keep(key, found, now)
            known = None  # something was changed while this was read: it may be this

    def drop(self, concerned: Callable[[str, T], bool]) -> None:
        """Forget what was known of the things concerned, and what is being read of any."""
        self._drops += 1
        self._known = {key: known for key, known in self._known.items() if not concerned(key, known[0])}

    def _keep(self, key: str, found: T | None, now: int) -> T | None:
        if found is None:
            self._known.pop(key, None)
            return None
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[key] = (found, now)
        return found
