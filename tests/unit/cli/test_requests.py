"""The commands about requests: what they send, what they print, what they say when it goes wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.command_line import Adyton, StandIn

REQUEST: dict[str, Any] = {
    "id": "0xF25186B5081Ff5cE73482AD761DB0eB0d25abfBF:0x" + "0" * 63 + "1",
    "contract": "0xF25186B5081Ff5cE73482AD761DB0eB0d25abfBF",
    "requestId": "0x" + "0" * 63 + "1",
    "jobId": "4c7b7ffb66b344fbaa64995af81e355a",
    "runId": None,
    "requester": "0x9FBDa871d559710256a2502A2517b794B482Db40",
    "payment": "1500000000000000000",
    "expiration": "2019-06-27T14:03:11Z",
    "blockNumber": 100,
    "blockHash": "0x" + "0" * 64,
    "transactionHash": "0x" + "7" * 64,
    "logIndex": 0,
    "seenAt": "2019-06-27T14:02:11.25Z",
    "decision": "refused",
    "fate": {"kind": "refused", "reason": "no job\x1b[31m here", "transaction": None},
}
RUN = {
    "id": "9f0e1d2c3b4a59687786950a1b2c3d4e",
    "jobId": REQUEST["jobId"],
    "status": "in_progress",
    "createdAt": "2019-06-27T14:05:00Z",
    "finishedAt": None,
    "result": {"data": {}, "error": None},
}
STORY: dict[str, Any] = {
    "id": REQUEST["transactionHash"],
    "chapters": [
        {
            "subject": "request 0x01",
            "fate": {"kind": "unaccounted", "reason": "its run is\nnot there", "transaction": "0xaa"},
            "next": "Report it.\nRun it.",
            "steps": [
                {"at": "2019-06-27T14:02:11.25Z", "what": "request seen", "detail": "in block 100", "block": 100},
                {"at": None, "what": "job", "detail": "no\x1b[2Jsuch job", "block": None},
            ],
        },
        {"subject": "transaction 5", "fate": None, "next": "", "steps": []},
    ],
}


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


def asked(node: StandIn) -> list[str]:
    return [each.line for each in node.asked]


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ([], ""),
        (["list", "--unanswered"], "?filter=unanswered"),
        (["--unaccounted", "--page", "2"], "?filter=unaccounted&page=2"),
        (["list", "--jobid", "1f"], "?jobSpecId=1f"),
    ],
)
def test_requests_are_listed_and_chosen(adyton: Adyton, node: StandIn, words: list[str], query: str) -> None:
    node.answers_many(REQUEST)
    result = adyton("requests", *words)
    assert result.exit_code == 0
    assert asked(node) == [f"GET /v2/requests{query}"]
    assert f"║ {REQUEST['requestId']} ║   100 ║ {REQUEST['jobId']} ║ refused ║" in result.stdout


def test_another_page_is_told_of(adyton: Adyton, node: StandIn) -> None:
    node.answers_many(REQUEST, links={"next": "/v2/requests?page=2"}, count=60)
    assert adyton("requests").stderr == "Page 1, 25 to a page, 60 in all. Next: --page 2; all: --all\n"


def test_two_choices_at_once_are_refused_before_anything_is_asked(adyton: Adyton, node: StandIn) -> None:
    result = adyton("requests", "list", "--unanswered", "--unaccounted")
    assert (result.exit_code, node.asked) == (1, [])
    assert "exclude each other" in result.stderr


def test_a_request_is_shown(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**REQUEST)
    result = adyton("requests", "show", REQUEST["id"])
    assert asked(node) == [f"GET /v2/requests/{REQUEST['id'].replace(':', '%3A')}"]
    rows = [[cell.strip() for cell in line.strip("║").split("║")] for line in result.stdout.splitlines() if line[0] == "║"]
    shown = {row[0]: row[1] for row in rows}
    assert shown["Payment"] == "1.500000000000000000 LINK"
    assert (shown["Run"], shown["Fate"], shown["Reason"]) == ("none", "refused", "no job�[31m here")


def test_a_request_is_run_again(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**RUN)
    result = adyton("requests", "run", "0x01")
    assert asked(node) == ["POST /v2/requests/0x01/runs"]
    assert "in_progress" in result.stdout


def test_json_is_what_the_node_said(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**RUN)
    node.answers_many(REQUEST)
    node.answers_one(**STORY)
    node.answers_one(message="Replay started")
    assert json.loads(adyton("requests", "run", "0x01", "--json").stdout) == RUN
    assert json.loads(adyton("-j", "requests").stdout) == [REQUEST]
    assert json.loads(adyton("explain", "0x01", "-j").stdout) == STORY
    assert json.loads(adyton("blocks", "replay", "--from", "1", "-j").stdout) == {"message": "Replay started"}


def test_an_explanation_is_a_line_for_each_step(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**STORY)
    result = adyton("explain", REQUEST["transactionHash"])
    assert asked(node) == [f"GET /v2/explain/{REQUEST['transactionHash']}"]
    assert result.stdout.splitlines() == [
        "request 0x01",
        "  2019-06-27T14:02:11Z  request seen: in block 100",
        "  -                     job: no�[2Jsuch job",
        "Fate: unaccounted: its run is not there (transaction 0xaa)",
        "Next: Report it.",
        "Next: Run it.",
        "transaction 5",
    ]


@pytest.mark.parametrize("option", ["--from", "--block-number"])
def test_blocks_are_read_again(adyton: Adyton, node: StandIn, option: str) -> None:
    node.answers_one(message="Replay started")
    result = adyton("blocks", "replay", option, "17")
    assert (asked(node), result.stdout) == (["POST /v2/replay_from_block/17"], "Replay started\n")


@pytest.mark.parametrize("words", [["replay"], ["replay", "--from", "-1"], ["replay", "--from", "x"]])
def test_a_replay_needs_a_block(adyton: Adyton, node: StandIn, words: list[str]) -> None:
    assert adyton("blocks", *words).exit_code == 2
    assert node.asked == []


@pytest.mark.parametrize(
    ("words", "status", "advice"),
    [
        (["requests", "show", "x"], 404, "`adyton requests list` shows what there is."),
        (["requests", "run", "x"], 404, "`adyton requests list` shows what there is."),
        (["requests", "run", "x"], 409, "`adyton explain x` says step by step what became of it."),
        (["explain", "x"], 404, "Is it of this node? The hash of the transaction that asked can be explained too."),
    ],
)
def test_a_refusal_says_what_to_do_next(adyton: Adyton, node: StandIn, words: list[str], status: int, advice: str) -> None:
    node.refuses(status, "because of the moon")
    result = adyton(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[0].endswith("; because of the moon")
    assert result.stderr.splitlines()[1] == advice


@pytest.mark.parametrize("words", [["requests", "show"], ["requests", "run"], ["explain"]])
@pytest.mark.parametrize("name", [" ", "a/b", "../health"])
def test_what_cannot_be_an_id_is_not_asked_for(adyton: Adyton, node: StandIn, words: list[str], name: str) -> None:
    result = adyton(*words, name)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[0] == f'"{name.strip()}" is no id.'
    assert node.asked == []


@pytest.mark.parametrize("words", [["requests", "show"], ["requests", "run"], ["explain"]])
@pytest.mark.parametrize("given", [[], [""]], ids=["none", "empty"])
def test_a_missing_argument_is_named(adyton: Adyton, node: StandIn, words: list[str], given: list[str]) -> None:
    result = adyton(*words, *given)
    assert result.exit_code == 2
    assert "Must pass" in result.stderr
    assert node.asked == []


def test_an_answer_of_something_else_ends_in_a_message(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(nothing=1)
    result = adyton("explain", "0x01")
    assert result.exit_code == 1
    assert "Is that a node of this version?" in result.stderr
