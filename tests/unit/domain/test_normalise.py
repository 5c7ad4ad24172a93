"""The spelling of JSON that service agreements are signed in; tests/compat has the vectors."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.normalise import normalise

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[1,]", b"NaN", b"[Infinity]", b"1e400", b"9" * 400, b"{} {}", b"\xff", b'"\\ud800"', b"[" * 600 + b"]" * 600],
    ids=lambda text: repr(text)[:20],
)
def test_what_is_not_json_or_beyond_a_float_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        normalise(text)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        (b'"\\u0001\\b\\f\\n\\r\\t\\"\\\\\\u007f"', '"\\u0001\\u0008\\u000c\\n\\r\\t\\"\\\\\x7f"'),
        (b'"\\u2028\\u2029"', '"\\u2028\\u2029"'),
        (b"[1e-400,1e300,-0.0]", "[0.000000e+00,1.000000e+300,-0.000000e+00]"),
        ('{"\U0001f600":1,"\uffff":2}'.encode(), '{"\uffff":2.000000e+00,"\U0001f600":1.000000e+00}'),
        (b"[true,false,null]", "[true,false,null]"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_the_spelling(text: bytes, spelled: str) -> None:
    assert normalise(text) == spelled


@given(JSON)
def test_the_spelling_is_json_composed_and_spelled_the_same_again(value: Any) -> None:
    once = normalise(json.dumps(value).encode())
    assert unicodedata.is_normalized("NFC", once)
    json.loads(once)
    assert normalise(json.dumps(value, indent=3, ensure_ascii=False, sort_keys=True).encode()) == once
