"""An operator's script, as it would be written with plain ``requests``, against a server on a port."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import requests

from adyton.services.sessions import Sessions
from adyton.system.clock import SystemClock
from adyton.system.entropy import SystemEntropy
from adyton.web.app import create_app
from adyton.web.listeners import Listener
from adyton.web.server import serve
from support.api import EMAIL, PASSWORD, PATIENT, Api
from support.people import with_password

HERE = "127.0.0.1"
PATIENCE = 30.0


@asynccontextmanager
async def node() -> AsyncIterator[str]:
    """The URL of a node whose engine works."""
    async with Api() as api:
        await with_password(api)
        # A cookie jar looks at the time of this machine, and the engine's clock runs ahead of it.
        clock = SystemClock()
        sessions = Sessions(db=api.db, clock=clock, entropy=SystemEntropy(), timeout=900.0)
        api.parts = dataclasses.replace(api.parts, clock=clock, sessions=sessions)
        app = create_app(api.parts, PATIENT)
        ports: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        where = [Listener(HERE, 0)]
        running = [
            asyncio.create_task(serve(app, where, clock=clock, settings=PATIENT, grace=1.0, listening=ports.set_result)),
            asyncio.create_task(api.bench.engine.run()),
        ]
        (port,) = await ports
        try:
            yield f"http://{HERE}:{port}"
        finally:
            for each in running:
                each.cancel()
            await asyncio.gather(*running, return_exceptions=True)


def script(url: str) -> dict[str, Any]:
    """What an operator does in a day. Nothing here knows anything of the node but its URL and the reference of v0.6.2."""
    http = requests.Session()

    # Log in; the jar keeps the cookie.
    assert http.get(f"{url}/v2/specs").status_code == 401
    login = http.post(f"{url}/sessions", json={"email": EMAIL, "password": PASSWORD})
    login.raise_for_status()
    assert login.json()["data"]["attributes"]["authenticated"]

    # A bridge, and a job; some scripts put a slash behind the path.
    bridge = http.post(f"{url}/v2/bridge_types", json={"name": "prices", "url": "https://prices.example/"})
    bridge.raise_for_status()
    spec = {"initiators": [{"type": "web"}], "tasks": [{"type": "multiply", "params": {"times": 100}}, {"type": "ethuint256"}]}
    created = http.post(f"{url}/v2/specs/", json=spec)
    created.raise_for_status()
    job_id = created.json()["data"]["id"]

    # Runs, and their ends.
    started = [http.post(f"{url}/v2/specs/{job_id}/runs", json={"result": str(n)}).json()["data"]["id"] for n in range(3)]
    runs = [_finished(http, f"{url}/v2/runs/{run_id}") for run_id in started]

    # Every page of the list, by its links.
    found, following = [], f"/v2/runs?jobSpecId={job_id}&sort=-createdAt&size=2"
    while following:
        page = http.get(f"{url}{following}").json()
        found += [item["id"] for item in page["data"]]
        following = page.get("links", {}).get("next", "")

    # Clean up: a body in a DELETE, as the operator's page sends it.
    history = {"status": ["completed", "errored"], "updatedBefore": "2040-01-01T00:00:00Z"}
    deleted = http.delete(f"{url}/v2/bulk_delete_runs", json=history)
    left = http.get(f"{url}/v2/runs", params={"jobSpecId": job_id}).json()
    gone = [http.delete(f"{url}/v2/bridge_types/prices").status_code, http.delete(f"{url}/v2/specs/{job_id}").status_code]
    missing = http.get(f"{url}/v2/specs/{job_id}")

    # Log out; the cookie is worth nothing any more.
    kept = dict(http.cookies)
    http.delete(f"{url}/sessions").raise_for_status()
    return {
        "runs": runs,
        "started": started,
        "found": found,
        "deleted": deleted.status_code,
        "left": left["meta"]["count"],
        "gone": gone,
        "missing": (missing.status_code, missing.json()["errors"][0]["detail"]),
        "after": requests.get(f"{url}/v2/specs", cookies=kept, timeout=10).status_code,
    }


def _finished(http: requests.Session, url: str) -> dict[str, Any]:
    """Poll, as scripts do."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        run: dict[str, Any] = http.get(url).json()["data"]["attributes"]
        if run["status"] in {"completed", "errored"}:
            return run
    raise AssertionError(f"{url} has not ended within {PATIENCE} s")


@pytest.mark.timeout(90)
async def test_a_script_written_for_v062_works_unchanged() -> None:
    async with node() as url:
        done = await asyncio.to_thread(script, url)
    assert [run["result"]["data"]["result"] for run in done["runs"]] == [f"0x{n * 100:064x}" for n in range(3)]
    assert done["found"] == list(reversed(done["started"]))
    assert (done["deleted"], done["left"]) == (204, 0)
    assert done["gone"] == [200, 204]
    assert done["missing"] == (404, "JobSpec not found")
    assert done["after"] == 401
