"""Trying a job: what is asked of the world, and what is not; what is shown, and what never is."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from typing import Any

import msgspec
import pytest

from adyton.config import Config
from adyton.domain.access import Role
from adyton.domain.bridges import Bridge
from adyton.domain.requests import read_run_log
from adyton.ethereum.errors import RpcError
from adyton.ports import HttpRequest, HttpResponse
from adyton.services import tries
from adyton.storage import bridges as stored_bridges
from adyton.storage import runs as stored_runs
from adyton.storage.database import Statement
from adyton.system import hidden
from support.api import EMAIL, Api
from support.builders import JOB_ID, NOW, job, run_log
from support.plugins import TestSecrets, TestWorkers

SECRET = "s3cret-value-of-a-test"
TO = "0x" + "11" * 20


async def bridge(api: Api, url: str = "http://b.example") -> None:
    made = Bridge(
        name="oracle",
        url=url,
        incoming_token_hash="h",
        salt="s",
        outgoing_token="outgoing-token",
        created_at=NOW,
        updated_at=NOW,
    )
    await api.db.write(stored_bridges.insert(made))
    api.parts.bridges.put(made)


def draft(*tasks: Any) -> dict[str, Any]:
    return {"initiators": [{"type": "web"}], "tasks": list(tasks)}


async def attempt(api: Api, *tasks: Any, **more: Any) -> Any:
    return (await api.post("/v2/specs/try", {"job": draft(*tasks), **more}))["data"]["attributes"]


# --- what may change something outside -------------------------------------------------------------------------------


async def test_a_bridge_is_not_asked_and_what_it_would_be_asked_is_shown(api: Api) -> None:
    await bridge(api)
    tried = await attempt(api, {"type": "oracle", "params": {"base": "ETH"}}, {"type": "noop"}, input={"q": 1})
    held, rest = tried["tasks"]
    assert api.bench.http.asked == []
    assert (held["status"], held["note"], rest["status"]) == ("held", "would ask bridge oracle", "not reached")
    assert held["wouldAsk"]["url"] == "http://b.example"
    assert json.loads(held["wouldAsk"]["body"])["data"] == {"base": "ETH", "q": 1}
    assert tried["status"] == "held"


async def test_what_is_shown_is_what_the_bridge_is_sent(api: Api) -> None:
    await bridge(api)
    task = {"type": "oracle", "params": {"base": "ETH", "meta": {"m": 1}}}
    shown = json.loads((await attempt(api, task))["tasks"][0]["wouldAsk"]["body"])
    api.bench.http.body = '{"data": {"result": 7}}'
    await attempt(api, task, allowBridges=True)
    [asked] = api.bench.http.asked
    sent = json.loads(asked.body or b"")
    assert {**sent, "id": ""} == {**shown, "id": ""}


async def test_an_allowed_bridge_is_asked_and_its_answer_goes_on(api: Api) -> None:
    await bridge(api)
    api.bench.http.body = '{"data": {"result": 7}}'
    tried = await attempt(api, {"type": "oracle"}, {"type": "multiply", "params": {"times": 6}}, allowBridges=True)
    assert tried["status"] == "completed"
    assert tried["tasks"][1]["output"]["result"] == "42"


async def test_a_bridge_that_answers_later_ends_the_trial(api: Api) -> None:
    await bridge(api)
    api.bench.http.body = '{"pending": true}'
    tried = await attempt(api, {"type": "oracle"}, {"type": "noop"}, allowBridges=True)
    assert (tried["tasks"][0]["status"], tried["tasks"][0]["waits"]) == ("pending", "pending_bridge")
    assert tried["tasks"][1]["status"] == "not reached"


async def test_a_stand_in_is_taken_for_what_a_task_would_answer(api: Api) -> None:
    await bridge(api)
    tried = await attempt(
        api,
        {"type": "oracle"},
        {"type": "multiply", "params": {"times": 6}},
        input={"kept": True},
        outputs={"0": {"result": 7}},
    )
    assert [task["status"] for task in tried["tasks"]] == ["given", "completed"]
    assert tried["tasks"][1]["output"] == {"kept": True, "result": "42"}
    bare = await attempt(api, {"type": "oracle"}, outputs={"0": 5})
    assert bare["tasks"][0]["output"] == {"result": 5}


async def test_a_get_is_done(api: Api) -> None:
    api.bench.http.body = "5"
    tried = await attempt(api, {"type": "httpget", "params": {"get": "https://a.example"}})
    assert tried["tasks"][0]["output"] == {"result": "5"}
    assert [each.method for each in api.bench.http.asked] == ["GET"]


async def test_a_post_is_only_done_when_it_is_allowed(api: Api) -> None:
    task = {"type": "httppost", "params": {"post": "https://a.example/x", "body": "hello"}}
    held = (await attempt(api, task))["tasks"][0]
    assert api.bench.http.asked == []
    assert held["wouldAsk"] == {"whom": "httppost", "method": "POST", "url": "https://a.example/x", "body": "hello"}
    api.bench.http.body = "5"
    done = (await attempt(api, task, allowPosts=True))["tasks"][0]
    assert done["output"] == {"result": "5"}


async def test_an_installed_adapter_counts_as_a_bridge() -> None:
    workers = TestWorkers(median=lambda _params, data: data.get("n", 0) + 1)
    async with Api(workers=workers) as api:
        held = (await attempt(api, {"type": "median"}, input={"n": 1}))["tasks"][0]
        assert held["status"] == "held"
        assert json.loads(held["wouldAsk"]["body"]) == {"params": {"n": 1}, "data": {"n": 1}}
        done = (await attempt(api, {"type": "median"}, input={"n": 1}, allowBridges=True))["tasks"][0]
        assert done["output"] == {"n": 1, "result": 2}


# --- secrets ---------------------------------------------------------------------------------------------------------


async def test_no_secret_is_in_the_answer() -> None:
    hidden.hide([SECRET])
    async with Api(secrets=TestSecrets(KEY=SECRET)) as api:
        await bridge(api, "http://b.example/$(secret:KEY)")
        api.bench.http.body = f'{{"data": {{"result": "{SECRET}"}}}}'
        tasks = (
            {"type": "httpget", "params": {"get": "https://a.example/$(secret:KEY)", "headers": {"X": ["$(secret:KEY)"]}}},
            {"type": "oracle"},
            {"type": "httppost", "params": {"post": "https://$(secret:KEY).example/", "body": "k=$(secret:KEY)"}},
        )
        for allowed in (False, True):
            body = {"job": draft(*tasks), "allowBridges": allowed, "allowPosts": allowed}
            response = await api.client.post("/v2/specs/try", json=body)
            assert response.status_code == 200
            assert SECRET not in response.text
        held = (await attempt(api, tasks[2]))["tasks"][0]
        assert held["wouldAsk"]["body"] == "k=$(secret:KEY)"
        assert held["params"] == tasks[2]["params"]


async def test_the_http_exchanges_of_each_task_are_shown_without_secrets() -> None:
    hidden.hide([SECRET])
    async with Api(secrets=TestSecrets(KEY=SECRET)) as api:
        api.bench.http.body = f'{{"price": 1.50, "key": "{SECRET}"}}'
        asks = {"type": "httpget", "params": {"get": "https://a.example/p", "headers": {"X": ["$(secret:KEY)"]}}}
        asked, read = (await attempt(api, asks, {"type": "jsonparse", "params": {"path": "price"}}))["tasks"]
    [exchange] = asked["exchanges"]
    assert (exchange["method"], exchange["url"], exchange["status"]) == ("GET", "https://a.example/p", 200)
    assert '"price": 1.50' in exchange["body"]
    assert SECRET not in exchange["body"]
    assert read["exchanges"] == []


async def test_no_secret_is_in_the_transaction_that_would_be_sent() -> None:
    hidden.hide([SECRET])
    async with Api(secrets=TestSecrets(KEY=SECRET)) as api:
        api.bench.http.body = f'{{"a": "\\u{ord(SECRET[0]):04x}{SECRET[1:]}"}}'
        tried = await attempt(
            api,
            {"type": "httpget", "params": {"get": "https://a.example/$(secret:KEY)"}},
            {"type": "jsonparse", "params": {"path": ["a"]}},
            {"type": "ethbytes32"},
            {"type": "ethtx", "params": {"address": TO, "functionSelector": "0x12345678"}},
        )
        assert tried["status"] == "held"
        assert tried["wouldSend"]["data"].startswith("0x12345678***")
        assert SECRET.encode().hex() not in str(tried)


# --- the chain -------------------------------------------------------------------------------------------------------


async def test_a_transaction_that_would_revert_says_why(api: Api) -> None:
    api.ledger.link_error = RpcError(3, "execution reverted: no", None)
    tried = await attempt(api, {"type": "ethtx", "params": {"address": TO, "functionSelector": "f()"}}, input={"result": "1"})
    assert (tried["wouldSend"]["outcome"], "no" in tried["wouldSend"]["reason"]) == ("reverts", True)


async def test_without_a_chain_the_transaction_is_shown_all_the_same() -> None:
    async with Api(height=None) as api:
        tried = await attempt(api, {"type": "ethtx", "params": {"address": TO}}, input={"result": "1"})
        assert tried["wouldSend"]["to"] == TO
        assert tried["wouldSend"]["outcome"] == "unknown"
        assert tried["tasks"][0]["status"] == "held"


async def test_a_request_that_the_node_knows_is_answered_as_it_was_asked(api: Api) -> None:
    spec = await api.job(job("noop", "ethtx", job_id=JOB_ID))
    entry = run_log(request=7)
    [run] = [api.bench.maker.from_log(spec, spec.initiators[0], entry, read_run_log(entry), 100)]
    await api.db.write(stored_runs.insert([run]), _request(run, entry))
    request_id = run.request.request_id if run.request else None
    tried = await attempt(api, {"type": "ethtx"}, request=request_id, input={"result": "0x2a"})
    assert tried["wouldSend"]["to"].lower() == entry.address
    assert (request_id or "")[2:] in tried["wouldSend"]["data"]
    await api.post("/v2/specs/try", {"job": draft({"type": "noop"}), "request": "0x" + "9" * 64}, status=404)


def _request(run: Any, entry: Any) -> Statement:
    return Statement(
        "INSERT INTO requests (contract, request_id, job_id, block_number, block_hash, transaction_hash, log_index, requester, "
        "payment, expiration, decision, run_id, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '0', 0, 'run started', ?, 0)",
        [
            (
                entry.address,
                run.request.request_id,
                run.job_id,
                entry.block_number,
                entry.block_hash,
                entry.transaction_hash,
                entry.log_index,
                run.request.requester,
                run.id,
            )
        ],
    )


# --- limits ----------------------------------------------------------------------------------------------------------


class Never:
    """A source that never answers; ``asked`` is set when it is asked, ``given_up`` when nobody waits any more."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.given_up = asyncio.Event()
        self.at_once = self.most = 0

    async def request(self, request: HttpRequest) -> HttpResponse:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.at_once -= 1
            self.given_up.set()
        raise AssertionError(request)


