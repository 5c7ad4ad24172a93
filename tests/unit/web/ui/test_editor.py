"""The page where a job is written: with scripts and without, it says what the API says, and loses nothing that was typed."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import httpx
import pytest

from adyton.domain.access import Role
from adyton.domain.bridges import Bridge
from adyton.domain.external_initiators import ExternalInitiator
from adyton.storage import bridges as stored_bridges
from adyton.storage import external_initiators as stored_initiators
from adyton.web.settings import WebSettings
from adyton.web.ui.editor_check import _TOML
from adyton.web.ui.editor_reference import USED
from adyton.web.ui.editor_templates import BRIDGE as BRIDGE_PLACE
from adyton.web.ui.editor_templates import CONTRACT, INITIATOR, ORACLE, TEMPLATES
from support.api import Api
from support.builders import NOW
from support.people import another

ID = "4c" * 16
ADDRESS = "0x" + "ab" * 20
HOSTILE = "<img src=x onerror=alert(1)>\u202egnp"
LONG = "1234567890.1234567890123456789012345678901234567890"
GOOD = json.dumps({"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]}, indent=2)
PART = {"hx-request": "true"}


async def shown(api: Api, query: str = "", status: int = 200, client: httpx.AsyncClient | None = None) -> str:
    response = await (client or api.client).get(f"/jobs/new{query}", headers={"accept": "text/html"})
    assert response.status_code == status, response.text
    return response.text


async def sent(api: Api, do: str, spec: str, status: int = 200, **more: Any) -> str:
    """The page that comes back; ``client`` sends it, with ``headers``, else the operator's; the rest are fields of the form."""
    client, headers = more.pop("client", api.client), more.pop("headers", {})
    response = await client.post("/jobs/new", data={"do": do, "spec": spec, **more}, headers=headers)
    assert response.status_code == status, response.text
    return str(response.text)


def typed(page: str) -> str:
    """What stands in the text area."""
    found = re.search(r'<textarea id="spec"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def words(page: str) -> str:
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", page)).split())


# --- templates -------------------------------------------------------------------------------------------------------


async def test_an_empty_editor_offers_templates(api: Api) -> None:
    page = await shown(api)
    assert "Nothing is written yet" in page
    assert [f'href="/jobs/new?template={name}"' in page for name in TEMPLATES] == [True] * len(TEMPLATES)
    assert typed(page) == ""


@pytest.mark.parametrize("name", TEMPLATES)
async def test_a_template_is_a_job_that_the_node_takes_where_the_node_knows_its_surroundings(name: str) -> None:
    made = Bridge(
        name="prices",
        url="http://b.example",
        incoming_token_hash="h",
        salt="s",
        outgoing_token="outgoing-token",
        created_at=NOW,
        updated_at=NOW,
    )
    async with Api(environment={"ORACLE_CONTRACT_ADDRESS": ADDRESS}) as api:
        await api.db.write(stored_bridges.insert(made))
        api.parts.bridges.put(made)
        await stored_initiators.create(api.db, ExternalInitiator(access_key="k", secret_hash="h", salt="s", name="feeds"))
        page = await shown(api, f"?template={name}")
        text = typed(page).replace(CONTRACT, ADDRESS)
        await api.post("/v2/specs/validate", text)
        assert ORACLE not in text
        assert (CONTRACT in typed(page)) == (name == "cron")


@pytest.mark.parametrize(
    ("name", "placeholder"), [("price", ORACLE), ("bridge", BRIDGE_PLACE), ("cron", CONTRACT), ("external", INITIATOR)]
)
async def test_what_the_node_does_not_know_is_a_placeholder_that_the_check_names(api: Api, name: str, placeholder: str) -> None:
    page = await shown(api, f"?template={name}")
    assert placeholder in typed(page)
    assert re.search(r"\d faults?: it cannot be saved", page)
    line = next(n for n, each in enumerate(typed(page).split("\n"), 1) if placeholder in each)
    assert f'<li data-line="{line}">' in page


async def test_the_contract_that_another_job_listens_to_is_taken(api: Api) -> None:
    spec = {"initiators": [{"type": "runlog", "params": {"address": ADDRESS}}], "tasks": [{"type": "noop"}]}
    await api.post("/v2/specs", spec)
    assert ADDRESS in typed(await shown(api, "?template=price"))


async def test_a_template_that_is_none_is_an_empty_editor(api: Api) -> None:
    assert typed(await shown(api, "?template=../../etc")) == ""


# --- the check -------------------------------------------------------------------------------------------------------


async def test_every_fault_has_its_line_its_pointer_and_its_page(api: Api) -> None:
    text = '{\n"initiators": [{"type": "cron",\n "params": {"schedule": "x"}}],\n"tasks": [\n{"type": "nothing-known"}]}'
    page = await sent(api, "check", text)
    assert "2 faults: it cannot be saved" in page
    found = re.findall(r'<li data-line="(\d+)">.*?<code>([^<]+)</code>.*?href="/errors/(ADY-\d+)"', page, re.DOTALL)
    assert [(line, pointer) for line, pointer, _ in found] == [("3", "/initiators/0/params/schedule"), ("5", "/tasks/0")]
    assert '<div class="bad">3</div>' in page
    assert typed(page) == text


async def test_a_fault_of_a_param_has_the_line_of_that_param(api: Api) -> None:
    text = '{"initiators": [{"type": "web"}],\n"tasks": [{"type": "ethtx",\n"params": {\n"address": "0x1"}}]}'
    assert '<li data-line="4">' in await sent(api, "check", text)


async def test_with_scripts_only_the_check_is_sent(api: Api) -> None:
    part = await sent(api, "check", GOOD, headers=PART)
    assert part.strip().startswith("<section")
    assert "Nothing is wrong" in part


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Nothing is written yet"),
        (" \n ", "Nothing is written yet"),
        ("{", "the text ends before its JSON does"),
        ("nonsense", "the body is not JSON"),
        ("[]", "the body must be a JSON object, not an array"),
        ("null", "Must have at least one Initiator and one Task"),
        ('type = "directrequest"\nschemaVersion = 1', "This looks like a TOML job"),
        (r'{"name": "\ud800"}', "not JSON"),
        ("[" * 3000, "nested too deeply"),
    ],
)
async def test_what_is_no_job_is_told(api: Api, text: str, said: str) -> None:
    assert said in words(await sent(api, "check", text))


