"""schemathesis asks a real server whatever the OpenAPI document says can be asked, rightly and wrongly, with every check.

It takes about a minute. ``ADYTON_FUZZ=30`` (examples for each operation) looks longer, and at every branch of a job.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from adyton.keystore import Keystore
from adyton.services.throttle import Throttle
from adyton.storage import keys as stored
from adyton.system.clock import SystemClock
from adyton.system.entropy import SystemEntropy
from adyton.web.app import create_app
from adyton.web.listeners import Listener
from adyton.web.server import serve
from support.api import PASSWORD, PATIENT, Api
from support.builders import NOW, job
from support.people import with_password

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = os.environ.get("ADYTON_FUZZ", "")
SECONDS = 3600 if EXAMPLES else 600
HERE = "127.0.0.1"
QUICK = """
# What a job can be has thousands of branches, which take minutes.
[[operations]]
include-operation-id = ["post_service_agreements", "post_specs", "post_specs_apply", "post_specs_try", "post_specs_validate"]
phases.coverage.enabled = false
"""
SETTINGS = {
    "FEATURE_EXTERNAL_INITIATORS": "true",
    "FEATURE_SERVICE_AGREEMENTS": "true",
    "ORACLE_CONTRACT_ADDRESS": "0x" + "c0" * 20,
}


@asynccontextmanager
async def node(directory: Path) -> AsyncIterator[tuple[Api, int]]:
    """The API of a node with keys, a connected chain, a job and a user; and its port."""
    keystore = await Keystore.open(directory, PASSWORD, entropy=SystemEntropy(), create_if_empty=True, scrypt_n=4096)
    async with Api(environment=SETTINGS, signer=keystore) as api:
        # What is guessed here is guessed often, and on purpose.
        patient = Throttle(api.bench.clock, limit=1_000_000, period=900.0)
        api.parts = dataclasses.replace(api.parts, keys=keystore, throttle=patient)
        api.app = create_app(api.parts, PATIENT)
        api.client = api.another_client()
        await stored.ensure(api.db, keystore.addresses(), NOW)
        await with_password(api)
        await api.job(job("noop"))
        api.outside.connect()
        ports: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        where = [Listener(HERE, 0)]
        async with asyncio.TaskGroup() as running:
            tasks = [
                running.create_task(api.manager.run()),
                running.create_task(
                    serve(api.app, where, clock=SystemClock(), settings=PATIENT, grace=1.0, listening=ports.set_result)
                ),
            ]
            (port,) = await ports
            yield api, port
            for each in tasks:
                each.cancel()


async def schemathesis(config: Path, port: int, *options: str) -> None:
    """Run it, and fail with what it says. The configuration, which holds who calls, goes afterwards."""
    started = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(config)),
        *("run", f"http://{HERE}:{port}/v2/openapi.json", "--no-color", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "COLUMNS": "160"},
        cwd=config.parent,
    )
    said, _ = await started.communicate()
    await asyncio.to_thread(config.unlink)
    text = said.decode(errors="replace")
    assert started.returncode == 0, text
    assert "No test cases" not in text


def written(directory: Path, *parts: str) -> Path:
    """The configuration, and more of it for this run."""
    config = directory / "schemathesis.toml"
    config.write_text("\n".join([CONFIG.read_text(), *parts]))
    return config


@pytest.mark.timeout(SECONDS)
async def test_schemathesis_finds_nothing_with_every_check(tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as lines:
        async with node(tmp_path / "keys") as (api, port):
            await api.log_in()
            body = {"password": PASSWORD, "name": "fuzz"}
            token = (await api.client.post("/v2/tokens", json=body)).json()["data"]["attributes"]
            keys = "".join(
                f'[auth.openapi.{scheme}]\napi_key = "{token[name]}"\n'
                for scheme, name in (("tokenKey", "accessKey"), ("tokenSecret", "secret"))
            )
            examples = ("--max-examples", EXAMPLES) if EXAMPLES else ()
            config = written(tmp_path, "" if EXAMPLES else QUICK, keys)
            await schemathesis(config, port, "--exclude-path", "/sessions", *examples)
    assert [line for line in lines if line["event"] == "request failed"] == []


@pytest.mark.timeout(SECONDS)
async def test_it_finds_nothing_about_logging_in_and_out(tmp_path: Path) -> None:
    """By itself: who logs out has no session for the rest."""
    with structlog.testing.capture_logs() as lines:
        async with node(tmp_path / "keys") as (api, port):
            cookie = f'[auth.openapi.session]\napi_key = "{await api.session()}"\n'
            await schemathesis(
                written(tmp_path, cookie), port, "--include-path", "/sessions", "--phases", "examples,coverage,fuzzing"
            )
    assert [line for line in lines if line["event"] == "request failed"] == []
