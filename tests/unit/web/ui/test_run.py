"""The page of one run, in every state that a run can be in."""

from __future__ import annotations

import html
import re

from adyton.domain.jobs import Initiator, Job, TaskSpec
from support.api import Api
from support.builders import JOB_ID, NOW, ORACLE, number_hash
from support.people import another
from support.worked import asked, started

GET = TaskSpec(type="httpget", params={"get": "https://prices.example/eth"})
PARSE = TaskSpec(type="jsonparse", params={"path": ["USD"]})
ETH_TX = TaskSpec(type="ethtx", params={"address": ORACLE, "functionSelector": "0x4ab0d190"})
HOSTILE = "<script>alert(1)</script>\u202e\x07"


async def page(api: Api, path: str, status: int = 200) -> str:
    response = await api.client.get(path)
    assert response.status_code == status, words(response.text)[-300:]
    assert "text/html" in response.headers["content-type"]
    return response.text


def words(text: str) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))


async def test_a_finished_run_shows_its_tasks_and_is_quiet(api: Api) -> None:
    api.bench.http.body = '{"USD":165.4200000000000000000001}'
    shown = await page(api, f"/runs/{await started(api, GET, PARSE, body={'note': 'manual'})}")
    for piece in ("completed", "httpget", "jsonparse", "https://prices.example/eth", "HTTP exchange", "Run again", "manual"):
        assert piece in words(shown)
    assert "165.4200000000000000000001" in words(shown)
    assert "hx-sse:connect" not in shown
    assert "hx-trigger" not in shown


async def test_a_run_that_failed_says_why_and_what_to_do(api: Api) -> None:
    api.bench.http.body, api.bench.http.status = HOSTILE, 404
    shown = await page(api, f"/runs/{await started(api, GET, PARSE)}")
    assert 'href="/errors/ADY-0312"' in shown
    assert "What to do:" in shown
    assert "404" in words(shown)
    assert "not begun" in words(shown)


async def test_what_a_source_says_stays_text(api: Api) -> None:
    api.bench.http.body = f"{HOSTILE}{'A' * 30_000}"
    shown = await page(api, f"/runs/{await started(api, GET, PARSE, body={'x': HOSTILE})}")
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert "\u202e" not in shown
    assert "\x07" not in shown
    assert "\\u202e" in shown
    assert "A" * 20_001 not in shown
    assert "open it whole" in shown


async def test_a_run_that_waits_for_confirmations_counts_them(api: Api) -> None:
    run_id = await asked(api, TaskSpec(type="noop", confirmations=5), "noop")
    api.bench.chain.at(102)
    shown = await page(api, f"/runs/{run_id}")
    assert "Waits for confirmations of its request: 3 of 5" in words(shown)
    assert '<progress max="5" value="3"' in shown
    assert "kinds=runs,transactions,heads" in shown
    assert f"/requests/0xf25186B5081Ff5cE73482AD761DB0eB0d25abfBF:{number_hash(1)}" in shown
    assert "Cancel the run" in words(shown)


async def test_a_run_that_waits_for_its_transaction(api: Api) -> None:
    api.bench.chain.at(102)
    shown = words(await page(api, f"/runs/{await asked(api, 'noop', ETH_TX)}"))
    assert "Waits until its transaction is mined: it is unstarted" in shown
    assert "Gas limit" in shown


