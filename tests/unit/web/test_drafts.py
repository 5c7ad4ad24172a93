"""Drafts over HTTP: judged, tried, applied."""

from __future__ import annotations

from typing import Any

import pytest

from support.api import Api, details

ORACLE = "0x356a04bce728ba4c62a30294a55e6a8600a320b3"


def spec(*tasks: Any, initiators: Any = None, **more: Any) -> dict[str, Any]:
    """A job that somebody starts by hand."""
    return {"initiators": initiators or [{"type": "web"}], "tasks": list(tasks) or [{"type": "noop"}], **more}


# --- validate --------------------------------------------------------------------------------------------------------


async def test_a_draft_is_shown_as_it_was_understood(api: Api) -> None:
    draft = spec(
        {"type": "NoOp", "confirmations": "2"}, _comment="x", minPayment=5, startAt="2030-01-01T01:00:00+01:00", name="a"
    )

    shown = await api.post("/v2/specs/validate", draft)

    assert shown["data"]["attributes"]["spec"] == {
        "name": "a",
        "initiators": [{"type": "web"}],
        "tasks": [{"type": "noop", "confirmations": 2}],
        "startAt": "2030-01-01T00:00:00Z",
        "minPayment": "5",
    }
    assert api.parts.jobs.jobs == {}


async def test_every_fault_of_a_draft_is_listed_whatever_finds_it(api: Api) -> None:
    draft = {
        "initiators": [{"type": "external", "params": {"name": "nobody"}}, {"type": "never"}],
        "tasks": [
            {"type": "httpget", "params": {"get": "https://x.example/$(secret:KEY)"}},
            {"type": "nobridge"},
            {"type": "multiply", "params": {"times": "x"}},
        ],
    }
    shown = await api.post("/v2/specs/validate", draft, status=400)
    pointers = {error["source"]["pointer"] for error in shown["errors"]}
    assert {"/initiators/0/params/name", "/initiators/1/type", "/tasks/0/params", "/tasks/1", "/tasks/2"} <= pointers
    assert len([each for each in shown["errors"] if each["source"]["pointer"].startswith("/tasks/1")]) == 1


async def test_what_cannot_be_read_hides_no_other_fault(api: Api) -> None:
    draft = {
        "initiators": [{"type": "never"}, {"type": "runlog", "params": {"address": "0x1"}}, {"type": 5}],
        "tasks": [
            {"type": "nobridge", "confirmations": -1},
            {"type": "httpget", "params": 5},
            {"type": "multiply", "params": {"times": "x"}},
        ],
        "startAt": "soon",
        "externalJobID": "zz",
    }
    shown = await api.post("/v2/specs/validate", draft, status=400)
    assert sorted(error["source"]["pointer"] for error in shown["errors"]) == [
        "/externalJobID",
        "/initiators/0/type",
        "/initiators/1/params/address",
        "/initiators/2/type",
        "/startAt",
        "/tasks/0",
        "/tasks/0/confirmations",
        "/tasks/1/params",
        "/tasks/2",
    ]
    assert all(error["code"] for error in shown["errors"])


async def test_an_id_that_is_in_use_is_a_fault(api: Api) -> None:
    job_id = "ab" * 16
    await api.post("/v2/specs", spec(externalJobID=job_id))
    shown = await api.post("/v2/specs/validate", spec(externalJobID=job_id), status=400)
    assert shown["errors"][0]["source"] == {"pointer": "/externalJobID"}


