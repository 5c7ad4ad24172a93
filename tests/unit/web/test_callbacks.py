"""The late answers of bridges: ``PATCH /v2/runs/ID``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec
import pytest

from adyton.domain.bridges import Bridge, token_hash
from adyton.domain.errors import Conflict, StorageUnavailable
from adyton.domain.jobs import TaskSpec
from adyton.domain.runs import Run, RunStatus
from adyton.ports import HttpRequest, HttpResponse
from adyton.services.callbacks import PATIENCE
from adyton.storage import bridges as stored_bridges
from adyton.storage.connect import open_memory
from adyton.storage.database import Row, Statement
from adyton.web.jsonapi import CODE_HEADER
from support.api import Api, PassingDatabase, details
from support.builders import JOB_ID, NOW, job

TOKEN = "8b1e4d7c8f2e6a5b3d1c0f9e4c9a7f7a"
MANUAL = {"q": "request", "r": True}
ORACLE = TaskSpec(type="oracle", params={"p": 1, "q": "spec"})


async def bridge(api: Api, name: str = "oracle", token: str = TOKEN) -> None:
    made = Bridge(
        name=name,
        url="http://b.example",
        incoming_token_hash=token_hash(token, "salt"),
        salt="salt",
        outgoing_token="out",
        created_at=NOW,
        updated_at=NOW,
    )
    await api.db.write(stored_bridges.insert(made))
    api.parts.bridges.put(made)


async def started(api: Api, *tasks: TaskSpec | str, body: Any = MANUAL) -> str:
    """The id of a run whose first task is a bridge's, not executed yet."""
    await bridge(api)
    await api.job(job(*tasks))
    run_id: str = (await api.post(f"/v2/specs/{JOB_ID}/runs", body))["data"]["id"]
    return run_id


async def waiting(api: Api, *tasks: TaskSpec | str, body: Any = MANUAL) -> str:
    """The id of a run that waits for its bridge."""
    run_id = await started(api, *(tasks or (ORACLE, "noop")), body=body)
    api.bench.http.body = '{"pending": true}'
    assert (await api.work_on(run_id)).status is RunStatus.PENDING_BRIDGE
    return run_id


async def answer(api: Api, run_id: str, body: Any = None, *, token: str | None = f"Bearer {TOKEN}") -> httpx.Response:
    """What the node says to an answer. ``body`` is JSON, or bytes as they are."""
    content = {"content": body} if isinstance(body, bytes) else {"json": {"data": {"result": "7"}} if body is None else body}
    async with api.another_client() as stranger:
        headers = {} if token is None else {"authorization": token}
        return await stranger.patch(f"/v2/runs/{run_id}", headers=headers, **content)


async def finished(api: Api, run_id: str) -> Run:
    return await api.work_on(run_id)


# --- an answer -------------------------------------------------------------------------------------------------------


async def test_an_answered_run_goes_on_as_in_v062(api: Api) -> None:
    run_id = await waiting(api, ORACLE, TaskSpec(type="copy", params={"copyPath": ["a"]}))
    sent = api.bench.http.asked[0].body
    assert sent == b'{"id":"%s","data":{"p":1,"q":"request","r":true}}' % run_id.encode()

    response = await answer(api, run_id, {"id": run_id, "data": {"result": "100", "a": "AA", "q": "ea"}})

    assert (response.status_code, response.headers["content-type"]) == (200, "application/vnd.api+json")
    shown = response.json()["data"]
    attributes = shown["attributes"]
    assert (shown["type"], shown["id"], attributes["status"]) == ("runs", run_id, "in_progress")
    assert attributes["taskRuns"][0]["result"]["data"] == {"result": "100", "a": "AA", "q": "ea"}
    assert attributes["initiator"]["jobSpecId"] == JOB_ID, "the stored form of the initiator"
    # v0.6.2 put the answer over the run's input as well.
    assert attributes["overrides"]["data"] == MANUAL
    done = await finished(api, run_id)
    assert done.status is RunStatus.COMPLETED
    assert done.tasks[1].data == {"a": "AA", "q": "ea", "r": True, "result": "AA"}


