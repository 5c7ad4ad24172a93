"""A job as a text that is good to read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.web.ui.job_text import laid_out

SHORT = b'{"tasks":[{"params":{"times":1.50,"a":12345678901234567890123456789012345678901},"type":"multiply"}],"name":"n"}'


def test_short_entries_stand_on_a_line_and_numbers_keep_their_digits() -> None:
    assert laid_out(SHORT) == (
        '{\n  "name": "n",\n  "tasks": [\n'
        '    {"type": "multiply", "params": {"times": 1.50, "a": 12345678901234567890123456789012345678901}}\n'
        "  ]\n}\n"
    )


def test_long_entries_are_indented() -> None:
    spec = {"tasks": [{"params": {"get": "https://a.example/" + "x" * 100}, "type": "httpget"}]}
    lines = laid_out(json.dumps(spec).encode()).split("\n")
    assert lines[2:4] == ["    {", '      "type": "httpget",']
    assert lines[-4:] == ["    }", "  ]", "}", ""]


@pytest.mark.parametrize(
    "spec", [{}, {"tasks": []}, {"tasks": None, "startAt": {"Time": None, "Valid": False}}, {"tasks": [1]}]
)
def test_anything_that_is_no_list_of_objects_is_laid_out_too(spec: object) -> None:
    assert json.loads(laid_out(json.dumps(spec).encode())) == spec


VALUES = st.recursive(st.none() | st.integers() | st.text(), lambda each: st.lists(each) | st.dictionaries(st.text(), each))


@given(st.dictionaries(st.sampled_from(["name", "tasks", "initiators", "x\n"]), VALUES))
def test_it_means_the_same(spec: object) -> None:
    assert json.loads(laid_out(json.dumps(spec).encode())) == spec
