"""What the command line says of schedules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.command_line import Adyton, StandIn

JOB: dict[str, Any] = {
    "id": "c5f0e0f5c4e34d1b9f9d7ad0f3e4a111",
    "createdAt": "2019-06-27T14:03:11Z",
    "initiators": [{"type": "cron", "params": {"schedule": "@daily"}}],
    "tasks": [{"type": "noop"}],
}
FIRES = [
    {"schedule": "@daily", "times": ["2019-06-28T00:00:00Z", "2019-06-29T00:00:00Z"]},
    {"schedule": "0 0 0 30 2 *", "times": []},
]


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


def answers(node: StandIn, **besides: Any) -> None:
    node.answers({"data": {"type": "specs", "id": JOB["id"], "attributes": JOB}, **besides})


@pytest.mark.parametrize("words", [["jobs", "create", "{}"], ["jobs", "show", JOB["id"]]])
def test_the_next_times_stand_below_the_job(adyton: Adyton, node: StandIn, words: list[str]) -> None:
    answers(node, meta={"nextFires": FIRES})
    lines = [line for line in adyton(*words).stdout.splitlines() if not line.startswith("╬")]
    assert lines[lines.index("╔ Next Runs") :] == [
        "╔ Next Runs",
        "║   SCHEDULE   ║        TIMES         ║",
        "║ @daily       ║ 2019-06-28T00:00:00Z ║",
        "║              ║ 2019-06-29T00:00:00Z ║",
        "║ 0 0 0 30 2 * ║ never                ║",
    ]


@pytest.mark.parametrize("besides", [{}, {"meta": {}}, {"meta": {"nextFires": []}}])
def test_a_job_without_schedules_has_no_such_table(adyton: Adyton, node: StandIn, besides: dict[str, Any]) -> None:
    answers(node, **besides)
    assert "Next Runs" not in adyton("jobs", "show", JOB["id"]).stdout


def test_programs_get_the_job_as_before(adyton: Adyton, node: StandIn) -> None:
    answers(node, meta={"nextFires": FIRES})
    result = adyton("--json", "jobs", "show", JOB["id"])
    assert json.loads(result.stdout) == JOB


def test_a_stranger_may_answer_anything(adyton: Adyton, node: StandIn) -> None:
    answers(node, meta={"nextFires": [5]})
    result = adyton("jobs", "show", JOB["id"])
    assert result.exit_code == 1
    assert "Is that a node of this version?" in result.stderr
