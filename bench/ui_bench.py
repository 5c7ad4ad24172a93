"""The operator's pages on a database with 1,000,000 runs: what the server takes for each, and how soon a browser shows it.

The browser (Debian's chromium, if there is one) runs on the cores of the node. ``BENCH_RUNS`` is the length of the history.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import aiohttp
from playwright.async_api import async_playwright

from adyton.dev.node_process import NodeProcess, start_node
from adyton.system.clock import SystemClock
from adyton.system.http import AiohttpTransport
from adyton.web.ui.routes import PAGES
from common import figure, main
from idle_bench import resident
from web_bench import SECRETS, SETTINGS
from web_history import made_history

RUNS = int(os.environ.get("BENCH_RUNS", "1000000"))
TIMES = 40
VISITS = 5
WITHOUT = frozenset({"/signin"})
_PAINT = """new Promise((done) => new PerformanceObserver((list, observer) => {
  const paint = list.getEntriesByName("first-contentful-paint")[0];
  if (paint) { observer.disconnect(); done(paint.startTime); }
}).observe({ type: "paint", buffered: true }))"""
_SIZE = "performance.getEntries().reduce((sum, each) => sum + (each.transferSize ?? 0), 0)"


def paths(jobs: list[str], run: str) -> list[str]:
    """Every page that exists here, and lists as people filter them."""
    known = {"job_id": jobs[0], "run_id": run, "code": "ADY-0312"}
    found = []
    for page in PAGES:
        path = page.path
        for name, value in known.items():
            path = path.replace("{" + name + "}", value)
        if page.method == "GET" and "{" not in path and path not in WITHOUT:
            found.append(path)
    return [*found, "/runs?status=errored", f"/runs?jobSpecId={jobs[0]}&page=5000", "/runs?page=10000"]


async def server(url: str, cookie: str, jobs: list[str]) -> None:
    """What the server takes, one request at a time; the first apart, which compiles the template and counts the list."""
    medians = []
    async with aiohttp.ClientSession(url, headers={"Cookie": cookie}) as session:
        async with session.get("/v2/runs?size=1&sort=-createdAt") as response:
            run = (await response.json(content_type=None))["data"][0]["id"]
        for path in paths(jobs, run):
            waits = [await _taken(session, path) for _ in range(TIMES)]
            cuts = sorted(waits[1:])
            medians.append(statistics.median(cuts))
            figure(f"{path.replace(jobs[0], 'ID').replace(run, 'ID')}: first", waits[0], "ms")
            figure(f"{path.replace(jobs[0], 'ID').replace(run, 'ID')}: median", medians[-1], "ms", "target: < 30")
            figure(f"{path.replace(jobs[0], 'ID').replace(run, 'ID')}: longest", cuts[-1], "ms")
    figure("slowest page at the median", max(medians), "ms", "target: < 30")


async def _taken(session: aiohttp.ClientSession, path: str) -> float:
    began = time.perf_counter()
    async with session.get(path, allow_redirects=False) as response:
        await response.read()
        assert response.status == 200, (path, response.status)
    return (time.perf_counter() - began) * 1000


async def browser(url: str, cookie: str) -> None:
    """First visits and later ones, as a browser sees them."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("  no chromium on this machine: nothing is said of first paint")
        return
    name, _, value = cookie.partition("=")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for path in ("/", "/runs", "/jobs"):
            firsts: list[float] = []
            later: list[float] = []
            sizes: list[int] = []
            for _ in range(VISITS):
                context = await running.new_context()
                await context.add_cookies([{"name": name, "value": value, "url": url}])
                page = await context.new_page()
                for paints in (firsts, later):
                    await page.goto(f"{url}{path}", wait_until="load")
                    paints.append(float(await page.evaluate(_PAINT)))
                    sizes.append(int(await page.evaluate(_SIZE)))
                await context.close()
            figure(f"{path}: first paint of a first visit, median", statistics.median(firsts), "ms", "target: < 500")
            figure(f"{path}: first paint of a first visit, longest", max(firsts), "ms")
            figure(f"{path}: first paint of a later visit, median", statistics.median(later), "ms")
            figure(f"{path}: first visit, bytes on the wire", max(sizes) / 1000, "kB", "target: < 150")
        await running.close()


async def measure() -> None:
    with tempfile.TemporaryDirectory(prefix="adyton-bench-") as directory:
        root = Path(directory) / "node"
        jobs = await made_history(root, runs=RUNS)
        async with AiohttpTransport() as http:
            node = await start_node(root, SECRETS, settings=SETTINGS, http=http, clock=SystemClock(), seconds=120)
            try:
                await _all(node, jobs)
            finally:
                await node.stop()


async def _all(node: NodeProcess, jobs: list[str]) -> None:
    async with aiohttp.ClientSession() as session:
        login = {"email": SECRETS.email, "password": SECRETS.password}
        async with session.post(f"{node.api.url}/sessions", json=login) as response:
            cookie = response.headers["set-cookie"].partition(";")[0]
    before = resident(node.child.pid)
    await server(node.api.url, cookie, jobs)
    figure("memory of all pages", resident(node.child.pid) - before, "MB")
    await browser(node.api.url, cookie)


if __name__ == "__main__":
    main(measure)
