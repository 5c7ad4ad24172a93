"""What a node costs that has nothing to do: a real process with 1,000 jobs on a chain that makes a block every second.

The jobs go straight into the database; whatever else happens is what an operator would do.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from adyton import __version__
from adyton.dev.chain import CHAIN_ID, LocalChain, start_chain
from adyton.dev.node_process import NodeProcess, Secrets, free_port, start_node
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.ports import HttpFailure, HttpRequest, HttpTransport
from adyton.storage import jobs as stored_jobs
from adyton.storage.connect import open_database
from adyton.system.clock import SystemClock
from adyton.system.entropy import SystemEntropy
from adyton.system.http import AiohttpTransport
from common import figure, main, timed

JOBS = 1000
SETTLE = 5.0
WATCH = 20.0
"""Seconds: until what booting left is over, and for which the idle node is watched."""
BOOTS = 5
SECRETS = Secrets(password="a bench password", keystore="a bench keystore password")
ORACLE = "0x" + "ab" * 20
TICKS = os.sysconf("SC_CLK_TCK")
FAST = {"INSECURE_FAST_SCRYPT": "true"}


def cpu_seconds(pid: int) -> float:
    """What a process has used, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid: int) -> float:
    """MB of memory that a process has now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def settings(chain: LocalChain, *, fast: bool = False) -> dict[str, str]:
    """The node's environment."""
    return {"ETH_URL": chain.websocket, "ETH_CHAIN_ID": str(CHAIN_ID)} | (FAST if fast else {})


async def add_jobs(root: Path) -> None:
    """Jobs of the usual shape, each for requests on one oracle contract."""
    clock, entropy = SystemClock(), SystemEntropy()
    database = await open_database("", root=root, lock_timeout=5, clock=clock, version=__version__)
    tasks = (
        TaskSpec(type="httpget", params={"get": "https://prices.example/eth"}),
        TaskSpec(type="jsonparse", params={"path": ["USD"]}),
        TaskSpec(type="multiply", params={"times": 100}),
        TaskSpec(type="ethuint256"),
        TaskSpec(type="ethtx"),
    )
    initiators = (Initiator(type="runlog", address=ORACLE),)
    try:
        for _ in range(JOBS):
            job = Job(id=entropy.new_id(), initiators=initiators, tasks=tasks, created_at=clock.now())
            await stored_jobs.create(database, job)
    finally:
        await database.close()


async def watch(node: NodeProcess) -> None:
    """Memory and processor time of a node that only follows the chain."""
    pid = node.child.pid
    await asyncio.sleep(SETTLE)
    _, checks = await node.api.health()
    assert {checks[part]["status"] for part in ("chain", "head", "logs")} == {"passing"}, checks  # it follows the chain
    before, elapsed = cpu_seconds(pid), timed()
    await asyncio.sleep(WATCH)
    used = (cpu_seconds(pid) - before) / elapsed()
    figure(f"idle with {JOBS:,} jobs on a 1 s chain: memory", resident(pid), "MB", "target: < 90")
    figure(f"idle with {JOBS:,} jobs on a 1 s chain: processor", used * 100, "%", "target: < 1")


async def ready_after(root: Path, http: HttpTransport, environment: dict[str, str]) -> float:
    """Seconds from the start of the process to its first ``/readyz`` of 200."""
    port = await free_port()
    probe = HttpRequest(
        method="GET", url=f"http://127.0.0.1:{port}/readyz", headers=(), body=None, limit=100_000, unrestricted=True
    )
    elapsed = timed()
    starting = asyncio.create_task(start_node(root, SECRETS, settings=environment, http=http, clock=SystemClock(), port=port))
    while True:
        try:
            if (await http.request(probe)).status == 200:
                break
        except HttpFailure:
            pass
        if starting.done():
            starting.result()
        await asyncio.sleep(0.005)
    seconds = elapsed()
    await (await starting).stop()
    return seconds


async def boots(root: Path, chain: LocalChain, http: HttpTransport) -> None:
    """Booting with the key that is there already, with and without the price of its derivation."""
    for name, fast, target in (("", False, ""), (", key derivation apart", True, "target: < 1.5")):
        where = root.with_name(f"boot-{fast}")
        environment = settings(chain, fast=fast)
        await ready_after(where, http, environment)  # makes the key
        await add_jobs(where)
        times = [await ready_after(where, http, environment) for _ in range(BOOTS)]
        figure(f"boot to ready with {JOBS:,} jobs{name}: median", statistics.median(times), "s", target)


def help_time() -> float:
    """Seconds of ``adyton --help``, as a person waits for it."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "adyton", "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


async def measure() -> None:
    print(f"a node process with {JOBS:,} jobs and nothing to do; anvil with a block a second; SQLite")
    help_time()  # compiles what was never imported before
    figure("adyton --help: median", statistics.median(help_time() for _ in range(9)), "s", "target: < 0.15")
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path(__file__).parent) as directory:
        root = Path(directory) / "node"
        async with AiohttpTransport() as http:
            chain = await start_chain(Path(directory), http=http, clock=clock, arguments=("--block-time", "1"))
            try:
                await boots(root, chain, http)
                root.mkdir()
                await add_jobs(root)
                node = await start_node(root, SECRETS, settings=settings(chain, fast=True), http=http, clock=clock)
                try:
                    await watch(node)
                finally:
                    await node.stop()
            finally:
                await chain.stop()


if __name__ == "__main__":
    main(measure)
