"""Bridges over HTTP."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from adyton.domain.bridges import token_matches
from adyton.domain.jobs import TaskSpec
from adyton.storage import bridges as stored
from adyton.storage.bridges import Bridges
from support.api import Api, details
from support.builders import JOB_ID, job

ASKED: dict[str, Any] = {
    "name": "randomNumber",
    "url": "https://example.com/randomNumber",
    "confirmations": 10,
    "minimumContractPayment": "100",
}
PATH = "/v2/bridge_types"


async def create(api: Api, **changes: Any) -> Any:
    return (await api.post(PATH, {**ASKED, **changes}))["data"]["attributes"]


async def patch(api: Api, path: str, body: Any, status: int = 200) -> Any:
    response = await api.client.patch(path, json=body)
    assert response.status_code == status, response.text
    return response.json()


async def delete(api: Api, path: str, status: int = 200) -> Any:
    response = await api.client.delete(path)
    assert response.status_code == status, response.text
    return response.json()


async def test_a_created_bridge_is_shown_with_both_tokens_in_the_form_of_v062(api: Api) -> None:
    response = await api.client.post(PATH, json=ASKED)

    assert (response.status_code, response.headers["content-type"]) == (200, "application/vnd.api+json")
    attributes = response.json()["data"]["attributes"]
    incoming, outgoing = attributes["incomingToken"], attributes["outgoingToken"]
    assert len({incoming, outgoing}) == 2
    assert all(len(token) == 32 and int(token, 16) for token in (incoming, outgoing))
    assert response.text == (
        '{"data":{"type":"bridges","id":"randomnumber","attributes":{"name":"randomnumber",'
        '"url":"https://example.com/randomNumber","confirmations":10,'
        f'"incomingToken":"{incoming}","outgoingToken":"{outgoing}","minimumContractPayment":"100"}}}}}}'
    )


async def test_the_incoming_token_is_kept_as_a_hash_and_never_shown_again(api: Api) -> None:
    incoming = (await create(api))["incomingToken"]
    rows = await api.db.read("SELECT * FROM bridges")
    assert incoming not in str(rows)
    bridge = api.parts.bridges.get("randomnumber")
    assert bridge is not None
    assert token_matches(bridge, incoming)
    for shown in (
        (await api.get(f"{PATH}/RandomNumber"))["data"],
        (await api.get(PATH))["data"][0],
        (await patch(api, f"{PATH}/randomnumber", ASKED))["data"],
        (await delete(api, f"{PATH}/randomnumber"))["data"],
    ):
        assert "incomingToken" not in shown["attributes"]
        assert len(shown["attributes"]["outgoingToken"]) == 32


async def test_a_bridge_may_leave_out_all_but_name_and_url(api: Api) -> None:
    shown = (await api.post(PATH, {"name": "b", "url": "http://10.0.0.7:8080"}))["data"]["attributes"]
    assert (shown["confirmations"], shown["minimumContractPayment"]) == (0, None)


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"url": "http://b.example"}, 400, "No name specified"),
        ({"name": "", "url": "http://b.example"}, 400, "No name specified"),
        ({"name": "HttpGet", "url": "http://b.example"}, 400, "Adapter httpget already exists"),
        ({"name": "taken", "url": "http://b.example"}, 400, "Adapter taken already exists"),
        ({"name": "a/b", "url": "http://b.example"}, 422, "Task Type validation: name a/b contains invalid characters"),
        ({"name": "b"}, 422, "url is missing; write http://HOST/PATH or https://HOST/PATH"),
        ({"name": "b", "url": "/b"}, 422, None),
        ({"name": "b", "url": "http://b.example", "minimumContractPayment": 100}, 422, None),
        ({"name": "b", "url": "http://b.example", "confirmations": "x"}, 422, None),
        (b"", 422, "EOF"),
        (b"{", 422, "unexpected EOF"),
        (b"[]", 422, "the body must be a JSON object, not an array"),
    ],
)
async def test_what_cannot_be_a_bridge_is_refused(api: Api, body: Any, status: int, detail: str | None) -> None:
    await create(api, name="Taken")
    refusal = details(await api.post(PATH, body, status))
    assert detail is None or refusal == [detail]
    assert len((await api.get(PATH))["data"]) == 1


async def test_of_two_bridges_of_one_name_at_once_one_is_made(api: Api) -> None:
    both = await asyncio.gather(*[api.client.post(PATH, json=ASKED) for _ in range(2)])
    assert sorted(response.status_code for response in both) == [200, 400]


async def test_bridges_are_listed_by_name_in_pages(api: Api) -> None:
    for name in ("c", "a", "b"):
        await create(api, name=name)
    page = await api.get(f"{PATH}?size=2&sort=-createdAt")
    assert [each["id"] for each in page["data"]] == ["a", "b"]
    assert (page["meta"], page["links"]) == ({"count": 3}, {"next": f"{PATH}?page=2&size=2&sort=-createdAt"})
    assert [each["id"] for each in (await api.get(f"{PATH}?size=2&page=2"))["data"]] == ["c"]
    assert details(await api.get(f"{PATH}?size=0", 422)) == ["invalid size param, error: <nil>"]


async def test_a_bridge_is_changed_as_a_whole(api: Api) -> None:
    before = await create(api)
    after = (await patch(api, f"{PATH}/RANDOMNUMBER", {"url": "http://b.example/x"}))["data"]["attributes"]
    assert after == {
        "name": "randomnumber",
        "url": "http://b.example/x",
        "confirmations": 0,
        "outgoingToken": before["outgoingToken"],
        "minimumContractPayment": None,
    }
    assert (await api.get(f"{PATH}/randomnumber"))["data"]["attributes"] == after


async def test_the_name_in_the_body_of_a_change_means_nothing(api: Api) -> None:
    await create(api)
    await patch(api, f"{PATH}/randomnumber", {**ASKED, "name": "another"})
    assert [each["id"] for each in (await api.get(PATH))["data"]] == ["randomnumber"]


@pytest.mark.parametrize("body", [{}, {"url": ""}, {"url": "nowhere"}, {"url": "http://b", "confirmations": -1}])
async def test_a_change_that_leaves_no_usable_bridge_is_refused(api: Api, body: Any) -> None:
    await create(api)
    await patch(api, f"{PATH}/randomnumber", body, 422)
    assert (await api.get(f"{PATH}/randomnumber"))["data"]["attributes"]["url"] == ASKED["url"]


@pytest.mark.parametrize(("name", "status", "detail"), [("none", 404, "bridge not found"), ("a.b", 422, None)])
async def test_a_bridge_that_is_not_there(api: Api, name: str, status: int, detail: str | None) -> None:
    refusals = [
        await api.get(f"{PATH}/{name}", status),
        await patch(api, f"{PATH}/{name}", {}, status),
        await delete(api, f"{PATH}/{name}", status),
        await api.post(f"{PATH}/{name}/tokens", None, status),
    ]
    for refusal in map(details, refusals):
        assert refusal == [detail or "Task Type validation: name a.b contains invalid characters"]


async def test_a_deleted_bridge_is_shown_once_more_and_its_name_is_free_again(api: Api) -> None:
    await create(api)
    gone = (await delete(api, f"{PATH}/randomnumber"))["data"]
    assert (gone["type"], gone["id"]) == ("bridges", "randomnumber")
    await delete(api, f"{PATH}/randomnumber", 404)
    await create(api)


async def test_a_bridge_that_a_job_uses_cannot_be_deleted(api: Api) -> None:
    await create(api)
    await api.job(job(TaskSpec(type="randomnumber")))
    refusal = details(await delete(api, f"{PATH}/randomnumber", 409))
    assert refusal == ["Can't remove the bridge because there are jobs associated with it: <nil>"]

    assert (await api.client.delete(f"/v2/specs/{JOB_ID}")).status_code == 204
    await delete(api, f"{PATH}/randomnumber")


async def test_a_job_may_name_a_bridge_once_it_is_there(api: Api) -> None:
    spec = {"initiators": [{"type": "web"}], "tasks": [{"type": "RandomNumber", "params": {"anything": 1}}]}
    refusal = details(await api.post("/v2/specs", spec, 400))
    assert refusal == ["randomnumber is not a supported adapter type"]
    await create(api)
    shown = (await api.post("/v2/specs", spec))["data"]["attributes"]
    assert shown["tasks"][0]["type"] == "randomnumber"


async def test_a_job_whose_bridge_is_deleted_while_it_is_made_is_refused(api: Api) -> None:
    await create(api)
    spec = {"initiators": [{"type": "web"}], "tasks": [{"type": "randomnumber"}]}
    # Another write came first; memory does not know yet.
    assert await stored.delete(api.db, "randomnumber") is not None
    assert details(await api.post("/v2/specs", spec, 409)) == ["a bridge that the job names has just been deleted"]
    assert (await api.get("/v2/specs"))["data"] == []


async def test_what_memory_knows_is_what_a_restart_reads(api: Api) -> None:
    await create(api)
    await create(api, name="second")
    await patch(api, f"{PATH}/second", {"url": "http://b.example", "confirmations": 3})
    await api.post(f"{PATH}/second/tokens")
    await delete(api, f"{PATH}/randomnumber")
    again = Bridges()
    await again.load(api.db)
    for name in ("randomnumber", "second"):
        assert again.get(name) == api.parts.bridges.get(name)


async def test_new_tokens_end_the_old_ones(api: Api) -> None:
    before = await create(api)
    after = (await api.post(f"{PATH}/randomnumber/tokens"))["data"]["attributes"]
    assert len({before["incomingToken"], before["outgoingToken"], after["incomingToken"], after["outgoingToken"]}) == 4
    assert (after["url"], after["confirmations"]) == (before["url"], before["confirmations"])
    bridge = api.parts.bridges.get("randomnumber")
    assert bridge is not None
    assert token_matches(bridge, after["incomingToken"])
    assert not token_matches(bridge, before["incomingToken"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", PATH),
        ("POST", PATH),
        ("GET", f"{PATH}/b"),
        ("PATCH", f"{PATH}/b"),
        ("DELETE", f"{PATH}/b"),
        ("POST", f"{PATH}/b/tokens"),
    ],
)
async def test_bridges_are_for_people_who_are_logged_in(api: Api, method: str, path: str) -> None:
    async with api.another_client() as stranger:
        assert (await stranger.request(method, path, json=ASKED)).status_code == 401


async def test_no_token_and_no_url_is_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown = await create(api, url="http://b.example/sesame?key=sesame")
    again = (await api.post(f"{PATH}/randomnumber/tokens"))["data"]["attributes"]
    await patch(api, f"{PATH}/randomnumber", {"url": "http://b.example/sesame"})
    await delete(api, f"{PATH}/randomnumber")
    secrets = ["sesame", *(one[name] for one in (shown, again) for name in ("incomingToken", "outgoingToken"))]
    assert not [secret for secret in secrets if secret in caplog.text]
