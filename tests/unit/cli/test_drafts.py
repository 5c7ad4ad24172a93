"""Jobs that are validated, tried and exported from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from support.command_line import Adyton, StandIn

JOB_ID = "4c7b7ffb66b344fbaa64995af81e355a"
SPEC = {"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]}


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


def step(position: int, status: str = "completed", **more: Any) -> dict[str, Any]:
    known = {"input": {"a": 1}, "params": {}, "output": {"result": "x"}, "error": None, "note": "", "ms": 1.5}
    return {"position": position, "type": "noop", "status": status, **known, **more}


def tried(*steps: dict[str, Any], status: str = "completed", **more: Any) -> dict[str, Any]:
    return {"status": status, "tasks": list(steps), "wouldSend": None, **more}


def test_a_good_job_is_said_to_be_one(adyton: Adyton, node: StandIn, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(SPEC))
    warned = [{"detail": "use https", "pointer": "/tasks/0"}]
    fires = [{"schedule": "@hourly", "times": ["2030-01-01T00:00:00Z"]}]
    node.answers_one(spec=SPEC, warnings=warned, nextFires=fires)
    result = adyton("jobs", "validate", str(file))
    assert (result.exit_code, node.asked[0].line) == (0, "POST /v2/specs/validate")
    assert "nothing is wrong" in result.stdout
    assert "2030-01-01T00:00:00Z" in result.stdout
    assert f"{file}: /tasks/0: warning: use https" in result.stderr


def test_each_fault_of_a_job_is_on_a_line(adyton: Adyton, node: StandIn) -> None:
    errors = [{"detail": "one", "source": {"pointer": "/tasks"}}, {"detail": "two", "code": "ADY-0250"}]
    node.answers({"errors": errors}, 400)
    result = adyton("jobs", "validate", json.dumps(SPEC))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[:2] == ["the job: /tasks: one", "the job: two (ADY-0250)"]


def test_a_trial_shows_each_task(adyton: Adyton, node: StandIn, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(SPEC))
    asked = {"whom": "bridge b", "method": "POST", "url": "http://b", "body": "{}"}
    sends = {
        "to": "0x11", "data": "0x22", "value": "0", "gasLimit": None, "gasPrice": None, "fromAddress": "0x33",
        "outcome": "reverts", "reason": "no",
    }  # fmt: skip
    held = step(1, "held", output=None, note="would ask bridge b", wouldAsk=asked)
    node.answers_one(**tried(step(0), held, step(2, "not reached"), status="held", wouldSend=sends))
    result = adyton("jobs", "try", str(file), "--input", '{"q": 1.50}', "--output", "2=5", "--allow-posts")
    assert result.exit_code == 0
    for words in (
        "1. noop: completed, 1.5 ms",
        '{"a":1}',
        "would ask bridge b",
        "POST http://b",
        "reverts: no",
        "3. noop: not",
    ):
        assert words in result.stdout
    body = json.loads(node.asked[0].body)
    assert (body["job"], body["outputs"]) == (SPEC, {"1": 5})
    assert (body["allowBridges"], body["allowPosts"]) == (False, True)
    assert "1.50" in node.asked[0].body


def test_a_transaction_to_nobody_says_how_to_name_a_contract(adyton: Adyton, node: StandIn) -> None:
    sends = {
        "to": "0x" + "0" * 40, "data": "0x", "value": "0", "gasLimit": None, "gasPrice": None, "fromAddress": None,
        "outcome": "succeeds", "reason": "",
    }  # fmt: skip
    node.answers_one(**tried(step(0, "held", output=None), status="held", wouldSend=sends))
    assert "--request" in adyton("jobs", "try", json.dumps(SPEC)).stdout


def test_a_job_of_the_node_is_tried_by_its_id(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**tried(step(0)))
    assert adyton("jobs", "try", JOB_ID, "--request", "0x12").exit_code == 0
    body = json.loads(node.asked[0].body)
    assert (body["jobSpecId"], body["request"]) == (JOB_ID, "0x12")


def test_a_trial_that_fails_ends_with_1(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**tried(step(0, "errored", error="it broke"), status="errored"))
    result = adyton("jobs", "try", JOB_ID)
    assert result.exit_code == 1
    assert "it broke" in result.stdout


def test_programs_get_the_whole_trial(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**tried(step(0)))
    assert json.loads(adyton("jobs", "try", JOB_ID, "--json").stdout) == tried(step(0))


@pytest.mark.parametrize("output", ["x", "0={}", "2"])
def test_a_stand_in_needs_the_number_of_a_task(adyton: Adyton, node: StandIn, output: str) -> None:
    assert adyton("jobs", "try", JOB_ID, "--output", output).exit_code == 2
    assert node.asked == []


def test_a_fault_of_a_tried_draft_names_its_place_in_the_file(adyton: Adyton, node: StandIn) -> None:
    node.answers({"errors": [{"detail": "bad", "source": {"pointer": "/job/tasks/0"}}]}, 400)
    result = adyton("jobs", "try", json.dumps(SPEC))
    assert result.stderr.splitlines()[0] == "the job: /tasks/0: bad"


def test_an_exported_job_is_a_file_for_apply(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(key="a", spec=SPEC)
    result = adyton("jobs", "export", JOB_ID)
    assert json.loads(result.stdout) == SPEC
    assert node.asked[0].line == f"GET /v2/specs/{JOB_ID}/export"


def test_names_are_in_the_tables_when_a_job_has_one(adyton: Adyton, node: StandIn) -> None:
    shown = {"id": JOB_ID, "createdAt": "2019-06-27T14:05:00Z", "startAt": None, "endAt": None, **SPEC}
    node.answers_many(shown)
    assert "NAME" not in adyton("jobs", "list").stdout
    node.answers_many(shown, {**shown, "name": "ETH in USD"})
    listed = adyton("jobs", "list").stdout
    assert "NAME" in listed
    assert "ETH in USD" in listed
    node.answers_one(**shown, name="ETH in USD")
    assert "ETH in USD" in adyton("jobs", "show", JOB_ID).stdout
