"""An external initiator on a real node: told, believed, and told again after a crash."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from adyton.dev.node_process import NodeProcess
from adyton.ports import HttpRequest
from support.contracts import World, start_node_in

pytestmark = pytest.mark.stories
ON = {"FEATURE_EXTERNAL_INITIATORS": "true"}


@dataclass
class Outsider:
    """An initiator's server. ``heard`` are methods, paths and headers of what it was told; it answers ``status``."""

    status: int = 201
    url: str = ""
    heard: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    job_ids: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """Take the news, or not."""
        self.heard.append((request.method, request.path, dict(request.headers)))
        if request.method == "POST":
            self.job_ids.append((await request.json())["jobId"])
        return web.json_response({}, status=self.status)


@asynccontextmanager
async def outsider_at_work() -> AsyncIterator[Outsider]:
    """An initiator that listens."""
    outsider = Outsider()
    application = web.Application()
    application.router.add_route("*", "/jobs", outsider.answer)
    application.router.add_route("*", "/jobs/{job}", outsider.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    outsider.url = f"http://127.0.0.1:{runner.addresses[0][1]}/jobs"
    try:
        yield outsider
    finally:
        await runner.cleanup()


async def call(
    place: World, node: NodeProcess, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """A request to the node: with ``headers`` as an initiator, else as an operator who is logged in."""
    sent = headers if headers is not None else {"Cookie": node.api._cookie}
    request = HttpRequest(
        method=method,
        url=node.api.url + path,
        headers=tuple(sent.items()),
        body=None if body is None else json.dumps(body).encode(),
        unrestricted=True,
    )
    answer = await place.real.http.request(request)
    return answer.status, json.loads(answer.body) if answer.body else None


async def test_an_initiator_is_told_of_its_job_starts_it_and_hears_of_its_end_after_a_crash(place: World) -> None:
    async with outsider_at_work() as outsider, start_node_in(place, welcome=False, **ON) as node:
        status, made = await call(place, node, "POST", "/v2/external_initiators", {"name": "outside", "url": outsider.url})
        assert status == 201
        keys = made["data"]["attributes"]
        job = {
            "initiators": [{"type": "external", "params": {"name": "outside", "body": {"feed": "x"}}}],
            "tasks": [{"type": "multiply", "params": {"times": 100}}],
        }
        job_id = await node.api.create_job(job)
        assert outsider.job_ids == [job_id]
        assert outsider.heard[0][2]["X-Chainlink-EA-Secret"] == keys["outgoingSecret"]

        incoming = {
            "X-Chainlink-EA-AccessKey": keys["incomingAccessKey"],
            "X-Chainlink-EA-Secret": keys["incomingSecret"],
        }
        status, _ = await call(place, node, "POST", f"/v2/specs/{job_id}/runs", {"result": "1.5"}, headers=incoming)
        assert status == 200
        place.job_id = job_id
        run = await place.run(node, "completed", "errored")
        assert (run["status"], run["result"]["data"]["result"]) == ("completed", "150")

        outsider.status = 503
        assert (await call(place, node, "DELETE", f"/v2/specs/{job_id}"))[0] == 204
        await place.until("the first attempt", lambda: _heard(outsider, "DELETE", 1))
        await node.kill()

        outsider.status = 200
        again = await place.node(settings=ON)
        try:
            await place.until("the news after the crash", lambda: _heard(outsider, "DELETE", 2))
            assert outsider.heard[-1][1] == f"/jobs/{job_id}"
            await place.until("nothing is left to tell", lambda: _told(place, again))
        finally:
            await again.stop()


async def test_a_job_that_its_initiator_does_not_take_is_not_there_after_a_restart_either(place: World) -> None:
    async with outsider_at_work() as outsider, start_node_in(place, welcome=False, **ON) as node:
        await call(place, node, "POST", "/v2/external_initiators", {"name": "outside", "url": outsider.url})
        outsider.status = 400
        job = {"initiators": [{"type": "external", "params": {"name": "outside"}}], "tasks": [{"type": "noop"}]}
        status, refused = await call(place, node, "POST", "/v2/specs", job)
        assert (status, "received bad response '400'" in refused["errors"][0]["detail"]) == (500, True)
        await node.kill()
        again = await place.node(settings=ON)
        try:
            assert (await call(place, again, "GET", "/v2/specs"))[1]["data"] == []
        finally:
            await again.stop()


async def _heard(outsider: Outsider, method: str, times: int) -> bool | None:
    return len([one for one in outsider.heard if one[0] == method]) >= times or None


async def _told(place: World, node: NodeProcess) -> bool | None:
    _, listed = await call(place, node, "GET", "/v2/external_initiators")
    return listed["data"][0]["attributes"]["undelivered"] == 0 or None
