"""Makes the pictures of docs/pages.md: the same pages of a node that has nothing yet, that is busy, and that is in trouble.

``make pictures`` writes them to docs/pictures. Chain, contracts, node and browser are real; only the numbers differ each time.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

from adyton.dev import contracts as on_chain
from adyton.dev import world
from adyton.dev.node_process import NodeProcess
from adyton.dev.prices import PriceSource
from support.anvil import a_line_to, start_anvil, the_real_world
from support.browser import Person, a_browser, a_person
from support.contracts import SECRETS, World, deploy_world, start_node_in

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
REQUESTS = 24
LOW = 10**15
"""Wei: enough for no answer."""
DEAR = 6 * 10**12
"""Wei: a base fee over ETH_MAX_GAS_PRICE_WEI."""


class Camera:
    """Takes pictures of a node's pages, as one person sees them."""

    def __init__(self, person: Person, directory: Path, suffix: str = "") -> None:
        self._person = person
        self._directory = directory
        self._suffix = suffix

    async def take(self, **pages: str) -> None:
        """A picture of each page, under its name."""
        page = await self._person.tab()
        for name, path in pages.items():
            await self._person.look(page, path)
            await page.wait_for_timeout(700)  # plots are drawn after the page
            await page.screenshot(path=self._directory / f"{name}{self._suffix}.png")
        await page.close()


async def cameras(
    browser: Browser, node: NodeProcess, directory: Path, work: Callable[[Camera], Awaitable[None]], **looks: Mapping[str, Any]
) -> None:
    """Let ``work`` take its pictures in each look: a suffix, and how the browser is set up."""
    for suffix, look in looks.items():
        async with a_person(browser, node.api.url, **look) as person:
            person.expect_trouble(r".")  # a node in trouble answers so; the tests look at that
            page = await person.tab()
            await person.sign_in(page, SECRETS.email, SECRETS.password, "/runs")
            await page.close()
            await work(Camera(person, directory, "" if suffix == "light" else f"-{suffix}"))


async def empty(browser: Browser, place: World, directory: Path) -> None:
    """A node that was started a moment ago."""

    async def work(camera: Camera) -> None:
        await camera.take(**{"empty-overview": "/", "empty-jobs": "/jobs", "empty-keys": "/keys"})

    async with start_node_in(place, welcome=False) as node:
        await cameras(browser, node, directory, work, light={})


async def busy(browser: Browser, place: World, directory: Path) -> None:
    """A node with work, most of it done."""
    async with start_node_in(place) as node, PriceSource(status=503) as failing:
        bad = await node.api.create_job({**world.price_job(failing.url, place.contracts.oracle), "name": "fails-now-and-then"})
        await node.api.create_job(
            {
                "name": "hourly-price",
                "initiators": [{"type": "cron", "params": {"schedule": "CRON_TZ=UTC 0 0 * * * *"}}],
                "tasks": [
                    {"type": "httpget", "params": {"get": place.prices.url}},
                    {"type": "jsonparse", "params": {"path": ["USD"]}},
                ],
            }
        )
        await place.chain.mine_every(1)
        asked = [await place.send_request() for _ in range(REQUESTS)]
        for request in asked:
            await place.answer(request)
        good, place.job_id = place.job_id, bad
        failed = await place.send_request()
        broken = await place.run(node, "errored", request_id=failed)
        place.job_id = good
        run = await place.run(node, "completed", request_id=asked[0])
        await place.send_request()
        await place.until("the node has seen its funds", lambda: _sick(node, "funds", well=True), seconds=120)

        async def all_of_it(camera: Camera) -> None:
            await both(camera)
            await camera.take(
                **{
                    "jobs": "/jobs",
                    "job": f"/jobs/{good}",
                    "editor": f"/jobs/new?from={good}",
                    "runs": "/runs",
                    "run-errored": f"/runs/{broken['id']}",
                    "requests": "/requests",
                    "explain": f"/explain?what={asked[0]}",
                    "transactions": "/transactions",
                }
            )

        async def both(camera: Camera) -> None:
            await camera.take(overview="/", run=f"/runs/{run['id']}")

        await cameras(browser, node, directory, all_of_it, light={})
        await cameras(browser, node, directory, both, dark={"color_scheme": "dark"}, phone={"phone": True})


async def broken(browser: Browser, place: World, directory: Path) -> None:
    """The node's troubles: no funds, a transaction that nobody mines, no chain."""
    async with a_line_to(place.chain) as line:
        place.line = line
        async with start_node_in(place, welcome=False, ETH_GAS_BUMP_THRESHOLD="3") as node:
            await on_chain.welcome_node(place.chain, place.contracts, place.address(), ether=LOW)
            place.job_id = await node.api.create_job(world.price_job(place.prices.url, place.contracts.oracle))
            await place.request()
            await place.until("the node says that it has no funds", lambda: _sick(node, "funds"), seconds=60)
            await cameras(
                browser,
                node,
                directory,
                lambda camera: camera.take(**{"no-funds-overview": "/", "no-funds-keys": "/keys"}),
                light={},
            )
            await on_chain.welcome_node(place.chain, place.contracts, place.address())
            await place.until("the node has its funds", lambda: _sick(node, "funds", well=True), seconds=120)
            await _stick(place)
            await cameras(
                browser,
                node,
                directory,
                lambda camera: camera.take(**{"stuck-transactions": "/transactions", "stuck-doctor": "/transactions/doctor"}),
                light={},
            )
            await line.cut()
            await place.until("the node says that it has no chain", lambda: _sick(node, "chain"), seconds=60)
            await cameras(
                browser,
                node,
                directory,
                lambda camera: camera.take(**{"no-chain-overview": "/", "no-chain-chains": "/chains"}),
                light={},
            )


async def _stick(place: World) -> None:
    """Let blocks come that cost more than the node pays, while its answer waits."""
    await place.chain.rpc("evm_setAutomine", False)
    await place.send_request()
    await place.chain.mine()

    async def in_the_pool() -> bool | None:
        return await place.sent("pending") > await place.sent("latest") or None

    await place.until("the answer is in the pool", in_the_pool)
    for _ in range(6):
        await place.chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(DEAR))
        await place.chain.mine()
        await asyncio.sleep(1)


async def _sick(node: NodeProcess, what: str, *, well: bool = False) -> bool | None:
    _, checks = await node.api.health()
    return (checks.get(what, {"status": ""})["status"] == "passing") is well or None


async def make(directory: Path) -> None:
    """Every picture, into a directory."""
    await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    async with the_real_world() as real, a_browser() as browser:
        for number, state in enumerate((empty, busy, broken)):
            with tempfile.TemporaryDirectory(prefix="adyton-pictures-") as scratch:
                async with start_anvil(Path(scratch)) as chain, deploy_world(chain, real, Path(scratch) / "node") as place:
                    print(f"{number + 1} of 3: {state.__doc__}")
                    await state(browser, place, directory)


if __name__ == "__main__":
    asyncio.run(make(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES))