@pytest.mark.parametrize(
    ("draft", "pointer", "words"),
    [
        (spec(initiators=[{"type": "runlog"}]), "/initiators/0/type", "gets none"),
        (spec({"type": "ethtx"}, {"type": "noop"}, initiators=[{"type": "runlog"}]), "/tasks/1/type", "behind ethtx"),
        (
            spec({"type": "ethtx"}, initiators=[{"type": "runlog", "params": {"requesters": []}}]),
            "/initiators/0/params/requesters",
            "everybody",
        ),
        (
            spec(initiators=[{"type": "cron", "params": {"schedule": "0 0 0 31 2 *"}}]),
            "/initiators/0/params/schedule",
            "never",
        ),
        (spec({"type": "httpget", "params": {"get": "http://a.example"}}), "/tasks/0/params/get", "https"),
        (spec({"type": "ethtx", "params": {"functionSelector": "f()"}}), "/tasks/0/params", "no address"),
        (spec({"type": "ethtx", "params": {"address": ORACLE}}), "/tasks/0/params", "functionSelector"),
        (
            spec(initiators=[{"type": "runat", "params": {"time": "2020-01-01T00:00:00Z"}}]),
            "/initiators/0/params/time",
            "at once",
        ),
        (spec(endAt="2020-01-01T00:00:00Z"), "/endAt", "nothing"),
    ],
)
async def test_what_is_probably_not_meant_is_said(api: Api, draft: Any, pointer: str, words: str) -> None:
    warned = (await api.post("/v2/specs/validate", draft))["data"]["attributes"]["warnings"]
    assert any(each["pointer"] == pointer and words in each["detail"] for each in warned), warned


async def test_what_of_a_text_is_passed_over_is_said(api: Api) -> None:
    text = '{"initiators": [{"type": "web", "type": "web"}],\n"tasks": [],\n"tasks": [{"type": "noop"}]}\n{}'
    warned = (await api.post("/v2/specs/validate", text))["data"]["attributes"]["warnings"]
    assert [each["pointer"] for each in warned] == ["/initiators/0/type", "/tasks", ""]
    assert "stands twice" in warned[1]["detail"]
    assert "from line 4 on" in warned[2]["detail"]


async def test_a_usual_job_has_no_warnings(api: Api) -> None:
    draft = spec(
        {"type": "httpget", "params": {"get": "https://a.example"}},
        {"type": "ethtx"},
        initiators=[{"type": "runlog", "params": {"address": ORACLE}}, {"type": "cron", "params": {"schedule": "0 0 * * * *"}}],
    )
    shown = (await api.post("/v2/specs/validate", draft))["data"]["attributes"]
    assert shown["warnings"] == []
    assert len(shown["nextFires"][0]["times"]) == 5


@pytest.mark.parametrize("name", ["two\nlines", "x" * 256, "\x00"])
async def test_a_name_stands_on_one_line(api: Api, name: str) -> None:
    shown = await api.post("/v2/specs", spec(name=name), status=400)
    assert shown["errors"][0]["source"] == {"pointer": "/name"}


async def test_a_name_is_shown_when_a_job_has_one(api: Api) -> None:
    named = await api.post("/v2/specs", spec(name="ETH in USD"))
    assert named["data"]["attributes"]["name"] == "ETH in USD"
    for ignored in (None, 7, ["a"], ""):
        assert "name" not in (await api.post("/v2/specs", spec(name=ignored)))["data"]["attributes"]


# --- apply -----------------------------------------------------------------------------------------------------------


def entries(**specs: Any) -> list[dict[str, Any]]:
    return [{"key": key, "spec": each} for key, each in specs.items()]


async def apply(api: Api, prune: bool = False, dry: bool = False, status: int = 200, **specs: Any) -> Any:
    body = {"jobs": entries(**specs), "prune": prune, "dryRun": dry}
    shown = await api.post("/v2/specs/apply", body, status=status)
    return {each["id"]: each["attributes"] for each in shown["data"]} if status == 200 else shown


async def test_jobs_are_created_changed_and_archived(api: Api) -> None:
    first = await apply(api, a=spec({"type": "noop"}), b=spec({"type": "noop"}))
    assert {key: each["action"] for key, each in first.items()} == {"a": "create", "b": "create"}

    second = await apply(api, prune=True, a=spec({"type": "noop"}, {"type": "copy", "params": {"copyPath": ["x"]}}))
    assert {key: each["action"] for key, each in second.items()} == {"a": "update", "b": "archive"}
    assert second["a"]["jobId"] == first["a"]["jobId"]
    assert second["b"]["previousJobId"] == first["b"]["jobId"]
    assert second["a"]["diff"] == ['+ tasks[1]: {"params":{"copyPath":["x"]},"type":"copy"}']

    third = await apply(
        api, a=spec({"type": "noop"}, {"type": "copy", "params": {"copyPath": ["x"]}}, initiators=[{"type": "runlog"}])
    )
    assert third["a"]["action"] == "replace"
    assert third["a"]["previousJobId"] == first["a"]["jobId"]
    assert [job["id"] for job in (await api.get("/v2/specs"))["data"]] == [third["a"]["jobId"]]