async def test_warnings_and_the_next_times_are_shown(api: Api) -> None:
    text = (
        '{"initiators": [{"type": "cron", "params": {"schedule": "CRON_TZ=UTC 0 0 * * * *"}}],\n'
        '"tasks": [],\n"tasks": [{"type": "ethtx"}]}\nand more'
    )
    page = words(await sent(api, "check", text))
    assert "Nothing is wrong; 4 warnings" in page
    assert 'the key "tasks" stands twice in its object: only the last one counts line 3 /tasks' in page
    assert "what stands behind the end of the job, from line 4 on, is not read" in page
    assert "Next times of CRON_TZ=UTC 0 0 * * * *" in page


async def test_hostile_text_stays_text(api: Api) -> None:
    text = json.dumps({"name": HOSTILE, "initiators": [{"type": HOSTILE}], "tasks": [{"type": "noop", HOSTILE: 1}]})
    for do in ("check", "try", "save", "plan"):
        page = await sent(api, do, text, 200 if do == "check" else 400, **{"from": ID, "key": HOSTILE})
        assert "<img" not in page
        assert "\u202e" not in words(re.sub(r"<textarea.*?</textarea>", "", page, flags=re.DOTALL))
    fields: dict[str, Any] = {"from": HOSTILE}
    assert HOSTILE not in await sent(api, "check", "", **fields)


async def test_what_is_too_long_is_told_with_the_limit(api: Api) -> None:
    page = await sent(api, "check", " " * 40_000 + GOOD)
    assert "32,768 at most (DEFAULT_HTTP_LIMIT)" in page


async def test_of_very_many_faults_the_first_are_listed_and_all_are_counted(api: Api) -> None:
    text = a_job(*({"type": "multiply", "params": {"times": f"x{n}"}} for n in range(500)))
    page = await sent(api, "check", text, headers=PART)
    assert "500 faults: it cannot be saved" in page
    assert page.count("<li data-line") == 100
    assert "And 400 more." in page


async def test_tidying_keeps_digits_order_and_keys_that_stand_twice(api: Api) -> None:
    page = await sent(api, "tidy", f'{{"b":{LONG},"a":1e400,"a":"\\u00e4"}}')
    assert typed(page) == f'{{\n  "b": {LONG},\n  "a": 1e400,\n  "a": "\\u00e4"\n}}\n'
    assert typed(await sent(api, "tidy", "{nonsense")) == "{nonsense"


@pytest.mark.parametrize("text", ["[" * 30_000, "[" * 900 + "1," * 14_000 + "1" + "]" * 900, "[" + "1," * 12_000 + "1]"])
async def test_what_is_too_deep_or_too_long_to_be_tidy_stays_as_it_was_typed(api: Api, text: str) -> None:
    assert typed(await sent(api, "tidy", text)) == text


