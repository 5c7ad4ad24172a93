"""Who holds the streams: when a session ends, or its user may do less, its streams end within seconds.

A stream is opened once and stays, so nobody asks who is calling again. That is asked here, once for all streams of one session
or token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

import structlog

from adyton.domain.errors import AdytonError

ASKED = 2.0
"""Seconds between two questions."""

log = structlog.get_logger(__name__)


class Guest(NamedTuple):
    """Somebody who was let in. ``key`` is the same for all streams of one session; ``may_stay`` asks whether it still is what
    it was, and does not count as use of it."""

    key: str
    may_stay: Callable[[], Awaitable[bool]]


class Held(Protocol):
    """A stream."""

    guest: Guest | None

    def end(self) -> None:
        """End it."""
        ...


class Guests:
    """The streams of each guest."""

    def __init__(self) -> None:
        self._streams: dict[str, set[Any]] = {}

    def add(self, stream: Held) -> None:
        """One more stream."""
        if stream.guest is not None:
            self._streams.setdefault(stream.guest.key, set()).add(stream)

    def remove(self, stream: Held) -> None:
        """One less."""
        if stream.guest is not None and (held := self._streams.get(stream.guest.key)) is not None:
            held.discard(stream)
            if not held:
                del self._streams[stream.guest.key]

    async def ask(self) -> None:
        """End the streams of those who may not stay. While that cannot be found out they stay."""
        for key, streams in list(self._streams.items()):
            first = next(iter(streams), None)
            if first is None:
                continue
            try:
                stays = await first.guest.may_stay()
            except AdytonError:
                continue
            if not stays:
                log.info("the session behind event streams is over", streams=len(streams))
                for stream in list(self._streams.get(key, ())):
                    stream.end()