async def test_a_dry_run_does_nothing(api: Api) -> None:
    shown = await apply(api, dry=True, a=spec())
    assert shown["a"] == {
        "key": "a",
        "action": "create",
        "jobId": None,
        "previousJobId": None,
        "name": None,
        "diff": ['+ initiators[0]: {"type":"web"}', '+ tasks[0]: {"type":"noop"}'],
        "warnings": [],
    }
    assert (await api.get("/v2/specs"))["data"] == []


async def test_one_wrong_job_keeps_all_from_being_written(api: Api) -> None:
    shown = await apply(api, status=400, a=spec(), b=spec({"type": "noop"}, {"type": "multiply", "params": {"times": "x"}}))
    assert shown["errors"][0]["source"] == {"pointer": "/jobs/1/spec/tasks/1"}
    assert (await api.get("/v2/specs"))["data"] == []


async def test_replacing_a_job_that_contracts_ask_is_said_loudly(api: Api) -> None:
    asked = [{"type": "runlog", "params": {"address": ORACLE}}]
    first = await apply(api, a=spec({"type": "ethtx"}, initiators=asked))
    plan = await apply(api, dry=True, a=spec({"type": "ethtx"}, initiators=[{"type": "runlog"}]))
    assert plan["a"]["action"] == "replace"
    assert "REQUESTS GO UNANSWERED" in plan["a"]["warnings"][0]
    assert first["a"]["jobId"] in plan["a"]["warnings"][0]
    assert plan["a"]["jobId"] is None
    pruned = await apply(api, dry=True, prune=True)
    assert "REQUESTS GO UNANSWERED" in pruned["a"]["warnings"][0]


async def test_a_run_keeps_the_tasks_that_it_was_made_with(api: Api) -> None:
    job_id = (await apply(api, a=spec({"type": "noop"}, {"type": "multiply", "params": {"times": 2}})))["a"]["jobId"]
    before = await api.post(f"/v2/specs/{job_id}/runs", {"result": 21})
    await apply(api, a=spec({"type": "multiply", "params": {"times": 100}}))
    after = await api.post(f"/v2/specs/{job_id}/runs", {"result": 21})

    old, new = await api.work_on(before["data"]["id"]), await api.work_on(after["data"]["id"])
    assert [task.spec.type for task in old.tasks] == ["noop", "multiply"]
    assert (old.tasks[-1].data or {})["result"] == "42"
    assert (new.tasks[-1].data or {})["result"] == "2100"

    listed = {each["id"]: each["attributes"]["taskRuns"] for each in (await api.get("/v2/runs"))["data"]}
    assert [task["task"]["type"] for task in listed[old.id]] == ["noop", "multiply"]
    assert [task["task"]["type"] for task in listed[new.id]] == ["multiply"]
    shown = await api.get(f"/v2/runs/{old.id}")
    assert [task["task"]["type"] for task in shown["data"]["attributes"]["taskRuns"]] == ["noop", "multiply"]


async def test_jobs_made_otherwise_are_not_touched(api: Api) -> None:
    own = (await api.post("/v2/specs", spec()))["data"]["id"]
    await apply(api, prune=True, a=spec())
    assert own in api.parts.jobs.jobs
    taken = await apply(api, status=400, b=spec(externalJobID=own))
    assert taken["errors"][0]["source"] == {"pointer": "/jobs/0/spec/externalJobID"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"jobs": {}},
        {"jobs": [{}]},
        {"jobs": [{"key": "a", "spec": []}]},
        {"jobs": [{"key": "", "spec": {}}]},
        {"jobs": [], "prune": 1},
        {"jobs": entries(a=spec()) * 2},
    ],
)
async def test_what_cannot_be_read_is_refused(api: Api, body: Any) -> None:
    shown = await api.post("/v2/specs/apply", body, status=400)
    assert all(error["source"]["pointer"] for error in shown["errors"])