async def test_an_answer_to_the_last_task_completes_the_run(api: Api) -> None:
    run_id = await waiting(api, ORACLE)
    shown = (await answer(api, run_id, {"data": {"result": "100"}})).json()["data"]["attributes"]
    assert (shown["status"], shown["result"]["data"]) == ("completed", {"result": "100"})
    assert shown["finishedAt"] is not None


@pytest.mark.parametrize("tasks", [(ORACLE,), (ORACLE, "noop")])
async def test_an_error_ends_the_run_wherever_it_stands(api: Api, tasks: tuple[TaskSpec | str, ...]) -> None:
    run_id = await waiting(api, *tasks)
    shown = (await answer(api, run_id, {"data": {"result": "0"}, "error": "stack overflow"})).json()["data"]["attributes"]
    assert (shown["status"], shown["result"]["error"]) == ("errored", "stack overflow")
    assert shown["finishedAt"] is not None
    assert (await api.run(run_id)).tasks[-1].status is not RunStatus.COMPLETED


async def test_a_run_that_is_told_to_wait_on_waits_on(api: Api) -> None:
    run_id = await waiting(api, ORACLE)
    shown = (await answer(api, run_id, {"pending": True})).json()["data"]["attributes"]
    assert (shown["status"], shown["finishedAt"]) == ("pending_bridge", None)
    assert (await answer(api, run_id)).json()["data"]["attributes"]["status"] == "completed"


async def test_an_error_without_a_word_is_shown_as_it_came_and_the_run_has_a_reason(api: Api) -> None:
    run_id = await waiting(api)
    shown = (await answer(api, run_id, {"error": ""})).json()["data"]["attributes"]
    assert (shown["status"], shown["result"]["error"]) == ("errored", "")
    assert (await api.run(run_id)).error == "oracle failed and did not say why"


async def test_an_answer_that_repeats_the_nodes_token_is_kept_without_it(api: Api) -> None:
    run_id = await waiting(api)
    known = api.parts.bridges.get("oracle")
    assert known is not None
    api.parts.bridges.put(msgspec.structs.replace(known, outgoing_token="c0ffee" * 6))
    await answer(api, run_id, {"data": {"said": ["Bearer " + "c0ffee" * 6]}})
    assert (await api.run(run_id)).tasks[0].data == {"said": ["Bearer ***"]}


async def test_an_answer_that_is_no_object_is_the_result(api: Api) -> None:
    run_id = await waiting(api)
    assert (await answer(api, run_id, {"data": [1, "a"]})).status_code == 200
    assert (await finished(api, run_id)).tasks[1].data == {**MANUAL, "result": '[1,"a"]'}


async def test_an_answer_cannot_change_the_params_of_later_tasks(api: Api) -> None:
    run_id = await waiting(api, ORACLE, TaskSpec(type="copy", params={"copyPath": ["a"]}))
    await answer(api, run_id, {"data": {"a": 1, "b": 2, "copyPath": ["b"]}})
    assert ((await finished(api, run_id)).tasks[1].data or {})["result"] == 1


async def test_as_in_v062_it_can_if_the_operator_wants_that() -> None:
    async with Api(environment={"BRIDGE_MAY_OVERRIDE_JOB": "true"}) as api:
        run_id = await waiting(api, ORACLE, TaskSpec(type="copy", params={"copyPath": ["a"]}))
        given = {"a": 1, "b": 2, "copyPath": ["b"]}
        shown = (await answer(api, run_id, {"data": given})).json()["data"]["attributes"]
        assert shown["overrides"]["data"] == {**MANUAL, **given}
        assert ((await finished(api, run_id)).tasks[1].data or {})["result"] == 2


async def test_an_input_that_is_no_object_takes_nothing_up() -> None:
    async with Api(environment={"BRIDGE_MAY_OVERRIDE_JOB": "true"}) as api:
        run_id = await waiting(api, ORACLE)
        await api.db.write(Statement("UPDATE runs SET input = '[1]' WHERE id = ?", [(run_id,)]))
        assert (await answer(api, run_id)).status_code == 200
        assert (await api.run(run_id)).input_text == "[1]"