async def test_a_run_that_sleeps(api: Api) -> None:
    sleep = TaskSpec(type="sleep", params={"until": NOW // 1_000_000 + 3600})
    shown = words(await page(api, f"/runs/{await started(api, sleep)}"))
    assert "Sleeps until" in shown
    assert "Sleeps until 2023-11-14 23:13:20 ( in 1 h )" in shown


async def test_a_run_that_waits_for_a_bridge(api: Api) -> None:
    await api.post("/v2/bridge_types", {"name": "lot", "url": "http://10.0.0.7/a"})
    api.bench.http.body = '{"pending":true}'
    shown = await page(api, f"/runs/{await started(api, TaskSpec(type='lot'))}")
    assert "Waits for the answer of bridge lot" in words(shown)
    assert 'href="/bridges/lot"' in shown


async def test_a_run_without_a_chain_waits_for_a_connection(api: Api) -> None:
    api.bench.chain.at(102, connected=False)
    shown = await page(api, f"/runs/{await asked(api, 'noop', ETH_TX)}")
    assert "pending connection" in words(shown)
    assert "Waits for a connection to the chain" in words(shown)


async def test_an_input_that_is_no_object(api: Api) -> None:
    shown = await page(api, f"/runs/{await started(api, 'noop', body='[1]')}")
    assert "errored" in words(shown)
    assert "not known" in words(shown)


async def test_a_run_that_is_not_there_is_not_found(api: Api) -> None:
    for path in ("/runs/" + "0" * 32, "/runs/x", "/runs/%2e%2e", f"/runs/{'0' * 32}/run.json", "/runs/<b>"):
        assert "Not found" in await page(api, path, 404)


# --- what may be done ------------------------------------------------------------------------------------------------


async def test_it_is_cancelled(api: Api) -> None:
    run_id = await started(api, TaskSpec(type="sleep", params={"until": NOW // 1_000_000 + 3600}))
    response = await api.client.post(f"/runs/{run_id}/cancel")
    assert (response.status_code, response.headers["location"]) == (303, f"/runs/{run_id}")
    assert "cancelled by the operator" in words(await page(api, f"/runs/{run_id}"))

    again = await api.client.post(f"/runs/{run_id}/cancel")
    assert again.status_code == 409
    assert "the run is cancelled already" in words(again.text)


async def test_it_is_run_again_with_the_very_same_input(api: Api) -> None:
    run_id = await started(api, "noop", body='{"n":12345678901234567890,"x":0.1000000000000000055}')
    response = await api.client.post(f"/runs/{run_id}/again")
    assert response.status_code == 303
    new = response.headers["location"].removeprefix("/runs/")
    assert new != run_id
    assert (await api.run(new)).input == (await api.run(run_id)).input


async def test_a_request_that_may_not_be_run_again_says_why(api: Api) -> None:
    api.bench.http.status = 500
    api.bench.chain.at(102)
    run_id = await asked(api, GET, ETH_TX)
    assert "Run the request again" in words(await page(api, f"/runs/{run_id}"))
    response = await api.client.post(f"/runs/{run_id}/again")
    assert response.status_code == 404
    assert "ADY-" in response.text


async def test_a_run_of_a_schedule_says_that_it_cannot_be_run_again(api: Api) -> None:
    spec = await api.job(
        Job(id=JOB_ID, initiators=(Initiator(type="cron", schedule="@daily"),), tasks=(TaskSpec(type="noop"),), created_at=NOW)
    )
    run = await api.bench.engine.start(spec, spec.initiators[0], {})
    await api.work_on(run.id)
    assert "its job has no web initiator" in words(await page(api, f"/runs/{run.id}"))


async def test_who_may_only_look_sees_no_buttons(api: Api) -> None:
    done = await started(api, "noop")
    viewer = await another(api)
    shown = (await viewer.get(f"/runs/{done}")).text
    assert "Run again" not in shown
    assert "Explain" in shown
    assert (await viewer.post(f"/runs/{done}/again")).status_code == 403
    assert (await viewer.post(f"/runs/{done}/cancel")).status_code == 403


async def test_everything_is_there_as_json_and_as_a_file(api: Api) -> None:
    run_id = await started(api, "noop", body={"n": 12345678901234567890})
    response = await api.client.get(f"/runs/{run_id}/run.json?download=yes")
    assert response.headers["content-disposition"] == f'attachment; filename="run-{run_id}.json"'
    found = response.json()
    assert found["run"]["data"]["id"] == found["trace"]["data"]["id"] == run_id
    assert found["transactions"]["data"] == []
    assert "12345678901234567890" in response.text
    assert "content-disposition" not in (await api.client.get(f"/runs/{run_id}/run.json")).headers
