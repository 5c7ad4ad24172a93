"""The pages of bridges."""

from __future__ import annotations

from html import unescape

import httpx
import pytest

from adyton.domain.access import Role
from adyton.domain.jobs import TaskSpec
from support.api import Api
from support.builders import JOB_ID, job
from support.people import another

HOSTILE = "<script>alert(1)</script>"
FORM = {"name": "Prices", "url": "http://10.0.0.7:8080/?key=s3cr3tk3y0123456789", "confirmations": "2", "payment": "0.1"}


async def page(api: Api, path: str, client: httpx.AsyncClient | None = None) -> str:
    response = await (client or api.client).get(path)
    assert response.status_code == 200, response.text
    assert HOSTILE not in response.text
    return unescape(response.text)


async def send(api: Api, path: str, status: int, **form: str) -> httpx.Response:
    response = await api.client.post(path, data=form)
    assert response.status_code == status, response.text
    assert HOSTILE not in response.text
    return response


@pytest.fixture
async def outgoing(api: Api) -> str:
    """A bridge called prices; its outgoing token."""
    await send(api, "/bridges", 200, **FORM)
    bridge = api.parts.bridges.get("prices")
    assert bridge is not None
    return bridge.outgoing_token


async def test_the_empty_list_says_what_to_do_first(api: Api) -> None:
    text = await page(api, "/bridges")
    assert "No bridges yet." in text
    assert 'action="/bridges#new"' in text
    viewer = await page(api, "/bridges", await another(api))
    assert "No bridges yet." in viewer
    assert "<form" not in viewer.partition("<main")[2]


async def test_a_new_bridge_shows_its_tokens_in_that_answer_only(api: Api) -> None:
    answer = await send(api, "/bridges", 200, **FORM)
    bridge = api.parts.bridges.get("prices")
    assert bridge is not None
    assert (bridge.confirmations, bridge.minimum_payment) == (2, 10**17)
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert bridge.outgoing_token in answer.text
    assert "Incoming token" in answer.text
    for path in ("/bridges", "/bridges/prices"):
        assert bridge.outgoing_token not in await page(api, path)


async def test_new_tokens_are_shown_once_too(api: Api, outgoing: str) -> None:
    answer = await send(api, "/bridges/prices/tokens", 200)
    bridge = api.parts.bridges.get("prices")
    assert bridge is not None
    assert bridge.outgoing_token != outgoing
    assert bridge.outgoing_token in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(api: Api) -> None:
    typed = {"name": HOSTILE, "url": "ftp://x", "confirmations": "-1", "payment": "a lot"}
    text = unescape((await send(api, "/bridges", 422, **typed)).text.replace("&lt;script", "&amp;lt;script"))
    assert text.count('aria-invalid="true"') == 4
    assert 'value="ftp://x"' in text
    assert "must be an amount of LINK such as 0.1" in text
    assert "/errors/ADY-0451" in text
    assert (await api.get("/v2/bridge_types"))["meta"]["count"] == 0


async def test_the_list_shows_where_bridges_are_and_which_jobs_use_them(api: Api, outgoing: str) -> None:
    await api.job(job("prices", job_id=JOB_ID))
    text = await page(api, "/bridges")
    assert FORM["url"] in text
    assert f'href="/jobs/{JOB_ID}"' in text
    viewer = await page(api, "/bridges", await another(api))
    assert "s3cr3tk3y" not in viewer
    assert outgoing not in text


async def test_a_bridge_is_changed(api: Api, outgoing: str) -> None:
    answer = await send(api, "/bridges/prices", 303, url="https://b.example", confirmations="", payment="")
    assert answer.headers["location"] == "/bridges/prices#main"
    bridge = api.parts.bridges.get("prices")
    assert bridge is not None
    assert (bridge.url, bridge.confirmations, bridge.minimum_payment) == ("https://b.example", 0, None)
    assert bridge.outgoing_token == outgoing
    wrong = (await send(api, "/bridges/prices", 422, url=HOSTILE, confirmations="3", payment="1")).text
    assert 'id="change" open' in wrong
    assert 'value="3"' in wrong


@pytest.mark.parametrize(
    ("link", "juels"),
    [
        ("1", 10**18),
        ("0.000000000000000001", 1),
        ("1e-18", 1),
        (" 2.50 ", 25 * 10**17),
        ("123456789.123456789123456789", 123456789123456789123456789),
    ],
)
async def test_a_payment_is_typed_in_link_and_kept_to_the_last_juel(api: Api, link: str, juels: int) -> None:
    await send(api, "/bridges", 200, **{**FORM, "payment": link})
    bridge = api.parts.bridges.get("prices")
    assert bridge is not None
    assert bridge.minimum_payment == juels
    (shown,) = [line for line in (await page(api, "/bridges/prices")).splitlines() if 'name="payment"' in line]
    typed = shown.partition('value="')[2].partition('"')[0]
    await send(api, "/bridges/prices", 303, url=FORM["url"], payment=typed)
    again = api.parts.bridges.get("prices")
    assert again is not None
    assert again.minimum_payment == juels


