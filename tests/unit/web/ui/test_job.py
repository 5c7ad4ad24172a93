"""The page of one job."""

from __future__ import annotations

import html
import json
from typing import Any

import httpx
import msgspec
import pytest

from adyton.domain.access import Role
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.runs import Completed, Errored, after
from adyton.engine.create import RunSource
from adyton.storage import runs as stored
from support.api import Api
from support.asked import request_of, run_for, store
from support.builders import JOB_ID, NOW, ORACLE, REQUESTER, job, run_log
from support.people import another

HOUR = 3_600_000_000
HOSTILE = "<script>alert(1)</script>\u202egnp.exe 😀" + "W" * 1000
RUN_IT = f'href="/jobs/{JOB_ID}?tab=run"'
EVERY_TAB = ("overview", "definition", "runs", "requests", "money", "errors", "run")


async def shown(
    api: Api, tab: str = "", status: int = 200, client: httpx.AsyncClient | None = None, job_id: str = JOB_ID
) -> str:
    response = await (client or api.client).get(f"/jobs/{job_id}", params={"tab": tab} if tab else {})
    assert response.status_code == status, response.text
    return response.text


async def ended(api: Api, error: str | None = None, *, position: int = 0) -> str:
    """The id of a run that has ended."""
    spec = api.bench.jobs.jobs[JOB_ID]
    run = api.bench.maker.new_run(spec, spec.initiators[0], RunSource(given={}))
    await api.db.write(stored.insert([run]))
    for place in range(position if error is not None else len(run.tasks)):
        run = after(run, place, Completed({}), NOW)
    if error is not None:
        run = after(run, position, Errored(error), NOW)
    await api.db.write(*stored.save(run, run.tasks))
    return run.id


def changed(spec: Job, **changes: Any) -> Job:
    return msgspec.structs.replace(spec, **changes)


# --- every part, for everybody ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("tab", EVERY_TAB)
@pytest.mark.parametrize("busy", [True, False])
async def test_every_part_is_shown_with_and_without_history(api: Api, tab: str, busy: bool) -> None:
    await api.job(changed(job("noop", "ethtx"), name="eth-usd"))
    if busy:
        await ended(api)
        await ended(api, "why <b>not</b>", position=1)
        run = run_for(api.bench, run_log())
        await store(api.db, run, request_of(run_log(), run_id=run.id))
    text = await shown(api, tab)
    assert "<bdi>eth-usd</bdi></h1>" in text
    assert 'aria-current="page">' in text.split('class="tabs"')[1]
    assert "<b>not" not in text


@pytest.mark.parametrize("role", list(Role))
async def test_only_what_the_visitor_may_do_is_offered(api: Api, role: Role) -> None:
    await api.job(job("noop"))
    text = await shown(api, client=await another(api, role=role))
    assert (RUN_IT in text) is role.covers(Role.RUN)
    assert ("/archive" in text) is role.covers(Role.EDIT)
    assert ("/jobs/new?from=" in text) is role.covers(Role.EDIT)


async def test_a_part_that_is_not_there_is_the_overview(api: Api) -> None:
    await api.job(job("noop"))
    assert "What it does" in await shown(api, "nothing")
    assert "What it does" in await shown(api, "run", client=await another(api))


@pytest.mark.parametrize("job_id", ["e" * 32, "nothing", "..%2F..%2Fhealth"])
async def test_a_job_that_is_not_there_is_a_page_that_says_so(api: Api, job_id: str) -> None:
    response = await api.client.get(f"/jobs/{job_id}", headers={"accept": "text/html"})
    assert response.status_code == 404
    assert "Not found" in response.text


@pytest.mark.parametrize("tab", EVERY_TAB)
async def test_names_and_params_from_outside_stay_texts(api: Api, tab: str) -> None:
    params = {"<i>": HOSTILE, "\u202e": [HOSTILE]}
    await api.job(changed(job(TaskSpec(type="noop", params=params), "noop"), name=HOSTILE))
    await ended(api, HOSTILE)
    text = await shown(api, tab)
    assert "<script>alert" not in text
    assert "<i>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


# --- the drawing -----------------------------------------------------------------------------------------------------


async def test_the_drawing_tells_what_starts_it_and_where_it_ends(api: Api) -> None:
    starts = (
        Initiator(type="runlog", address=ORACLE, requesters=(REQUESTER,)),
        Initiator(type="cron", schedule="CRON_TZ=UTC 0 */5 * * * *"),
        Initiator(type="runat", run_at=NOW + HOUR),
        Initiator(type="external", name="outside"),
        Initiator(type="ethlog"),
        Initiator(type="web"),
    )
    tasks = (TaskSpec(type="httpget", params={"get": "https://x.example/"}, confirmations=7), TaskSpec(type="ethtx"))
    await api.job(changed(job(), initiators=starts, tasks=tasks, min_payment=2 * 10**18))

    text = await shown(api)

    assert "Started by any of" in text
    assert f'title="{ORACLE}"' in text
    assert f'title="{REQUESTER}"' in text
    assert '2 <span class="unit">LINK</span>' in text
    assert "CRON_TZ=UTC 0 */5 * * * *" in text
    assert "2023-11-14T23:13:20Z" in text
    assert 'href="/external_initiators"' in text
    assert "after 7 confirmations" in text
    assert "The answer, on the chain" in text
    assert text.index("Started by any of") < text.index("Asks a URL") < text.index("Sends a transaction")


