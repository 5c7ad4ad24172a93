"""JSON as operators send it."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import pytest
from msgspec import UNSET

from adyton.domain.errors import Invalid
from adyton.domain.request_json import field, first_object, first_value


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a":1}', {"a": 1}),
        (b' \n{"a":1} trailing', {"a": 1}),
        (b'{"a":1}{"b":2}', {"a": 1}),
        (b"[1,2] ]", [1, 2]),
        (b"5 6", 5),
        (b'"x"', "x"),
        (b"null", None),
        (b'{"a":1.10}', {"a": Decimal("1.10")}),
        (b'{"a":123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        ('{"a":"é"} é'.encode(), {"a": "é"}),
        (b'{"a":"]}"} ' + b"[" * 30000, {"a": "]}"}),
    ],
)
def test_the_first_value_counts(body: bytes, value: object) -> None:
    assert first_value(body) == value


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "EOF"),
        (b"  \r\n\t", "EOF"),
        (b'{"a":1', "unexpected EOF"),
        (b'{"a":"x', "unexpected EOF"),
        (b"[1,", "unexpected EOF"),
        (b"{]", "the body is not JSON"),
        (b"nothing", "the body is not JSON"),
        (b"NaN", "the body is not JSON"),
        (b'{"a":Infinity}', "the body is not JSON"),
        (b'"\\ud800"', "the body is not JSON"),
        (b"\xff", "the body is not UTF-8"),
        (b"\xef\xbb\xbf{}", "the body is not JSON"),
        (b"[" * 30000, "nested too deeply"),
        (b'{"a":' * 6000, "nested too deeply"),
        (b"[" * 257 + b"]" * 257, "nested too deeply"),
        (b"1" * 30000, "the body is not JSON"),
    ],
)
def test_what_is_not_json_is_refused(body: bytes, detail: str) -> None:
    with pytest.raises(Invalid) as refused:
        first_value(body)
    assert detail in str(refused.value)


def test_nesting_is_refused_by_our_own_bound_and_not_by_the_end_of_the_stack() -> None:
    """A library may raise the interpreter's limit; then only a check before the parser keeps the process alive."""
    program = (
        "import sys; sys.setrecursionlimit(10**6); from adyton.domain import errors, request_json\n"
        "try: request_json.first_value(b'[' * 10**6)\n"
        "except errors.Invalid: sys.exit(7)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 7


def test_null_is_an_empty_object() -> None:
    assert first_object(b"null") == {}


@pytest.mark.parametrize(
    ("body", "kind"), [(b"[]", "an array"), (b"1", "a number"), (b"true", "a boolean"), (b'""', "a string")]
)
def test_other_values_are_no_object(body: bytes, kind: str) -> None:
    with pytest.raises(Invalid, match=f"must be a JSON object, not {kind}"):
        first_object(body)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ({"startAt": 1}, 1),
        ({"STARTAT": 1}, 1),
        ({"startat": 1, "StartAt": 2}, 2),
        ({"startAt": 1, "StartAt": None}, None),
        ({"start_at": 1}, UNSET),
        ({}, UNSET),
    ],
)
def test_keys_match_in_any_case_and_the_last_one_wins(source: dict[str, object], value: object) -> None:
    assert field(source, "startAt") == value
