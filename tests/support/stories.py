"""What the reliability stories share: bursts of requests, and how much of everything."""

from __future__ import annotations

import asyncio
import os
import random

from support.contracts import World

TIMES = int(os.environ.get("STORIES_TIMES", "1"))
"""How often the breaking is repeated: 1 in CI, as often as asked in a soak."""
SEED = int(os.environ.get("STORIES_SEED", "3"))
PRICE = 192345


async def bursts(place: World, count: int, draws: random.Random, *, size: int = 20, pause: float = 0.1) -> list[str]:
    """``count`` requests in bursts of up to ``size``, with pauses of up to ``pause`` seconds; returns their ids."""
    asked: list[str] = []
    while len(asked) < count:
        burst = min(draws.randint(1, size), count - len(asked))
        asked += [await place.send_request() for _ in range(burst)]
        await asyncio.sleep(draws.uniform(0, pause))
    return asked