async def test_without_a_payment_of_its_own_the_nodes_minimum_is_shown(api: Api) -> None:
    await api.job(job("noop"))
    assert '1 <span class="unit">LINK</span></data> <small>as <a href="/config">every job</a>' in await shown(api)


async def test_a_bridge_is_linked_and_what_is_none_is_not(api: Api) -> None:
    bridge = {"name": "prices", "url": "https://prices.example/"}
    await api.post("/v2/bridge_types", bridge)
    await api.job(job("prices", "elsewhere"))
    text = await shown(api)
    assert '<a href="/bridges/prices"><code>prices</code></a>' in text
    assert "Asks the bridge" in text
    assert "/bridges/elsewhere" not in text
    assert "A bridge or an adapter of a package" in text


async def test_errors_of_the_last_runs_are_marked_where_they_happened(api: Api) -> None:
    await api.job(job("noop", "ethbool"))
    await ended(api, "first")
    await ended(api, "second", position=1)
    await ended(api, "second", position=1)
    await ended(api)
    text = await shown(api)
    first, second = text.split("failed here in ")[1:]
    assert "1 of the last 4 runs" in first[:150]
    assert "2 of the last 4 runs" in second[:150]
    assert text.count("node failing") == 2


async def test_fifteen_tasks_are_all_drawn_in_their_order(api: Api) -> None:
    await api.job(job(*["noop"] * 15))
    text = await shown(api)
    places = [f'<span class="place" aria-hidden="true">{number}</span>' for number in range(1, 16)]
    assert all(place in text for place in places)
    assert [text.index(place) for place in places] == sorted(text.index(place) for place in places)


# --- the other parts -------------------------------------------------------------------------------------------------


async def test_the_definition_is_the_request_that_makes_it_with_every_digit(api: Api) -> None:
    made = {"initiators": [{"type": "web"}], "tasks": [{"type": "multiply", "params": {"times": 0}}]}
    body = json.dumps(made).replace("0}", "123456789012345678901234567890.10}")
    job_id = (await api.post("/v2/specs", body))["data"]["id"]
    assert "123456789012345678901234567890.10" in await shown(api, "definition", job_id=job_id)
    assert "123456789012345678901234567890.10" in await shown(api, job_id=job_id)

    file = await api.client.get(f"/jobs/{job_id}/definition.json")

    assert file.headers["content-disposition"] == f'attachment; filename="job-{job_id}.json"'
    assert file.headers["content-type"].startswith("application/json")
    assert "123456789012345678901234567890.10" in file.text
    assert (await api.post("/v2/specs", file.text))["data"]["id"] != job_id


async def test_letters_that_turn_the_text_around_are_written_out_in_the_definition(api: Api) -> None:
    await api.job(changed(job("noop"), name="a\u202eb\u2066c"))
    text = html.unescape(await shown(api, "definition"))
    assert '"name": "a\\u202eb\\u2066c"' in text
    file = await api.client.get(f"/jobs/{JOB_ID}/definition.json")
    assert json.loads(file.text)["name"] == "a\u202eb\u2066c"


async def test_a_definition_that_is_not_there_is_no_file(api: Api) -> None:
    response = await api.client.get(f"/jobs/{'e' * 32}/definition.json")
    assert response.status_code == 404
    assert "content-disposition" not in response.headers


async def test_the_same_errors_are_told_once_with_their_page(api: Api) -> None:
    await api.job(job("noop", "noop"))
    for _ in range(3):
        newest = await ended(api, "it <b>broke</b>", position=1)
    text = await shown(api, "errors")
    assert "it &lt;b&gt;broke&lt;/b&gt;" in text
    assert "<strong>3 runs</strong>" in text
    assert "in task 2" in text
    assert f'href="/runs/{newest}"' in text
    assert 'href="/errors/ADY-' in text


async def test_requests_of_this_job_alone_are_shown(api: Api) -> None:
    other = "5" * 32
    for number, job_id in enumerate((JOB_ID, other), 1):
        await api.job(job("noop", job_id=job_id))
        log = run_log(job_id=job_id, request=number)
        await store(api.db, run_for(api.bench, log), request_of(log, job_id=job_id))
    text = await shown(api, "requests")
    assert text.count('id="request-') == 1
    assert f'href="/requests?jobSpecId={JOB_ID}">All 1</a>' in text


