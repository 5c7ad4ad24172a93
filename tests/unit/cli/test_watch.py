"""``adyton watch``: what it prints, how it goes on when the line is lost, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from adyton.cli.streaming import Reading, Received
from support.command_line import Adyton, StandIn

RUN = {
    "id": "9f0e1d2c3b4a59687786950a1b2c3d4e",
    "jobId": "4c7b7ffb66b344fbaa64995af81e355a",
    "status": "errored",
    "error": "no \x1b[31manswer\nat all",
    "updatedAt": "2019-06-27T14:05:00Z",
}
TRANSACTION = {
    "id": 7,
    "state": "confirmed",
    "runId": RUN["id"],
    "hash": "0xaa",
    "blockNumber": 100,
    "succeeded": False,
    "waiting": None,
    "error": None,
}
ALERT = {"name": "chain", "status": "raised", "detail": "not connected", "cure": None}
STATE = {"head": {"number": 100, "hash": "0xbb"}, "alerts": [ALERT]}


@pytest.fixture(autouse=True)
def logged_in(adyton: Adyton) -> None:
    adyton.is_logged_in()


def piece(name: str, place: str, body: Any) -> str:
    return f"id: {place}\nevent: {name}\ndata: {json.dumps(body)}\n\n"


def streams(node: StandIn, *pieces: str) -> None:
    """Prepare a stream that ends, and what is asked before it."""
    node.answers({"message": "pong"})
    node.answers("retry: 0\n: adyton\n\n" + "".join(pieces))


def over(node: StandIn) -> None:
    """Prepare the end: the session is over."""
    node.answers(status=401)


# --- what is printed -------------------------------------------------------------------------------------------------


def test_events_are_lines_that_cannot_harm_the_terminal(adyton: Adyton, node: StandIn) -> None:
    streams(node, piece("state", "1-0", STATE), piece("run", "2-0", RUN), piece("transaction", "2-1", TRANSACTION))
    over(node)
    result = adyton("watch")
    assert result.stdout.splitlines() == [
        "head         100                               newest                 0xbb",
        "alert        chain                             raised                 not connected",
        f"run          {RUN['id']}  errored                2019-06-27T14:05:00Z  job {RUN['jobId']}  no �[31manswer at all",
        f"transaction  7                                 confirmed              0xaa  block 100  reverted  run {RUN['id']}",
    ]


def test_json_is_an_object_a_line(adyton: Adyton, node: StandIn) -> None:
    streams(node, piece("run", "2-0", RUN), piece("alert", "2-0", ALERT))
    over(node)
    lines = [json.loads(line) for line in adyton("watch", "--json").stdout.splitlines()]
    assert lines == [{"event": "run", "id": "2-0", "data": RUN}, {"event": "alert", "id": "2-0", "data": ALERT}]


def test_yaml_is_a_document_each(adyton: Adyton, node: StandIn) -> None:
    streams(node, piece("alert", "2-0", ALERT))
    over(node)
    assert adyton("watch", "--yaml").stdout.startswith('---\nevent: "alert"\nid: "2-0"\ndata:\n  name: "chain"\n')


def test_what_was_missed_is_said_beside_the_events(adyton: Adyton, node: StandIn) -> None:
    streams(node, piece("reset", "5-0", {"reason": "some of what happened since has been deleted"}))
    over(node)
    result = adyton("watch")
    assert result.stdout == ""
    assert "Something was missed: some of what happened since has been deleted." in result.stderr


# --- what is asked ---------------------------------------------------------------------------------------------------


def test_what_is_wanted_is_asked_for(adyton: Adyton, node: StandIn) -> None:
    streams(node, piece("run", "2-0", RUN))
    over(node)
    adyton("watch", "-k", "runs", "--kind", "alerts", "--job", "a job", "--run", "b", "--since", "1-0")
    assert node.asked[1].line == "GET /v2/events?kinds=runs%2Calerts&jobSpecId=a+job&runId=b"
    assert node.asked[1].cookie == "clsession=abc123"
    assert node.headers[1]["Last-Event-ID"] == "1-0"


def test_a_kind_that_there_is_not_is_refused_before_anything_is_asked(adyton: Adyton, node: StandIn) -> None:
    assert adyton("watch", "-k", "fishes").exit_code == 2
    assert node.asked == []


# --- the line --------------------------------------------------------------------------------------------------------


def test_a_lost_line_is_taken_up_where_it_was(adyton: Adyton, node: StandIn) -> None:
    streams(node, piece("run", "2-0", RUN), "id: 3-0\n\n", "event: run\ndata: {cut off")
    node.answers("the node starts", status=503)
    streams(node, piece("run", "4-0", RUN))
    over(node)
    result = adyton("watch", "--json")
    assert [json.loads(line)["id"] for line in result.stdout.splitlines()] == ["2-0", "4-0"]
    assert "Last-Event-ID" not in node.headers[1]
    assert node.headers[4]["Last-Event-ID"] == "3-0"
    assert result.stderr.count("Lost the node") == 2
    assert result.stderr.count("The node is back.") == 1


def test_a_refusal_ends_it(adyton: Adyton, node: StandIn) -> None:
    over(node)
    result = adyton("watch")
    assert result.exit_code == 1
    assert "401" in result.stderr


def test_a_node_that_has_no_events_is_told(adyton: Adyton, node: StandIn) -> None:
    node.answers({"message": "pong"})
    node.answers("404 page not found", status=404)
    result = adyton("watch")
    assert result.exit_code == 1
    assert "No events from the node: 404 Not Found" in result.stderr
    assert "ADY-1205" in result.stderr


def test_a_node_that_is_not_there_at_first_is_an_error(adyton: Adyton, node: StandIn) -> None:
    result = adyton("watch", CLIENT_NODE_URL="http://127.0.0.1:1")
    assert result.exit_code == 1
    assert "Is the node running?" in result.stderr


def test_ctrl_c_ends_it_in_good_order(adyton: Adyton, node: StandIn) -> None:
    node.answers({"message": "pong"})
    node.answers("retry: 60000\n\n" + piece("run", "2-0", RUN))
    command = [sys.executable, "-m", "adyton", "watch"]
    with subprocess.Popen(
        command, env={**os.environ, **adyton.environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("run ")
        assert process.stderr.readline().startswith("Lost the node")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


# --- the format ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "events"),
    [
        (["data: {}", ""], [Received("message", "", "{}")]),
        (["event: a", "id: 1", "data: {", "data: }", ""], [Received("a", "1", "{\n}")]),
        (["event:a", "data:{}", ""], [Received("a", "", "{}")]),
        ([": a comment", "", "data: 1", "", ""], [Received("message", "", "1")]),
        (["id: 1", "", "data: 1", ""], [Received("message", "1", "1")]),
        (["id: 1\0", "data: 1", ""], [Received("message", "", "1")]),
        (["event: a", "", "data: 1", ""], [Received("message", "", "1")]),
        (["unknown: 1", "data", ""], []),
        (["data: 1"], []),
    ],
)
def test_lines_become_events(lines: list[str], events: list[Received]) -> None:
    assert list(Reading().events(f"{line}\n".encode() for line in lines)) == events


@pytest.mark.parametrize(("text", "retry"), [("50", 50), ("-1", 1000), ("soon", 1000), ("999999999", 60_000), ("²", 1000)])
def test_how_long_to_wait_is_the_nodes_word_within_reason(text: str, retry: int) -> None:
    reading = Reading()
    assert list(reading.events([f"retry: {text}\n".encode()])) == []
    assert reading.retry == retry
