"""The page that lists jobs."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from adyton.domain.access import Role
from adyton.domain.jobs import Initiator, Job
from adyton.domain.runs import Completed, Errored, after
from adyton.engine.create import RunSource
from adyton.storage import runs as stored
from adyton.web.ui import api as pages
from support.api import Api
from support.builders import NOW, job
from support.people import another

HOUR = 3_600_000_000
HOSTILE = "<img src=x onerror=alert(1)>\u202egnp"


async def shown(api: Api, query: str = "", status: int = 200, client: httpx.AsyncClient | None = None) -> str:
    response = await (client or api.client).get(f"/jobs{query}", headers={"accept": "text/html"})
    assert response.status_code == status, response.text
    return response.text


async def made(api: Api, number: int, *tasks: str, **changes: Any) -> Job:
    spec = msgspec.structs.replace(job(*tasks, job_id=f"{number:032x}"), created_at=NOW + number, **changes)
    return await api.job(spec)


async def ended(api: Api, spec: Job, error: str | None = None) -> None:
    run = api.bench.maker.new_run(spec, spec.initiators[0], RunSource(given={}))
    await api.db.write(stored.insert([run]))
    for place in range(1 if error is not None else len(run.tasks)):
        run = after(run, place, Errored(error) if error is not None else Completed({}), NOW)
    await api.db.write(*stored.save(run, run.tasks))


async def test_whoever_may_make_jobs_is_told_how_while_there_is_none(api: Api) -> None:
    text = await shown(api)
    assert "No jobs yet." in text
    assert text.count('href="/jobs/new"') == 2
    assert "adyton jobs create" in text


async def test_whoever_may_not_is_told_why(api: Api) -> None:
    text = await shown(api, client=await another(api, role=Role.VIEW))
    assert 'href="/jobs/new"' not in text
    assert "needs the role edit" in text


async def test_a_job_shows_what_it_does_and_how_it_goes(api: Api) -> None:
    spec = await made(api, 1, "noop", "ethbool", name="eth-usd")
    await ended(api, spec)
    await ended(api, spec, "why")

    text = await shown(api)

    assert f'<a class="job-link" href="/jobs/{spec.id}" title="eth-usd"><bdi>eth-usd</bdi></a>' in text
    assert 'noop <span aria-hidden="true">→</span> ethbool' in text
    assert "by hand" in text
    assert "requests" in text
    assert 'title="1 completed, 1 errored, 0 cancelled">50.0 %' in text
    assert f'<a href="/runs?jobSpecId={spec.id}">2</a>' in text
    assert "1 in all" in text


async def test_the_numbers_of_a_page_of_jobs_are_one_question(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = pages.Api.respond

    async def respond(self: Any, method: str, path: str, body: object = None, **query: Any) -> Any:
        asked.append(path)
        return await real(self, method, path, body, **query)

    monkeypatch.setattr(pages.Api, "respond", respond)
    for number in range(30):
        await made(api, number + 1)

    text = await shown(api)

    assert text.count("job-link") == 30
    assert sorted(path for path in asked if path not in {"/health", "/v2/alerts"}) == ["/v2/specs", "/v2/statistics/jobs"]


async def test_a_name_from_outside_stays_a_text(api: Api) -> None:
    await made(api, 1, name=HOSTILE)
    text = await shown(api)
    assert "<img" not in text
    assert "<bdi>&lt;img src=x onerror=alert(1)&gt;" in text


async def test_a_search_keeps_what_was_typed(api: Api) -> None:
    await made(api, 1, name="eth-usd")
    await made(api, 2, name="btc-usd")
    text = await shown(api, "?search=%22btc&initiator=web&state=active&task=noop")
    assert 'value="&#34;btc"' in text
    assert "<option selected>web</option>" in text
    assert "No job fits." in text
    found = await shown(api, "?search=btc")
    assert "btc-usd" in found
    assert "eth-usd" not in found
    assert 'href="/jobs">Clear</a>' in found


async def test_a_filter_that_cannot_be_is_said_and_the_page_stays(api: Api) -> None:
    await made(api, 1)
    text = await shown(api, "?initiator=nothing", 422)
    assert "invalid initiator param" in text
    assert "ADY-0150" in text
    assert 'role="search"' in text


@pytest.mark.parametrize("page", ["0", "x", "-1"])
async def test_a_page_that_cannot_be_is_said(api: Api, page: str) -> None:
    assert "invalid page param" in await shown(api, f"?page={page}", 422)


async def test_jobs_are_in_pages(api: Api) -> None:
    for number in range(51):
        await made(api, number + 1)
    first, second = await shown(api, "?state=active&page="), await shown(api, "?state=active&page=2")
    assert (first.count("job-link"), second.count("job-link")) == (50, 1)
    assert 'rel="next" href="/jobs?state=active&amp;page=2"' in first
    assert 'rel="prev"' in second


async def test_every_state_of_a_job_is_shown(api: Api) -> None:
    await made(api, 1, start_at=NOW + HOUR)
    await made(api, 2, end_at=NOW - HOUR)
    await made(api, 3, name="old one")
    await api.client.delete(f"/v2/specs/{3:032x}")

    text = await shown(api)
    assert '<span class="status wait">waiting</span>' in text
    assert '<span class="status off">ended</span>' in text
    assert "old one" not in text
    archived = await shown(api, "?state=archived")
    assert "old one" in archived
    assert '<span class="status off">archived</span>' in archived


async def test_there_may_be_no_archived_job(api: Api) -> None:
    assert "Archived jobs are kept" in await shown(api, "?state=archived")


async def test_a_schedule_shows_its_next_fire(api: Api) -> None:
    crons = tuple(Initiator(type="cron", schedule=f"CRON_TZ=UTC 0 {minute} * * * *") for minute in range(5))
    await made(api, 1, initiators=crons)
    text = await shown(api)
    assert "schedule CRON_TZ=UTC 0 0 * * * *" in text
    assert "+2 more" in text
    assert "next <time" in text
