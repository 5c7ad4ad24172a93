"""Time that the node needs when its Ethereum endpoint dies and another one is configured: cut off, and silent.

A block a second. Each round breaks the endpoint in use, asks a request at that moment, and waits for its answer on the chain.
"""

from __future__ import annotations

import statistics
import time

from adyton.dev.fault_proxy import FaultProxy
from common import figure, main
from stage import verdict, whole_world
from support.anvil import a_line_to
from support.contracts import World

ROUNDS = 3


async def measure() -> None:
    print(f"fail-over between two endpoints, a block a second, {ROUNDS} rounds each; from the fault to the answer of a request")
    async with whole_world() as place, a_line_to(place.chain) as first, a_line_to(place.chain) as second:
        node = await place.node(settings={"ETH_URL": f"{first.websocket},{second.websocket}", "NODE_POLL_INTERVAL": "1s"})
        try:
            await place.welcome(node)
            await place.answer(await place.request())
            await place.chain.mine_every(1)
            undisturbed = [await _answer(place) for _ in range(ROUNDS)]
            figure("undisturbed: median", statistics.median(undisturbed), "s")
            asked = 1 + ROUNDS
            for how in ("cut", "stalled"):
                took = []
                for _ in range(ROUNDS):
                    for line in (first, second):
                        await line.mend()
                    active = await _active(place, first, second)
                    if how == "cut":
                        await active.cut()
                    else:
                        active.stall()
                    took.append(await _answer(place))
                    asked += 1
                figure(f"the endpoint in use is {how}: median", statistics.median(took), "s", "target: < 5")
                figure(f"the endpoint in use is {how}: slowest", max(took), "s")
            verdict(await place.settled(asked, mine=True))
        finally:
            await node.stop()


async def _answer(place: World) -> float:
    began = time.perf_counter()
    await place.answer(await place.send_request())
    return time.perf_counter() - began


async def _active(place: World, first: FaultProxy, second: FaultProxy) -> FaultProxy:
    """The line over which the node asked for what the last request needed."""
    before = (first.carried_bytes, second.carried_bytes)
    await place.answer(await place.send_request())
    grown = (first.carried_bytes - before[0], second.carried_bytes - before[1])
    return first if grown[0] >= grown[1] else second


if __name__ == "__main__":
    main(measure)