# --- try -------------------------------------------------------------------------------------------------------------


async def attempt(api: Api, *tasks: Any, status: int = 200, **more: Any) -> Any:
    shown = await api.post("/v2/specs/try", {"job": spec(*tasks), **more}, status=status)
    return shown["data"]["attributes"] if status == 200 else shown


async def test_each_task_is_shown_with_what_it_was_given_and_left(api: Api) -> None:
    tried = await attempt(api, {"type": "multiply", "params": {"times": 2}}, {"type": "ethuint256"}, input={"result": "21"})
    first, second = tried["tasks"]
    assert tried["status"] == "completed"
    assert first["input"] == {"result": "21"}
    assert first["output"] == {"result": "42"}
    assert second["input"] == {"result": "42"}
    assert second["output"]["result"].endswith("2a")
    assert first["ms"] >= 0


async def test_nothing_of_a_trial_is_stored(api: Api) -> None:
    await attempt(api, {"type": "noop"}, {"type": "sleep", "params": {"until": "2030-01-01T00:00:00Z"}}, {"type": "noop"})
    for table in ("jobs", "runs", "task_runs", "transactions"):
        assert await api.db.read(f"SELECT COUNT(*) FROM {table}") == [(0,)]


async def test_a_sleep_is_skipped(api: Api) -> None:
    tried = await attempt(api, {"type": "sleep", "params": {"until": "2030-01-01T00:00:00Z"}}, {"type": "noop"})
    assert tried["status"] == "completed"
    assert "would sleep for" in tried["tasks"][0]["note"]


async def test_an_error_ends_the_trial(api: Api) -> None:
    tried = await attempt(api, {"type": "multiply", "params": {"times": 2}}, {"type": "noop"}, input={"result": "x"})
    assert tried["status"] == "errored"
    assert tried["tasks"][0]["status"] == "errored"
    assert tried["tasks"][0]["error"]
    assert tried["tasks"][1]["status"] == "not reached"


async def test_a_transaction_is_shown_and_not_sent(api: Api) -> None:
    to = "0x" + "11" * 20
    tried = await attempt(
        api, {"type": "ethtx", "params": {"address": to, "functionSelector": "0x01020304"}}, input={"result": "0x05"}
    )
    assert tried["status"] == "held"
    sends = tried["wouldSend"]
    assert sends["to"] == to
    assert sends["data"].startswith("0x01020304")
    assert sends["outcome"] == "succeeds"
    assert await api.db.read("SELECT COUNT(*) FROM transactions") == [(0,)]


async def test_a_request_brings_what_its_log_would(api: Api) -> None:
    tried = await attempt(
        api, {"type": "ethtx"}, input={"result": "0x05"}, request={"contract": ORACLE, "requestId": "0x" + "ab" * 32}
    )
    assert tried["wouldSend"]["to"].lower() == ORACLE
    assert tried["wouldSend"]["data"].startswith("0x4ab0d190" + "ab" * 32)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"job": spec(), "jobSpecId": "a" * 32},
        {"job": []},
        {"jobSpecId": 7},
        {"job": spec(), "input": []},
        {"job": spec(), "outputs": {"x": {}}},
        {"job": spec(), "outputs": {"1": {}}},
        {"job": spec(), "allowPosts": "yes"},
        {"job": spec(), "request": 7},
        {"job": spec(), "request": {"contract": "0x12"}},
        {"job": spec(), "request": {"payment": "-1"}},
        {"job": {"initiators": []}},
    ],
)
async def test_a_wrong_trial_is_refused(api: Api, body: Any) -> None:
    shown = await api.post("/v2/specs/try", body, status=400)
    assert all(error["source"]["pointer"] for error in shown["errors"]), details(shown)


async def test_an_unknown_job_cannot_be_tried(api: Api) -> None:
    await api.post("/v2/specs/try", {"jobSpecId": "a" * 32}, status=404)
