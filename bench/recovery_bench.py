"""Time until the node is itself again after ``kill -9`` with many runs waiting for confirmations.

``RECOVERY_ALL=1`` also waits for the last answer.
"""

from __future__ import annotations

import os
import time

from common import figure, main
from stage import Crowd, height_is_mined, until, verdict, whole_world
from support.ledger import unfinished

WAITING = int(os.environ.get("RECOVERY_RUNS", "10000"))
DEPTH = 30
SETTINGS = {"MIN_INCOMING_CONFIRMATIONS": str(DEPTH), "MIN_OUTGOING_CONFIRMATIONS": "1"}


async def measure() -> None:
    print(f"recovery after kill -9 with {WAITING:,} runs waiting for {DEPTH} confirmations; SQLite, synchronous=FULL, anvil")
    async with whole_world() as place:
        node = await place.node(settings=SETTINGS)
        try:
            await place.welcome(node, ether=1000 * 10**18)
            await place.chain.rpc("evm_setAutomine", False)
            crowd = Crowd(place)
            for _ in range(10):
                await crowd.ask(WAITING // 10)
                await place.chain.mine()

            async def all_wait() -> bool:
                return (await unfinished(place.root))[1] >= crowd.asked

            await until(all_wait, every=0.2)
            await node.kill()
            began = time.perf_counter()
            node = await place.node(settings=SETTINGS)
            figure("kill -9 to the API serving (start and log-in included)", time.perf_counter() - began, "s")

            await node.kill()
            await height_is_mined(place.chain, DEPTH)
            await place.chain.rpc("evm_setAutomine", True)
            began = time.perf_counter()
            node = await place.node(settings=SETTINGS)

            async def some() -> bool:
                return await crowd.answered() >= 1

            async def every() -> bool:
                return await crowd.answered() >= crowd.asked

            await until(some)
            figure(f"kill -9 to the first answer, all {WAITING:,} due at once", time.perf_counter() - began, "s")
            if os.environ.get("RECOVERY_ALL"):
                await until(every, seconds=600)
                figure("kill -9 to the last answer", time.perf_counter() - began, "s")
                verdict(await place.settled(crowd.asked, mine=True))
        finally:
            await node.stop()


if __name__ == "__main__":
    main(measure)
