"""A run in detail over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from adyton.domain.exchanges import LONGEST_BODY
from adyton.domain.jobs import TaskSpec
from adyton.domain.runs import task_run_id
from support.api import Api, details
from support.builders import JOB_ID, LINK, ORACLE, REQUESTER, number_hash
from support.worked import asked, started

GET = TaskSpec(type="httpget", params={"get": "https://prices.example/eth?token=abc&sym=ETH"})
PARSE = TaskSpec(type="jsonparse", params={"path": ["USD"]})
ETH_TX = TaskSpec(type="ethtx", params={"address": ORACLE, "functionSelector": "0x4ab0d190"})
CREATED = "2023-11-14T22:13:20Z"
HOSTILE = "<script>alert(1)</script>\u202e\x07"


async def trace(api: Api, run_id: str) -> Any:
    return (await api.get(f"/v2/runs/{run_id}/trace"))["data"]["attributes"]


async def test_what_each_task_was_given_said_and_left(api: Api) -> None:
    api.bench.http.body = '{"USD":165.420}'
    run_id = await started(api, GET, PARSE, body={"note": "manual"})

    shown = await trace(api, run_id)

    assert (shown["status"], shown["jobId"], shown["request"], shown["errorCode"]) == ("completed", JOB_ID, None, None)
    first, second = shown["tasks"]
    assert (first["id"], first["position"], first["type"]) == (task_run_id(run_id, 0), 0, "httpget")
    assert (first["input"], first["output"]) == ({"note": "manual"}, {"note": "manual", "result": '{"USD":165.420}'})
    assert second["input"] == {"note": "manual", "result": '{"USD":165.420}'}
    assert (second["params"], second["exchanges"], second["transaction"]) == ({"path": ["USD"]}, [], None)
    assert (first["startedAt"], second["finishedAt"]) == (CREATED, CREATED)
    assert first["exchanges"] == [
        {
            "method": "GET",
            "url": "https://prices.example/eth?sym=ETH&token=***",
            "startedAt": CREATED,
            "ms": 0.0,
            "status": 200,
            "size": 15,
            "mediaType": None,
            "body": '{"USD":165.420}',
            "truncated": False,
            "failure": None,
            "error": None,
        }
    ]


async def test_a_task_that_fails_has_its_code_and_those_behind_it_no_input(api: Api) -> None:
    api.bench.http.body, api.bench.http.status = HOSTILE, 404
    shown = await trace(api, await started(api, GET, PARSE))
    first, second = shown["tasks"]
    assert (shown["error"], shown["errorCode"], first["errorCode"]) == (HOSTILE, "ADY-0312", "ADY-0312")
    assert (first["exchanges"][0]["failure"], first["exchanges"][0]["body"]) == ("status", HOSTILE)
    assert (second["input"], second["output"], second["startedAt"], second["errorCode"]) == (None, None, None, None)


async def test_of_a_long_answer_the_beginning_is_shown(api: Api) -> None:
    api.bench.http.body = "x" * 30_000
    [exchange] = (await trace(api, await started(api, GET)))["tasks"][0]["exchanges"]
    assert (len(exchange["body"]), exchange["size"], exchange["truncated"]) == (LONGEST_BODY, 30_000, True)


async def test_the_request_and_the_confirmations_are_told(api: Api) -> None:
    run_id = await asked(api, TaskSpec(type="noop", confirmations=5), "noop")
    shown = await trace(api, run_id)
    assert shown["request"] == {
        "id": f"0xf25186B5081Ff5cE73482AD761DB0eB0d25abfBF:{number_hash(1)}",
        "requestId": number_hash(1),
        "contract": "0xf25186B5081Ff5cE73482AD761DB0eB0d25abfBF",
        "requester": "0x9FBDa871d559710256a2502A2517b794B482Db40",
        "payment": str(LINK),
        "transactionHash": number_hash(1, 77),
        "blockHash": number_hash(100),
        "blockNumber": 100,
        "logIndex": 0,
    }
    assert REQUESTER.lower() == shown["request"]["requester"].lower()
    assert (shown["status"], shown["height"], shown["wakeHeight"]) == ("pending_confirmations", 100, 104)
    assert [(task["confirmations"], task["minimumConfirmations"]) for task in shown["tasks"]] == [(1, 5), (None, 3)]

    api.bench.chain.at(102)
    assert (await trace(api, run_id))["tasks"][0]["confirmations"] == 3


async def test_the_transaction_of_a_task_is_told(api: Api) -> None:
    api.bench.chain.at(102)
    shown = await trace(api, await asked(api, "noop", ETH_TX))
    assert shown["tasks"][1]["transaction"] == {
        "txId": 1,
        "hash": None,
        "state": "unstarted",
        "minedIn": None,
        "confirmations": 0,
        "minimumConfirmations": 2,
    }


async def test_an_input_that_is_no_object_was_given_to_no_task(api: Api) -> None:
    shown = await trace(api, await started(api, "noop", body="[1]"))
    assert (shown["status"], shown["tasks"][0]["input"]) == ("errored", None)


@pytest.mark.parametrize("run_id", ["0" * 32, "none", "%2e%2e"])
async def test_a_run_that_is_not_there_is_not_found(api: Api, run_id: str) -> None:
    assert details(await api.get(f"/v2/runs/{run_id}/trace", 404)) == ["Job run not found"]


async def test_a_run_of_an_archived_job_is_not_shown(api: Api) -> None:
    run_id = await started(api, "noop")
    assert (await api.client.delete(f"/v2/specs/{JOB_ID}")).status_code == 204
    await api.get(f"/v2/runs/{run_id}/trace", 404)


async def test_an_answer_that_repeats_the_bridges_token_is_shown_without_it(api: Api) -> None:
    bridge = await api.post("/v2/bridge_types", {"name": "lot", "url": "http://10.0.0.7/a"})
    token = bridge["data"]["attributes"]["outgoingToken"]
    api.bench.http.body = f'{{"error":"{token} is not known here"}}'
    run_id = await started(api, TaskSpec(type="lot"))
    [exchange] = (await trace(api, run_id))["tasks"][0]["exchanges"]
    assert exchange["body"].startswith('{"error":"*** is not known')
