"""The page of the chain and its endpoints."""

from __future__ import annotations

from html import unescape

import httpx
import msgspec

from adyton.ethereum.recent import Recent
from adyton.ethereum.views import EndpointView
from support.api import Api
from support.people import another

HOSTILE = "<script>alert(1)</script>"
CHAIN = {"ETH_CHAIN_ID": "1"}
MINUTE = 60_000_000


async def page(api: Api, client: httpx.AsyncClient | None = None) -> str:
    response = await (client or api.client).get("/chains")
    assert response.status_code == 200, response.text
    assert HOSTILE not in response.text
    return unescape(response.text)


def endpoint(
    name: str, *, role: str = "primary", state: str = "connected", active: bool = False, problem: str | None = None
) -> EndpointView:
    return EndpointView(
        name=name, role=role, state=state, active=active, head=100, head_age=1.0, problem=problem, url=f"wss://{name}"
    )


async def test_before_there_was_a_connection_the_page_says_what_to_set(api: Api) -> None:
    text = await page(api)
    assert "No chain is known yet." in text
    assert "ETH_URL" in text
    assert "There is no endpoint." in text


async def test_the_chain_is_shown_with_its_newest_block() -> None:
    async with Api(environment=CHAIN) as api:
        text = await page(api)
    assert "Chain 1" in text
    assert "logs read through, up to date" in text
    assert "LINK contract" in text


async def test_logs_that_are_behind_are_said_to_be() -> None:
    async with Api(environment=CHAIN) as api:
        api.intake.height = 40
        assert '<span class="bad">60 behind</span>' in await page(api)


async def test_each_endpoint_says_what_it_does_and_what_is_wrong() -> None:
    async with Api(environment=CHAIN) as api:
        api.endpoints = (
            endpoint("one.example", active=True),
            endpoint("two.example", state="not connected", problem=HOSTILE),
            endpoint("three.example", role="send-only", state="idle"),
        )
        text = await page(api)
    for name, duty in (("one", "active"), ("two", "standby"), ("three", "send-only")):
        card = text.partition(f"<h3>{name}.example</h3>")[2].partition("</li>")[0]
        assert f'<span class="duty">{duty}</span>' in card
        assert f"wss://{name}.example" in card


async def test_the_last_hour_is_drawn() -> None:
    recent = Recent()
    async with Api(environment=CHAIN) as api:
        now = api.bench.clock.now()
        recent.count(now - 70 * MINUTE, calls=1, errors=0, seconds=0.1)
        recent.count(now - 5 * MINUTE, calls=8, errors=2, seconds=0.1)
        recent.count(now, calls=2, errors=0, seconds=0.2)
        view = endpoint("one.example", active=True)
        api.endpoints = (msgspec.structs.replace(view, recently=lambda: recent.view(now)),)
        text = await page(api)
    assert "10 calls" in text
    assert "2 errors (20.0 %)" in text
    assert "Calls a minute, at most 8" in text
    good = text.partition('<path class="good" d="')[2].partition('"')[0]
    assert good.count("M") == 2


async def test_blocks_are_read_again_and_it_is_told_how_far_that_is() -> None:
    async with Api(environment=CHAIN) as api:
        assert "Nothing has been read again." in await page(api)
        answer = await api.client.post("/chains/replay", data={"block": " 90 "})
        assert (answer.status_code, answer.headers["location"]) == (303, "/chains#rereads")
        text = await page(api)
        assert "90 – 100" in text
        assert "<progress" in text
        viewer = await another(api)
        assert 'action="/chains/replay' not in await page(api, viewer)
        assert (await viewer.post("/chains/replay", data={"block": "1"})).status_code == 403
    assert api.intake.woken == 1


async def test_a_block_that_is_none_is_refused_and_stays_in_its_field() -> None:
    async with Api(environment=CHAIN) as api:
        for block in ("", "ninety", "101", "../5", HOSTILE):
            refused = await api.client.post("/chains/replay", data={"block": block})
            assert refused.status_code == 422
            assert HOSTILE not in refused.text
            assert "/errors/ADY-0610" in refused.text
        assert 'value="101"' in (await api.client.post("/chains/replay", data={"block": "101"})).text


async def test_a_chain_that_is_lost_keeps_its_last_block_and_says_why() -> None:
    async with Api(environment=CHAIN) as api:
        api.bench.chain.at(100, connected=False)
        text = await page(api)
    assert "not connected" in text
    assert "ADY-0630" in text
