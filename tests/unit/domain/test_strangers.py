"""What a job may not hold that somebody else than the operator makes."""

from __future__ import annotations

from adyton.domain.jobs import TaskSpec
from adyton.domain.strangers import faults, initiators_faults
from support.builders import job


def test_ordinary_tasks_may_be_anybodys() -> None:
    ordinary = job(TaskSpec(type="httpget", params={"get": "https://h.test"}), "jsonparse", "ethtx")
    assert faults(ordinary) == []
    assert initiators_faults(ordinary) == []


def test_an_external_initiator_may_have_other_programs_asked_and_a_stranger_not() -> None:
    asking = job("a-bridge")
    assert initiators_faults(asking) == []
    [fault] = faults(asking)
    assert fault.detail == "only a job that the operator creates may have tasks of type a-bridge"


def test_secrets_and_the_operators_network_are_not_a_strangers() -> None:
    named = TaskSpec(type="httpget", params={"headers": {"X": ["a $(secret:KEY)"]}})
    free = TaskSpec(type="httppostwithunrestrictednetworkaccess", params={"post": "http://10.0.0.1"})
    judged = initiators_faults(job("noop", named, free))
    assert faults(job("noop", named, free)) == judged
    assert [(fault.detail, fault.pointer) for fault in judged] == [
        ("only a job that the operator creates may name secrets", "/tasks/1/params"),
        (
            "only a job that the operator creates may have tasks of type httppostwithunrestrictednetworkaccess",
            "/tasks/2/type",
        ),
    ]