# --- saving ----------------------------------------------------------------------------------------------------------


async def test_a_saved_job_is_shown_with_a_notice(api: Api) -> None:
    text = GOOD.replace('"noop"', f'"multiply", "params": {{"times": {LONG}}}')
    response = await api.client.post("/jobs/new", data={"do": "save", "spec": text})
    assert response.status_code == 303
    [made] = (await api.get("/v2/specs"))["data"]
    assert response.headers["location"] == f"/jobs/{made['id']}"
    assert "saved" in response.headers["set-cookie"]
    exported = await api.client.get(f"/v2/specs/{made['id']}/export")
    assert LONG in exported.text


async def test_what_cannot_be_saved_comes_back_as_it_was_typed(api: Api) -> None:
    text = '{"initiators": [], "tasks": [], "_": "ä\t<b>&amp;</b>"}'
    page = await sent(api, "save", text, 400, input='{"x": 1}')
    assert typed(page) == text
    assert "1 fault: it cannot be saved" in page
    assert "{&#34;x&#34;: 1}" in page


async def test_what_only_saving_finds_stands_where_faults_do(api: Api) -> None:
    page = await sent(api, "save", "", 400)
    assert "there is no job in it" not in page
    viewer = await another(api, role=Role.VIEW)
    page = await sent(api, "save", GOOD, 403, client=viewer)
    assert "this needs the role edit" in page
    assert typed(page) == GOOD


# --- who is not signed in any more -----------------------------------------------------------------------------------


@pytest.mark.parametrize("do", ["check", "tidy", "try", "save", "plan", "apply"])
async def test_who_is_not_signed_in_any_more_gets_the_text_back_and_nothing_else(api: Api, do: str) -> None:
    stranger = api.another_client()
    text = GOOD if do != "tidy" else "{nonsense"
    page = await sent(api, do, text, 401, client=stranger, **{"from": ID, "key": "k"})
    assert typed(page) == text
    assert "Your session is over" in page
    assert (await api.get("/v2/specs"))["data"] == []
    await stranger.aclose()


@pytest.mark.parametrize("text", ["\n" * 32_000, "[" * 30_000, "[" * 900 + "1," * 14_000 + "1" + "]" * 900])
@pytest.mark.parametrize("do", ["check", "tidy", "try", "plan"])
@pytest.mark.parametrize("headers", [{}, PART])
async def test_a_stranger_has_the_node_read_nothing(api: Api, do: str, text: str, headers: dict[str, str]) -> None:
    stranger = api.another_client()
    page = await sent(api, do, text, 200 if headers else 401, client=stranger, headers=headers)
    assert "you are not signed in any more" in page
    assert len(page) < 3 * 32_768 + 60_000
    assert headers or typed(page) == text
    await stranger.aclose()


async def test_lines_without_end_are_read_once(api: Api) -> None:
    """Looking for TOML took seconds, and nobody else was answered meanwhile."""
    page = await sent(api, "try", "\n" * 32_000, 400, client=api.client)
    assert "there is no job in it" in page
    assert _TOML.search("\n" * 400_000 + "  type = 1")


async def test_with_scripts_nobody_is_led_away_while_typing(api: Api) -> None:
    stranger = api.another_client()
    part = await sent(api, "check", GOOD, client=stranger, headers=PART)
    assert "Not checked: you are not signed in any more" in part
    assert 'target="_blank"' in part
    await stranger.aclose()


async def test_only_who_may_make_jobs_sees_the_editor(api: Api) -> None:
    await shown(api, status=403, client=await another(api, role=Role.RUN))
    stranger = api.another_client()
    assert (await stranger.get("/jobs/new?template=web")).headers["location"].startswith("/signin?next=")
    await stranger.aclose()


# --- trying ----------------------------------------------------------------------------------------------------------


def _task(kind: str, **params: Any) -> Any:
    return {"type": kind, "params": params}


def a_job(*tasks: Any, initiator: Any = None) -> str:
    return json.dumps({"initiators": [initiator or {"type": "web"}], "tasks": list(tasks)})


