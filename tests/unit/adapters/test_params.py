"""Whose word counts when a job, a log and a requester name the same param."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from adyton.adapters.params import field, task_params
from adyton.domain.requests import RESERVED

FROM_LOG = {"address": "0xoracle", "dataPrefix": "0xprefix", "functionSelector": "0xselector"}


def test_without_input_the_jobs_params_stand() -> None:
    assert task_params({"times": 100}, {}, RESERVED) == {"times": 100}


def test_the_input_of_a_web_run_overrides_the_job() -> None:
    assert task_params({"times": 100}, {"times": 3, "result": "2"}, None) == {"times": 3, "result": "2"}


def test_what_the_log_says_overrides_the_job_however_the_job_spells_it() -> None:
    spec = {"Address": "0xjob", "address": "0xjob", "FUNCTIONSELECTOR": "0xjob", "format": "bytes"}
    assert task_params(spec, FROM_LOG, RESERVED) == {"format": "bytes", **FROM_LOG}


@pytest.mark.parametrize("spelling", ["functionselector", "Address", "addreſs", "DATAPREFIX", "ADDRESS"])
def test_a_requester_cannot_redirect_an_answer_with_another_spelling(spelling: str) -> None:
    params = task_params({}, {spelling: "0xevil", **FROM_LOG}, RESERVED)
    assert params == FROM_LOG
    assert field(params, "address") == "0xoracle"


@pytest.mark.parametrize("spelling", ["gasPrice", "gasLimit", "GASPRICE", "gaſLimit"])
def test_a_requester_cannot_say_what_an_answer_may_cost(spelling: str) -> None:
    given = {spelling: 10**18, **FROM_LOG}
    for wins in (False, True):
        assert task_params({"gasPrice": 5}, given, RESERVED, requester_wins=wins) == {"gasPrice": 5, **FROM_LOG}


def test_what_a_job_names_is_the_jobs_on_chain() -> None:
    spec = {"url": "https://ours.example", "headers": {"X-Key": ["secret"]}, "times": 100}
    asked = {"get": "https://evil.example", "Times": 1, "path": ["USD"], **FROM_LOG}
    assert task_params(spec, asked, RESERVED) == {**spec, "path": ["USD"], **FROM_LOG}


def test_what_a_job_leaves_open_is_the_requesters() -> None:
    asked = {"get": "https://prices.example", "path": ["USD"], "times": 100, **FROM_LOG}
    assert task_params({}, asked, RESERVED) == asked


def test_the_order_of_v0_6_2_can_be_had_back() -> None:
    spec, asked = {"get": "https://ours.example"}, {"get": "https://theirs.example", **FROM_LOG}
    assert task_params(spec, asked, RESERVED, requester_wins=True) == asked


def test_merging_changes_neither_side() -> None:
    spec, given = {"times": 1}, {"times": 2, **FROM_LOG}
    task_params(spec, given, RESERVED)
    assert (spec, given) == ({"times": 1}, {"times": 2, **FROM_LOG})


@pytest.mark.parametrize("wins", [False, True])
def test_whom_a_task_calls_that_answers_nobody_is_the_jobs_to_say(wins: bool) -> None:
    kind, asked = "ethtxabiencode", {"Address": "0xevil", **FROM_LOG}
    for spelled in ("address", "Address"):
        spec = {spelled: "0xours", "functionABI": {"name": "set"}}
        params = task_params(spec, asked, RESERVED, kind=kind, requester_wins=wins)
        assert field(params, "address") == "0xours"
        assert "0xevil" not in params.values()
        assert field(task_params(spec, asked, (), kind=kind, requester_wins=wins), "address") == "0xours"
    assert task_params({}, asked, RESERVED, kind=kind, requester_wins=wins) == FROM_LOG, "the log's, if the job names none"
    assert field(task_params({"address": "0xours"}, asked, RESERVED, kind="ethtx"), "address") == FROM_LOG["address"]
    assert task_params({"address": "0xours"}, {"address": "0xtheirs"}, None, kind=kind) == {"address": "0xtheirs"}


def test_a_param_is_found_in_any_case_but_its_own_spelling_counts_first() -> None:
    assert field({"Times": 1}, "times") == 1
    assert field({"Times": 1, "times": 2}, "times") == 2
    assert field({}, "times") is None


def test_of_several_other_spellings_the_last_in_order_counts_wherever_it_stands() -> None:
    assert field({"TIMES": 1, "Times": 2}, "times") == field({"Times": 2, "TIMES": 1}, "times") == 2


def test_a_task_that_names_a_secret_takes_its_params_from_the_job_alone() -> None:
    spec = {"headers": {"X-Key": ["$(secret:KEY)"]}}
    asked = {"get": "https://evil.example", "extPath": "x", "queryParams": "a=b", "body": "c", **FROM_LOG}
    for reserved in (RESERVED, ()):
        for wins in (False, True):
            assert task_params(spec, asked, reserved, requester_wins=wins) == spec


def test_words_of_a_run_do_not_make_a_task_one_that_names_a_secret() -> None:
    assert task_params({"a": 1}, {"b": "$(secret:KEY)"}, ()) == {"a": 1, "b": "$(secret:KEY)"}


@pytest.mark.parametrize("reserved", [None, RESERVED], ids=["client", "requester"])
@pytest.mark.parametrize("wins", [False, True])
def test_where_a_task_asks_that_reaches_every_address_is_the_jobs_to_say(reserved: Collection[str] | None, wins: bool) -> None:
    spec = {"get": "http://10.0.0.1/", "headers": {}}
    asked = {"get": "http://10.0.0.2/", "GET": "http://10.0.0.2/", "Url": "http://10.0.0.2/", "extPath": "eth"}
    for kind in ("httpgetwithunrestrictednetworkaccess", "httppostwithunrestrictednetworkaccess"):
        params = task_params(spec, asked, reserved, kind=kind, requester_wins=wins)
        assert params == {**spec, "extPath": "eth"}
    assert task_params(spec, asked, None, kind="httpget") == {**spec, **asked}
