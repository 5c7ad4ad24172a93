"""The HTTP API on a database with 1,000,000 runs: a node process under a steady load, a full one, and with slow clients.

The clients are another process on the same cores, so part of the machine is theirs. ``BENCH_PARTS`` chooses what is measured,
``BENCH_RUNS`` and ``BENCH_SECONDS`` how long the history and the steady load are.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import resource
import socket
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from adyton.dev.node_process import NodeProcess, Secrets, start_node
from adyton.system.clock import SystemClock
from adyton.system.http import AiohttpTransport
from common import figure, main, timed
from engine_bench import INPUT
from idle_bench import cpu_seconds, resident
from web_history import made_history

RUNS = int(os.environ.get("BENCH_RUNS", "1000000"))
CLIENTS = 200
RATE = 100
"""Requests a second of the steady load."""
STEADY = float(os.environ.get("BENCH_SECONDS", "20"))
FULL = 2000
"""Requests of each route when as many are made as can be."""
STREAMS = 50
MANY_STREAMS = 5000
STUCK = 100
"""Clients of each kind that are slow."""
SECRETS = Secrets(password="bench-password-1", keystore="bench-keystore-1")
SETTINGS = {"ETH_URL": "ws://127.0.0.1:9", "LOG_LEVEL": "error", "AUTHENTICATED_RATE_LIMIT": "1000000000"}


class Clients:
    """Connections that stay open, each for one request at a time, with one session."""

    def __init__(self, url: str, cookie: str) -> None:
        self.url = url
        self.cookie = cookie
        self._idle: asyncio.Queue[aiohttp.ClientSession] = asyncio.Queue()

    async def open(self, count: int) -> None:
        for _ in range(count):
            connector = aiohttp.TCPConnector(limit=1, keepalive_timeout=600)
            self._idle.put_nowait(aiohttp.ClientSession(self.url, connector=connector, headers={"Cookie": self.cookie}))

    async def close(self) -> None:
        while not self._idle.empty():
            await self._idle.get_nowait().close()

    async def request(self, method: str, path: str, body: object = None) -> tuple[float, bytes]:
        """Milliseconds that it took, and the answer's body. The client is the one that has been idle longest."""
        began = time.perf_counter()
        session = await self._idle.get()
        try:
            async with session.request(method, path, json=body) as response:
                text = await response.read()
                assert response.status == 200, (response.status, text)
        finally:
            self._idle.put_nowait(session)
        return (time.perf_counter() - began) * 1000, text


Routes = dict[str, tuple[str, str, object]]


def routes(jobs: list[str]) -> Routes:
    """What is asked for, by name."""
    return {
        "list, page 1": ("GET", "/v2/runs?sort=-createdAt", None),
        "list, page 10,000": ("GET", f"/v2/runs?page={min(10_000, RUNS // 25)}", None),
        "list of a job and a status": (
            "GET",
            f"/v2/runs?jobSpecId={jobs[0]}&status=completed&page={min(5000, RUNS // 100)}",
            None,
        ),
        "create a run": ("POST", f"/v2/specs/{jobs[1]}/runs", INPUT),
    }


def others(jobs: list[str]) -> Routes:
    """What is asked for once in a while."""
    return {
        "list of the errored": ("GET", "/v2/runs?status=errored&page=100", None),
        "list of a job with few": ("GET", f"/v2/runs?jobSpecId={jobs[-1]}&sort=-createdAt", None),
        "list since a time": ("GET", "/v2/runs?createdAfter=2020-09-20T00:00:00Z&status=cancelled", None),
        "list of an initiator type": ("GET", "/v2/runs?initiator=web&page=7", None),
    }


def shown(name: str, waits: list[float], target: str = "") -> None:
    """Print how long requests took."""
    cuts = statistics.quantiles(waits, n=1000)
    figure(f"{name}: p50", cuts[499], "ms")
    figure(f"{name}: p99", cuts[989], "ms", target)
    figure(f"{name}: max", max(waits), "ms")


# --- what is measured ------------------------------------------------------------------------------------------------


async def first(clients: Clients, wanted: Routes) -> None:
    """What the first request of each list costs, which counts it, and the next."""
    for name, (method, path, body) in wanted.items():
        if method == "GET":
            wait, _ = await clients.request(method, path, body)
            figure(f"first {name}", wait, "ms")
            figure(f"next {name}", statistics.median([(await clients.request(method, path, body))[0] for _ in range(20)]), "ms")


