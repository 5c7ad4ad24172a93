"""Runs over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from adyton.domain.jobs import Initiator, TaskSpec
from adyton.domain.requests import read_run_log
from adyton.domain.runs import RunStatus, task_run_id
from adyton.services.jobs import plain_id
from adyton.storage import runs as stored
from adyton.storage.database import Statement
from support.api import Api, details
from support.builders import JOB_ID, LINK, NOW, ORACLE, SENDER, job, number_hash, run_log

CREATED = "2023-11-14T22:13:20Z"
ETH_TX = TaskSpec(type="ethtx", params={"address": ORACLE, "functionSelector": "0x4ab0d190"})


async def start(api: Api, *tasks: TaskSpec | str, body: Any = None) -> str:
    await api.job(job(*tasks))
    run_id: str = (await api.post(f"/v2/specs/{JOB_ID}/runs", body))["data"]["id"]
    return run_id


async def asked(api: Api, *tasks: TaskSpec | str, requesters: tuple[str, ...] = (), payment: int = LINK) -> str:
    """The id of a run that a log at block 100 asked for, stored as log intake stores it."""
    stored_job = await api.job(job(*tasks, requesters=requesters))
    log = run_log(payment=payment)
    head = api.bench.chain.state.head
    run = api.bench.maker.from_log(stored_job, stored_job.initiators[1], log, read_run_log(log), head.number if head else 0)
    await api.db.write(stored.insert([run]))
    return run.id


async def shown(api: Api, run_id: str) -> Any:
    return (await api.get(f"/v2/runs/{run_id}"))["data"]["attributes"]


async def test_a_new_run_is_shown_in_the_form_of_v062(api: Api) -> None:
    await api.job(job("noop"))

    response = await api.client.post(f"/v2/specs/{JOB_ID}/runs", json={"note": "manual"})

    assert (response.status_code, response.headers["content-type"]) == (200, "application/vnd.api+json")
    run_id = response.json()["data"]["id"]
    task = task_run_id(run_id, 0)
    given = {"jobRunId": "", "taskRunId": "", "data": {"note": "manual"}, "status": "", "error": None}
    attributes = {
        "id": run_id,
        "jobId": JOB_ID,
        "result": given,
        "status": "in_progress",
        "taskRuns": [
            {
                "id": task,
                "result": {"jobRunId": run_id, "taskRunId": task, "data": {}, "status": "", "error": None},
                "status": "",
                "task": {
                    "ID": 1,
                    "CreatedAt": "1970-01-01T00:00:00Z",
                    "UpdatedAt": "1970-01-01T00:00:00Z",
                    "DeletedAt": None,
                    "type": "noop",
                    "confirmations": None,
                    "params": {},
                }
                | {"CreatedAt": CREATED, "UpdatedAt": CREATED},
                "minimumConfirmations": None,
                "confirmations": None,
            }
        ],
        "createdAt": CREATED,
        "finishedAt": None,
        "updatedAt": CREATED,
        "creationHeight": None,
        "observedHeight": None,
        "overrides": given,
        "initiator": {"type": "web", "params": {}},
    }
    assert response.json() == {"data": {"type": "runs", "id": run_id, "attributes": attributes}}
    assert await shown(api, run_id) == attributes


async def test_a_new_run_is_durable_when_it_is_shown(api: Api) -> None:
    run_id = await start(api)
    assert (await api.run(run_id)).status is RunStatus.IN_PROGRESS


async def test_the_result_of_a_run_is_that_of_its_last_task(api: Api) -> None:
    run_id = await start(api, "noop", "copy", body={"copyPath": ["a"], "a": 5})
    await api.work_on(run_id)

    run = await shown(api, run_id)

    assert (run["status"], run["finishedAt"]) == ("completed", CREATED)
    assert run["result"] == run["taskRuns"][1]["result"]
    assert run["result"] == {
        "jobRunId": run_id,
        "taskRunId": task_run_id(run_id, 1),
        "data": {"a": 5, "copyPath": ["a"], "result": 5},
        "status": "completed",
        "error": None,
    }
    assert run["overrides"]["data"] == {"copyPath": ["a"], "a": 5}


async def test_the_error_of_a_run_is_that_of_its_failed_task(api: Api) -> None:
    run_id = await start(api, TaskSpec(type="jsonparse", params={"path": ["x"]}), "noop", body={"result": "no json"})
    await api.work_on(run_id)

    run = await shown(api, run_id)

    assert (run["status"], run["result"]["status"]) == ("errored", "errored")
    assert run["result"]["error"]
    assert run["result"] == run["taskRuns"][0]["result"]
    assert run["taskRuns"][1]["status"] == ""


@pytest.mark.parametrize("body", ["", "  ", "{}", "null"])
async def test_an_empty_input_is_an_empty_object(api: Api, body: str) -> None:
    run_id = await start(api, body=body)
    assert (await shown(api, run_id))["overrides"]["data"] == {}


@pytest.mark.parametrize("body", ["[1,2.50]", "5", '"text"', "true"])
async def test_an_input_that_is_no_object_fails_the_run_and_is_shown_as_it_was(api: Api, body: str) -> None:
    run_id = await start(api, body=body)
    await api.work_on(run_id)

    response = await api.client.get(f"/v2/runs/{run_id}")

    assert response.json()["data"]["attributes"]["result"]["error"] == "Cannot merge, expected object '{}'"
    assert f'"data":{body},' in response.text


async def test_numbers_are_shown_with_every_digit(api: Api) -> None:
    run_id = await start(api, "noop", body='{"n":123456789012345678901234567890,"d":1.10}')
    await api.work_on(run_id)

    text = (await api.client.get(f"/v2/runs/{run_id}")).text

    assert text.count('"data":{"d":1.10,"n":123456789012345678901234567890}') == 3


@pytest.mark.parametrize("body", ["{", "{} {}", "nothing", "[" * 30000, b"\xff"])
async def test_malformed_input_is_a_500_as_clients_know_it(api: Api, body: str | bytes) -> None:
    await api.job(job())
    assert "the body is not JSON" in details(await api.post(f"/v2/specs/{JOB_ID}/runs", body, 500))[0]
    assert (await api.get("/v2/runs"))["meta"]["count"] == 0


async def test_the_job_is_looked_for_before_the_body_is_read(api: Api) -> None:
    assert details(await api.post("/v2/specs/unknown/runs", "{", 404)) == ["Job not found"]


async def test_an_archived_job_starts_nothing(api: Api) -> None:
    await api.job(job())
    await api.client.delete(f"/v2/specs/{JOB_ID}")
    assert details(await api.post(f"/v2/specs/{JOB_ID}/runs", "{}", 404)) == ["Job not found"]


async def test_a_job_without_a_web_initiator_cannot_be_started(api: Api) -> None:
    await api.job(msgspec.structs.replace(job(), initiators=(Initiator(type="runlog"),)))
    assert details(await api.post(f"/v2/specs/{JOB_ID}/runs", "{", 403)) == [
        "Job not available on web API, recreate with web initiator"
    ]


@pytest.mark.parametrize(
    ("window", "detail"),
    [
        (
            {"start_at": NOW + 1_000_000},
            "unstarted: 2023-11-14 22:13:20 +0000 UTC before job's start time 2023-11-14 22:13:21 +0000 UTC",
        ),
        (
            {"end_at": NOW - 1_000_000},
            "ended: 2023-11-14 22:13:20 +0000 UTC past job's end time 2023-11-14 22:13:19 +0000 UTC",
        ),
    ],
)
async def test_outside_its_time_a_job_starts_nothing(api: Api, window: dict[str, int], detail: str) -> None:
    await api.job(msgspec.structs.replace(job(), **window))
    assert details(await api.post(f"/v2/specs/{JOB_ID}/runs", "{}", 500)) == [
        f"NewRun failed: Job runner: Job {JOB_ID} {detail}"
    ]


@pytest.mark.parametrize("path", ["/v2/runs/nope", f"/v2/runs/{'f' * 33}", "/v2/runs/%F0%9F%98%80"])
async def test_what_cannot_be_an_id_is_not_found_and_the_database_not_asked(api: Api, path: str) -> None:
    assert plain_id("\0") == plain_id("nope") == ""
    assert details(await api.get(path, 404)) == ["Job run not found"]


async def test_an_unknown_run_is_not_found(api: Api) -> None:
    assert details(await api.get("/v2/runs/unknown", 404)) == ["Job run not found"]


async def test_the_runs_of_an_archived_job_are_not_shown(api: Api) -> None:
    run_id = await start(api)
    await api.client.delete(f"/v2/specs/{JOB_ID}")

    assert details(await api.get(f"/v2/runs/{run_id}", 404)) == ["Job run not found"]
    assert await api.get("/v2/runs") == {"data": [], "meta": {"count": 0}}


async def test_lists_show_the_stored_form_of_the_initiator(api: Api) -> None:
    run_id = await start(api)

    (item,) = (await api.get("/v2/runs"))["data"]

    assert item["attributes"].pop("initiator") == {
        "id": 1,
        "jobSpecId": JOB_ID,
        "type": "web",
        "CreatedAt": CREATED,
        "params": {"time": None, "address": "0x0000000000000000000000000000000000000000"},
    }
    single = await shown(api, run_id)
    single.pop("initiator")
    assert item["attributes"] == single


async def test_runs_are_listed_by_job_and_age_in_pages(api: Api) -> None:
    other = "1" * 32
    await api.job(job())
    await api.job(job(job_id=other))
    mine = [(await api.post(f"/v2/specs/{JOB_ID}/runs"))["data"]["id"] for _ in range(3)]
    await api.post(f"/v2/specs/{other}/runs")

    everything = await api.get("/v2/runs")
    page = await api.get(f"/v2/runs?sort=-createdAt&size=2&jobSpecId={JOB_ID}")
    unknown = await api.get("/v2/runs?jobSpecId=unknown")

    assert everything["meta"] == {"count": 4}
    assert [item["id"] for item in page["data"]] == [mine[2], mine[1]]
    assert page["meta"] == {"count": 3}
    assert page["links"] == {"next": f"/v2/runs?jobSpecId={JOB_ID}&page=2&size=2&sort=-createdAt"}
    assert unknown == {"data": [], "meta": {"count": 0}}


async def test_a_run_from_a_log_shows_heights_payment_and_confirmations(api: Api) -> None:
    run_id = await asked(api, "noop")

    run = await shown(api, run_id)

    assert (run["status"], run["creationHeight"], run["observedHeight"]) == ("pending_confirmations", 100, 100)
    assert (run["taskRuns"][0]["minimumConfirmations"], run["taskRuns"][0]["confirmations"]) == (3, 1)
    assert run["overrides"]["amount"] == run["result"]["amount"] == "1000000000000000000"
    assert run["initiator"] == {"type": "runlog", "params": {"address": "0x" + "0" * 40}}


@pytest.mark.parametrize(("height", "confirmations", "observed"), [(99, 1, 100), (100, 1, 100), (101, 2, 101), (150, 3, 150)])
async def test_what_a_waiting_run_shows_follows_the_head(api: Api, height: int, confirmations: int, observed: int) -> None:
    run_id = await asked(api, "noop", "noop")
    api.bench.chain.at(height)

    run = await shown(api, run_id)
    (listed,) = (await api.get("/v2/runs"))["data"]

    assert run["observedHeight"] == observed
    assert [task["confirmations"] for task in run["taskRuns"]] == [confirmations, None]
    assert listed["attributes"]["observedHeight"] == observed


async def test_a_task_that_waits_for_its_transaction_shows_the_hash(api: Api) -> None:
    run_id = await start(api, "noop", ETH_TX, body={"result": "0x01"})
    await api.work_on(run_id)
    assert (await shown(api, run_id))["result"]["data"] == {"result": "0x01"}
    await broadcast(api, number_hash(1, 5))

    run = await shown(api, run_id)
    (listed,) = (await api.get("/v2/runs"))["data"]

    assert (run["status"], run["taskRuns"][1]["status"]) == ("pending_confirmations", "pending_confirmations")
    assert run["result"]["data"] == {"result": number_hash(1, 5)}
    assert run["taskRuns"][0]["result"]["data"] == {"result": "0x01"}
    assert listed["attributes"]["result"]["data"] == {"result": number_hash(1, 5)}


async def broadcast(api: Api, tx_hash: str) -> None:
    """What the transaction manager writes when it has sent the only transaction."""
    update = f"UPDATE transactions SET state = 'unconfirmed', nonce = 0, broadcast_at = 1 WHERE from_address = '{SENDER}'"
    attempt = (
        "INSERT INTO tx_attempts (transaction_id, hash, gas_price, raw, state, created_at) "
        f"VALUES (1, '{tx_hash}', '1', '0x', 'broadcast', 1)"
    )
    await api.db.write(Statement(update, [()]), Statement(attempt, [()]))


async def test_an_error_that_is_no_tasks_is_shown_in_the_result(api: Api) -> None:
    await api.job(job(TaskSpec(type="gone")))

    run = (await api.post(f"/v2/specs/{JOB_ID}/runs", {"a": 1}))["data"]["attributes"]

    assert run["status"] == "errored"
    assert run["result"] == {
        "jobRunId": "",
        "taskRunId": "",
        "data": {"a": 1},
        "status": "errored",
        "error": "gone is not a supported adapter type",
    }
    assert run["overrides"]["error"] is None
    assert run["taskRuns"][0]["status"] == ""


async def test_of_two_complaints_about_a_request_the_result_shows_the_later_one_and_the_input_its_own(api: Api) -> None:
    run_id = await asked(api, ETH_TX, requesters=(ORACLE,), payment=1)

    run = await shown(api, run_id)

    rejected = f"Rejecting job {JOB_ID} with payment 0.000000000000000001 below minimum threshold ({LINK})"
    assert (run["status"], run["result"]["error"], run["result"]["status"]) == ("errored", rejected, "errored")
    assert run["overrides"]["error"].startswith("Run Log didn't have have a valid requester: ")
