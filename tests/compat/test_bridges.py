"""Facts of v0.6.2 about bridges that need the API: names that are taken, and late answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adyton.domain.jobs import TaskSpec
from support.api import Api
from support.builders import job
from support.compat_differences import DIFFERENT

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vectors" / "adapters.json").read_text(encoding="utf-8"))
CALLBACKS = [v for v in VECTORS if v.get("function") == "bridge_callback"]
NAMES = [v for v in VECTORS if v.get("function") == "validate_bridge_name"]
URL = "http://bridge.example"


@pytest.mark.parametrize("vector", NAMES, ids=lambda v: v["id"])
async def test_a_bridge_may_have_the_names_that_it_could_have(vector: dict[str, Any]) -> None:
    async with Api() as api:
        for known in vector["args"]["existing_bridges"]:
            await api.post("/v2/bridge_types", {"name": known, "url": URL})
        response = await api.client.post("/v2/bridge_types", json={"name": vector["args"]["name"], "url": URL})
    if vector["expect"].get("error"):
        assert response.status_code in (400, 422)
        assert vector["expect"]["error_contains"] in response.json()["errors"][0]["detail"]
    else:
        assert response.status_code == 200


@pytest.mark.parametrize("vector", CALLBACKS, ids=lambda v: v["id"])
async def test_a_late_answer_does_what_the_vector_says(vector: dict[str, Any]) -> None:
    async with Api() as api:
        if vector["id"] not in DIFFERENT:
            await check(vector["args"], vector["expect"], api)
            return
        with pytest.raises(AssertionError):
            await check(vector["args"], vector["expect"], api)


async def check(args: dict[str, Any], expect: dict[str, Any], api: Api) -> None:
    made = await api.post("/v2/bridge_types", {"name": "bridge", "url": URL})
    tokens = {"correct": made["data"]["attributes"]["incomingToken"], "wrong": "wrong"}
    run_id = await waiting_run(args, api)
    headers = {"Authorization": f"Bearer {tokens[args['token']]}"} if args["token"] is not None else {}
    response = await api.another_client().patch(
        f"/v2/runs/{run_id}", content=args["body"].replace("RUN", run_id), headers=headers
    )
    assert response.status_code == expect["http_status"], response.text
    if "run_status_at_once" in expect:
        assert (await api.run(run_id)).status == expect["run_status_at_once"]
    if "run_status" in expect:
        run = await api.work_on(run_id)
        assert run.status == expect["run_status"]
    if "result" in expect:
        assert (run.tasks[-1].data or {})["result"] == expect["result"]


async def waiting_run(args: dict[str, Any], api: Api) -> str:
    """A run whose first task waits for its bridge, or has been completed by it, as the vector says; or the id of none."""
    if args["run_status"] is None:
        return "0" * 32
    api.bench.http.body = json.dumps({"pending": args["run_status"] == "pending_bridge"})
    spec = await api.job(job(*(TaskSpec(type=task) for task in args["tasks"])))
    run = await api.bench.engine.start(spec, spec.initiators[0], {})
    assert (await api.work_on(run.id)).status == args["run_status"]
    return run.id
