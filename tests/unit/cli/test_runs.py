"""The commands that end runs: what they send and print, when they ask, and how they fail."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from support.command_line import Adyton, Asked, StandIn
from support.terminal import Terminal

PAIR = "clsession=abc123"
RUN_ID = "9f0e1d2c3b4a59687786950a1b2c3d4e"
RUN: dict[str, Any] = {
    "id": RUN_ID,
    "jobId": "4c7b7ffb66b344fbaa64995af81e355a",
    "status": "cancelled",
    "createdAt": "2019-06-27T14:05:00Z",
    "finishedAt": "2019-06-27T14:06:00Z",
    "result": {"data": {}, "error": "cancelled by the operator"},
}
DELETE = ("runs", "delete", "--status", "completed", "--status", "errored", "--before", "2019-06-27T14:03:11Z")
BODY = {"status": ["completed", "errored"], "updatedBefore": "2019-06-27T14:03:11Z"}


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


@pytest.mark.parametrize(
    ("options", "query"),
    [
        ((), ""),
        (("--status", "errored", "--status", "cancelled"), "?status=errored%2Ccancelled"),
        (("--since", "2019-06-27T14:03:11+02:00"), "?createdAfter=2019-06-27T14%3A03%3A11%2B02%3A00"),
        (("--jobid", "1", "--initiator", "web", "--newest"), "?jobSpecId=1&initiator=web&sort=-createdAt"),
        (("--request", "0x1", "--tx", "0x2", "--until", "x"), "?createdBefore=x&requestId=0x1&transactionHash=0x2"),
    ],
)
def test_the_options_of_a_list_choose(adyton: Adyton, node: StandIn, options: tuple[str, ...], query: str) -> None:
    node.answers_many(RUN)
    assert adyton("runs", "list", *options).exit_code == 0
    assert [each.line for each in node.asked] == [f"GET /v2/runs{query}"]


def test_a_status_that_there_is_not_is_not_asked_for(adyton: Adyton, node: StandIn) -> None:
    assert adyton("runs", "list", "--status", "done").exit_code == 2
    assert node.asked == []


def test_a_run_is_cancelled_and_shown(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**RUN)
    result = adyton("runs", "cancel", RUN_ID)
    assert result.exit_code == 0
    assert [each.line for each in node.asked] == [f"PUT /v2/runs/{RUN_ID}/cancellation"]
    assert "cancelled by the operator" in result.stdout


def test_cancelling_prints_json_for_programs(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**RUN)
    assert json.loads(adyton("--json", "runs", "cancel", RUN_ID).stdout) == RUN


@pytest.mark.parametrize(
    ("status", "detail", "advice"),
    [
        (404, "Job run not found", "`adyton runs list` shows what there is."),
        (409, "the run is completed already", f"`adyton explain {RUN_ID}` says what became of it."),
    ],
)
def test_what_cannot_be_cancelled_is_said(adyton: Adyton, node: StandIn, status: int, detail: str, advice: str) -> None:
    node.refuses(status, detail)
    result = adyton("runs", "cancel", RUN_ID)
    assert (result.exit_code, result.stdout) == (1, "")
    assert detail in result.stderr
    assert advice in result.stderr


def test_a_run_must_be_named(adyton: Adyton) -> None:
    result = adyton("runs", "cancel")
    assert result.exit_code == 2
    assert "Must pass the RunID to cancel" in result.stderr


def test_runs_are_deleted_when_that_was_said_beforehand(adyton: Adyton, node: StandIn) -> None:
    node.answers(status=204)
    result = adyton(*DELETE, "--yes")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    ((line, cookie, body),) = node.asked
    assert (line, cookie, json.loads(body)) == ("DELETE /v2/bulk_delete_runs", PAIR, BODY)


def test_without_a_terminal_nothing_is_deleted(adyton: Adyton, node: StandIn) -> None:
    result = adyton(*DELETE)
    assert result.exit_code == 2
    assert "give --yes" in result.stderr
    assert node.asked == []


@pytest.mark.parametrize(("typed", "done"), [("y\n", True), ("\n", False), ("no\n", False)])
def test_at_a_terminal_a_person_decides(adyton: Adyton, node: StandIn, typed: str, done: bool) -> None:
    node.answers(status=204)
    with Terminal([sys.executable, "-m", "adyton", *DELETE], adyton.environ) as terminal:
        asks = "the runs that are completed or errored and have not changed since 2019-06-27T14:03:11Z? [y/N] "
        terminal.waits_for(asks)
        terminal.types(typed)
        assert terminal.ends() == (0 if done else 1)
        assert ("Nothing was done." in terminal.said) != done
    assert [Asked(*each).line for each in node.asked] == ["DELETE /v2/bulk_delete_runs"] * done


def test_a_wrong_time_is_the_nodes_to_refuse(adyton: Adyton, node: StandIn) -> None:
    node.refuses(400, 'updatedBefore: "yesterday" is not a time')
    result = adyton("runs", "delete", "--status", "completed", "--before", "yesterday", "--yes")
    assert result.exit_code == 1
    assert "is not a time" in result.stderr


@pytest.mark.parametrize("status", ["in_progress", "", "COMPLETED"])
def test_only_final_statuses_can_be_named(adyton: Adyton, node: StandIn, status: str) -> None:
    assert adyton("runs", "delete", "--status", status, "--before", "2019-06-27T14:03:11Z", "-y").exit_code == 2
    assert node.asked == []
