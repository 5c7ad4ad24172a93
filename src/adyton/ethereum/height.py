"""How high an endpoint is, since when, and how long blocks take."""

from __future__ import annotations

from collections import deque

from adyton.ports import Clock

REMEMBERED = 8
"""Heads from whose arrivals the time that a block takes is told."""


class Height:
    """What one connection has shown of the chain's head."""

    def __init__(self, clock: Clock) -> None:
        self.number: int | None = None
        self._clock = clock
        self._changed_at = self._seen_at = clock.monotonic()
        self._arrivals: deque[tuple[int, float]] = deque(maxlen=REMEMBERED)

    @property
    def age(self) -> float:
        """Seconds since it showed another head than before, or since it was connected."""
        return self._clock.monotonic() - self._changed_at

    @property
    def unseen(self) -> float:
        """Seconds since it said anything about its head."""
        return self._clock.monotonic() - self._seen_at

    @property
    def block_time(self) -> float | None:
        """Seconds that a block takes, from the last ones; None if that can't be told."""
        if len(self._arrivals) < 2:
            return None
        (low, began), (high, ended) = self._arrivals[0], self._arrivals[-1]
        return (ended - began) / (high - low)

    def saw(self, number: int) -> None:
        """It has said that this is its head."""
        now = self._seen_at = self._clock.monotonic()
        if number == self.number:
            return
        if self.number is not None and number < self.number:
            self._arrivals.clear()
        self.number, self._changed_at = number, now
        self._arrivals.append((number, now))
