"""The chain is away, comes and goes, or is another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from adyton.dev import contracts as on_chain
from adyton.dev.node_process import NodeProcess
from adyton.dev.world import Real
from support.anvil import a_line_to, start_anvil
from support.contracts import World, deploy_world, start_node_in

pytestmark = pytest.mark.stories


async def check(place: World, node: NodeProcess, name: str, status: str) -> str:
    """What a health check says, once it has that status."""

    async def probe() -> str | None:
        _, checks = await node.api.health()
        return checks[name]["output"] if checks[name]["status"] == status else None

    said: str = await place.until(f"{name} is {status}", probe)
    return said


async def test_a_node_without_a_chain_serves_says_so_and_answers_when_the_chain_appears(place: World) -> None:
    async with a_line_to(place.chain, mended=False) as place.line, start_node_in(place) as node:
        status, _ = await node.api.health()
        assert status == 503
        assert await node.api.ready()
        assert await check(place, node, "chain", "failing")
        request_id = await place.request()
        await place.line.mend()
        assert (await place.answer(request_id)).number == 192345
        assert await check(place, node, "chain", "passing")
    assert len(await place.answers()) == 1


async def test_requests_made_while_the_line_is_cut_are_answered_once_it_is_mended(place: World) -> None:
    async with a_line_to(place.chain) as place.line, start_node_in(place) as node:
        first = await place.request()
        await place.answer(first)
        await place.line.cut()
        meanwhile = [await place.request() for _ in range(2)]
        await check(place, node, "chain", "failing")
        await place.line.mend()
        for request_id in meanwhile:
            assert (await place.answer(request_id)).number == 192345
    assert len(await place.answers()) == 3


async def test_a_node_configured_for_another_chain_says_which_and_answers_nothing(real: Real, tmp_path: Path) -> None:
    async with (
        start_anvil(tmp_path, chain_id=4242) as chain,
        deploy_world(chain, real, tmp_path / "node") as place,
        start_node_in(place) as node,
    ):
        await place.request()
        said = await check(place, node, "chain", "failing")
        assert "4242" in said
        assert "31337" in said
        assert await node.api.runs(place.job_id) == []
        assert await on_chain.answers(chain, place.contracts) == []