async def test_the_run_of_an_archived_job_is_answered(api: Api) -> None:
    run_id = await waiting(api, ORACLE)
    assert (await api.client.delete(f"/v2/specs/{JOB_ID}")).status_code == 204
    assert (await answer(api, run_id)).json()["data"]["attributes"]["status"] == "completed"


async def test_a_run_may_be_named_with_dashes(api: Api) -> None:
    run_id = await waiting(api, ORACLE)
    dashed = f"{run_id[:8]}-{run_id[8:12]}-{run_id[12:16]}-{run_id[16:20]}-{run_id[20:]}"
    assert (await answer(api, dashed)).status_code == 200


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", TOKEN, f"  Bearer {TOKEN}  ", f"bearer {TOKEN}"])
async def test_a_token_is_taken_with_bearer_or_without(api: Api, header: str) -> None:
    run_id = await waiting(api, ORACLE)
    assert (await answer(api, run_id, token=header)).status_code == 200


# --- what is refused, in the order in which it is looked at -----------------------------------------------------------


async def test_an_unknown_run(api: Api) -> None:
    for run_id in ("9f0e1d2c3b4a59687786950a1b2c3d4e", "no-id"):
        response = await answer(api, run_id, b"not json", token="wrong")
        assert (response.status_code, details(response.json())) == (404, ["Job Run not found"])


async def test_the_status_is_looked_at_before_body_and_token(api: Api) -> None:
    run_id = await waiting(api, ORACLE)
    await answer(api, run_id)
    response = await answer(api, run_id, b"not json", token="wrong")
    assert (response.status_code, details(response.json())) == (405, ["Cannot resume a job run that isn't pending"])
    assert response.json()["errors"][0]["code"] == "ADY-0458"


@pytest.mark.parametrize("body", [b"", b"{RUN", b"[]", b'{"error": 5}'])
async def test_the_body_is_looked_at_before_the_token(api: Api, body: bytes) -> None:
    run_id = await waiting(api, ORACLE)
    assert (await answer(api, run_id, body, token=None)).status_code == 500
    assert (await api.run(run_id)).status is RunStatus.PENDING_BRIDGE


async def test_a_bridge_that_is_gone(api: Api) -> None:
    run_id = await waiting(api, ORACLE)
    await api.client.delete(f"/v2/specs/{JOB_ID}")
    assert (await api.client.delete("/v2/bridge_types/oracle")).status_code == 200
    response = await answer(api, run_id)
    assert response.status_code == 500
    assert details(response.json()) == ["record not found: bridge oracle, for which the run waits, has been deleted"]


@pytest.mark.parametrize("header", [None, "", "Bearer ", "Bearer wrong", f"Bearer {TOKEN}x", "Bearer out", f"Basic {TOKEN}"])
async def test_a_wrong_token_gets_an_empty_401_and_the_run_waits_on(api: Api, header: str | None) -> None:
    run_id = await waiting(api, ORACLE)
    response = await answer(api, run_id, token=header)
    assert (response.status_code, response.content) == (401, b"")
    assert response.headers[CODE_HEADER] == "ADY-0457"
    assert (await api.run(run_id)).status is RunStatus.PENDING_BRIDGE


async def test_another_bridges_token_is_a_wrong_one(api: Api) -> None:
    run_id = await waiting(api, ORACLE)
    await bridge(api, "another", "another token")
    assert (await answer(api, run_id, token="Bearer another token")).status_code == 401


async def test_a_session_does_not_stand_for_the_token(api: Api) -> None:
    run_id = await waiting(api, ORACLE)
    response = await api.client.patch(f"/v2/runs/{run_id}", json={"data": {"result": "7"}})
    assert response.status_code == 401


async def test_new_tokens_end_the_old_one(api: Api) -> None:
    run_id = await waiting(api, ORACLE)
    fresh = (await api.post("/v2/bridge_types/oracle/tokens"))["data"]["attributes"]["incomingToken"]
    assert (await answer(api, run_id)).status_code == 401
    assert (await answer(api, run_id, token=fresh)).status_code == 200