def with_source(api: Api, source: Any) -> None:
    api.bench.http.request = source.request  # type: ignore[method-assign]


GET = {"type": "httpget", "params": {"get": "https://a.example"}}


def hasty(api: Api, seconds: str = "100ms") -> Any:
    config = Config.load({"ROOT": "/nonexistent/adyton", "HTTP_SERVER_WRITE_TIMEOUT": seconds})
    return dataclasses.replace(api.parts, config=config)


async def test_a_trial_ends_at_its_deadline_and_shows_how_far_it_came(api: Api) -> None:
    with_source(api, Never())
    body = msgspec.json.encode({"job": draft({"type": "noop"}, GET, {"type": "noop"})})
    tried = await tries.attempt(hasty(api), body, may_edit=True)
    assert [step.came for step in tried.steps] == ["completed", "errored", "not reached"]
    assert "0.075 s" in (tried.steps[1].error or "")
    assert tried.status == "errored"


async def test_trials_wait_for_one_another(api: Api) -> None:
    source = Never()
    with_source(api, source)
    parts = hasty(api, "300ms")
    body = msgspec.json.encode({"job": draft(GET)})
    many = await asyncio.gather(*(tries.attempt(parts, body, may_edit=True) for _ in range(9)))
    assert source.most == 4
    assert all(tried.steps[0].came == "errored" for tried in many)