async def steady(clients: Clients, node: NodeProcess, wanted: Routes) -> None:
    """Requests at a steady rate, each at its time whether or not others are answered."""
    for method, path, body in wanted.values():
        await clients.request(method, path, body)
    waits: dict[str, list[float]] = defaultdict(list)
    before, elapsed = cpu_seconds(node.child.pid), timed()
    async with asyncio.TaskGroup() as group:
        kinds = itertools.cycle(wanted.items())
        for number in range(round(STEADY * RATE)):
            await asyncio.sleep(max(0.0, number / RATE - elapsed()))
            name, (method, path, body) = next(kinds)

            async def one(name: str = name, method: str = method, path: str = path, body: object = body) -> None:
                waits[name].append((await clients.request(method, path, body))[0])

            group.create_task(one())
    used = (cpu_seconds(node.child.pid) - before) / elapsed()
    for name, times in waits.items():
        shown(f"{RATE} requests/s: {name}", times, "target: < 25")
    figure(f"{RATE} requests/s: the node's processor", used * 100, "%")
    figure(f"{RATE} requests/s: the node's memory", resident(node.child.pid), "MB")


async def full(clients: Clients, node: NodeProcess, wanted: Routes) -> None:
    """As many requests as 200 clients can make."""
    for route, (method, path, body) in wanted.items():
        name, left = f"{CLIENTS} clients at once: {route}", iter(range(FULL))
        before, elapsed = cpu_seconds(node.child.pid), timed()
        waits = await asyncio.gather(*(_again(clients, left, method, path, body) for _ in range(CLIENTS)))
        figure(name, FULL / elapsed(), "/s")
        figure(f"{name}: processor", (cpu_seconds(node.child.pid) - before) / FULL * 1000, "ms each")
        shown(name, list(itertools.chain.from_iterable(waits)))


async def _again(clients: Clients, left: Iterator[int], method: str, path: str, body: object) -> list[float]:
    return [(await clients.request(method, path, body))[0] for _ in left]


async def long_page(clients: Clients, node: NodeProcess) -> None:
    """One page of 10,000 runs, and others meanwhile."""
    asking = asyncio.create_task(clients.request("GET", "/v2/runs?size=10000&page=3"))
    waits = [wait async for wait in health_meanwhile(clients, asking)]
    wait, text = await asking
    figure("a page of 10,000 runs", wait, "ms")
    figure("a page of 10,000 runs: its size", len(text) / 1e6, "MB")
    figure("health meanwhile: max", max(waits), "ms")
    figure("memory after it", resident(node.child.pid), "MB")


async def health_meanwhile(clients: Clients, busy: asyncio.Task[object]) -> AsyncIterator[float]:
    """How long ``/readyz`` takes, again and again until something is done."""
    while not busy.done():
        began = time.perf_counter()
        async with aiohttp.ClientSession(clients.url) as session, session.get("/readyz") as response:
            await response.read()
        yield (time.perf_counter() - began) * 1000
        await asyncio.sleep(0.01)


# --- clients that are slow -------------------------------------------------------------------------------------------


class Raw:
    """A connection on which bytes are written by hand, with a small buffer for what comes back."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._address = (host, int(port))
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.setblocking(False)

    async def open(self) -> None:
        await asyncio.get_running_loop().sock_connect(self._socket, self._address)

    async def send(self, text: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, text)

    def close(self) -> None:
        self._socket.close()


def head(clients: Clients, line: str, more: str = "") -> bytes:
    return f"{line} HTTP/1.1\r\nHost: node\r\nCookie: {clients.cookie}\r\n{more}\r\n".encode()


async def never_reads(clients: Clients, raw: Raw) -> None:
    """Ask for much and read nothing."""
    await raw.send(head(clients, "GET /v2/runs?size=100000"))


async def slow_head(clients: Clients, raw: Raw) -> None:
    """A request's head, a byte at a time."""
    for byte in head(clients, "GET /v2/runs"):
        await raw.send(bytes([byte]))
        await asyncio.sleep(0.05)


async def slow_body(clients: Clients, raw: Raw, job: str) -> None:
    """A request's body, a byte at a time."""
    await raw.send(head(clients, f"POST /v2/specs/{job}/runs", "Content-Length: 1000\r\n"))
    for _ in range(1000):
        await raw.send(b" ")
        await asyncio.sleep(0.05)


