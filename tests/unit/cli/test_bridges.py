"""The commands about bridges, under their names of v0.6.2 and their own."""

from __future__ import annotations

import json

import pytest

from support.command_line import COOKIE, Adyton, Asked, StandIn

PAIR = COOKIE.split(";")[0]
BRIDGE = {
    "name": "randomnumber",
    "url": "https://example.com/randomNumber",
    "confirmations": 10,
    "outgoingToken": "c7d2",
    "minimumContractPayment": "100",
}
NEW = {**BRIDGE, "incomingToken": "8b1e"}


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


@pytest.mark.parametrize("words", [["bridge"], ["bridges", "create"]])
def test_a_bridge_is_created_and_its_tokens_are_shown(adyton: Adyton, node: StandIn, words: list[str]) -> None:
    node.answers_one(**NEW)
    result = adyton(*words, '{"name": "randomNumber"}')
    assert result.exit_code == 0
    assert node.asked == [Asked("POST /v2/bridge_types", PAIR, '{"name": "randomNumber"}')]
    assert [line for line in result.stdout.splitlines() if not line.startswith("╬")] == [
        "╔ Bridge",
        "║     NAME     ║               URL                ║ DEFAULT CONFIRMATIONS ║ INCOMING TOKEN ║ OUTGOING TOKEN ║",
        "║ randomnumber ║ https://example.com/randomNumber ║                    10 ║ 8b1e           ║ c7d2           ║",
    ]


@pytest.mark.parametrize("words", [["bridges"], ["bridges", "list"], ["getbridges"]])
def test_bridges_are_listed(adyton: Adyton, node: StandIn, words: list[str]) -> None:
    node.answers_many(BRIDGE)
    result = adyton(*words, "--page", "2")
    assert node.asked[0].line == "GET /v2/bridge_types?page=2"
    assert "║ randomnumber ║ https://example.com/randomNumber ║            10 ║" in result.stdout
    assert "╔ Bridges" in result.stdout


@pytest.mark.parametrize(
    ("words", "line", "body"),
    [
        (["bridges", "show", "randomNumber"], "GET /v2/bridge_types/randomNumber", ""),
        (["showbridge", "randomNumber"], "GET /v2/bridge_types/randomNumber", ""),
        (["bridges", "destroy", "a/b"], "DELETE /v2/bridge_types/a%2Fb", ""),
        (["bridges", "delete", "b"], "DELETE /v2/bridge_types/b", ""),
        (["removebridge", "b"], "DELETE /v2/bridge_types/b", ""),
        (["bridges", "update", "b", '{"url":"x"}'], "PATCH /v2/bridge_types/b", '{"url":"x"}'),
    ],
)
def test_one_bridge_is_shown_deleted_or_changed(adyton: Adyton, node: StandIn, words: list[str], line: str, body: str) -> None:
    node.answers_one(**BRIDGE)
    result = adyton(*words)
    assert [(asked.line, asked.body) for asked in node.asked] == [(line, body)]
    assert "║ randomnumber ║ https://example.com/randomNumber ║                    10 ║ c7d2           ║" in result.stdout


def test_new_tokens_are_shown(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**NEW)
    assert "8b1e" in adyton("bridges", "tokens", "b").stdout
    assert node.asked[0].line == "POST /v2/bridge_types/b/tokens"


def test_json_is_what_the_node_sent(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**NEW)
    assert json.loads(adyton("-j", "bridge", "{}").stdout) == NEW


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["bridge"], "Must pass in the bridge's parameters [JSON blob | JSON filepath]"),
        (["showbridge"], "Must pass the name of the bridge to be shown"),
        (["removebridge"], "Must pass the name of the bridge to be removed"),
    ],
)
def test_what_is_missing_is_said_in_the_words_of_v062(adyton: Adyton, node: StandIn, words: list[str], message: str) -> None:
    result = adyton(*words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert node.asked == []


def test_the_nodes_refusal_is_shown(adyton: Adyton, node: StandIn) -> None:
    node.refuses(409, "Can't remove the bridge because there are jobs associated with it: <nil>")
    result = adyton("removebridge", "b")
    assert result.exit_code == 1
    assert result.stderr.startswith("parseResponse error: 409 Conflict; Can't remove the bridge because")


TESTED = {
    "bridge": "b",
    "status": "completed",
    "usable": True,
    "detail": "A run would go on with these data.",
    "ms": 2.5,
    "sent": {"method": "POST", "url": "https://b.example", "headers": {}, "body": '{"id":"1","data":{}}'},
    "attempts": [
        {"startedAt": "", "ms": 1.0, "status": None, "failure": "refused", "error": "nobody is there", "body": None},
        {"startedAt": "", "ms": 1.5, "status": 200, "failure": None, "error": None, "body": '{"data":{"result":"5"}}'},
    ],
    "data": {"result": "5"},
}


def test_a_bridge_is_tested_and_what_came_back_is_printed(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**TESTED)
    result = adyton("bridges", "test", "b", '{"amount": 0.10000000000000000000001}')
    assert result.exit_code == 0
    assert node.asked == [Asked("POST /v2/bridge_types/b/test", PAIR, '{"data":{"amount": 0.10000000000000000000001}}')]
    assert result.stdout.splitlines() == [
        "POST https://b.example",
        '   {"id":"1","data":{}}',
        "1. refused, 1.0 ms",
        "   nobody is there",
        "2. 200, 1.5 ms",
        '   {"data":{"result":"5"}}',
        "completed: A run would go on with these data.",
    ]


def test_an_answer_that_a_run_could_not_use_fails_the_command(adyton: Adyton, node: StandIn) -> None:
    node.answers_one(**{**TESTED, "status": "errored", "usable": False, "detail": "It answered with \x1b[31m red."})
    result = adyton("bridges", "test", "b")
    assert result.exit_code == 1
    assert node.asked[0].body == ""
    assert result.stderr.splitlines()[0].startswith("errored: It answered with ")
    assert "\x1b" not in result.stderr
    assert "adyton explain ADY-1353" in result.stderr
    node.answers_one(**{**TESTED, "usable": False})
    assert json.loads(adyton("bridges", "test", "b", "--json").stdout)["usable"] is False