async def test_a_trial_stops_when_its_client_goes_away(api: Api) -> None:
    source = Never()
    with_source(api, source)
    gone, sent = asyncio.Event(), []
    body = json.dumps({"job": draft(GET)}).encode()
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    request = api.client.build_request("POST", "/v2/specs/try", json={})
    cookie = request.headers["cookie"].encode()
    headers = [(b"host", b"node.example"), (b"cookie", cookie), (b"content-length", str(len(body)).encode())]
    scope = {
        "type": "http", "method": "POST", "path": "/v2/specs/try", "raw_path": b"/v2/specs/try", "query_string": b"",
        "headers": headers, "scheme": "http", "client": ("127.0.0.1", 1), "server": ("node.example", 80), "http_version": "1.1",
        "root_path": "",
    }  # fmt: skip
    serving = asyncio.ensure_future(api.app(scope, receive, send))
    await source.asked.wait()
    gone.set()
    await source.given_up.wait()
    await serving
    assert sent == []
    assert api.parts.trying._value == 4


async def test_what_a_task_leaves_is_bounded_as_in_a_run(api: Api) -> None:
    tried = await attempt(api, {"type": "noop"}, outputs={"0": {"result": "x" * 2_000}})
    assert tried["tasks"][0]["status"] == "given"
    api.bench.executor.performer._data_limit = 100
    tried = await attempt(api, {"type": "noop"}, outputs={"0": {"result": "x" * 2_000}})
    assert "RUN_DATA_LIMIT" in tried["tasks"][0]["error"]


