"""What an explorer is told, as v0.6.2 said it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from adyton.domain import explorer
from adyton.domain.jobs import TaskSpec
from adyton.domain.runs import Run, RunRequest, RunStatus, TaskRun

TX = "0x" + "11" * 32
ASKED_IN = "0x" + "de" * 32
REQUEST = RunRequest(
    contract="0x" + "aa" * 20,
    transaction_hash=ASKED_IN,
    block_hash="0x" + "bb" * 32,
    log_index=0,
    request_id="0x" + "01" * 32,
    requester="0x9fbda871d559710256a2502a2517b794b482db40",
)


def run(*tasks: TaskRun, **more: Any) -> Run:
    given: dict[str, Any] = {
        "id": "fe64b0a02e944a6ab411e121a0658117",
        "job_id": "0d7f0402ce8d44ef80eea4305af7755d",
        "initiator_id": 1,
        "status": RunStatus.COMPLETED,
        "created_at": 1_556_896_895_123_456,
        "updated_at": 1_556_896_896_011_970,
        "finished_at": 1_556_896_896_011_970,
        "input": {},
        "request": REQUEST,
    }
    return Run(tasks=tasks, **{**given, **more})


def task(kind: str, position: int = 0, **more: Any) -> TaskRun:
    return TaskRun(position=position, spec=TaskSpec(type=kind), **{"status": RunStatus.COMPLETED, **more})


def told(found: Run, initiator: str = "runlog") -> Any:
    return json.loads(explorer.message(found, initiator))


def test_a_run_is_told_word_by_word_as_v062_told_it() -> None:
    receipt = {"transactionHash": TX, "logs": [{"topics": ["0x00"]}, {"topics": [explorer.FULFILLED, "0x01"]}]}
    asks = task("httpget", confirmations=3, minimum_confirmations=3)
    sends = task("ethtx", 1, data={"result": TX, "latestOutgoingTxHash": TX, "ethereumReceipts": [{}, receipt]})

    assert told(run(asks, sends)) == {
        "id": "fe64b0a02e944a6ab411e121a0658117",
        "jobId": "0d7f0402ce8d44ef80eea4305af7755d",
        "runId": "fe64b0a02e944a6ab411e121a0658117",
        "status": "completed",
        "error": None,
        "createdAt": "2019-05-03T15:21:35Z",
        "amount": None,
        "finishedAt": "2019-05-03T15:21:36.01197Z",
        "initiator": {
            "type": "runlog",
            "requestId": REQUEST.request_id,
            "txHash": ASKED_IN,
            "requester": "0x9FBDa871d559710256a2502A2517b794B482Db40",
        },
        "tasks": [
            {
                "index": 0,
                "type": "httpget",
                "status": "completed",
                "error": None,
                "result": None,
                "confirmations": 3,
                "minimumConfirmations": 3,
            },
            {
                "index": 1,
                "type": "ethtx",
                "status": "completed",
                "error": None,
                "result": {"transactionHash": TX, "transactionStatus": "fulfilledRunLog"},
                "confirmations": None,
                "minimumConfirmations": None,
            },
        ],
    }


@pytest.mark.parametrize(
    ("data", "result"),
    [
        (
            {"ethereumReceipts": [{"transactionHash": TX, "logs": []}]},
            {"transactionHash": TX, "transactionStatus": "noFulfilledRunLog"},
        ),
        ({"latestOutgoingTxHash": TX}, {"transactionHash": TX, "transactionStatus": ""}),
        ({"latestOutgoingTxHash": TX, "ethereumReceipts": []}, {"transactionHash": TX, "transactionStatus": ""}),
        ({"ethereumReceipts": "what a source sent", "result": 5}, None),
        ({}, None),
        (None, None),
    ],
)
def test_what_came_of_a_transaction(data: Any, result: Any) -> None:
    assert told(run(task("ethtx", data=data)))["tasks"][0]["result"] == result


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("web", {"type"}),
        ("cron", {"type"}),
        ("external", {"type"}),
        ("ethlog", {"type", "txHash"}),
        ("execagreement", {"type", "requestId", "txHash", "requester"}),
    ],
)
def test_of_its_initiator_only_what_belongs_to_it(kind: str, names: set[str]) -> None:
    request = None if kind in {"web", "cron", "external"} else REQUEST
    assert set(told(run(request=request), kind)["initiator"]) == names


def test_what_is_not_known_is_left_out_and_an_amount_is_text() -> None:
    request = msgspec.structs.replace(REQUEST, requester=None)
    found = told(run(request=request, payment=10**18, status=RunStatus.ERRORED, error="no", finished_at=None))
    assert "requester" not in found["initiator"]
    assert (found["amount"], found["status"], found["error"], found["finishedAt"]) == (str(10**18), "errored", "no", None)


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (b'{"status":201}', True),
        (b'{"status":201,"more":1}', True),
        (b'{"status":422}', False),
        (b'{"status":"201"}', False),
        (b"{}", False),
        (b"[]", False),
        (b"201", False),
        (b"\xff", False),
        (b"", False),
    ],
)
def test_only_status_201_acknowledges(answer: bytes, taken: bool) -> None:
    assert explorer.acknowledged(answer) is taken
