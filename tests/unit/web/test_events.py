"""Events over real sockets: who may watch and for how long, and what becomes of those who do not read."""

from __future__ import annotations

import asyncio
import time

import pytest

from adyton.domain.access import Role
from adyton.domain.credentials import User
from adyton.domain.runs import RunStatus, moved
from adyton.storage import runs as stored
from adyton.storage import users as stored_users
from adyton.web import events, protocol
from adyton.web.auth import COOKIE
from support.api import EMAIL, Api, details
from support.builders import JOB_ID, NOW, job
from support.events import HERE, Watched, Watcher, watched

VIEWER = "viewer@example.com"


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask often whether sessions go on."""
    monkeypatch.setattr("adyton.services.live_reader.ASKED", 0.05)


async def start(api: Api) -> str:
    """A run that waits for nobody."""
    run_id: str = (await api.post(f"/v2/specs/{JOB_ID}/runs"))["data"]["id"]
    return run_id


async def viewer(api: Api) -> str:
    """The session of a user who may only look."""
    await stored_users.create(api.db, User(VIEWER, "not a hash", NOW, Role.VIEW))
    return await api.session(VIEWER)


# --- what one gets ---------------------------------------------------------------------------------------------------


async def test_events_come_as_they_happen(api: Api) -> None:
    await api.job(job())
    async with watched(api) as node, node.watch(await viewer(api), "?kinds=runs,heads") as client:
        headers = client.response.headers
        assert client.response.status_code == 200
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers.get_list("cache-control") == ["no-store"]
        assert headers["x-accel-buffering"] == "no"
        assert headers["x-content-type-options"] == "nosniff"
        assert "content-length" not in headers
        assert set((await client.next("state")).data) == {"head"}

        run_id = await start(api)
        run = await client.next("run")
        assert (run.data["id"], run.data["status"]) == (run_id, "in_progress")

        api.bench.chain.at(101)
        assert (await client.next("head")).data["number"] == 101


@pytest.mark.parametrize("how", ["header", "query"])
async def test_a_client_goes_on_where_it_was_after_a_restart_of_the_node(api: Api, how: str) -> None:
    await api.job(job())
    token = await viewer(api)
    async with watched(api) as node, node.watch(token, "?kinds=runs") as client:
        await client.next("state")
        await start(api)
        last = (await client.next("run")).id
    missed = await start(api)

    query = f"?kinds=runs&lastEventId={last}" if how == "query" else "?kinds=runs"
    headers = {"Last_Event_ID": last} if how == "header" else {}
    async with watched(api) as node, node.watch(token, query, **headers) as client:
        assert (await client.next("run", "reset")).data["id"] == missed


async def test_what_cannot_be_watched_is_refused_before_anything_is_sent(api: Api) -> None:
    await api.job(job())
    assert (await api.another_client().get("/v2/events")).status_code == 401
    for query, status, said in (
        ("?kinds=runs,fishes", 422, 'kinds: "fishes" is none of runs, heads, transactions, alerts'),
        (f"?jobSpecId={'0' * 32}", 404, "JobSpec not found"),
        (f"?runId={'0' * 32}", 404, "Job run not found"),
    ):
        answer = await api.get(f"/v2/events{query}", status)
        assert details(answer) == [said]


async def test_more_streams_than_the_node_serves_are_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST", 1)
    token = await viewer(api)
    async with watched(api) as node, node.watch(token) as client:
        await client.next("state")
        async with node.watch(token) as other:
            assert other.response.status_code == 503
            assert other.response.headers["retry-after"] == "1"


async def test_only_the_opening_of_a_stream_counts_as_a_request(api: Api) -> None:
    await api.job(job())
    async with watched(api) as node, node.watch(await viewer(api), "?kinds=runs") as client:
        before = client.response.headers["x-ratelimit-remaining"]
        for _ in range(3):
            await start(api)
            await client.next("run")
        async with node.watch(await api.session(VIEWER), "?kinds=runs") as other:
            assert int(other.response.headers["x-ratelimit-remaining"]) == int(before) - 1


# --- for how long ----------------------------------------------------------------------------------------------------


async def test_logging_out_ends_the_streams_of_that_session_and_no_others(api: Api) -> None:
    await api.job(job())
    token, other = await viewer(api), await api.session(VIEWER)
    async with watched(api) as node, node.watch(token) as ends, node.watch(other, "?kinds=runs") as stays:
        await ends.next("state")
        await stays.next("state")
        await node.parts.sessions.close(token)
        await asyncio.wait_for(ends.end(), 5)
        await start(api)
        assert (await stays.next("run")).name == "run"


async def test_a_session_that_is_idle_ends_although_a_stream_is_open(api: Api) -> None:
    async with watched(api) as node, node.watch(await viewer(api)) as client:
        await client.next("state")
        api.bench.clock.micros += 901 * 1_000_000
        await asyncio.wait_for(client.end(), 5)


async def test_another_role_ends_the_streams_of_a_user(api: Api) -> None:
    async with watched(api) as node, node.watch(await viewer(api)) as client:
        await client.next("state")
        await stored_users.set_role(api.db, VIEWER, Role.RUN)
        node.parts.sessions.forget(VIEWER)
        await asyncio.wait_for(client.end(), 5)


async def test_a_node_that_stops_ends_streams_at_once(api: Api) -> None:
    async with watched(api) as node, node.watch(await api.session(EMAIL)) as client:
        await client.next("state")
        began = time.monotonic()
        await node.stop()
        assert time.monotonic() - began < 1.0
        await client.end()


# --- who leaves, and who does not read -------------------------------------------------------------------------------


async def test_a_client_that_leaves_is_forgotten(api: Api) -> None:
    async with watched(api) as node:
        async with node.watch(await viewer(api)) as client:
            await client.next("state")
            assert len(node.hub.streams) == 1
        await gone(node)


async def test_a_client_that_never_reads_holds_nobody_up_and_is_cut_off(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "STALL_SECONDS", 0.2)
    await api.job(job())
    token = await viewer(api)
    async with watched(api) as node, node.watch(token, "?kinds=runs") as reads:
        await reads.next("state")
        _, writer = await asyncio.open_connection(HERE, node.port, limit=1024)
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a socket's
        writer.write(f"GET /v2/events?kinds=runs HTTP/1.1\r\nhost: {HERE}\r\ncookie: {COOKIE}={token}\r\n\r\n".encode())
        while len(node.hub.streams) < 2:
            await reads_of(api, reads, 1)
        while len(node.hub.streams) == 2:
            await reads_of(api, reads, 200)
        writer.close()


async def reads_of(api: Api, reads: Watcher, count: int) -> None:
    """Let runs fail with long words, and the one who reads read of them."""
    spec = api.bench.jobs.jobs[JOB_ID]
    made = [await api.bench.engine.start(spec, spec.initiators[0], {}) for _ in range(count)]
    for run in made:
        await api.db.write(*stored.save(moved(run, RunStatus.ERRORED, NOW, error="x" * 600), ()))
    while (event := await reads.next("run")).data["id"] != made[-1].id or event.data["status"] != "errored":
        pass


async def gone(node: Watched) -> None:
    """Wait until nobody watches."""
    async with asyncio.timeout(5):
        while node.hub.streams:
            await node.parts.clock.sleep(0.01)
