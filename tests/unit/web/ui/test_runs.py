"""The list of runs: its filters, its times, what it says when it is empty."""

from __future__ import annotations

import html
import re

import pytest

from adyton.domain.jobs import TaskSpec
from adyton.web.ui.outside import visible
from support.api import Api
from support.builders import JOB_ID, NOW, job, number_hash
from support.people import another

HOSTILE = "<script>alert(1)</script>\u202e\x07"
HOUR = 3600 * 1_000_000


async def page(api: Api, path: str = "/runs", status: int = 200) -> str:
    response = await api.client.get(path)
    assert response.status_code == status, words(response.text)[-300:]
    return response.text


def words(text: str) -> str:
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))


def listed(text: str) -> list[str]:
    """The ids of the runs in a page, as they stand in it."""
    return re.findall(r'<tr id="run-([0-9a-f]{32})"', text)


async def started(api: Api, *, at: int = NOW) -> str:
    """A run that is completed, created at a time."""
    api.bench.clock.micros = at
    await api.log_in()  # sessions end while one does nothing
    run_id: str = (await api.post(f"/v2/specs/{JOB_ID}/runs"))["data"]["id"]
    await api.work_on(run_id)
    return run_id


async def test_an_empty_node_says_what_to_do_first(api: Api) -> None:
    shown = await page(api)
    assert "No runs yet." in shown
    assert 'href="/jobs/new"' in shown
    await api.job(job("noop"))
    assert "Choose a job to run" in await page(api)


async def test_who_may_not_make_jobs_is_not_told_to(api: Api) -> None:
    viewer = await another(api)
    assert 'href="/jobs/new"' not in (await viewer.get("/runs")).text


async def test_runs_are_listed_newest_first_and_live(api: Api) -> None:
    await api.job(job("noop"))
    runs = [await started(api), await started(api)]
    shown = await page(api)
    assert listed(shown) == runs[::-1]
    assert "kinds=runs" in shown
    assert "completed" in shown


async def test_a_run_that_has_not_begun_has_a_word(api: Api) -> None:
    await api.job(job("noop"))
    shown = await page(api, "/runs?status=unstarted")
    assert "No run fits." in shown
    assert '<option value="unstarted" selected>unstarted</option>' in shown


async def test_filters_are_the_apis_and_stay_typed(api: Api) -> None:
    await api.job(job("noop"))
    run_id = await started(api)
    for query in (f"jobSpecId={JOB_ID}", "status=completed", "initiator=web", "last=1h", "status=completed,errored"):
        assert listed(await page(api, f"/runs?{query}")) == [run_id], query
    for query in ("status=errored", "initiator=cron", f"requestId={number_hash(9)}", f"transactionHash={number_hash(9)}"):
        assert "No run fits." in await page(api, f"/runs?{query}"), query
    assert f'value="{number_hash(9)}"' in await page(api, f"/runs?requestId={number_hash(9)}")
    assert '<details class="more" id="more-filters" open>' in await page(api, f"/runs?requestId={number_hash(9)}")


@pytest.mark.parametrize(
    "query",
    ["status=bogus", "requestId=0x1", "transactionHash=x", "createdAfter=yesterday", "initiator=me", "page=x", "page=0"],
)
async def test_a_wrong_filter_says_what_is_wrong(api: Api, query: str) -> None:
    shown = await page(api, f"/runs?{query}", 422)
    assert 'role="alert"' in shown
    assert "Nothing was looked for." in shown


async def test_times_are_those_of_the_visitors_zone(api: Api) -> None:
    """NOW is 2023-11-14 22:13:20 UTC, half an hour past seven in the morning in Adelaide."""
    await api.job(job("noop"))
    run_id = await started(api)
    inside = "createdAfter=2023-11-15T08:40&createdBefore=2023-11-15T08:50"
    assert listed(await page(api, f"/runs?{inside}&tz=Australia/Adelaide")) == [run_id]
    assert listed(await page(api, f"/runs?{inside}&tz=UTC")) == []
    api.client.cookies.set("tz", "Australia%2FAdelaide")
    shown = await page(api, f"/runs?{inside}")
    assert listed(shown) == [run_id]
    assert 'value="2023-11-15T08:40"' in shown
    assert 'name="tz" value="Australia/Adelaide"' in shown


async def test_a_link_may_name_times_in_utc(api: Api) -> None:
    await api.job(job("noop"))
    run_id = await started(api)
    shown = await page(api, "/runs?createdAfter=2023-11-14T22:13:00Z&tz=Australia/Adelaide")
    assert listed(shown) == [run_id]
    assert 'value="2023-11-15T08:43"' in shown


async def test_presets_reach_back_from_now_and_keep_the_other_filters(api: Api) -> None:
    await api.job(job("noop"))
    old = await started(api)
    new = await started(api, at=NOW + 23 * HOUR)
    assert listed(await page(api, "/runs?last=1h")) == [new]
    assert listed(await page(api, "/runs?last=24h&status=completed")) == [new, old]
    assert 'href="/runs?status=completed&amp;last=1h"' in await page(api, "/runs?last=24h&status=completed")
    assert listed(await page(api, "/runs?last=forever")) == [new, old]


async def test_pages_keep_the_filters(api: Api) -> None:
    await api.job(job("noop"))
    for _ in range(51):
        await started(api)
    first = await page(api, "/runs?status=completed&last=7d")
    assert len(listed(first)) == 50
    assert 'href="/runs?status=completed&amp;last=7d&amp;page=2"' in first
    assert len(listed(await page(api, "/runs?status=completed&page=2"))) == 1
    assert 'id="runs" hx-get=' in first
    assert 'id="runs" hx-get=' not in await page(api, "/runs?status=completed&page=2")  # what is read there stays where it is
    assert "No run fits." in await page(api, "/runs?page=9")


async def test_hostile_texts_stay_text(api: Api) -> None:
    api.bench.http.body, api.bench.http.status = HOSTILE, 404
    await api.job(job(TaskSpec(type="httpget", params={"get": "https://prices.example/"})))
    await started(api)
    shown = await page(api)
    assert "<script>alert" not in shown
    assert "\u202e" not in shown
    assert "\\u202e\\u0007" in shown
    assert "<script>alert" not in await page(api, "/runs?jobSpecId=%3Cscript%3Ealert(1)%3C/script%3E")


def test_what_turns_or_hides_other_text_is_made_visible() -> None:
    assert visible("a\tb\r\nc\x00\x1b\u202e\u2066\ufeff\x9bé") == "a\tb\nc\\u0000\\u001b\\u202e\\u2066\\ufeff\\u009bé"