async def stuck(clients: Clients, node: NodeProcess, wanted: Routes, job: str) -> None:
    """The steady load again while many clients hang."""
    raws = [Raw(clients.url) for _ in range(3 * STUCK)]
    for raw in raws:
        await raw.open()
    before = resident(node.child.pid)
    kinds: list[Callable[[Raw], Awaitable[None]]] = [
        lambda raw: never_reads(clients, raw),
        lambda raw: slow_head(clients, raw),
        lambda raw: slow_body(clients, raw, job),
    ]
    hanging = [asyncio.create_task(_quietly(kinds[n % 3](raw))) for n, raw in enumerate(raws)]
    await asyncio.sleep(1)
    waits = []
    for _, (method, path, body) in zip(range(500), itertools.cycle(wanted.values()), strict=False):
        waits.append((await clients.request(method, path, body))[0])
        await asyncio.sleep(0.01)
    shown(f"with {3 * STUCK} clients that hang: any request", waits)
    figure(f"with {3 * STUCK} clients that hang: memory more", resident(node.child.pid) - before, "MB")
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    for raw in raws:
        raw.close()


async def _quietly(work: Awaitable[None]) -> None:
    try:
        await work
    except OSError:
        return  # the node had enough of it, as it may


# --- event streams ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def streams(clients: Clients, count: int) -> AsyncIterator[Callable[[], int]]:
    """Open streams, read as they come; yields how many bytes they have had."""
    had = [0]
    begun = asyncio.Semaphore(0)

    async def one() -> None:
        host, _, port = clients.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 14)
        try:
            writer.write(head(clients, "GET /v2/events"))
            line = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in line[:20], line
            begun.release()
            while piece := await reader.read(1 << 14):
                had[0] += len(piece)
        finally:
            writer.close()

    tasks = []
    for number in range(count):
        tasks.append(asyncio.create_task(one()))
        if number % 100 == 99:
            await asyncio.sleep(0.05)
    for _ in range(count):
        await asyncio.wait_for(begun.acquire(), 30)
    try:
        yield lambda: had[0]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def many_streams(clients: Clients, node: NodeProcess, job: str) -> None:
    """What thousands of streams cost, idle and while runs are made."""
    before = resident(node.child.pid)
    async with streams(clients, MANY_STREAMS) as had:
        figure(f"{MANY_STREAMS:,} event streams: memory more", resident(node.child.pid) - before, "MB")
        for name, pause, count in (("idle", 5.0, 0), ("10 runs/s", 0.1, 50)):
            used, elapsed, began = cpu_seconds(node.child.pid), timed(), had()
            for _ in range(count):
                await clients.request("POST", f"/v2/specs/{job}/runs", INPUT)
                await asyncio.sleep(pause)
            await asyncio.sleep(0 if count else pause)
            seconds = elapsed()
            figure(
                f"{MANY_STREAMS:,} event streams, {name}: processor", (cpu_seconds(node.child.pid) - used) / seconds * 100, "%"
            )
            figure(f"{MANY_STREAMS:,} event streams, {name}: sent", (had() - began) / seconds / 1e6, "MB/s")


# --- all of it -------------------------------------------------------------------------------------------------------


async def load(node: NodeProcess, jobs: list[str]) -> None:
    async with aiohttp.ClientSession() as session:
        login = {"email": SECRETS.email, "password": SECRETS.password}
        async with session.post(f"{node.api.url}/sessions", json=login) as response:
            cookie = response.headers["set-cookie"].partition(";")[0]
    clients, wanted = Clients(node.api.url, cookie), routes(jobs)
    await clients.open(CLIENTS)
    gc.freeze()
    chosen = set(os.environ.get("BENCH_PARTS", "first steady full long stuck streams").split())
    try:
        figure("memory after the start", resident(node.child.pid), "MB")
        if "first" in chosen:
            await first(clients, wanted | others(jobs))
        if "steady" in chosen:
            async with streams(clients, STREAMS):
                await steady(clients, node, wanted)
        if "full" in chosen:
            await full(clients, node, wanted)
        if "long" in chosen:
            await long_page(clients, node)
        if "stuck" in chosen:
            await stuck(clients, node, wanted, jobs[1])
        if "streams" in chosen:
            await many_streams(clients, node, jobs[1])
    finally:
        await clients.close()


async def measure() -> None:
    print(f"HTTP API: {RUNS:,} runs on SQLite (synchronous=FULL), {CLIENTS} clients, {STREAMS} event streams")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".bench-") as directory:
        root = Path(directory) / "node"
        elapsed = timed()
        jobs = await made_history(root, runs=RUNS)
        figure("making the history", elapsed(), "s")
        async with AiohttpTransport() as http:
            node = await start_node(root, SECRETS, settings=SETTINGS, http=http, clock=SystemClock())
            try:
                await load(node, jobs)
            except BaseException:
                print(node.last_words(), file=sys.stderr)
                raise
            finally:
                await node.stop()


if __name__ == "__main__":
    main(measure)
