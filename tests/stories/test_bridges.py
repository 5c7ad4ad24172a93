"""A job whose task is done by a real external adapter, on the framework that operators use: at once, late, late after a
crash of the node, and not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from adyton.dev.node_process import NodeProcess, free_port, start_node
from adyton.dev.world import Real
from support.contracts import SECRETS, World
from support.external_adapter import ExternalAdapter, external_adapter

pytestmark = pytest.mark.stories

PRICE_IN_CENTS = 192345


class Operator:
    """Someone who is logged in at a node."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def bridge(self, url: str, name: str = "prices") -> str:
        """Make a bridge; returns its incoming token."""
        answer = await self._client.post("/v2/bridge_types", json={"name": name, "url": url})
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["data"]["attributes"]["incomingToken"]
        return token


@asynccontextmanager
async def operator(node: NodeProcess) -> AsyncIterator[Operator]:
    async with httpx.AsyncClient(base_url=node.api.url) as client:
        login = await client.post("/sessions", json={"email": SECRETS.email, "password": SECRETS.password})
        assert login.status_code == 200
        yield Operator(client)


def job(place: World, **params: Any) -> dict[str, Any]:
    """The price comes from the bridge; the requester says how often it is taken."""
    return {
        "initiators": [{"type": "runlog", "params": {"address": place.contracts.oracle}}, {"type": "web"}],
        "tasks": [
            {"type": "prices", "params": {"base": "ETH", **params}},
            *({"type": t} for t in ("multiply", "ethuint256", "ethtx")),
        ],
    }


@asynccontextmanager
async def node_at(place: World, port: int) -> AsyncIterator[NodeProcess]:
    """A node that bridges can answer, at the same port each time."""
    settings = place.settings(BRIDGE_RESPONSE_URL=f"http://127.0.0.1:{port}")
    node = await start_node(place.root, SECRETS, settings=settings, http=place.real.http, clock=place.real.clock, port=port)
    try:
        yield node
    except BaseException:
        print(node.last_words(60))  # pytest shows it beside the failure
        raise
    finally:
        await node.stop()


@pytest.fixture
async def adapter(tmp_path: Path, real: Real) -> AsyncIterator[ExternalAdapter]:
    async with external_adapter(tmp_path, real) as running:
        yield running


async def test_an_external_adapters_price_reaches_the_chain(place: World, adapter: ExternalAdapter) -> None:
    async with node_at(place, await free_port()) as node, operator(node) as person:
        await place.welcome(node)
        await person.bridge(adapter.url)
        place.job_id = await node.api.create_job(job(place))
        assert (await place.answer(await place.request())).number == PRICE_IN_CENTS
        run = await place.run(node, "completed")
        assert run["taskRuns"][0]["result"]["data"]["result"] == 1923.45

        place.job_id = await node.api.create_job(job(place, base="NOTHING"))
        await place.request()
        failed = await place.run(node, "errored")
        assert "ExternalBridge post to external adapter: POST response: 400" in failed["result"]["error"]
        assert "no price of NOTHING" in failed["result"]["error"]
    assert len(await place.answers()) == 1


async def test_a_late_answer_counts_once_though_the_node_died_while_it_waited(place: World, adapter: ExternalAdapter) -> None:
    port = await free_port()
    async with node_at(place, port) as node, operator(node) as person:
        await place.welcome(node)
        token = await person.bridge(adapter.url)
        place.job_id = await node.api.create_job(job(place, endpoint="late"))
        request_id = await place.request()
        await place.run(node, "pending_bridge")
        assert await adapter.settle("not the token") == [401]
        await node.kill()
    async with node_at(place, port) as node:
        await place.run(node, "pending_bridge")
        assert await adapter.settle(token) == [200]
        assert (await place.answer(request_id)).number == PRICE_IN_CENTS
        run = await place.run(node, "completed")
        assert run["taskRuns"][0]["result"]["data"] == {"result": 1923.45}
        assert await adapter.settle(token) == [405], "the same answer again"
    assert len(await place.answers()) == 1


async def test_a_late_error_ends_the_run_and_nothing_is_sent(place: World, adapter: ExternalAdapter) -> None:
    async with node_at(place, await free_port()) as node, operator(node) as person:
        await place.welcome(node)
        token = await person.bridge(adapter.url)
        place.job_id = await node.api.create_job(job(place, endpoint="late", base="NOTHING"))
        await place.request()
        await place.run(node, "pending_bridge")
        assert await adapter.settle(token) == [200]
        run = await place.run(node, "errored")
        assert run["result"]["error"] == "no price of NOTHING"
    assert await place.answers() == []
    assert await place.sent() == 0
