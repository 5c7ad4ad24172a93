"""The machine's clock."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    """``ports.Clock`` on the machine's own time."""

    def now(self) -> int:
        """Microseconds since the epoch, UTC. May go back when the machine's time is set."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``."""
        await asyncio.sleep(seconds)
