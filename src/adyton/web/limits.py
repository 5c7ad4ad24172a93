"""How many requests an address may make in a time."""

from __future__ import annotations

from ipaddress import ip_network
from typing import NamedTuple

from adyton.ports import Clock

_SECOND = 1_000_000
_ADDRESSES_KEPT = 10_000


class Allowance(NamedTuple):
    """What is left to an address: ``reset`` is the Unix second at which its window ends."""

    granted: bool
    limit: int
    remaining: int
    reset: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As v0.6.2 shows it."""
        return [
            (b"x-ratelimit-limit", b"%d" % self.limit),
            (b"x-ratelimit-remaining", b"%d" % self.remaining),
            (b"x-ratelimit-reset", b"%d" % self.reset),
        ]


def counted_as(address: str) -> str:
    """An address of IPv6 counts as its network of 64 bits: whoever has one address has all of them."""
    if ":" not in address:
        return address
    try:
        return str(ip_network((address.partition("%")[0], 64), strict=False))
    except ValueError:
        return address


APPLIED = 8
"""How many times the size of any other request that of many jobs may have."""


class RateLimiter:
    """Counts requests of each address in fixed windows that start at the first request. In memory: a restart forgets."""

    def __init__(self, clock: Clock, *, limit: int, period: int) -> None:
        """``limit`` requests in ``period`` seconds."""
        self._clock = clock
        self._limit = limit
        self._period = period * _SECOND
        self._windows: dict[str, list[int]] = {}

    def take(self, address: str) -> Allowance:
        """Count one request of an address."""
        now, address = self._clock.now(), counted_as(address)
        window = self._windows.get(address)
        # A window that seems to lie in the future was counted before the machine's time was set back.
        if window is None or now >= window[0] or window[0] - now > self._period:
            if len(self._windows) >= _ADDRESSES_KEPT:
                self._forget(now)
            window = self._windows[address] = [now + self._period, 0]
        window[1] += 1
        left = self._limit - window[1]
        return Allowance(left >= 0, self._limit, max(0, left), -(-window[0] // _SECOND))

    def _forget(self, now: int) -> None:
        self._windows = {address: window for address, window in self._windows.items() if now < window[0]}
        if len(self._windows) >= _ADDRESSES_KEPT:
            self._windows.clear()
