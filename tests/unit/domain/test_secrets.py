"""Secrets in texts: found, put in place, and taken out again."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.secrets import fill, fill_all, fill_url, is_name, named_in, names, redact, redact_all

VALUES = {"KEY": "p@ss/w0rd&=+ %", "OTHER": "$(secret:KEY)"}


def test_names_are_found_in_their_order_each_once() -> None:
    assert names("a $(secret:B) $(secret:A)$(secret:B) $(secret) $secret:C $( secret:D)") == ["B", "A"]
    assert names("$(secret:../x) $(secret: A) $(secret:)") == ["../x", " A", ""]
    assert named_in({"a": ["$(secret:X)", 1, None, {"b": "$(secret:Y)"}], "$(secret:Z)": True}) == ["X", "Y"]


def test_nesting_as_deep_as_json_goes_is_no_matter() -> None:
    deep: object = "$(secret:X)"
    for _ in range(100_000):
        deep = [deep]
    assert named_in(deep) == ["X"]


@pytest.mark.parametrize("name", ["KEY", "a", "a.b-c_1", "0" * 100])
def test_what_a_name_can_be(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", ".hidden", "..", "../up", "a/b", "-x", "é", "a b", "a\n", "0" * 101, "a\0"])
def test_what_it_cannot_be(name: str) -> None:
    assert not is_name(name)


def test_a_value_is_put_in_place_once_and_not_looked_at_again() -> None:
    assert fill("$(secret:KEY)-$(secret:OTHER)-$(secret:NONE)", VALUES) == "p@ss/w0rd&=+ %-$(secret:KEY)-$(secret:NONE)"
    assert fill_all({"a": ["$(secret:OTHER)", 1]}, VALUES) == {"a": ["$(secret:KEY)", 1]}


def test_in_a_url_a_value_cannot_leave_its_place_unless_it_begins_it() -> None:
    assert fill_url("https://u:$(secret:KEY)@h/?k=$(secret:KEY)", VALUES) == (
        "https://u:p%40ss%2Fw0rd%26%3D%2B%20%25@h/?k=p%40ss%2Fw0rd%26%3D%2B%20%25"
    )
    assert fill_url("$(secret:BASE)/x", {"BASE": "https://h/a?b=c"}) == "https://h/a?b=c/x"
    assert fill_url("https://h/$(secret:NONE)", VALUES) == "https://h/$(secret:NONE)"


@given(st.text(min_size=4, max_size=40), st.text(max_size=10), st.text(max_size=10))
def test_no_spelling_of_a_value_is_left(value: str, before: str, after: str) -> None:
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        return
    spellings = [value, quote(value), quote(value, safe=""), quote_plus(value), raw.hex(), base64.b64encode(raw).decode()]
    for spelling in spellings:
        assert spelling not in redact(before + spelling + after, {"X": value}) or spelling in "***"


def test_values_are_hidden_wherever_they_stand() -> None:
    value = 'a"b\\c<d>&é'
    for ascii_only in (True, False):
        assert redact(f"x{json.dumps(value, ensure_ascii=ascii_only)}y", [value]) == 'x"***"y'
    assert redact("&quot; a&quot;b\\c&lt;d&gt;&amp;é", [value]) == "&quot; ***"
    assert redact_all({"hush!": ["hush!", {"b": "say hush!"}, 1]}, {"A": "hush!"}) == {"***": ["***", {"b": "say ***"}, 1]}


@pytest.mark.parametrize("number", [90817263, Decimal(90817263)])
def test_a_number_with_the_digits_of_a_secret_is_hidden(number: Any) -> None:
    others = [190817263, Decimal("90817263.5"), True, None]
    assert redact_all({"a": [number, *others]}, {"PIN": "90817263"}) == {"a": ["***", *others]}


@pytest.mark.parametrize("before", ["", "a", "ab", "user:", "x" * 10])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_hides_nothing_wherever_the_value_stands_in_it(before: str, encode: Callable[[bytes], bytes]) -> None:
    value = "pässwörd??>>~~0123456789"
    encoded = encode(f"{before}{value}:after".encode()).decode()
    left = redact(encoded, [value])
    assert "***" in left
    assert len(left) <= len(encoded) - len(base64.b64encode(value.encode())) + len("***") + 4


def test_hosts_and_escapes_are_known_in_small_letters() -> None:
    assert redact("https://hush.example/a%2fB%3d", ["HUSH"]) == "https://***.example/a%2fB%3d"
    assert redact("k=a%2fB%3d", ["a/B="]) == "k=***"


def test_the_longer_of_two_values_is_hidden_whole() -> None:
    assert redact("hush-hush", {"A": "hush", "B": "hush-hush"}) == "***"


def test_without_values_nothing_is_hidden() -> None:
    assert redact("text", {}) == "text"
    assert redact_all({"a": 1}, {}) == {"a": 1}
