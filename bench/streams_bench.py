"""How much many open event streams cost: memory and processor time of the node, and how late events come.

    python bench/streams_bench.py [--streams 5000] [--changes 10] [--seconds 20]

The node runs in a process of its own on a database file; this process holds the streams, each on a connection of its own. Runs
are changed ``--changes`` times a second, and every stream gets every change.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import logging
import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import structlog
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

PAGE = resource.getpagesize()


def usage(pid: int) -> tuple[float, float]:
    """(MiB of memory, seconds of processor time) of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = sum(map(int, fields[11:13])) / 100
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**20, ticks


# --- the node --------------------------------------------------------------------------------------------------------


def node(pipe: Connection, root: str, changes: int) -> None:
    """A node's API with a reader; it changes runs while it is told to."""
    uvloop.run(_node(pipe, root, changes))


async def _node(pipe: Connection, root: str, changes: int) -> None:
    from adyton.services.live_reader import LiveReader
    from adyton.system.clock import SystemClock
    from adyton.web.app import create_app
    from adyton.web.listeners import Listener
    from adyton.web.server import serve
    from support.api import PATIENT, Api
    from support.builders import JOB_ID, job
    from support.databases import open_url

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    async with Api(db=await open_url("", root=Path(root))) as api:
        clock = SystemClock()
        api.bench.clock.micros = clock.now()
        await api.job(job())
        parts = dataclasses.replace(api.parts, clock=clock)
        token = await api.session()
        working = asyncio.Event()

        async def change() -> None:
            spec = api.bench.jobs.jobs[JOB_ID]
            while True:
                await working.wait()
                # The time is the run's input, so that who reads of it knows when it was written.
                api.bench.clock.micros = clock.now()
                await api.bench.engine.start(spec, spec.initiators[0], {})
                await asyncio.sleep(1 / changes)

        async def obey() -> None:
            loop = asyncio.get_running_loop()
            while (word := await loop.run_in_executor(None, pipe.recv)) != "stop":
                working.set() if word == "change" else working.clear()
            raise KeyboardInterrupt

        def listening(ports: list[int]) -> None:
            pipe.send((ports[0], token))

        async with asyncio.TaskGroup() as group:
            group.create_task(LiveReader(parts).run())
            group.create_task(
                serve(
                    create_app(parts, PATIENT), [Listener("127.0.0.1", 0)], clock=clock, settings=PATIENT, listening=listening
                )
            )
            group.create_task(change())
            group.create_task(obey())


# --- the clients -----------------------------------------------------------------------------------------------------


class Client(asyncio.Protocol):
    """Counts events, and notes how late the newest came; one in fifty reads the times."""

    def __init__(self, request: bytes, seen: dict[str, Any], looks: bool) -> None:
        self.request = request
        self.seen = seen
        self.looks = looks
        self.began = False

    def connection_made(self, transport: Any) -> None:
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if not self.began and b"event: state" in data:
            self.began = True
            self.seen["open"] += 1
        self.seen["events"] += data.count(b"event: run\n")
        if self.looks:
            now = time.time()
            for line in data.split(b"\n"):
                if line.startswith(b'data: {"id"'):
                    created = json.loads(line[6:])["createdAt"]
                    self.seen["late"].append(now - _seconds(created))


def _seconds(text: str) -> float:
    from adyton.domain.times import parse_rfc3339

    return parse_rfc3339(text) / 1e6


async def measure(port: int, token: str, pid: int, pipe: Connection, wanted: int, changes: int, seconds: int) -> None:
    loop = asyncio.get_running_loop()
    seen: dict[str, Any] = {"open": 0, "events": 0, "late": []}
    request = f"GET /v2/events?kinds=runs HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: clsession={token}\r\n\r\n".encode()
    before, cpu = usage(pid)
    began = time.monotonic()
    for number in range(wanted):
        await loop.create_connection(partial(Client, request, seen, number % 50 == 0), "127.0.0.1", port)
    while seen["open"] < wanted:
        await asyncio.sleep(0.05)
    opened, now = usage(pid)
    took = time.monotonic() - began
    print(f"{wanted} streams opened in {took:.1f} s: {now - cpu:.1f} s of processor time")
    print(f"memory {before:.0f} -> {opened:.0f} MiB: {(opened - before) * 1024 / wanted:.1f} KiB a stream")
    _, cpu = usage(pid)
    await asyncio.sleep(seconds)
    _, now = usage(pid)
    print(f"nothing happens for {seconds} s: {100 * (now - cpu) / seconds:.1f} % of a core")
    seen["events"], seen["late"] = 0, []
    pipe.send("change")
    _, cpu = usage(pid)
    await asyncio.sleep(seconds)
    memory, now = usage(pid)
    pipe.send("rest")
    late = sorted(seen["late"])
    sent = seen["events"] / seconds
    print(f"{changes} changes a second: {100 * (now - cpu) / seconds:.1f} % of a core, {sent:,.0f} events/s sent")
    print(
        f"lateness p50 {statistics.median(late):.2f} s, p99 {late[int(len(late) * 0.99)]:.2f} s, most {late[-1]:.2f} s; "
        f"memory {memory:.0f} MiB"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--streams", type=int, default=5000)
    options.add_argument("--changes", type=int, default=10)
    options.add_argument("--seconds", type=int, default=20)
    given = options.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as root:
        child = context.Process(target=node, args=(theirs, root, given.changes))
        child.start()
        try:
            port, token = ours.recv()
            assert child.pid is not None
            uvloop.run(measure(port, token, child.pid, ours, given.streams, given.changes, given.seconds))
        finally:
            child.kill()
            child.join()


if __name__ == "__main__":
    main()
