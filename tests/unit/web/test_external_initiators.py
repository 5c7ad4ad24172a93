"""External initiators over HTTP: made, listed, deleted, recognised, and told about jobs."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from adyton.domain.external_initiators import ACCESS_KEY_HEADER, SECRET_HEADER
from adyton.ports import HttpFailure, HttpRequest, HttpResponse
from adyton.services.notifier import Notifier
from adyton.storage import notifications
from support.api import Api, details
from support.builders import JOB_ID, TestHttp, job

ON = {"FEATURE_EXTERNAL_INITIATORS": "true"}
URL = "https://outside.example/jobs"
HOUR = 3600 * 1_000_000


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with Api(environment=ON) as opened:
        opened.bench.http.body = "{}"
        yield opened


class Refusing(TestHttp):
    """An initiator that gives no answer."""

    async def request(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request)
        raise HttpFailure("https://outside.example cannot be asked: refused", retriable=True)


class Crash(Exception):
    """The node ends here."""


class Crashing(TestHttp):
    """The node ends while the initiator is asked."""

    async def request(self, request: HttpRequest) -> HttpResponse:
        raise Crash


async def named(api: Api, name: str = "outside", url: str | None = URL) -> dict[str, str]:
    """Make one that has a name; returns its attributes."""
    made: dict[str, str] = (await api.post("/v2/external_initiators", {"name": name, "url": url}, 201))["data"]["attributes"]
    return made


async def anonymous(api: Api) -> dict[str, str]:
    """Make one as v0.6.2 had them."""
    made: dict[str, str] = (await api.post("/v2/external_initiators", status=201))["data"]["attributes"]
    return {ACCESS_KEY_HEADER: made["AccessKey"], SECRET_HEADER: made["Secret"]}


def headers(made: dict[str, str]) -> dict[str, str]:
    """What one with a name sends."""
    return {ACCESS_KEY_HEADER: made["incomingAccessKey"], SECRET_HEADER: made["incomingSecret"]}


def external(name: str = "outside", **params: Any) -> dict[str, Any]:
    """A job that an external initiator may start."""
    return {"initiators": [{"type": "External", "params": {"name": name, **params}}], "tasks": [{"type": "noop"}]}


# --- made, listed, deleted -------------------------------------------------------------------------------------------


async def test_without_the_feature_none_can_be_made_or_deleted() -> None:
    async with Api() as api:
        refused = await api.client.post("/v2/external_initiators")
        assert refused.status_code == 405
        assert details(refused.json())[0].startswith("External Initiators are currently under development")
        assert (await api.client.delete("/v2/external_initiators/outside")).status_code == 405
        assert (await api.get("/v2/external_initiators"))["data"] == []


async def test_development_mode_switches_the_feature_on() -> None:
    async with Api(environment={"CHAINLINK_DEV": "true"}) as api:
        await anonymous(api)


async def test_an_empty_body_makes_one_as_v062_had_them(api: Api) -> None:
    made = (await api.post("/v2/external_initiators", status=201))["data"]
    assert made["type"] == "external_initiators"
    assert set(made["attributes"]) == {"AccessKey", "Secret"}
    assert made["id"] == made["attributes"]["AccessKey"]
    assert re.fullmatch("[0-9a-f]{32}", made["id"])
    assert re.fullmatch("[0-9a-zA-Z]{64}", made["attributes"]["Secret"])


async def test_a_body_makes_one_with_a_name_and_shows_its_secrets_once(api: Api) -> None:
    made = (await api.post("/v2/external_initiators", {"name": "Outside", "url": URL}, 201))["data"]
    assert (made["type"], made["id"]) == ("external initiators", "outside")
    assert {"name", "url", "incomingAccessKey", "incomingSecret", "outgoingToken", "outgoingSecret"} == set(made["attributes"])
    (listed,) = (await api.get("/v2/external_initiators"))["data"]
    shown = json.dumps(listed)
    assert made["attributes"]["incomingSecret"] not in shown
    assert made["attributes"]["outgoingSecret"] not in shown
    assert listed["attributes"]["url"] == URL


async def test_no_secret_is_stored_in_clear_or_logged(api: Api) -> None:
    with capture_logs() as logged:
        made = await named(api)
        await api.client.post(f"/v2/specs/{JOB_ID}/runs", headers=headers(made))
    (row,) = await api.db.read("SELECT * FROM external_initiators")
    assert made["incomingSecret"] not in row
    assert not any(made[name] in str(logged) for name in ("incomingSecret", "outgoingToken", "outgoingSecret"))


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({}, 400, "No name specified"),
        ("null", 400, "No name specified"),
        ({"name": "a b"}, 400, "Name must be alphanumeric and may contain '_' or '-'"),
        ({"name": "a", "url": "ftp://x"}, 400, "Invalid URL format"),
        ({"name": "a", "url": "outside"}, 400, "Invalid URL format"),
        ({"name": "a", "url": "http://[::1"}, 400, "Invalid URL format"),
        ({"name": "a", "url": "http://out side/"}, 400, "Invalid URL format"),
        ({"name": "a", "url": " http://outside/"}, 400, "Invalid URL format"),
        ({"name": 7}, 422, "name must be a string, not a number"),
        ("{", 422, "unexpected EOF"),
        ("[]", 422, "the body must be a JSON object, not an array"),
    ],
)
async def test_what_cannot_be_made_is_refused_with_the_reason(api: Api, body: Any, status: int, detail: str) -> None:
    assert details(await api.post("/v2/external_initiators", body, status))[0].startswith(detail)


async def test_a_name_is_taken_in_any_case(api: Api) -> None:
    await named(api)
    assert details(await api.post("/v2/external_initiators", {"name": "OUTSIDE"}, 400)) == ["Name outside already exists"]


async def test_one_is_deleted_by_name_or_by_access_key(api: Api) -> None:
    await named(api)
    keys = await anonymous(api)
    assert (await api.client.delete("/v2/external_initiators/outside")).status_code == 204
    assert (await api.client.delete(f"/v2/external_initiators/{keys[ACCESS_KEY_HEADER]}")).status_code == 204
    assert (await api.get("/v2/external_initiators"))["data"] == []


async def test_an_unknown_access_key_can_be_deleted_and_an_unknown_name_not(api: Api) -> None:
    assert (await api.client.delete(f"/v2/external_initiators/{'0' * 32}")).status_code == 204
    unknown = await api.client.delete("/v2/external_initiators/nobody")
    assert (unknown.status_code, details(unknown.json())) == (404, ["external initiator not found"])


# --- who may start what ----------------------------------------------------------------------------------------------


async def test_an_initiator_without_a_name_starts_jobs_with_a_web_initiator_and_makes_them(api: Api) -> None:
    keys = await anonymous(api)
    outsider = api.another_client()
    made = await outsider.post("/v2/specs", json={"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]}, headers=keys)
    assert made.status_code == 200
    started = await outsider.post(f"/v2/specs/{made.json()['data']['id']}/runs", headers=keys)
    assert started.status_code == 200


async def test_an_initiator_with_a_name_starts_the_jobs_that_name_it_and_no_others(api: Api) -> None:
    made, other = await named(api), await named(api, "other")
    its = (await api.post("/v2/specs", external()))["data"]["id"]
    await api.job(job())
    outsider = api.another_client()
    started = await outsider.post(f"/v2/specs/{its}/runs", json={"a": 1}, headers=headers(made))
    assert started.status_code == 200
    assert started.json()["data"]["attributes"]["initiator"] == {"type": "external", "params": {"name": "outside"}}
    for job_id, who, told in (
        (its, other, "Job not available via External Initiator 'other'"),
        (JOB_ID, made, "Job not available via External Initiator 'outside'"),
    ):
        refused = await outsider.post(f"/v2/specs/{job_id}/runs", headers=headers(who))
        assert (refused.status_code, details(refused.json())) == (403, [told])


async def test_an_initiator_with_a_name_makes_no_jobs(api: Api) -> None:
    made = await named(api)
    refused = await api.another_client().post("/v2/specs", json=external(), headers=headers(made))
    assert refused.status_code == 401


async def test_a_person_needs_a_web_initiator(api: Api) -> None:
    await named(api)
    its = (await api.post("/v2/specs", external()))["data"]["id"]
    refused = await api.post(f"/v2/specs/{its}/runs", status=403)
    assert details(refused) == ["Job not available on web API, recreate with web initiator"]


async def test_a_session_that_is_over_does_not_hide_the_initiators_headers(api: Api) -> None:
    keys = await anonymous(api)
    api.bench.clock.micros += HOUR
    assert (await api.client.get("/v2/ping")).status_code == 401
    answer = await api.client.get("/v2/ping", headers=keys)
    assert (answer.status_code, answer.json()) == (200, {"message": "pong"})


@pytest.mark.parametrize("spoil", ["key", "secret", "no key", "no secret", "nonsense"])
async def test_a_wrong_key_or_secret_opens_nothing(api: Api, spoil: str) -> None:
    keys = await anonymous(api)
    match spoil:
        case "key":
            keys[ACCESS_KEY_HEADER] = "0" * 32
        case "secret":
            keys[SECRET_HEADER] = keys[SECRET_HEADER][:-1] + "!"
        case "no key":
            del keys[ACCESS_KEY_HEADER]
        case "no secret":
            del keys[SECRET_HEADER]
        case _:
            keys = {ACCESS_KEY_HEADER: "\xff", SECRET_HEADER: "\xff"}
    outsider = api.another_client()
    raw = [(name.encode(), value.encode("latin-1")) for name, value in keys.items()]
    assert (await outsider.get("/v2/ping", headers=raw)).status_code == 401


async def test_a_deleted_initiator_opens_nothing_though_the_feature_is_off(api: Api) -> None:
    keys = await anonymous(api)
    async with Api(db=api.db) as switched_off:
        outsider = switched_off.another_client()
        assert (await outsider.get("/v2/ping", headers=keys)).status_code == 200
        await api.client.delete(f"/v2/external_initiators/{keys[ACCESS_KEY_HEADER]}")
        assert (await outsider.get("/v2/ping", headers=keys)).status_code == 401


# --- jobs that name one ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("initiators", "pointer", "detail"),
    [
        ([{"type": "external"}], "/initiators/0/params/name", "External must have a name"),
        (
            [{"type": "web"}, {"type": "external", "params": {"name": "nobody"}}],
            "/initiators/1/params/name",
            "there is no external initiator nobody",
        ),
        (
            [{"type": "external", "params": {"name": "outside"}}, {"type": "external", "params": {"name": "outside"}}],
            "/initiators/1/type",
            "must have one or less External Initiators",
        ),
        (
            [{"type": "external", "params": {"name": "outside", "body": 7}}],
            "/initiators/0/params/body",
            "the body for an external initiator must be an object, not a number",
        ),
    ],
)
async def test_a_job_that_names_none_or_two_is_refused(api: Api, initiators: Any, pointer: str, detail: str) -> None:
    await named(api)
    (fault,) = (await api.post("/v2/specs", {"initiators": initiators, "tasks": [{"type": "noop"}]}, 400))["errors"]
    assert fault["source"] == {"pointer": pointer}
    assert fault["detail"].startswith(detail)
    assert api.bench.http.asked == []


async def test_the_initiator_is_told_of_a_new_job_before_the_answer(api: Api) -> None:
    made = await named(api)
    job_id = (await api.post("/v2/specs", external("Outside", body={"feed": "x", "n": 1})))["data"]["id"]
    (asked,) = api.bench.http.asked
    assert (asked.method, asked.url, asked.max_redirects, asked.unrestricted) == ("POST", URL, 0, True)
    assert not asked.pooled
    assert dict(asked.headers) == {
        "Content-Type": "application/json",
        ACCESS_KEY_HEADER: made["outgoingToken"],
        SECRET_HEADER: made["outgoingSecret"],
    }
    assert json.loads(asked.body or b"") == {"jobId": job_id, "type": "external", "params": {"feed": "x", "n": 1}}
    assert await notifications.next_at(api.db) is None


async def test_an_initiator_without_a_url_is_told_nothing(api: Api) -> None:
    await named(api, url=None)
    job_id = (await api.post("/v2/specs", external()))["data"]["id"]
    assert (await api.client.delete(f"/v2/specs/{job_id}")).status_code == 204
    assert api.bench.http.asked == []
    assert await notifications.next_at(api.db) is None


async def test_a_job_that_the_initiator_refuses_is_not_there(api: Api) -> None:
    await named(api)
    api.bench.http.status = 400
    refused = await api.post("/v2/specs", external(), 500)
    assert details(refused) == [f"notify 'outside' ({URL}) received bad response '400'"]
    assert (await api.get("/v2/specs"))["data"] == []
    assert api.parts.jobs.jobs == {}
    assert await notifications.next_at(api.db) is None  # it answered, so there is nothing to take back


async def test_an_initiator_that_may_have_heard_is_told_to_forget_the_job(api: Api) -> None:
    await named(api)
    object.__setattr__(api.parts, "http", Refusing())
    await api.post("/v2/specs", external(), 500)
    assert api.parts.jobs.jobs == {}
    object.__setattr__(api.parts, "http", api.bench.http)
    await Notifier(api.parts).deliver()
    (asked,) = api.bench.http.asked
    assert asked.method == "DELETE"


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_an_initiator_in_trouble_may_have_taken_the_job(api: Api, status: int) -> None:
    await named(api)
    api.bench.http.status = status
    await api.post("/v2/specs", external(), 500)
    api.bench.http.status = 200
    await Notifier(api.parts).deliver()
    assert [asked.method for asked in api.bench.http.asked] == ["POST", "DELETE"]


class Archiving(TestHttp):
    """An initiator that takes its time; the job is archived meanwhile."""

    api: Api

    async def request(self, request: HttpRequest) -> HttpResponse:
        if request.method == "POST":
            (job_id,) = self.api.parts.jobs.jobs
            assert (await self.api.client.delete(f"/v2/specs/{job_id}")).status_code == 204
            await Notifier(self.api.parts).deliver()
        return await super().request(request)


async def test_an_initiator_hears_of_the_end_of_a_job_after_its_beginning(api: Api) -> None:
    await named(api)
    slow = Archiving()
    slow.api, slow.body = api, "{}"
    object.__setattr__(api.parts, "http", slow)
    await api.post("/v2/specs", external())
    assert [asked.method for asked in slow.asked] == ["POST"]
    api.bench.clock.micros += HOUR
    await Notifier(api.parts).deliver()
    assert [asked.method for asked in slow.asked] == ["POST", "DELETE"]
    assert await notifications.next_at(api.db) is None


# --- the notifier ----------------------------------------------------------------------------------------------------


async def archived(api: Api, count: int = 1) -> list[str]:
    """Make jobs that name the initiator and archive them."""
    made = [(await api.post("/v2/specs", external()))["data"]["id"] for _ in range(count)]
    for job_id in made:
        assert (await api.client.delete(f"/v2/specs/{job_id}")).status_code == 204
    api.bench.http.asked.clear()
    return made


async def test_the_initiator_is_told_that_a_job_is_gone(api: Api) -> None:
    made = await named(api)
    (job_id,) = await archived(api)
    assert api.parts.news.is_set()
    assert await Notifier(api.parts).deliver()
    (asked,) = api.bench.http.asked
    assert (asked.method, asked.url, asked.body) == ("DELETE", f"{URL}/{job_id}", None)
    assert dict(asked.headers)[SECRET_HEADER] == made["outgoingSecret"]
    assert not await Notifier(api.parts).deliver()


async def test_what_the_initiator_does_not_take_is_tried_again_with_growing_pauses(api: Api) -> None:
    await named(api)
    await archived(api)
    api.bench.http.status = 500
    notifier = Notifier(api.parts)
    pauses = []
    for _ in range(12):
        assert await notifier.deliver()
        assert not await notifier.deliver()
        next_at = await notifications.next_at(api.db)
        assert next_at is not None
        pauses.append((next_at - api.bench.clock.micros) // 1_000_000)
        api.bench.clock.micros = next_at
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (5, 3600)
    await api.log_in()
    (listed,) = (await api.get("/v2/external_initiators"))["data"]
    assert listed["attributes"]["undelivered"] == 1
    assert listed["attributes"]["undeliveredBecause"].endswith("received bad response '500'")
    api.bench.http.status = 200
    assert await notifier.deliver()
    assert await notifications.next_at(api.db) is None


async def test_after_a_crash_an_initiator_in_trouble_is_asked_again(api: Api) -> None:
    await named(api)
    object.__setattr__(api.parts, "http", Crashing())
    await api.post("/v2/specs", external(), 500)
    object.__setattr__(api.parts, "http", api.bench.http)
    for status in (503, 200):
        api.bench.http.status = status
        api.bench.clock.micros += HOUR
        assert await Notifier(api.parts).deliver()
    assert [asked.method for asked in api.bench.http.asked] == ["POST", "POST"]
    assert len(api.parts.jobs.jobs) == 1
    assert await notifications.next_at(api.db) is None


@pytest.mark.parametrize("status", [404, 410])
async def test_an_initiator_that_does_not_know_the_job_has_nothing_to_forget(api: Api, status: int) -> None:
    await named(api)
    await archived(api)
    api.bench.http.status = status
    await Notifier(api.parts).deliver()
    assert await notifications.next_at(api.db) is None


async def test_what_a_deleted_initiator_was_to_be_told_goes_with_it(api: Api) -> None:
    await named(api)
    await archived(api, 2)
    await api.client.delete("/v2/external_initiators/outside")
    assert await notifications.next_at(api.db) is None


async def test_after_a_crash_the_notifier_tells_of_the_new_job(api: Api) -> None:
    await named(api)
    object.__setattr__(api.parts, "http", Crashing())
    await api.post("/v2/specs", external(), 500)
    (job_id,) = api.parts.jobs.jobs
    object.__setattr__(api.parts, "http", api.bench.http)
    notifier = Notifier(api.parts)
    assert not await notifier.deliver()  # its creator may still be at it
    api.bench.clock.micros += HOUR
    assert await notifier.deliver()
    (asked,) = api.bench.http.asked
    assert (asked.method, json.loads(asked.body or b"")["jobId"]) == ("POST", job_id)
    assert await notifications.next_at(api.db) is None


async def test_after_a_crash_a_job_that_the_initiator_refuses_is_archived(api: Api) -> None:
    await named(api)
    object.__setattr__(api.parts, "http", Crashing())
    await api.post("/v2/specs", external(), 500)
    object.__setattr__(api.parts, "http", api.bench.http)
    api.bench.http.status = 400
    api.bench.clock.micros += HOUR
    assert await Notifier(api.parts).deliver()
    assert api.parts.jobs.jobs == {}
    await api.log_in()
    assert (await api.get("/v2/specs"))["data"] == []
    assert await notifications.next_at(api.db) is None


async def test_a_job_archived_before_the_initiator_was_told_of_it_is_not_announced_any_more(api: Api) -> None:
    await named(api)
    (job_id,) = await archived(api)
    rows = await api.db.read("SELECT event FROM notifications WHERE job_id = ?", (job_id,))
    assert rows == [("deleted",)]
