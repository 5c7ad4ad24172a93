"""Simulated chance: everything that looks random follows from a seed."""

from __future__ import annotations

import random

from adyton.sim.clock import SimulatedClock


def stream(seed: int | str, purpose: str) -> random.Random:
    """A sequence of its own for one purpose, so that more draws in one part do not change the others."""
    return random.Random(f"{seed}/{purpose}")


class SimulatedEntropy:
    """Implements ``Entropy`` from a seed: the same seed gives the same tokens and, at the same times, the same ids."""

    def __init__(self, seed: int | str, clock: SimulatedClock) -> None:
        self._random = stream(seed, "entropy")
        self._clock = clock

    def token(self, size: int) -> bytes:
        """``size`` bytes."""
        return self._random.randbytes(size)

    def new_id(self) -> str:
        """32 hex digits shaped like a UUID of version 7: 48 bits of time in milliseconds, then chance."""
        milliseconds = self._clock.now() // 1000
        chance = self._random.getrandbits(74)
        value = milliseconds << 80 | 0x7 << 76 | (chance >> 62) << 64 | 0b10 << 62 | chance & (2**62 - 1)
        return f"{value:032x}"

    def jitter(self) -> float:
        """A number in [0, 1)."""
        return self._random.random()
