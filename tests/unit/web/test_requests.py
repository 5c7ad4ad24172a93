"""Requests, explanations and re-reads over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from adyton.domain.chain import Receipt
from adyton.domain.evm import checksum
from adyton.domain.requests import End
from adyton.domain.runs import RunStatus
from adyton.domain.times import rfc3339
from support.api import Api, details
from support.asked import ANSWER, closing, request_of, run_for, store, transaction_of
from support.builders import JOB_ID, NOW, ORACLE, REQUESTER, job, number_hash, run_log

LOG = run_log(block=90)
IDENTITY = f"{checksum(ORACLE)}:{request_of(LOG).request_id}"


async def failed(api: Api) -> None:
    """A request on the chain whose run has failed."""
    await api.job(job("noop", "ethtx"))
    api.lookup.receipts[LOG.transaction_hash] = Receipt(LOG.transaction_hash, 90, LOG.block_hash, 1, 21_000, 1, (LOG,))
    run = run_for(api.bench, LOG, RunStatus.ERRORED, "the source is away")
    await store(api.db, run, request_of(LOG, run_id=run.id, expiration=None))


async def ids(api: Api, path: str) -> list[str]:
    return [each["attributes"]["requestId"] for each in (await api.get(path))["data"]]


async def test_requests_are_counted_by_fate(api: Api) -> None:
    await failed(api)
    other = run_log(request=2, block=91)
    await store(api.db, request_of(other, decision="refused", reason="too little", expiration=5))
    counts = {
        "id": "fates",
        "all": 2,
        "unaccounted": 0,
        "inProgress": 0,
        "refused": 1,
        "expired": 1,
        "answered": 0,
        "cancelled": 0,
    }
    shown = (await api.get("/v2/requests/fates"))["data"]
    assert shown == {"type": "requestFates", "id": "fates", "attributes": counts}
    assert await ids(api, "/v2/requests?filter=expired") == [request_of(other).request_id]
    assert await ids(api, "/v2/requests?filter=refused") == [request_of(LOG).request_id]
    none = (await api.get(f"/v2/requests/fates?contract=0x{'1' * 40}&jobSpecId={JOB_ID}"))["data"]["attributes"]
    assert none["all"] == 0
    await api.get("/v2/requests/fates?contract=x", 422)


# --- look ------------------------------------------------------------------------------------------------------------


async def test_a_request_is_shown_with_its_fate(api: Api) -> None:
    await failed(api)
    run_id = (await api.get("/v2/runs"))["data"][0]["id"]
    shown = (await api.get(f"/v2/requests/{IDENTITY}"))["data"]
    assert shown == {
        "type": "requests",
        "id": IDENTITY,
        "attributes": {
            "id": IDENTITY,
            "contract": checksum(ORACLE),
            "requestId": request_of(LOG).request_id,
            "jobId": JOB_ID,
            "runId": run_id,
            "requester": checksum(REQUESTER),
            "payment": "1000000000000000000",
            "expiration": None,
            "blockNumber": 90,
            "blockHash": LOG.block_hash,
            "transactionHash": LOG.transaction_hash,
            "logIndex": 0,
            "seenAt": rfc3339(NOW),
            "decision": "run started",
            "fate": {"kind": "refused", "reason": "the source is away", "transaction": None},
        },
    }
    assert (await api.get(f"/v2/requests/{request_of(LOG).request_id}"))["data"] == shown
    assert (await api.get("/v2/requests"))["data"] == [shown]


async def test_requests_are_listed_newest_first_and_chosen(api: Api) -> None:
    await failed(api)
    lost = run_log(request=2, block=91)
    ended = run_log(request=3, block=92, address="0x" + "77" * 20)
    await store(api.db, request_of(lost, job_id="5" * 32), request_of(ended, closed=closing(End.ANSWERED)))
    first, second, third = (request_of(log).request_id for log in (LOG, lost, ended))
    assert await ids(api, "/v2/requests") == [third, second, first]
    assert await ids(api, "/v2/requests?sort=createdAt") == [first, second, third]
    assert await ids(api, "/v2/requests?filter=all&size=2") == [third, second]
    assert await ids(api, "/v2/requests?filter=unanswered") == [second, first]
    assert await ids(api, "/v2/requests?filter=unaccounted") == [second]
    assert await ids(api, f"/v2/requests?jobSpecId={JOB_ID}") == [third, first]
    assert await ids(api, "/v2/requests?jobSpecId=nonsense") == []
    assert await ids(api, f"/v2/requests?contract={checksum(ORACLE)}") == [second, first]


async def test_a_list_has_pages(api: Api) -> None:
    for number in range(1, 4):
        await store(api.db, request_of(run_log(request=number, block=100 + number)))
    document = await api.get("/v2/requests?filter=unanswered&size=2")
    assert document["meta"] == {"count": 3}
    assert document["links"] == {"next": "/v2/requests?filter=unanswered&page=2&size=2"}
    assert len(await ids(api, document["links"]["next"])) == 1


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("filter=lost", 'invalid filter param: "lost"; it is one of all, unanswered, unaccounted'),
        ("contract=0x12", 'invalid contract param: "0x12"; an address is 0x and 40 hex digits'),
        ("page=0", "invalid page param"),
    ],
)
async def test_a_wrong_query_is_unprocessable(api: Api, query: str, words: str) -> None:
    assert details(await api.get(f"/v2/requests?{query}", 422))[0].startswith(words)


@pytest.mark.parametrize("identity", ["nonsense", number_hash(4), f"{ORACLE}:{number_hash(4)}"])
async def test_an_unknown_request_is_not_found(api: Api, identity: str) -> None:
    assert details(await api.get(f"/v2/requests/{identity}", 404))[0].startswith("Request not found")
    assert details(await api.post(f"/v2/requests/{identity}/runs", status=404))[0].startswith("Request not found")


# --- run again -------------------------------------------------------------------------------------------------------


async def test_a_request_is_run_again_and_the_run_is_shown(api: Api) -> None:
    await failed(api)
    before = (await api.get(f"/v2/requests/{IDENTITY}"))["data"]["attributes"]["runId"]

    shown = (await api.post(f"/v2/requests/{IDENTITY}/runs"))["data"]

    assert (shown["type"], shown["attributes"]["status"], shown["attributes"]["jobId"]) == ("runs", "in_progress", JOB_ID)
    assert shown["attributes"] == (await api.get(f"/v2/runs/{shown['id']}"))["data"]["attributes"]
    after = (await api.get(f"/v2/requests/{IDENTITY}"))["data"]["attributes"]
    assert (after["runId"], after["fate"]["kind"]) == (shown["id"], "in progress")
    assert shown["id"] != before


async def test_what_cannot_be_run_again_is_a_conflict_and_a_chain_that_is_away_is_for_later(api: Api) -> None:
    await failed(api)
    api.lookup.receipts.clear()
    assert "is not on the chain any more" in details(await api.post(f"/v2/requests/{IDENTITY}/runs", status=409))[0]
    from adyton.domain.errors import Disconnected

    api.lookup.error = Disconnected("no connection")
    await api.post(f"/v2/requests/{IDENTITY}/runs", status=503)


async def test_without_a_session_nothing_is_told_or_done(api: Api) -> None:
    await failed(api)
    stranger = api.another_client()
    for method, path in (
        ("GET", "/v2/requests"),
        ("GET", f"/v2/requests/{IDENTITY}"),
        ("POST", f"/v2/requests/{IDENTITY}/runs"),
        ("GET", f"/v2/explain/{IDENTITY}"),
        ("POST", "/v2/replay_from_block/1"),
        ("GET", "/v2/rereads"),
    ):
        assert (await stranger.request(method, path)).status_code == 401
    await stranger.aclose()


# --- explain ---------------------------------------------------------------------------------------------------------


async def test_an_explanation_has_steps_a_fate_and_what_to_do(api: Api) -> None:
    await failed(api)
    shown = (await api.get(f"/v2/explain/{LOG.transaction_hash}"))["data"]
    assert (shown["type"], shown["id"]) == ("explanations", LOG.transaction_hash)
    (chapter,) = shown["attributes"]["chapters"]
    assert chapter["subject"] == f"request {request_of(LOG).request_id}"
    assert chapter["fate"] == {"kind": "refused", "reason": "the source is away", "transaction": None}
    assert chapter["next"].endswith(f"`adyton requests run {IDENTITY}`")
    first: dict[str, Any] = chapter["steps"][0]
    assert (first["what"], first["at"], first["block"]) == ("request seen", rfc3339(NOW), 90)
    assert any(step["at"] is None for step in chapter["steps"])


async def test_an_explanation_of_nothing(api: Api) -> None:
    assert "neither a transaction's hash" in details(await api.get("/v2/explain/nonsense", 400))[0]
    assert details(await api.get(f"/v2/explain/{'1' * 32}", 404)) == ["Job run not found"]
    (chapter,) = (await api.get(f"/v2/explain/{number_hash(8)}"))["data"]["attributes"]["chapters"]
    assert chapter["fate"] is None


async def test_an_answer_is_explained_by_its_hash(api: Api) -> None:
    await api.job(job("noop", "ethtx"))
    run = run_for(api.bench, LOG, RunStatus.COMPLETED)
    await store(api.db, run, request_of(LOG, run_id=run.id), transaction_of(run))
    (chapter,) = (await api.get(f"/v2/explain/{ANSWER}"))["data"]["attributes"]["chapters"]
    assert chapter["fate"] == {"kind": "answered", "reason": "by us in block 105", "transaction": ANSWER}


# --- blocks ----------------------------------------------------------------------------------------------------------


async def test_blocks_are_read_again(api: Api) -> None:
    shown = await api.post("/v2/replay_from_block/40")
    assert shown["data"]["attributes"] == {"message": "Replay started"}
    (reread,) = (await api.get("/v2/rereads"))["data"]
    assert reread["type"] == "rereads"
    assert reread["attributes"] == {
        "id": reread["id"],
        "reason": "an operator asked for it",
        "fromBlock": 40,
        "nextBlock": 40,
        "throughBlock": 100,
        "askedAt": rfc3339(api.bench.clock.now()),
        "finishedAt": None,
    }
    assert api.intake.woken == 1


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "1e3", "101", "9" * 30, "١"])
async def test_a_block_that_cannot_be_read_again_is_unprocessable(api: Api, number: str) -> None:
    (told,) = details(await api.post(f"/v2/replay_from_block/{number}", status=422))
    whole = number.isascii() and number.isdecimal()
    assert ("must be a block from 0 to 100" if whole else "it is a whole number") in told
    assert (await api.get("/v2/rereads"))["data"] == []