async def test_a_job_that_was_changed_in_place_says_so(api: Api) -> None:
    for kind in ("noop", "ethbool"):
        spec = {"initiators": [{"type": "web"}], "tasks": [{"type": kind}]}
        plan = await api.post("/v2/specs/apply", {"jobs": [{"key": "eth/usd", "spec": spec}]})
    job_id = plan["data"][0]["attributes"]["jobId"]
    text = await shown(api, "definition", job_id=job_id)
    assert "version 2" in text
    assert "It is kept in a file as <code>eth/usd</code>" in text
    assert "adyton apply" in text


# --- what is done ----------------------------------------------------------------------------------------------------


async def test_a_run_that_is_started_here_is_gone_to(api: Api) -> None:
    await api.job(job("noop"))
    response = await api.client.post(f"/jobs/{JOB_ID}/runs", data={"input": '{"n": 1.10}'})
    assert response.status_code == 303
    run_id = response.headers["location"].removeprefix("/runs/")
    assert b'"n":1.10' in (await api.client.get(f"/v2/runs/{run_id}")).content


@pytest.mark.parametrize("given", ["{", '{"a": <b>}'])
async def test_an_input_that_is_no_json_comes_back_with_what_is_wrong(api: Api, given: str) -> None:
    await api.job(job("noop"))
    response = await api.client.post(f"/jobs/{JOB_ID}/runs", data={"input": given})
    assert response.status_code == 400
    assert "the body is not JSON" in response.text
    assert f"{html.escape(given, quote=False)}</textarea>" in response.text.replace("&#34;", '"')
    assert 'aria-invalid="true"' in response.text
    assert (await api.get("/v2/runs"))["meta"]["count"] == 0


async def test_a_job_outside_its_time_takes_no_run_and_says_why(api: Api) -> None:
    await api.job(changed(job("noop"), end_at=NOW - 1))
    response = await api.client.post(f"/jobs/{JOB_ID}/runs", data={"input": ""})
    assert response.status_code == 400
    assert "ADY-0302" in response.text


async def test_an_archived_job_keeps_its_page(api: Api) -> None:
    await api.job(changed(job("noop", "ethtx"), name="old one"))
    await ended(api)
    log = run_log()
    await store(api.db, run_for(api.bench, log), request_of(log))

    response = await api.client.post(f"/jobs/{JOB_ID}/archive")

    assert (response.status_code, response.headers["location"]) == (303, "/jobs")
    for tab in ("", "definition", "requests", "money", "runs", "errors", "run"):
        text = await shown(api, tab)
        assert "old one" in text
        assert "It takes no runs" in text
        assert RUN_IT not in text
        assert "/archive" not in text
        assert "/v2/events" not in text
    assert 'id="request-' in await shown(api, "requests")


async def test_what_is_archived_already_cannot_be_archived_again(api: Api) -> None:
    await api.job(job("noop"))
    await api.client.post(f"/jobs/{JOB_ID}/archive")
    response = await api.client.post(f"/jobs/{JOB_ID}/archive")
    assert response.status_code == 404
    assert "ADY-0293" in response.text


@pytest.mark.parametrize(("path", "role"), [("runs", Role.VIEW), ("archive", Role.RUN)])
async def test_who_may_not_do_it_is_refused_by_the_api(api: Api, path: str, role: Role) -> None:
    await api.job(job("noop"))
    client = await another(api, role=role)
    response = await client.post(f"/jobs/{JOB_ID}/{path}", data={"input": ""})
    assert response.status_code == 403
    assert "ADY-0101" in response.text
    assert JOB_ID in api.parts.jobs.jobs


async def test_a_job_without_a_web_initiator_is_not_run_here(api: Api) -> None:
    await api.job(changed(job("noop"), initiators=(Initiator(type="runlog"),)))
    assert RUN_IT not in await shown(api)
    response = await api.client.post(f"/jobs/{JOB_ID}/runs", data={"input": ""})
    assert response.status_code == 403


@pytest.mark.parametrize(
    ("changes", "words"), [({"start_at": NOW + HOUR}, "It takes runs from"), ({"end_at": NOW - HOUR}, "It took runs until")]
)
async def test_a_job_outside_its_time_says_so(api: Api, changes: dict[str, int], words: str) -> None:
    await api.job(changed(job("noop"), **changes))
    assert words in await shown(api)


async def test_the_page_is_live_where_runs_change_it_and_still_where_one_types(api: Api) -> None:
    await api.job(job("noop"))
    for tab in EVERY_TAB:
        assert ("/v2/events?kinds=runs" in await shown(api, tab)) is (tab not in {"definition", "run"})
