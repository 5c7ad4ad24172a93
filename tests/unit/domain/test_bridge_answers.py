"""What a bridge answers, as v0.6.2 read it."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.bridge_answers import Answer, at_once, late, read_callback, read_response
from adyton.domain.errors import Invalid
from adyton.domain.runs import Completed, Errored, Outcome, RunStatus, Waits

ASKED: dict[str, Any] = {"result": "lot 49", "p": 1}
WAITS = RunStatus.PENDING_BRIDGE


def response(text: str) -> Outcome:
    return at_once(read_response(text.encode()), ASKED)


def callback(text: str) -> Outcome:
    return late(read_callback(text.encode()))


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("{}", Completed(ASKED)),
        ("null", Completed(ASKED)),
        (' {"data": {"result": "5", "x": 2}} ', Completed({"result": "5", "p": 1, "x": 2})),
        ('{"data": {"x": 2}}', Completed({"result": "lot 49", "p": 1, "x": 2})),
        ('{"data": {"result": null}}', Completed({"result": None, "p": 1})),
        ('{"data": "plain"}', Completed({"result": "plain", "p": 1})),
        ('{"data": 251990120}', Completed({"result": "251990120", "p": 1})),
        ('{"data": 1.68e+4}', Completed({"result": "16800", "p": 1})),
        ('{"data": true}', Completed({"result": "true", "p": 1})),
        ('{"data": [1,"a"]}', Completed({"result": '[1,"a"]', "p": 1})),
        ('{"data": null}', Completed({"result": "", "p": 1})),
        ('{"DATA": {"result": "5"}}', Completed({"result": "5", "p": 1})),
        ('{"result": "toplevel"}', Completed(ASKED)),
        ('{"status": "in_progress", "data": {}}', Completed(ASKED)),
        ('{"status": "completed", "pending": false, "error": null}', Completed(ASKED)),
        ('{"jobRunId": "a", "taskRunId": null, "accessToken": "b", "amount": "100", "id": 5}', Completed(ASKED)),
        ('{"error": "overload"}', Errored("overload", ASKED)),
        ('{"error": ""}', Errored("", ASKED)),
        ('{"error": "e", "pending": true, "data": {"x": 2}}', Errored("e", {"result": "lot 49", "p": 1, "x": 2})),
        ('{"error": {"String": "boom", "Valid": true}}', Errored("boom", ASKED)),
        ('{"error": {}}', Errored("", ASKED)),
        ('{"Error": "e", "status": "pending_bridge"}', Errored("e", ASKED)),
        ('{"status": "errored"}', Errored("the bridge answered with the status errored and no error", ASKED)),
        ('{"pending": true}', Waits(WAITS, ASKED)),
        ('{"status": "pending_bridge"}', Waits(WAITS, ASKED)),
        ('{"pending": true, "data": {"result": "x"}}', Waits(WAITS, {"result": "x", "p": 1})),
    ],
)
def test_a_response_makes_the_outcome_that_v0_6_2_made_of_it(text: str, outcome: Outcome) -> None:
    assert response(text) == outcome


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "nope",
        "[]",
        '"str"',
        "5",
        "true",
        '{"data": ',
        '{"data": {}} trailing',
        '{"error": 5}',
        '{"error": []}',
        '{"error": true}',
        '{"error": {"String": 5}}',
        '{"pending": "true"}',
        '{"pending": 1}',
        '{"status": 5}',
        '{"jobRunID": 5}',
        '{"taskRunId": {}}',
        '{"accessToken": false}',
        '{"amount": 100}',
        '{"amount": "x"}',
        '{"data": NaN}',
        '{"data": "\ud800"}'.encode("unicode_escape").decode(),
        '{"data": ' + "[" * 5000 + "]" * 5000 + "}",
        '{"data": 1' + "0" * 5000 + "}",
    ],
)
def test_a_response_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        response(text)


def test_numbers_keep_every_digit() -> None:
    outcome = response('{"data": {"big": 12345678901234567890123, "small": 0.12345678901234567890123}}')
    assert outcome == Completed({**ASKED, "big": 12345678901234567890123, "small": Decimal("0.12345678901234567890123")})
    assert response('{"data": 12345678901234567890}') == Completed({"result": "12345678901234567890", "p": 1})


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("{}", Completed({})),
        ('{"data": {"result": "100", "a": 1}} and more', Completed({"result": "100", "a": 1})),
        ('{"data": [1]}', Completed({"result": "[1]"})),
        ('{"data": "7"}', Completed({"result": "7"})),
        ('{"error": "boom", "data": {"result": "0"}}', Errored("boom", {"result": "0"})),
        ('{"pending": true}', Waits(WAITS, {})),
    ],
)
def test_the_data_of_a_callback_are_the_tasks(text: str, outcome: Outcome) -> None:
    assert callback(text) == outcome


@pytest.mark.parametrize("text", ["", "{RUN", "[]", '{"error": 5}', '{"data": {}'])
def test_a_callback_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        callback(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)
WORDS = st.sampled_from(["data", "error", "pending", "status", "String", "jobRunId", "amount", "DATA", "x"])


@given(st.dictionaries(WORDS, JSON | st.just("pending_bridge") | st.just("errored")))
def test_any_answer_is_one_of_three_outcomes_or_refused(source: dict[str, Any]) -> None:
    text = json.dumps(source)
    try:
        answer = read_response(text.encode())
    except Invalid:
        return
    outcome = at_once(answer, dict(ASKED))
    assert isinstance(outcome, Completed | Errored | Waits)
    assert isinstance(outcome, Errored) == (answer.status is RunStatus.ERRORED)
    assert set(ASKED) <= set(outcome.data or {})


@given(st.binary(max_size=300))
def test_no_body_raises_anything_but_invalid(body: bytes) -> None:
    for read in (read_response, read_callback):
        with suppress(Invalid):
            assert isinstance(read(body), Answer)
