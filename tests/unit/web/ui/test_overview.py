"""The first page, in every state that a node can be in."""

from __future__ import annotations

import re

import httpx
import msgspec
import pytest

from adyton.domain.access import Role
from adyton.domain.jobs import Job
from adyton.domain.requests import End
from adyton.domain.runs import RunStatus, moved
from adyton.ethereum.views import EndpointView
from adyton.services.alert_watcher import AlertWatcher
from adyton.services.balances import Holding, Kind
from adyton.storage import keys
from support.api import Api
from support.asked import closing, request_of, run_for, store, transaction_of
from support.builders import LINK, NOW, SENDER, job, number_hash, run_log
from support.people import another

HOSTILE = "<script>alert(1)</script>\u202e"
R = RunStatus


async def shown(api: Api, query: str = "", client: httpx.AsyncClient | None = None) -> str:
    response = await (client or api.client).get(f"/{query}", headers={"accept": "text/html"})
    assert response.status_code == 200, response.text
    return response.text


def words(text: str) -> str:
    """What a person reads of it."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def section(text: str, title: str) -> str:
    """The section that a heading begins."""
    return re.search(rf'<section[^>]*aria-labelledby="{title}-title".*?</section>', text, re.DOTALL)[0]  # type: ignore[index]


async def work(api: Api, *ends: RunStatus, error: str = "why") -> Job:
    spec = await api.job(job("noop", "ethtx"))
    for number, status in enumerate(ends, start=1):
        run = run_for(api.bench, run_log(request=number))
        if status.finished:
            run = moved(run, status, NOW, error=None if status is R.COMPLETED else error)
        await store(api.db, msgspec.structs.replace(run, created_at=NOW - 10**6))
    return spec


def healthy(api: Api, eth: int = 10**18) -> None:
    api.endpoints = (EndpointView("mainnet", "primary", "connected", active=True, head=100, head_age=1.0, problem=None),)
    api.holdings = (Holding(SENDER, Kind.KEY, eth, 0, NOW, None if eth else "it holds nothing"),)


async def test_a_node_that_is_well_says_so_in_one_line(api: Api) -> None:
    healthy(api)
    await work(api, R.COMPLETED, R.COMPLETED)
    text = await shown(api)
    health = section(text, "health")
    assert "All is well" in health
    assert "problem" not in health
    assert "checks pass" in words(health)
    assert 'id="health"' in health
    assert "What to do first" not in text
    assert "mainnet" not in section(text, "endpoints")
    assert "1 of 1" in words(section(text, "endpoints"))
    assert "100 newest block" in words(section(text, "chain"))
    assert "1 ETH" in words(section(text, "keys"))


async def test_a_node_that_is_not_well_says_what_fails_and_leads_to_what_to_do(api: Api) -> None:
    healthy(api, eth=0)
    api.bench.chain.at(100, connected=False)
    api.endpoints = (EndpointView("mainnet", "primary", "failing", active=False, head=None, head_age=None, problem=HOSTILE),)
    text = await shown(api)
    health = words(section(text, "health"))
    assert re.search(r"\d of \d+ checks fail", health)
    for code in ("ADY-0630", "ADY-0631", "ADY-0725"):
        assert f'href="/errors/{code}"' in text
    assert "0 of 1" in words(section(text, "endpoints"))
    assert HOSTILE not in text
    assert "&lt;script&gt;" in section(text, "endpoints")


async def test_alerts_are_shown_also_when_the_checks_of_this_moment_pass(api: Api) -> None:
    await api.job(job("noop"))
    healthy(api, eth=0)
    assert (await api.client.patch("/v2/alert_rules/balance", json={"holdSeconds": 0})).status_code == 200
    await AlertWatcher(api.parts).look()
    healthy(api)
    health = section(await shown(api), "health")
    assert "All is well" not in health
    assert "Every check passes, and there is an alert" in words(health)
    assert 'href="/alerts"' in health


async def test_a_node_without_a_chain_shows_its_page() -> None:
    async with Api(height=None) as api:
        text = await shown(api)
        assert "no block seen yet" in words(section(text, "chain"))
        assert "0 of 0" in words(section(text, "endpoints"))


async def test_a_node_without_a_key_says_so(api: Api) -> None:
    api.keys.held = ()
    text = await shown(api)
    assert "There is no key" in words(section(text, "keys"))
    assert "Make one" in words(section(text, "first"))


async def test_a_new_node_is_told_what_to_do_first(api: Api) -> None:
    healthy(api, eth=0)
    await api.job(job("noop"))
    spec = api.bench.jobs.jobs
    first = words(section(await shown(api), "first"))
    assert spec
    assert "Send ether to the node's key" in first
    assert "Done: Add a job" in first


async def test_what_is_done_of_it_is_ticked_off_and_the_button_is_for_those_who_may(api: Api) -> None:
    healthy(api)
    await keys.ensure(api.db, (SENDER,), NOW)
    first = section(await shown(api), "first")
    assert "Done: Send ether" in words(first)
    assert 'href="/jobs/new"' in first
    for role, there in ((Role.VIEW, False), (Role.RUN, False), (Role.EDIT, True)):
        text = await shown(api, client=await another(api, f"{role}@example.com", role=role))
        assert ('href="/jobs/new"' in section(text, "first")) is there


async def test_requests_of_today_lead_to_their_lists_and_unaccounted_ones_are_loud(api: Api) -> None:
    await work(api)
    run = run_for(api.bench, run_log(request=1), R.COMPLETED)
    answered = request_of(run_log(request=1), run_id=run.id, payment=LINK, closed=closing(End.ANSWERED))
    await store(api.db, run, transaction_of(run, attempt=number_hash(1, 8)), answered)
    requests = section(await shown(api), "requests")
    assert 'figure bad"' not in requests
    assert "1 answered 0 in progress 0 refused 0 expired 0 cancelled 0 unaccounted" in words(requests)
    for name in ("answered", "in_progress", "refused", "expired", "cancelled", "unaccounted"):
        assert f'href="/requests?filter={name}"' in requests
        assert (await api.client.get(f"/requests?filter={name}", headers={"accept": "text/html"})).status_code == 200

    lost = run_for(api.bench, run_log(request=2), R.COMPLETED)
    await store(api.db, lost, request_of(run_log(request=2, index=2), run_id=lost.id))
    api.bench.clock.micros += 2 * 10**6
    requests = section(await shown(api), "requests")
    assert 'figure bad">1</span> <span>unaccounted' in requests


async def test_money_is_exact_on_hover(api: Api) -> None:
    await work(api)
    request = request_of(run_log(request=1), payment=3 * LINK + 1, closed=closing(End.ANSWERED))
    await store(api.db, request)
    money = section(await shown(api), "money")
    assert money.count(f'value="{3 * LINK + 1}"') == 2
    assert "3 LINK" in words(money)


@pytest.mark.parametrize(
    ("query", "step", "count"), [("", "hour", 24), ("?step=day", "day", 30), ("?step=nonsense", "hour", 24)]
)
async def test_plots_have_their_numbers_in_a_table_and_a_switch_without_scripts(
    api: Api, query: str, step: str, count: int
) -> None:
    await work(api, R.COMPLETED, R.ERRORED, R.CANCELLED)
    text = section(await shown(api, query), "plots")
    assert text.count("data-at=") == count
    assert f'data-step="{step}"' in text
    assert 'data-completed="1" data-errored="1" data-cancelled="1" data-p50="0.75" data-p95="0.975"' in text
    assert re.search(rf'href="/\?step={step}" aria-current="true"', text)
    assert text.count("<svg viewBox") == 2
    assert "33.3 %" in text
    assert " style=" not in text


async def test_latest_runs_and_problems_are_links_and_their_texts_stay_texts(api: Api) -> None:
    await work(api, R.COMPLETED, R.ERRORED, R.IN_PROGRESS, error=HOSTILE)
    text = await shown(api)
    runs, problems = section(text, "latest-runs"), section(text, "latest-problems")
    assert (runs.count('href="/runs/0'), problems.count('href="/runs/0')) == (3, 1)
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)" in problems
    assert 'href="/runs?status=errored"' in problems


async def test_an_empty_node_has_nothing_to_show_and_says_so(api: Api) -> None:
    text = await shown(api)
    assert "No run yet." in text
    assert "No run has failed." in text


async def test_uplot_is_loaded_here_and_nowhere_else(api: Api) -> None:
    assert "uPlot" in await shown(api)
    assert "uPlot" not in (await api.client.get("/runs", headers={"accept": "text/html"})).text
