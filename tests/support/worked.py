"""Runs that the engine has advanced as far as they go, behind the API."""

from __future__ import annotations

from typing import Any

from adyton.domain.jobs import TaskSpec
from adyton.domain.requests import read_run_log
from adyton.storage import runs as stored
from support.api import Api
from support.builders import JOB_ID, job, run_log


async def started(api: Api, *tasks: TaskSpec | str, body: Any = None) -> str:
    """The id of a run that a client started with that body."""
    await api.job(job(*tasks))
    run_id: str = (await api.post(f"/v2/specs/{JOB_ID}/runs", body))["data"]["id"]
    await api.work_on(run_id)
    return run_id


async def asked(api: Api, *tasks: TaskSpec | str) -> str:
    """A run that a log at block 100 asked for."""
    spec = await api.job(job(*tasks))
    log = run_log()
    head = api.bench.chain.state.head
    assert head is not None
    run = api.bench.maker.from_log(spec, spec.initiators[1], log, read_run_log(log), head.number)
    await api.db.write(stored.insert([run]))
    await api.work_on(run.id)
    return run.id
