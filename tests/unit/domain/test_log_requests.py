"""Initiators that listen to the chain, as an operator writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adyton.domain.errors import Invalid
from adyton.domain.event_logs import begun
from adyton.domain.job_requests import read_job
from adyton.domain.jobs import Initiator, Job
from support.builders import JOB_ID, NOW, ORACLE, number_hash

A, B = number_hash(10), number_hash(11)


def read(*initiators: dict[str, Any]) -> Job:
    text = json.dumps({"initiators": list(initiators), "tasks": [{"type": "noop"}]})
    return read_job(text.encode(), job_id=JOB_ID, now=NOW, check=lambda _type, _params: None)


def ethlog(**params: Any) -> Initiator:
    (initiator,) = read({"type": "EthLog", "params": params}).initiators
    return initiator


def fault(*initiators: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(Invalid) as found:
        read(*initiators)
    (only,) = found.value.faults
    return only.detail, only.pointer


@pytest.mark.parametrize(
    ("topics", "wanted"),
    [
        (None, ()),
        ([], ()),
        ([A], ((A,),)),
        ([None, A.upper().replace("0X", "0x")], ((), (A,))),
        ([[A, B], None, [B]], ((A, B), (), (B,))),
        ([[], [A, A]], ((), (A,))),
        ([A, B, A, B], ((A,), (B,), (A,), (B,))),
    ],
)
def test_topics_are_listed_by_place(topics: Any, wanted: Any) -> None:
    assert ethlog(address=ORACLE, topics=topics).topics == wanted


@pytest.mark.parametrize(
    ("topics", "words", "at"),
    [
        ("0x12", "must be a list with what is wanted of each topic", ""),
        ({}, "must be a list with what is wanted of each topic", ""),
        ([A] * 5, "has 5 places; a log has 4 topics at most", ""),
        (["0x12"], 'must be 0x and 64 hex digits, not "0x12"', "/0"),
        ([None, [A, 7]], "must be 0x and 64 hex digits, not a number", "/1/1"),
        ([[[A]]], "must be 0x and 64 hex digits, not an array", "/0/0"),
    ],
)
def test_topics_that_are_none_say_which(topics: Any, words: str, at: str) -> None:
    detail, pointer = fault({"type": "ethlog", "params": {"topics": topics}})
    assert words in detail
    assert pointer == f"/initiators/0/params/topics{at}"


def test_topics_of_other_types_are_passed_over() -> None:
    (runlog,) = read({"type": "runlog", "params": {"topics": "nonsense"}}).initiators
    assert runlog.topics == ()


def test_an_ethlog_initiator_may_begin_at_a_block_but_not_with_what_is_unanswered() -> None:
    assert ethlog(fromBlock=7).from_block == 7
    assert ethlog().from_block is None
    detail, pointer = fault({"type": "ethlog", "params": {"fromBlock": "unanswered"}})
    assert "nobody waits for an answer" in detail
    assert pointer == "/initiators/0/params/fromBlock"


def test_an_agreement_has_one_initiator() -> None:
    assert read({"type": "execagreement"}).initiators[0].type == "execagreement"
    detail, _ = fault({"type": "execagreement"}, {"type": "web"})
    assert detail == "ServiceAgreement should have at most one initiator"


def test_a_new_job_takes_the_logs_from_now_on_unless_it_says_otherwise() -> None:
    asked = read({"type": "ethlog"}, {"type": "ethlog", "params": {"fromBlock": 5}}, {"type": "runlog"})
    assert [each.from_block for each in begun(asked, 90).initiators] == [91, 5, None]
    assert begun(asked, None) is asked
    other = read({"type": "runlog"})
    assert begun(other, 90) is other