async def test_a_trial_shows_what_each_task_was_given_and_left(api: Api) -> None:
    api.bench.http.body = f'{{"price": {LONG}, "text": "<b>{HOSTILE}"}}'
    text = a_job(
        {"type": "httpget", "params": {"get": "https://a.example/p"}}, {"type": "jsonparse", "params": {"path": "price"}}
    )
    page = await sent(api, "try", text, input='{"given": 0.10000000000000000000000000000000000000001}')
    said = words(page)
    assert "Every task was done. Nothing was stored, no transaction was sent." in said
    assert "GET https://a.example/p 200" in said
    assert LONG in said
    assert "0.10000000000000000000000000000000000000001" in said
    assert "<b>" not in re.sub(r"<textarea.*?</textarea>", "", page, flags=re.DOTALL)
    assert typed(page) == text
    assert (await api.get("/v2/runs"))["data"] == []


async def test_with_scripts_only_the_trial_is_sent(api: Api) -> None:
    part = await sent(api, "try", GOOD, headers=PART)
    assert part.strip().startswith('<div id="trial"')
    assert "Every task was done" in part


async def test_a_trial_of_a_request_shows_the_transaction(api: Api) -> None:
    text = a_job({"type": "ethuint256"}, {"type": "ethtx"}, initiator={"type": "runlog", "params": {"address": ADDRESS}})
    said = words(await sent(api, "try", text, input='{"result": 5}'))
    assert "It comes to a transaction" in said
    assert "The transaction that would be sent succeeds" in said
    by_hand = words(await sent(api, "try", text, input='{"result": 5}', begins="hand"))
    assert "Calls 0x00000000" in by_hand
    assert "Calls 0x4ab0d190" in said


async def test_a_trial_that_fails_stops_or_is_not_allowed_says_so(api: Api) -> None:
    failed = words(await sent(api, "try", a_job({"type": "multiply"}, {"type": "noop"}), input='{"result": "x"}'))
    assert "A task failed" in failed
    assert "not reached" in failed
    post = a_job({"type": "httppost", "params": {"post": "https://a.example/?q=1"}})
    held = words(await sent(api, "try", post))
    assert "It would ask something outside, and was not let" in held
    assert "POST https://a.example/" in held
    assert "Every task was done" in words(await sent(api, "try", post, posts="on"))
    given = words(await sent(api, "try", post, outputs='{"0": {"result": 7}}'))
    assert "given" in given
    assert "A run would wait here" in words(await sent(api, "try", a_job({"type": "nooppend"})))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"input": "{\n nonsense"}, "input is not JSON, line 2, column 2"),
        ({"input": "[]"}, "input must be an object, not an array /input"),
        ({"outputs": "7"}, "outputs must be an object, not a number"),
        ({"outputs": '{"9": 1}'}, "the job has no task 9"),
        ({"begins": "known"}, "name the request that the run is to answer"),
        ({"begins": "known", "request": "0x" + "1" * 64}, "Not tried"),
    ],
)
async def test_what_is_wrong_with_the_form_is_told_beside_it(api: Api, fields: dict[str, str], said: str) -> None:
    page = await sent(api, "try", GOOD, 400, **fields)
    assert said in words(page)
    assert typed(page) == GOOD


async def test_what_is_wrong_with_the_text_is_told_with_its_line(api: Api) -> None:
    page = await sent(api, "try", '{"initiators": [{"type": "web"}],\n"tasks": [\n{"type": "nothing-known"}]}', 400)
    trial = page[page.index('<div id="trial"') :]
    assert '<li data-line="3">' in trial
    assert "/tasks/0" in trial
    assert "Not tried: see what is wrong. fault: the text ends before its JSON does" in words(await sent(api, "try", "{", 400))


async def test_a_trial_reads_the_text_as_saving_does(api: Api) -> None:
    """Of keys that stand twice the last counts, in whatever order an encoder would put them."""
    text = '{"Initiators": [{"type": "web"}], "tasks": [], "Tasks": [{"type": "noop"}]} rest'
    assert "Every task was done" in words(await sent(api, "try", text))


# --- a job of the node -----------------------------------------------------------------------------------------------


async def test_a_job_is_edited_as_a_new_one(api: Api) -> None:
    spec = json.loads(a_job({"type": "multiply", "params": {"times": 1}}))
    text = json.dumps(spec).replace('"times": 1', f'"times": {LONG}')
    made = (await api.post("/v2/specs", text))["data"]["id"]
    page = await shown(api, f"?from={made}")
    assert LONG in typed(page)
    assert "cannot be changed in place" in words(page)
    assert 'value="plan"' not in page
    await shown(api, "?from=nowhere", 404)
    await shown(api, "?from=../../config", 404)


