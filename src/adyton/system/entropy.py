"""The machine's randomness, and identifiers made of time and chance."""

from __future__ import annotations

import os
import random
import time

COUNTER_BITS = 12


class SystemEntropy:
    """``ports.Entropy`` on the operating system's random numbers."""

    def __init__(self) -> None:
        self._last = 0  # the 48 bits of time and the 12 of the counter of the newest id, as one number

    def token(self, size: int) -> bytes:
        """``size`` unpredictable bytes."""
        return os.urandom(size)

    def new_id(self) -> str:
        """32 hex digits shaped like a UUID of version 7: 48 bits of milliseconds, 12 bits that count within the
        millisecond, 62 random bits.

        Ids of one process sort by the order of their making: when the counter is full it borrows from the time, and when
        the machine's time is set back the time of the newest id goes on.
        """
        now = time.time_ns() // 1_000_000 << COUNTER_BITS
        self._last = last = now if now > self._last else self._last + 1
        chance = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        return f"{last >> COUNTER_BITS:012x}7{last & 0xFFF:03x}{chance:016x}"

    def jitter(self) -> float:
        """A number in [0, 1), to spread retries; nothing secret hangs on it."""
        return random.random()  # noqa: S311 - spreads retries, protects nothing
