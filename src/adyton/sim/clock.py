"""The simulated clock: the loop's time, placed in the calendar."""

from __future__ import annotations

import asyncio

from adyton.sim.loop import SimulatedLoop, running_loop

EPOCH = 1_600_000_000
"""The calendar's second at which every simulation begins (2020-09-13 12:26:40 UTC)."""


class SimulatedClock:
    """Implements ``Clock`` on a simulated loop."""

    def __init__(self, loop: SimulatedLoop | None = None) -> None:
        self._time = (loop or running_loop()).virtual

    def now(self) -> int:
        """Microseconds since the epoch, UTC."""
        return EPOCH * 1_000_000 + self._time.microseconds

    def monotonic(self) -> float:
        """Seconds since the simulation began."""
        return self._time.seconds

    async def sleep(self, seconds: float) -> None:
        """Return when the simulated time has moved on by ``seconds``."""
        await asyncio.sleep(seconds)