async def test_a_job_that_was_applied_is_changed_in_place_after_a_look_at_the_plan(api: Api) -> None:
    applied = {"jobs": [{"key": "eth-usd", "spec": json.loads(GOOD)}]}
    [change] = (await api.post("/v2/specs/apply", applied))["data"]
    job_id = change["attributes"]["jobId"]
    page = await shown(api, f"?from={job_id}")
    origin = {"from": job_id, "key": "eth-usd"}
    assert 'name="key" value="eth-usd"' in page
    assert "Nothing would change" in await sent(api, "plan", typed(page), **origin)

    wanted = typed(page).replace("noop", "ethbool")
    plan = await sent(api, "plan", wanted, **origin)
    assert "The job is changed in place and keeps its id" in plan
    mark = re.search(r'name="plan" value="([0-9a-f]+)"', plan)
    assert mark is not None
    assert (await api.get(f"/v2/specs/{job_id}"))["data"]["attributes"]["tasks"][0]["type"] == "noop"

    other = await sent(api, "apply", wanted.replace("ethbool", "ethbytes32"), 409, plan=mark[1], **origin)
    assert "this is not the plan that was shown" in other
    response = await api.client.post("/jobs/new", data={"do": "apply", "spec": wanted, "plan": mark[1], **origin})
    assert (response.status_code, response.headers["location"]) == (303, f"/jobs/{job_id}")
    assert (await api.get(f"/v2/specs/{job_id}"))["data"]["attributes"]["tasks"][0]["type"] == "ethbool"


async def test_nothing_is_changed_in_place_that_was_not_shown(api: Api) -> None:
    job = {"name": "before", "initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]}
    made = await api.post("/v2/specs/apply", {"jobs": [{"key": "feed", "spec": job}]}, status=200)
    form = {"from": made["data"][0]["attributes"]["jobId"], "key": "feed"}
    page = await sent(api, "apply", json.dumps({**job, "name": "after"}), **form)
    assert "What would change" in page
    await sent(api, "apply", json.dumps({**job, "name": "after"}), 409, **form, plan="another")
    assert [each["attributes"]["name"] for each in (await api.get("/v2/specs"))["data"]] == ["before"]


async def test_a_plan_that_ends_a_job_says_so_loudly(api: Api) -> None:
    first = json.loads(a_job({"type": "noop"}, initiator={"type": "runlog"}))
    [change] = (await api.post("/v2/specs/apply", {"jobs": [{"key": "k", "spec": first}]}))["data"]
    page = await sent(api, "plan", GOOD, **{"from": change["attributes"]["jobId"], "key": "k"})
    assert "REQUESTS GO UNANSWERED" in page
    assert "Archive the old one and make this" in page


async def test_a_plan_of_what_is_no_job_is_refused_with_its_lines(api: Api) -> None:
    page = await sent(
        api, "plan", '{"initiators": [{"type": "web"}],\n"tasks": [{"type": "zzz"}]}', 400, key="k", **{"from": ID}
    )
    assert '<li data-line="2">' in page
    assert "1 fault: it cannot be saved" in page
    assert "ends before" in await sent(api, "plan", "{", 400, key="k", **{"from": ID})


# --- the reference ---------------------------------------------------------------------------------------------------


async def test_every_type_that_the_schema_has_is_in_the_reference_and_can_be_inserted(api: Api) -> None:
    schema = (await api.client.get("/v2/schemas/job.json")).json()["properties"]
    page = await shown(api)
    snippets = [json.loads(html.unescape(each)) for each in re.findall(r'data-insert="([^"]+)"', page)]
    for kind in ("initiators", "tasks"):
        named = {each["properties"]["type"].get("const") for each in schema[kind]["items"]["anyOf"]} - {None}
        assert named <= {each["type"] for each in snippets}
    assert set(USED) == {each["properties"]["type"]["const"] for each in schema["initiators"]["items"]["anyOf"]}
    assert "TOML pipelines of later versions are not taken" in page


async def test_snippets_are_what_the_node_takes(api: Api) -> None:
    page = await shown(api)
    snippets = [json.loads(html.unescape(each)) for each in re.findall(r'data-insert="([^"]+)"', page)]
    tasks = [each for each in snippets if each["type"] not in USED and each["type"] != "wasm"]
    answer = await api.client.post("/v2/specs/validate", json={"initiators": [{"type": "web"}], "tasks": tasks})
    assert answer.status_code == 200, answer.text


# --- limits ----------------------------------------------------------------------------------------------------------


async def test_checks_are_counted_as_any_request_is() -> None:
    async with Api(settings=WebSettings(request_limit=3, login_limit=3, secure_cookies=False)) as api:
        statuses = [(await api.client.post("/jobs/new", data={"do": "check"}, headers=PART)).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
