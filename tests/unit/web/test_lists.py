"""Lists: what chooses, and pages that are long."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from adyton.domain.errors import StorageUnavailable
from adyton.domain.jobs import Initiator
from adyton.domain.requests import read_run_log
from adyton.domain.runs import Completed, Errored, Run, after
from adyton.domain.transactions import TransactionRequest
from adyton.engine.create import RunSource
from adyton.storage import requests as stored_requests
from adyton.storage import rereads
from adyton.storage import runs as stored
from adyton.storage import transactions as stored_transactions
from adyton.storage.connect import open_memory
from adyton.storage.database import Row
from support.api import Api, PassingDatabase
from support.asked import request_of, transaction_of
from support.asked import store as store_things
from support.builders import JOB_ID, NOW, SENDER, job, number_hash, run_log

OTHER_JOB = "5" * 32
SECOND = 1_000_000


async def made(api: Api, *, job_id: str = JOB_ID, at: int = NOW, error: str | None = None, done: bool = False) -> Run:
    """A stored run."""
    spec = api.bench.jobs.jobs[job_id]
    run = msgspec.structs.replace(api.bench.maker.new_run(spec, spec.initiators[0], RunSource(given={})), created_at=at)
    await api.db.write(stored.insert([run]))
    if error is not None or done:
        ended = after(run, 0, Errored(error) if error is not None else Completed({}), NOW)
        await api.db.write(*stored.save(ended, ended.tasks))
    return run


async def ids(api: Api, query: str) -> list[str]:
    document = await api.get(f"/v2/runs?{query}")
    assert document["meta"]["count"] == len(document["data"])
    return [each["id"] for each in document["data"]]


# --- what chooses ----------------------------------------------------------------------------------------------------


async def test_runs_are_chosen_by_one_status_or_several(api: Api) -> None:
    await api.job(job("noop"))
    running, errored, done = await made(api), await made(api, error="why"), await made(api, done=True)

    assert await ids(api, "status=errored") == [errored.id]
    assert await ids(api, "status=errored,completed") == [errored.id, done.id]
    assert await ids(api, "status=errored&status=in_progress&sort=-createdAt") == [errored.id, running.id]
    assert await ids(api, "status=unstarted") == []
    assert await ids(api, "status=") == [running.id, errored.id, done.id]


async def test_what_chooses_may_be_combined(api: Api) -> None:
    for each in (JOB_ID, OTHER_JOB):
        await api.job(job("noop", job_id=each))
    runs = [
        await made(api, job_id=job_id, at=NOW + hour * 3600 * SECOND, error="why" if hour % 2 else None)
        for hour in range(4)
        for job_id in (JOB_ID, OTHER_JOB)
    ]

    assert await ids(api, "createdAfter=2023-11-14T23:13:20Z&createdBefore=2023-11-15T00:13:20Z") == [runs[2].id, runs[3].id]
    assert await ids(api, f"jobSpecId={OTHER_JOB}&status=errored&createdAfter=2023-11-15T01:13:20%2B02:00") == [
        runs[3].id,
        runs[7].id,
    ]
    assert await ids(api, f"jobSpecId={OTHER_JOB}&initiator=web&status=in_progress&sort=-createdAt") == [runs[5].id, runs[1].id]
    assert await ids(api, "initiator=cron") == []


async def test_runs_are_found_by_their_request_and_by_its_transaction_or_the_answers(api: Api) -> None:
    spec = await api.job(job("noop"))
    runs = []
    for number in (1, 2):
        log = run_log(request=number)
        run = api.bench.maker.from_log(spec, spec.initiators[1], log, read_run_log(log), 100)
        await store_things(api.db, run, request_of(log, run_id=run.id))
        runs.append(run)
    answer = number_hash(9, 9)
    await store_things(api.db, transaction_of(runs[1], attempt=answer))

    assert await ids(api, f"requestId={number_hash(1)}") == [runs[0].id]
    assert await ids(api, f"transactionHash={number_hash(2, 77)}") == [runs[1].id]
    assert await ids(api, f"transactionHash={answer.upper().replace('0X', '0x')}") == [runs[1].id]
    assert await ids(api, f"requestId={number_hash(1)}&transactionHash={answer}") == []
    assert await ids(api, f"requestId={number_hash(1)}&status=errored") == []
    assert await ids(api, f"requestId={number_hash(7)}") == []


async def test_a_request_that_is_run_again_has_both_runs(api: Api) -> None:
    spec = await api.job(job("noop"))
    log = run_log()
    first, second = (api.bench.maker.from_log(spec, spec.initiators[1], log, read_run_log(log), 100) for _ in range(2))
    await store_things(
        api.db, msgspec.structs.replace(first, superseded_by=second.id), second, request_of(log, run_id=second.id)
    )
    assert await ids(api, f"requestId={number_hash(1)}&sort=-createdAt") == [second.id, first.id]


async def test_transactions_are_chosen_by_state_key_and_run(api: Api) -> None:
    await api.job(job("noop"))
    run = await made(api)
    insert = stored_transactions.insert
    request = TransactionRequest(to=SENDER, data="0x")
    for run_id in (run.id, "f" * 32):
        await api.db.write(insert(request, sender=SENDER, run_id=run_id, task_position=0, min_confirmations=1, now=NOW))
    await api.db.write(stored_transactions.rejected(2, "why"))

    async def found(query: str) -> list[int]:
        document = await api.get(f"/v2/transactions?{query}")
        assert document["meta"]["count"] == len(document["data"])
        return [each["attributes"]["txId"] for each in document["data"]]

    assert await found("") == [2, 1]
    assert await found("state=fatal_error") == [2]
    assert await found("state=unstarted,safe") == [1]
    assert await found(f"from={SENDER}&state=unstarted,fatal_error") == [2, 1]
    assert await found("from=0x" + "1" * 40) == []
    assert await found(f"run={run.id}") == [1]
    assert await found(f"run={run.id}&state=safe") == []
    assert await found("run=nothing") == []


async def test_jobs_are_chosen_by_name_initiator_and_task(api: Api) -> None:
    named = msgspec.structs.replace(job("noop", job_id="1" * 32), name="eth-usd")
    cron = msgspec.structs.replace(job("sleep", job_id="2" * 32), initiators=(Initiator(type="cron", schedule="@daily"),))
    for each in (named, cron):
        await api.job(each)

    async def found(query: str) -> list[str]:
        return [each["id"][0] for each in (await api.get(f"/v2/specs?{query}"))["data"]]

    assert await found("") == ["1", "2"]
    assert await found("sort=-createdAt&size=1&page=2") == ["1"]
    assert await found("name=eth-usd") == ["1"]
    assert await found("initiator=cron") == ["2"]
    assert await found("task=Sleep&initiator=cron") == ["2"]
    assert await found("task=sleep&name=eth-usd") == []


@pytest.mark.parametrize(
    ("path", "parameter", "code"),
    [
        ("/v2/runs?status=done", "status", "ADY-0150"),
        ("/v2/runs?status=errored,", None, None),
        ("/v2/runs?initiator=web,cron", "initiator", "ADY-0150"),
        ("/v2/runs?createdAfter=yesterday", "createdAfter", "ADY-0151"),
        ("/v2/runs?createdBefore=2019-06-27", "createdBefore", "ADY-0151"),
        ("/v2/runs?requestId=1", "requestId", "ADY-0152"),
        ("/v2/runs?transactionHash=0x1", "transactionHash", "ADY-0152"),
        ("/v2/transactions?state=mined", "state", "ADY-0150"),
        ("/v2/transactions?from=me", "from", "ADY-0152"),
        ("/v2/specs?initiator=fluxmonitor", "initiator", "ADY-0150"),
    ],
)
async def test_what_cannot_be_is_refused_and_the_parameter_named(
    api: Api, path: str, parameter: str | None, code: str | None
) -> None:
    if parameter is None:
        await api.get(path)
        return
    (error,) = (await api.get(path, 422))["errors"]
    assert error["source"] == {"parameter": parameter}
    assert error["code"] == code
    assert parameter in error["detail"]


# --- pages that are long ---------------------------------------------------------------------------------------------


async def long_list(api: Api, count: int) -> list[str]:
    spec = await api.job(job("noop"))
    runs = [api.bench.maker.new_run(spec, spec.initiators[0], RunSource(given={"n": n})) for n in range(count)]
    await api.db.write(stored.insert(runs))
    return [run.id for run in runs]


@pytest.mark.parametrize("size", [1, 25, 26, 99, 120, 500])
async def test_a_page_of_any_length_is_the_same_document(api: Api, size: int) -> None:
    known = await long_list(api, 120)
    response = await api.client.get(f"/v2/runs?size={size}")
    document = response.json()
    assert response.headers["content-type"] == "application/vnd.api+json"
    assert [each["id"] for each in document["data"]] == known[:size]
    assert document["meta"] == {"count": 120}
    assert list(document) == (["links", "data", "meta"] if size < 120 else ["data", "meta"])
    assert ("content-length" in response.headers) == (size <= 25)
    first = (await api.get("/v2/runs?size=1"))["data"]
    assert document["data"][:1] == first
    assert json.loads(response.content) == document


async def test_a_long_page_behind_the_end_is_empty(api: Api) -> None:
    await long_list(api, 3)
    assert await api.get("/v2/runs?size=500&page=9") == {"data": [], "meta": {"count": 3}}


class Fails(PassingDatabase):
    """A database that can be read so many times."""

    left = 10**6

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        self.left -= 1
        if self.left < 0:
            raise StorageUnavailable("the disk is away")
        return await self.real.read(sql, params)


async def test_a_database_that_fails_before_anything_was_sent_is_told() -> None:
    db = Fails(open_memory())
    async with Api(db=db) as api:
        await long_list(api, 120)
        await api.get("/v2/runs?size=120")
        db.left = 1
        assert (await api.get("/v2/runs?size=120", 503))["errors"][0]["detail"] == "the disk is away"


async def test_a_database_that_fails_in_the_middle_breaks_the_answer_and_frees_the_turn() -> None:
    db = Fails(open_memory())
    async with Api(db=db) as api:
        await long_list(api, 120)
        await api.get("/v2/runs?size=120")
        for _ in range(5):
            db.left = 5
            with pytest.raises(StorageUnavailable):
                await api.client.get("/v2/runs?size=120")
        db.left = 10**6
        assert len((await api.get("/v2/runs?size=120"))["data"]) == 120


async def test_requests_stay_in_the_order_of_the_chain_when_it_moves_them(api: Api) -> None:
    await api.job(job("noop"))
    asked = [request_of(run_log(request=number, block=100 + number), decision="refused", reason="why") for number in (1, 2, 3)]
    await api.db.write(*stored_requests.noted(asked), stored_requests.upsert(asked))

    async def found() -> list[Any]:
        return [each["attributes"]["requestId"][-1] for each in (await api.get("/v2/requests"))["data"]]

    assert await found() == ["3", "2", "1"]
    moved = [msgspec.structs.replace(asked[0], block_number=200)]
    await api.db.write(*stored_requests.noted(moved), stored_requests.placed(moved))
    assert await found() == ["1", "3", "2"]


async def test_rereads_are_in_pages(api: Api) -> None:
    wish = rereads.asked("why", 1, 2, every_job=False, now=NOW)
    await api.db.write(*(rereads.insert(wish) for _ in range(30)))
    document = await api.get("/v2/rereads?page=2")
    assert (len(document["data"]), document["meta"]["count"]) == (5, 30)
    assert document["links"] == {"prev": "/v2/rereads?page=1&size=25"}