@pytest.mark.parametrize("payment", ["0.0000000000000000001", "-1", "NaN", "Infinity", "1e999999999", "9" * 200])
async def test_a_payment_that_is_none_is_refused(api: Api, payment: str) -> None:
    await send(api, "/bridges", 422, **{**FORM, "payment": payment})


async def test_a_bridge_that_a_job_uses_is_not_deleted_and_the_page_says_by_which(api: Api, outgoing: str) -> None:
    await api.job(job("prices", job_id=JOB_ID))
    text = await page(api, "/bridges/prices")
    assert "1 job uses it" in text
    refused = await send(api, "/bridges/prices/delete", 409)
    assert "ADY-0456" in refused.text
    await api.client.delete(f"/v2/specs/{JOB_ID}")
    assert "No job uses it." in await page(api, "/bridges/prices")
    assert (await send(api, "/bridges/prices/delete", 303)).headers["location"] == "/bridges#main"
    assert (await api.client.get("/bridges/prices")).status_code == 404


async def test_the_sample_is_what_a_job_would_send(api: Api, outgoing: str) -> None:
    assert '"from": "ETH"' in await page(api, "/bridges/prices")
    await api.job(job(TaskSpec(type="noop"), TaskSpec(type="prices", params={"coin": "BTC"})))
    assert '"coin": "BTC"' in await page(api, "/bridges/prices")


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, '{"data": {"result": "' + HOSTILE + '"}}', "A run could use this."),
        (200, '{"pending": true}', "A run could not use this."),
        (200, "<html>" + HOSTILE, "not what a bridge answers"),
        (200, '{"error": "' + HOSTILE + '"}', "The bridge answered with an error"),
        (500, "x" * 10_000, "asked 5 times"),
    ],
)
async def test_a_test_shows_what_was_sent_and_what_came_back(
    api: Api, outgoing: str, status: int, body: str, said: str
) -> None:
    api.bench.http.status, api.bench.http.body = status, body
    text = unescape((await send(api, "/bridges/prices/test", 200, data='{"n": 12345678901234567890.10}')).text)
    assert said in text
    assert b'"n":12345678901234567890.10' in (api.bench.http.asked[0].body or b"")
    assert body[:4000] in text
    assert outgoing not in text


@pytest.mark.parametrize("body", ['{"data": {"result": "\u202egnp.1"}}', "\u202enot json", '{"error": "\u202egnp.1"}'])
async def test_what_turns_the_text_around_it_is_made_visible(api: Api, outgoing: str, body: str) -> None:
    api.bench.http.status, api.bench.http.body = 200, body
    text = unescape((await send(api, "/bridges/prices/test", 200, data="{}")).text)
    assert "\\u202e" in text
    assert "\u202e" not in text
    await send(api, "/bridges/prices", 303, **{**FORM, "url": "http://10.0.0.7/\u202egnp"})
    for path in ("/bridges", "/bridges/prices"):
        assert "http://10.0.0.7/\\u202egnp" in await page(api, path)


async def test_data_that_cannot_be_read_are_said_to_be_so_and_stay(api: Api, outgoing: str) -> None:
    for data in ("[1]", "{", HOSTILE):
        refused = await send(api, "/bridges/prices/test", 400, data=data)
        assert f">{data}</textarea>" in unescape(refused.text)
        assert "notice failed" in refused.text


async def test_each_role_sees_what_it_may_do(api: Api, outgoing: str) -> None:
    viewer, runner = await another(api), await another(api, "runner@example.com", Role.RUN)
    assert "/prices/test" not in await page(api, "/bridges/prices", viewer)
    text = await page(api, "/bridges/prices", runner)
    assert "/prices/test" in text
    assert "/prices/delete" not in text
    assert (await runner.post("/bridges/prices/delete")).status_code == 403
    assert (await viewer.post("/bridges/prices/test")).status_code == 403
    assert api.parts.bridges.get("prices") is not None


async def test_names_that_nothing_has_are_not_found(api: Api) -> None:
    for name in ("nobody", "%2e%2e", "a%2Fb", "%00"):
        assert (await api.client.get(f"/bridges/{name}")).status_code in {400, 404, 422}