# --- once ------------------------------------------------------------------------------------------------------------


async def test_of_two_answers_at_once_one_counts(api: Api) -> None:
    run_id = await waiting(api, ORACLE, "noop")
    both = await asyncio.gather(*[answer(api, run_id, {"data": {"result": n}}) for n in range(5)])
    assert sorted(response.status_code for response in both) == [200, 405, 405, 405, 405]
    counted = next(n for n, response in enumerate(both) if response.status_code == 200)
    assert ((await finished(api, run_id)).tasks[1].data or {})["result"] == counted


class Interrupted(PassingDatabase):
    """Lets something happen between the reading of a run and the next write."""

    def __init__(self) -> None:
        super().__init__(open_memory())
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def write(self, *statements: Statement) -> list[list[Row]]:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        return await super().write(*statements)


async def test_an_answer_that_lost_does_not_answer_the_next_bridge_of_the_run() -> None:
    """The loser reads the run again. By then it may wait for the same bridge once more, in its next task."""
    db = Interrupted()
    async with Api(db=db) as api:
        run_id = await waiting(api, ORACLE, ORACLE)

        async def another_is_first() -> None:
            assert (await answer(api, run_id, {"data": {"result": "first"}})).status_code == 200
            await api.work_on(run_id)

        db.meanwhile = another_is_first
        assert (await answer(api, run_id, {"data": {"result": "lost"}})).status_code == 405
        run = await api.run(run_id)
        assert run.status is RunStatus.PENDING_BRIDGE
        assert [task.status for task in run.tasks] == [RunStatus.COMPLETED, RunStatus.PENDING_BRIDGE]
        assert run.tasks[0].data == {"result": "first"}


async def test_an_answer_is_stored_though_log_intake_has_moved_the_run_meanwhile() -> None:
    db = Interrupted()
    async with Api(db=db) as api:
        run_id = await waiting(api, ORACLE)
        version = (await api.run(run_id)).version

        async def moved() -> None:
            await api.db.write(Statement("UPDATE runs SET version = version + 1 WHERE id = ?", [(run_id,)]))

        db.meanwhile = moved
        assert (await answer(api, run_id)).status_code == 200
        run = await api.run(run_id)
        assert (run.status, run.version) == (RunStatus.COMPLETED, version + 2)


async def test_an_answer_is_stored_though_the_bridge_has_said_once_more_that_it_comes_later() -> None:
    db = Interrupted()
    async with Api(db=db) as api:
        run_id = await waiting(api, ORACLE)

        async def later() -> None:
            assert (await answer(api, run_id, {"pending": True, "data": {"progress": 50}})).status_code == 200

        db.meanwhile = later
        assert (await answer(api, run_id)).status_code == 200
        assert (await api.run(run_id)).tasks[0].data == {"result": "7"}


async def test_an_answer_to_a_run_that_an_operator_has_cancelled_meanwhile_is_refused() -> None:
    db = Interrupted()
    async with Api(db=db) as api:
        run_id = await waiting(api, ORACLE)

        async def cancelled() -> None:
            sql = "UPDATE runs SET version = version + 1, status = 'cancelled', finished_at = updated_at WHERE id = ?"
            await api.db.write(Statement(sql, [(run_id,)]))

        db.meanwhile = cancelled
        assert (await answer(api, run_id)).status_code == 405


# --- an answer that is too quick -------------------------------------------------------------------------------------


async def test_an_answer_that_comes_before_the_wait_is_stored_is_not_lost(api: Api) -> None:
    run_id = await started(api, ORACLE, "noop")
    api.bench.http.body = '{"pending": true}'

    early = asyncio.create_task(answer(api, run_id))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not early.done(), "the run is in progress, and the answer waits"
    await api.work_on(run_id)

    assert (await early).status_code == 200
    assert ((await finished(api, run_id)).tasks[1].data or {})["result"] == "7"