# --- who may ---------------------------------------------------------------------------------------------------------


async def test_who_may_run_tries_jobs_and_who_may_edit_tries_drafts(api: Api) -> None:
    await api.job(job("noop"))
    for role, drafts, jobs in ((Role.VIEW, 403, 403), (Role.RUN, 403, 200), (Role.EDIT, 200, 200)):
        await api.db.write(Statement("UPDATE users SET role = ? WHERE email = ?", [(role, EMAIL)]))
        await api.log_in()
        await api.post("/v2/specs/try", {"job": draft({"type": "noop"})}, status=drafts)
        await api.post("/v2/specs/try", {"jobSpecId": JOB_ID}, status=jobs)
        await api.post("/v2/specs/validate", draft({"type": "noop"}))
        await api.post("/v2/specs/apply", {"jobs": []}, status=200 if role is Role.EDIT else 403)


@pytest.mark.parametrize("given", [{"result": "21"}, {}])
async def test_a_trial_and_a_run_come_to_the_same(api: Api, given: dict[str, Any]) -> None:
    tasks = ("multiply", "ethint256", "noop")
    spec = job()
    spec = msgspec.structs.replace(
        spec, tasks=tuple(msgspec.structs.replace(spec.tasks[0], type=each, params={"times": 3}) for each in tasks)
    )
    await api.job(spec)
    run_id = (await api.post(f"/v2/specs/{JOB_ID}/runs", given))["data"]["id"]
    run = await api.work_on(run_id)
    tried = (await api.post("/v2/specs/try", {"jobSpecId": JOB_ID, "input": given}))["data"]["attributes"]
    assert tried["status"] == run.status.value
    assert [task["output"] for task in tried["tasks"]] == [task.data for task in run.tasks]
    assert [task["error"] for task in tried["tasks"]] == [task.error for task in run.tasks]
