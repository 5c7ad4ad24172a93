"""``adyton dev``: the demo's world, staying up; and ``adyton dev request``, which asks it something.

A file tells the second command where the first one's world is; it lives as long as the world.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec

from adyton.dev import contracts as on_chain
from adyton.dev import world
from adyton.dev.api import NodeApi
from adyton.dev.chain import LocalChain
from adyton.dev.contracts import LINK, Contracts
from adyton.dev.report import Report
from adyton.dev.stage import Stage, set_up
from adyton.dev.tools import CHECKOUT
from adyton.dev.waiting import until
from adyton.dev.world import Real
from adyton.domain import evm
from adyton.domain.errors import AdytonError, Conflict, NotFound

DIRECTORY = CHECKOUT / ".build" / "dev"
STATE = DIRECTORY / "dev.json"


class Unanswered(AdytonError):
    """The run of a request failed; the message says why."""

    usual = "ADY-1267"


class State(msgspec.Struct, frozen=True):
    """Where the world is that stays up."""

    pid: int
    chain: str
    contracts: Contracts
    job_id: str
    api: str
    email: str
    password: str


def running() -> State | None:
    """The world that is up, or None."""
    try:
        state = msgspec.json.decode(STATE.read_bytes(), type=State)
        os.kill(state.pid, 0)
    except (FileNotFoundError, ProcessLookupError, msgspec.DecodeError):
        return None
    return state


async def stay_up(report: Report, real: Real, *, command: str, faults: str | None = None) -> None:
    """Build the world and keep it until cancelled; ``faults``: as of ``set_up``. Raises Conflict if one is up already."""
    if running() is not None:
        raise Conflict(f"A dev world is up already ({STATE}); stop it with Ctrl-C where it runs.", code="ADY-1260")
    async with set_up(_empty_directory(), report, real, faults=faults) as stage:
        _remember(stage)
        try:
            _introduce(stage, report, command)
            await _watch(stage)
        finally:
            STATE.unlink(missing_ok=True)


async def _watch(stage: Stage) -> None:
    """Until cancelled; or until the node or the chain ends, which is said."""
    child = stage.chain.child
    assert child is not None
    ends = [asyncio.ensure_future(part.wait()) for part in (stage.node.child, child)]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()
    gone = stage.node.child if stage.node.child.exit_status is not None else child
    raise NotFound(f"The {gone.name} has ended with status {gone.exit_status}; its output is in {gone.log}.", code="ADY-1262")


def _empty_directory() -> Path:
    """A world's files stay to be looked at until the next world."""
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(mode=0o700, parents=True)
    return DIRECTORY


def _remember(stage: Stage) -> None:
    state = State(
        pid=os.getpid(),
        chain=stage.chain.url,
        contracts=stage.contracts,
        job_id=stage.job_id,
        api=stage.node.api.url,
        email=stage.secrets.email,
        password=stage.secrets.password,
    )
    STATE.touch(mode=0o600)
    STATE.write_bytes(msgspec.json.format(msgspec.json.encode(state)))


def _introduce(stage: Stage, report: Report, command: str) -> None:
    places = {
        "API": stage.node.api.url,
        "user": f"{stage.secrets.email}, password {stage.secrets.password}",
        "chain": stage.chain.websocket,
        "LINK": evm.checksum(stage.contracts.link),
        "Oracle": evm.checksum(stage.contracts.oracle),
        "Consumer": evm.checksum(stage.contracts.consumer),
        "node's address": evm.checksum(stage.node_address),
        "job": stage.job_id,
        "node's log": str(stage.node.child.log),
    }
    report.line()
    for name, place in places.items():
        report.line(f"  {name:<15} {report.strong(place)}")
    report.line("\nIn another terminal:")
    login = f"export ROOT={stage.node.root} CLIENT_NODE_URL={stage.node.api.url}"
    for line in (f"{command} dev request", f"{login} && {command} admin login -f $ROOT/apicredentials", f"{command} runs list"):
        report.line(f"  {report.strong(line)}")
    report.line("\nCtrl-C takes it all down.")


async def request(report: Report, real: Real, *, parameters: dict[str, Any], job_id: str | None, seconds: float = 30.0) -> None:
    """Send a request to the world that is up and show its answer. Raises NotFound if none is up, Unanswered, TooLate."""
    state = running()
    if state is None:
        raise NotFound("No dev world is up: start one with 'adyton dev' (or 'make dev') in another terminal.", code="ADY-1261")
    chain = LocalChain(state.chain, http=real.http, clock=real.clock)
    job = job_id or state.job_id
    with report.step("request", "waiting for its block") as words:
        nonce = real.clock.now()
        request_id = await on_chain.request(chain, state.contracts, job, parameters, payment=LINK, nonce=nonce)
        words.append(f"{request_id} to job {job}, wants {json.dumps(parameters)}")
    api = NodeApi(state.api, real.http)
    await api.login(state.email, state.password)
    with report.step("answer", "waiting for it") as words:
        words.append(await _outcome(chain, state.contracts, api, job, request_id, real, seconds))


async def _outcome(
    chain: LocalChain, contracts: Contracts, api: NodeApi, job: str, request_id: str, real: Real, seconds: float
) -> str:
    """The answer on chain; Raises Unanswered when the run failed, TooLate when nothing comes."""

    async def probe() -> str | None:
        for answer in await on_chain.answers(chain, contracts):
            if answer.request_id == request_id:
                return f"{answer.number} ({answer.value}) in block {answer.block_number}"
        run = world.run_of(await api.runs(job), request_id)
        if run and run["status"] == "errored":
            raise Unanswered(f"Run {run['id']} errored: {run['result']['error']}")
        return None

    return await until(f"an answer to {request_id}", probe, clock=real.clock, seconds=seconds, interval=world.API_INTERVAL)
