"""Requests answered a second for as long as they keep coming: one key, a block a second, the node as a process of its own.

``SUSTAINED_SECONDS=60 make bench`` measures for a minute.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time

from common import figure, main
from stage import Crowd, until, verdict, whole_world

SECONDS = float(os.environ.get("SUSTAINED_SECONDS", "20"))
WARM_UP = 4.0
BACKLOG = 800
"""Requests that always wait for an answer, so that the node is never idle."""


async def measure() -> None:
    print(f"sustained for {SECONDS:g} s on anvil, a block a second, one key; the node's own process, SQLite, synchronous=FULL")
    async with whole_world() as place:
        node = await place.node(settings={"MIN_INCOMING_CONFIRMATIONS": "1", "MIN_OUTGOING_CONFIRMATIONS": "1"})
        try:
            await place.welcome(node, ether=1000 * 10**18)
            crowd = Crowd(place)
            await place.chain.mine_every(1)
            marks = await _flow(crowd)

            async def all_answered() -> bool:
                return await crowd.answered() >= crowd.asked

            await until(all_answered)
            (began, first), (ended, last) = marks[0], marks[-1]
            steps = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(marks)]
            figure("answers on chain, one key: mean", (last - first) / (ended - began), "/s")
            figure("answers on chain, one key: slowest five seconds", min(steps), "/s")
            await place.chain.mine()
            verdict(await place.settled(crowd.asked, mine=True))
        finally:
            await node.stop()


async def _flow(crowd: Crowd) -> list[tuple[float, int]]:
    """Keep the backlog filled; gives (time, answers) every five seconds after the warm-up."""
    began = time.perf_counter()
    marks: list[tuple[float, int]] = []
    while (now := time.perf_counter() - began) < WARM_UP + SECONDS:
        answered = await crowd.answered()
        if now >= WARM_UP + 5 * len(marks):
            marks.append((now, answered))
        missing = BACKLOG - (crowd.asked - answered)
        if missing > 0:
            await crowd.ask(missing)
        await asyncio.sleep(0.1)
    marks.append((time.perf_counter() - began, await crowd.answered()))
    return marks


if __name__ == "__main__":
    main(measure)
