"""What ``--yaml`` writes is read back, by a reader of YAML, as what the JSON says."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from adyton.cli.tree import Failure
from adyton.cli.yaml import from_json
from support.command_line import Adyton, StandIn

TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=30,
)
AMBIGUOUS = [
    "no",
    "Yes",
    "on",
    "null",
    "~",
    "1e3",
    "1.0",
    "0o17",
    "0x10",
    "2019-06-27",
    "1:30",
    "- a",
    "a: b",
    "#",
    "",
    " ",
    "=",
    "<<",
]


def written(value: Any) -> str:
    return from_json(json.dumps(value, ensure_ascii=False).encode())


@given(VALUES)
@example({word: word for word in AMBIGUOUS})
@example([[], {}, [[]], [{}], {"": {}}, [[1, [2, {"a": [3]}]]]])
@example({"k" * 2000: {"a": 1}, "x": {"y" * 2000: ["z"]}})
@example("\u2028\u0085\ufeff\ufffe\x7f\U000e0041\U0001f680\t\n\r\x00\x1b")
def test_yaml_says_what_json_says(value: Any) -> None:
    assert yaml.safe_load(written(value)) == value


@given(VALUES)
def test_types_survive(value: Any) -> None:
    assert json.dumps(yaml.safe_load(written(value))) == json.dumps(json.loads(json.dumps(value)))


def test_it_reads_well() -> None:
    job = {"id": "c5f0", "initiators": [{"type": "web", "params": {}}], "tasks": [{"type": "noop"}], "endAt": None, "on": True}
    assert written([job]) == (
        '- id: "c5f0"\n'
        "  initiators:\n"
        '    - type: "web"\n'
        "      params: {}\n"
        "  tasks:\n"
        '    - type: "noop"\n'
        "  endAt: null\n"
        '  "on": true\n'
    )


@pytest.mark.parametrize(
    "number",
    ["115792089237316195423570985008687907853269984665640564039457584007913129639935", "-1", "0", "1.10", "0.1000", "1.0E+30"],
)
def test_every_digit_is_kept(number: str) -> None:
    assert from_json(b"[" + number.encode() + b"]") == f"- {number}\n"


@pytest.mark.parametrize(("number", "spelled"), [("1e5", "1.0E+5"), ("25e-10", "2.5E-9"), ("1E400", "1.0E+400")])
def test_numbers_are_spelled_as_old_readers_know_them(number: str, spelled: str) -> None:
    assert from_json(number.encode()) == f"{spelled}\n"
    assert Decimal(spelled) == Decimal(number)


@given(TEXTS)
def test_nothing_in_it_drives_a_terminal(text: str) -> None:
    assert not set(written({text: [text]})) & set("\x1b\x9b\x07\r\u202e\u2066\x7f")


def test_what_is_no_json_ends_in_a_message() -> None:
    with pytest.raises(Failure, match="The answer is not JSON"):
        from_json(b"{")


@pytest.mark.usefixtures("usual_depth")
def test_what_is_nested_too_deeply_ends_in_a_message() -> None:
    with pytest.raises(Failure, match="too deep"):
        from_json(b"[" * 100_000 + b"]" * 100_000)


def test_a_number_longer_than_any_of_a_node_ends_in_a_message() -> None:
    with pytest.raises(Failure, match="The answer is not JSON: Integer value out of range"):
        from_json(b"1" * 5000)


@pytest.mark.parametrize(
    "words", [["--yaml", "jobs"], ["jobs", "--yaml"], ["jobs", "list", "--yaml"], ["jobs", "--yaml", "list"]]
)
def test_yaml_may_be_asked_for_anywhere(adyton: Adyton, node: StandIn, words: list[str]) -> None:
    adyton.is_logged_in()
    node.answers_many({"id": "1", "count": 1})
    assert adyton(*words).stdout == '- id: "1"\n  count: 1\n'


def test_yaml_of_one_thing_and_of_settings(adyton: Adyton, node: StandIn) -> None:
    adyton.is_logged_in()
    node.answers_one(id="1", data={"a": [1.5]})
    assert yaml.safe_load(adyton("runs", "show", "1", "--yaml").stdout) == {"id": "1", "data": {"a": [1.5]}}
    assert {row["name"] for row in yaml.safe_load(adyton("config", "--yaml").stdout)} >= {"ROOT", "ETH_URL"}


def test_two_forms_at_once_are_refused(adyton: Adyton) -> None:
    result = adyton("--json", "jobs", "--yaml")
    assert result.exit_code == 2
    assert "--json and --yaml exclude each other." in result.stderr
