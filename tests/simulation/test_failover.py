"""A whole node with several Ethereum nodes: the one in use fails, and nobody who asked for a price notices."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adyton.sim.ethereum import Endpoint
from adyton.sim.loop import run
from adyton.sim.world import PRICE_JOB, World

PREFERRED = "ws://simulated.example"
SECONDARY = "http://third.example"


def freeze(endpoint: Endpoint) -> None:
    endpoint.faults.frozen = True


def limit(endpoint: Endpoint) -> None:
    endpoint.faults.limited = 1.0


def lag(endpoint: Endpoint) -> None:
    endpoint.faults.lag = 200.0


@pytest.mark.parametrize("standby", ["ws://second.example", "http://second.example"])
@pytest.mark.parametrize("fail", [Endpoint.go_offline, freeze, limit, lag])
def test_every_request_is_answered_once_while_the_ethereum_node_in_use_fails(
    fail: Callable[[Endpoint], None], standby: str
) -> None:
    async def story() -> None:
        settings = {"ETH_URL": f"{PREFERRED},{standby}", "ETH_SECONDARY_URLS": SECONDARY}
        async with World(seed=f"{fail.__name__} {standby}", settings=settings) as world:
            job = await world.create_job(PRICE_JOB)
            requests = []
            for number in range(12):
                if number == 4:
                    fail(world.ethereum.endpoint(PREFERRED))
                requests.append(world.chain.request(job.id, {"path": ["USD"]}))
                await world.clock.sleep(8)
            for request in requests:
                await world.until(lambda request=request: world.chain.answers(request))  # type: ignore[misc]
            assert [len(world.chain.answers(request)) for request in requests] == [1] * len(requests)
            assert world.node is not None
            assert [each.active for each in world.node.rpc.endpoints()] == [False, True, False]

    run(story())
