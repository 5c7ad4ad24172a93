"""Jobs in files, applied to a real node on a real chain: contracts go on asking the same id while what it does changes."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from adyton.dev import contracts as on_chain
from adyton.dev import world
from adyton.dev.node_process import NodeProcess
from support.contracts import SECRETS, World, start_node_in

pytestmark = pytest.mark.stories


class Operator:
    """Someone with a directory of jobs and the command line."""

    def __init__(self, node: NodeProcess, directory: Path) -> None:
        self.jobs = directory / "jobs"
        self.jobs.mkdir(parents=True)
        login = directory / "apicredentials"
        login.write_text(f"{SECRETS.email}\n{SECRETS.password}\n")
        self._environ = {
            "ROOT": str(directory / "root"),
            "CLIENT_NODE_URL": node.api.url,
            "ADMIN_CREDENTIALS_FILE": str(login),
            "PATH": "/usr/bin:/bin",
        }

    def writes(self, name: str, job: dict[str, Any]) -> None:
        (self.jobs / f"{name}.json").write_text(json.dumps(job))

    async def __call__(self, *args: str, status: int = 0) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "adyton", *args, env=self._environ,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, problems = await process.communicate()
        assert process.returncode == status, problems.decode()
        return said.decode()

    async def applies(self, *args: str) -> dict[str, Any]:
        found = json.loads(await self("apply", "-f", str(self.jobs), "-y", "--json", *args))
        return {each["key"]: each for each in found}


def with_times(job: dict[str, Any], times: int) -> dict[str, Any]:
    """The job, whose answer is that many times the price whatever the requester says."""
    tasks = [{**task, "params": {"times": times}} if task["type"] == "multiply" else task for task in job["tasks"]]
    return {**job, "tasks": tasks}


async def test_a_job_changes_under_its_id_and_a_replaced_one_is_said_loudly(place: World, tmp_path: Path) -> None:
    async with start_node_in(place, welcome=False) as node:
        await on_chain.welcome_node(place.chain, place.contracts, place.address())
        person = Operator(node, tmp_path / "operator")
        job = world.price_job(place.prices.url, place.contracts.oracle)

        person.writes("eth-usd", with_times(job, 100))
        made = (await person.applies())["eth-usd"]
        place.job_id = made["jobId"]
        assert (await place.answer(await place.request({"path": ["USD"]}))).number == 192345

        person.writes("eth-usd", with_times(job, 1000))
        assert "change in place" in await person("apply", "-f", str(person.jobs), "--dry-run")
        changed = (await person.applies())["eth-usd"]
        assert (changed["action"], changed["jobId"]) == ("update", place.job_id)
        assert (await place.answer(await place.request({"path": ["USD"]}))).number == 1923450
        assert {each["action"] for each in (await person.applies()).values()} == {"unchanged"}

        tried = json.loads(await person("jobs", "try", place.job_id, "--input", '{"path": ["USD"]}', "--json"))
        assert [task["status"] for task in tried["tasks"]][-1] == "held"
        assert tried["wouldSend"]["data"].endswith(f"{1923450:064x}")
        assert len(await place.answers()) == 2

        person.writes("eth-usd", {**with_times(job, 1000), "initiators": [{"type": "runlog"}]})
        plan = await person("apply", "-f", str(person.jobs), "--dry-run")
        assert "REQUESTS GO UNANSWERED" in plan
        assert place.job_id in plan
