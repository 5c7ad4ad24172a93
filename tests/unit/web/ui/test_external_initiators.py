"""The pages of external initiators."""

from __future__ import annotations

from collections.abc import AsyncIterator
from html import unescape

import httpx
import pytest

from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.storage import external_initiators as stored
from support.api import Api
from support.builders import JOB_ID, NOW
from support.people import another

PATH = "/external_initiators"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def on() -> AsyncIterator[Api]:
    """The API of a node that has the feature."""
    async with Api(environment={"FEATURE_EXTERNAL_INITIATORS": "true"}) as opened:
        yield opened


async def page(api: Api, client: httpx.AsyncClient | None = None) -> str:
    response = await (client or api.client).get(PATH)
    assert response.status_code == 200, response.text
    return unescape(response.text)


async def send(api: Api, path: str, status: int, **form: str) -> httpx.Response:
    response = await api.client.post(path, data=form)
    assert response.status_code == status, response.text
    assert HOSTILE not in response.text
    return response


async def test_while_the_feature_is_off_the_page_says_how_to_switch_it_on(api: Api) -> None:
    text = await page(api)
    assert "FEATURE_EXTERNAL_INITIATORS" in text
    assert "No external initiators yet." in text
    assert 'id="new"' not in text
    refused = await send(api, PATH, 405, name="feed")
    assert "ADY-0500" in refused.text


async def test_the_empty_list_says_how_one_is_used(on: Api) -> None:
    text = await page(on)
    assert "X-Chainlink-EA-AccessKey" in text
    assert "http://node.example/v2/specs/JOB/runs" in text
    assert 'id="new"' in text
    assert 'id="new"' not in await page(on, await another(on))


async def test_a_new_one_shows_its_secrets_in_that_answer_only(on: Api) -> None:
    answer = await send(on, PATH, 200, name="Feed", url="https://i.example/jobs")
    known = await stored.by_name(on.db, "feed")
    assert known is not None
    assert known.outgoing_token is not None
    assert known.outgoing_secret is not None
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    for secret in (known.access_key, known.outgoing_token, known.outgoing_secret):
        assert secret in answer.text
    text = await page(on)
    assert known.access_key in text
    assert "https://i.example/jobs" in text
    assert known.outgoing_token not in text
    assert known.outgoing_secret not in text


async def test_the_secret_that_is_shown_lets_it_in(on: Api) -> None:
    text = (await send(on, PATH, 200, name="feed")).text
    key, secret = (
        text.partition(f"<dt>{label}</dt>")[2].partition("<code>")[2].partition("<")[0] for label in ("Access key", "Secret")
    )
    headers = {"X-Chainlink-EA-AccessKey": key, "X-Chainlink-EA-Secret": secret}
    assert (await on.another_client().get("/v2/ping", headers=headers)).status_code == 200
    assert "What the node sends to it" not in text  # it has no URL to be told at


async def test_what_is_wrong_stands_beside_its_field(on: Api) -> None:
    await send(on, PATH, 200, name="feed")
    assert "already exists" in (await send(on, PATH, 400, name="feed")).text
    refused = unescape((await send(on, PATH, 400, name=HOSTILE, url="ftp://x")).text)
    assert 'aria-invalid="true"' in refused
    assert 'value="ftp://x"' in refused


async def test_before_one_is_deleted_the_jobs_that_name_it_are_told(on: Api) -> None:
    await send(on, PATH, 200, name="feed")
    external = (Initiator(type="external", name="feed"),)
    await on.job(Job(id=JOB_ID, initiators=external, tasks=(TaskSpec(type="noop"),), name=HOSTILE, created_at=NOW))
    response = await on.client.get(PATH)
    assert "1 job names it" in response.text
    assert f'href="/jobs/{JOB_ID}"' in response.text
    assert HOSTILE not in response.text
    gone = await send(on, f"{PATH}/feed/delete", 303)
    assert gone.headers["location"] == f"{PATH}#main"
    assert await stored.by_name(on.db, "feed") is None
    assert "ADY-0504" in (await send(on, f"{PATH}/feed/delete", 404)).text


async def test_one_without_a_name_is_listed_and_deleted_by_its_access_key(on: Api) -> None:
    made = await on.post("/v2/external_initiators", None, 201)
    key = made["data"]["attributes"]["AccessKey"]
    text = await page(on)
    assert "without a name" in text
    assert "any with a web initiator" in text
    await send(on, f"{PATH}/{key}/delete", 303)
    assert await stored.by_key(on.db, key) is None