async def test_a_bridge_that_says_pending_only_when_its_late_answer_was_taken_is_heard(api: Api) -> None:
    run_id = await started(api, ORACLE, "noop")
    api.bench.http.body = '{"pending": true}'
    ask, began = api.bench.http.request, api.bench.clock.monotonic()

    async def answers_first(request: HttpRequest) -> HttpResponse:
        taken = await answer(api, run_id)
        assert (taken.status_code, taken.json()["data"]["attributes"]["status"]) == (200, "in_progress")
        return await ask(request)

    api.bench.http.request = answers_first  # type: ignore[method-assign] # a bridge that does two things at once
    with pytest.raises(Conflict):
        await api.work_on(run_id)

    assert PATIENCE <= api.bench.clock.monotonic() - began <= 2 * PATIENCE
    run = await finished(api, run_id)
    assert (run.status, (run.tasks[1].data or {})["result"]) == (RunStatus.COMPLETED, "7")
    assert len(api.bench.http.asked) == 1


async def test_an_early_answer_to_a_task_that_waits_for_its_confirmations_is_refused(api: Api) -> None:
    run_id = await started(api, ORACLE)
    sql = "UPDATE runs SET status = 'pending_confirmations', wake_height = 1000 WHERE id = ?"
    await api.db.write(Statement(sql, [(run_id,)]))
    assert (await answer(api, run_id)).status_code == 405
    assert (await api.run(run_id)).status is RunStatus.PENDING_CONFIRMATIONS


async def test_who_has_not_the_token_does_not_even_wait(api: Api) -> None:
    run_id = await started(api, ORACLE)
    began = api.bench.clock.monotonic()
    assert (await answer(api, run_id, token="Bearer wrong")).status_code == 405
    assert api.bench.clock.monotonic() == began


async def test_a_bridge_that_answered_at_once_cannot_answer_again(api: Api) -> None:
    run_id = await started(api, ORACLE, ORACLE)
    early = asyncio.create_task(answer(api, run_id))
    for _ in range(5):
        await asyncio.sleep(0)
    api.bench.http.body = '{"data": {"result": "at once"}}'
    await api.work_on(run_id)
    assert (await early).status_code == 405
    assert [task.data for task in (await api.run(run_id)).tasks] == [{**MANUAL, "p": 1, "result": "at once"}] * 2


async def test_a_run_in_progress_at_another_task_is_not_waited_for(api: Api) -> None:
    await bridge(api)
    await api.job(job("noop", ORACLE))
    run_id = (await api.post(f"/v2/specs/{JOB_ID}/runs"))["data"]["id"]
    began = api.bench.clock.monotonic()
    assert (await answer(api, run_id)).status_code == 405
    assert api.bench.clock.monotonic() == began


# --- crashes ---------------------------------------------------------------------------------------------------------


async def test_a_crash_before_the_bridges_word_is_stored_asks_it_again_under_the_same_id(api: Api) -> None:
    run_id = await started(api, ORACLE)
    ask, asked = api.bench.http.request, asyncio.Event()

    async def silent(request: HttpRequest) -> HttpResponse:
        await ask(request)
        asked.set()
        return await asyncio.Future()

    api.bench.http.request = silent  # type: ignore[method-assign] # a source that does not answer
    work = asyncio.create_task(api.work_on(run_id))
    await asked.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert (await api.run(run_id)).status is RunStatus.IN_PROGRESS

    api.bench.http.request = ask  # type: ignore[method-assign] # as it was
    api.bench.http.body = '{"pending": true}'
    await api.work_on(run_id)
    first, second = api.bench.http.asked
    assert first.body == second.body
    assert (await answer(api, run_id)).status_code == 200


async def test_a_database_that_cannot_write_leaves_the_run_waiting_and_says_try_again() -> None:
    db = Interrupted()
    async with Api(db=db) as api:
        run_id = await waiting(api, ORACLE)

        async def full() -> None:
            raise StorageUnavailable("the disk is full")

        db.meanwhile = full
        response = await answer(api, run_id)
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert (await api.run(run_id)).status is RunStatus.PENDING_BRIDGE
        assert (await answer(api, run_id)).status_code == 200
