"""The adapters that only compute: what the vectors do not say, and input made to break them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.adapters.base import AdapterSettings, PureAdapter, TaskContext
from adyton.adapters.registry import Registry
from adyton.domain import data
from adyton.domain.errors import Invalid
from adyton.domain.runs import Completed, Data, Errored, Outcome, RunStatus
from adyton.system.clock import SystemClock
from adyton.system.http import AiohttpTransport

PURE = (
    "compare",
    "copy",
    "ethbool",
    "ethbytes32",
    "ethint256",
    "ethuint256",
    "ethtx",
    "ethtxabiencode",
    "jsonparse",
    "multiply",
    "noop",
    "nooppend",
    "quotient",
    "random",
    "resultcollect",
)
CONTEXT = TaskContext(run_id="0" * 32, position=0, status=RunStatus.UNSTARTED, transaction=None, connected=True)


def registry(numbers: str = "exact") -> Registry:
    return Registry(http=AiohttpTransport(), clock=SystemClock(), settings=AdapterSettings(numbers=numbers))


def perform(task_type: str, params: Data, given: Data, numbers: str = "exact") -> Outcome:
    return cast("PureAdapter", registry(numbers).find(task_type)).perform(params, given, CONTEXT)


def result(outcome: Outcome) -> Any:
    assert isinstance(outcome, Completed), outcome
    return outcome.data["result"]


def test_an_unknown_type_is_refused_in_the_words_of_v0_6_2() -> None:
    with pytest.raises(Invalid, match=r"^nosuch is not a supported adapter type$"):
        registry().check("nosuch", {})


@pytest.mark.parametrize(
    ("task_type", "params"),
    [
        ("multiply", {"times": "123aaa123"}),
        ("multiply", {"times": True}),
        ("multiply", {"times": Decimal("1E+999999999")}),
        ("multiply", {"times": "1e99999999999"}),
        ("jsonparse", {"path": [0]}),
        ("jsonparse", {"path": 5}),
        ("copy", {"copyPath": {}}),
        ("ethtx", {"address": "0x01"}),
        ("ethtx", {"address": None}),
        ("ethtx", {"functionSelector": "0xb3f98adc12"}),
        ("ethtx", {"functionSelector": 5}),
        ("ethtx", {"dataPrefix": "1234"}),
        ("ethtx", {"format": 1}),
        ("ethtx", {"gasPrice": "9" * 5000}),
        ("ethtx", {"gasPrice": "0x" + "f" * 5000}),
        ("ethtx", {"gasPrice": Decimal("1.5")}),
        ("ethtx", {"gasPrice": -1}),
        ("ethtx", {"gasLimit": "911"}),
        ("ethtx", {"gasLimit": -1}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_params_that_cannot_be_read_are_refused_when_the_job_is_made(task_type: str, params: Data) -> None:
    with pytest.raises(Invalid):
        registry().check(task_type, params)


@pytest.mark.parametrize(
    ("task_type", "params", "value"),
    [
        ("ethint256", {}, "\0"),
        ("ethint256", {}, "0x\0"),
        ("multiply", {}, "\0"),
        ("jsonparse", {"path": ["\0", "a"]}, "{}"),
        ("jsonparse", {}, "\0"),
        ("copy", {"copyPath": ["\0", "a"]}, None),
        ("ethtx", {"format": "\0"}, "1"),
    ],
    ids=str,
)
def test_an_error_can_be_stored_whatever_text_it_shows(task_type: str, params: Data, value: Any) -> None:
    outcome = perform(task_type, params, {"result": value})
    assert isinstance(outcome, Errored)
    assert "\0" not in outcome.error


HOSTILE: list[tuple[str, Any]] = [
    ("ethuint256", "9" * 5000),
    ("ethint256", "0x-" + "f" * 6000),
    ("ethuint256", Decimal("1E+999999999")),
    ("multiply", "0x" + "f" * 6000),
    ("multiply", Decimal("1E+999999999")),
    ("jsonparse", "[" * 100_000),
    ("jsonparse", "[" * 257 + "]" * 257),
    ("jsonparse", '{"a":' * 6000 + "1"),
    ("jsonparse", "tru"),
    ("jsonparse", '{"a":"\\ud800"} x'),
    ("jsonparse", '{"a":' + "9" * 5000 + "} x"),
    ("jsonparse", "NaN"),
    ("jsonparse", ""),
    ("jsonparse", None),
]


@pytest.mark.parametrize(("task_type", "value"), HOSTILE, ids=lambda value: str(value)[:24])
def test_hostile_input_is_an_error_that_keeps_the_data(task_type: str, value: Any) -> None:
    given = {"result": value, "keep": 1}
    outcome = perform(task_type, {"path": ["a"], "times": 100}, given)
    assert isinstance(outcome, Errored)
    assert outcome.data == given


PARAMS = ("path", "times", "format", "gasPrice", "operator", "value", "dividend", "abiEncoding", "functionABI")
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.decimals(-(10**20), 10**20, places=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(PURE),
    JSON,
    st.fixed_dictionaries({}, optional=dict.fromkeys(PARAMS, JSON)),
)
def test_any_params_and_data_give_an_outcome_that_can_be_stored(task_type: str, value: Any, params: Data) -> None:
    try:
        outcome = perform(task_type, params, {"result": value})
    except Invalid as refused:
        outcome = Errored(str(refused), {})
    data.encode(outcome.data)
    assert not isinstance(outcome, Errored) or "\0" not in outcome.error, "PostgreSQL stores no NUL in a text"


PRODUCTS: list[tuple[Any, Any, str, str]] = [
    ("1.23", 100, "123", "123"),
    ("123.456789012345", 10**18, "123456789012345000000", "1.23456789e+20"),
    ("99999999999", None, "99999999999", "1e+11"),
    ("0.00001", None, "0.00001", "1e-05"),
    ("0.1", 3, "0.3", "0.3"),
    (9007199254740993, 1, "9007199254740993", "9.007199255e+15"),
    ("0x10", "2", "32", "32"),
    ("-1.5", "1e2", "-150", "-150"),
    ("0", 5, "0", "0"),
    ("-0.00", 5, "-0", "-0"),
    ("1.00000000050000000001", 1, "1.00000000050000000001", "1.000000001"),  # above the middle only with 64 bits
    ("10000000005", Decimal("0.1"), "1000000000.5", "1000000001"),  # the nearest double of 0.1 is a little more
    ("1e300", Decimal("1e300"), "1" + "0" * 600, "1e+600"),
]


@pytest.mark.parametrize(("value", "times", "exact", "rounded"), PRODUCTS, ids=lambda value: str(value)[:24])
def test_a_product_is_exact_or_has_the_ten_digits_of_v0_6_2(value: Any, times: Any, exact: str, rounded: str) -> None:
    params = {"times": times}
    assert result(perform("multiply", params, {"result": value})) == exact
    assert result(perform("multiply", params, {"result": value}, "v0.6.2")) == rounded


def test_every_digit_goes_from_the_source_to_the_word() -> None:
    given: Data = {"result": '{"price": 12345678901234567890.123456789012345678}'}
    price = perform("jsonparse", {"path": "price"}, given)
    scaled = perform("multiply", {"times": 10**18}, {"result": result(price)})
    assert int(result(perform("ethuint256", {}, {"result": result(scaled)})), 16) == 12345678901234567890123456789012345678


PATHS: list[tuple[str, list[str], Any]] = [
    ('{"a":1} and more', ["a"], 1),
    ('{"a":1}{"a":2}', ["a"], 1),
    ('{"a":1,"a":2}', ["a"], 2),
    ("[1,2]", ["-1"], 2),
    ("[1,2]", ["+01"], 2),
    ("[1,2]", ["9" * 5000], None),
    ("[1,2]", ["2147483648"], None),
    ("[1,2]", ["1_0"], None),
    ("[1,2]", ["١"], None),
    ('{"a":1}', ["a", "b"], None),
    ('{"a":null}', ["a"], None),
]


@pytest.mark.parametrize(("text", "path", "value"), PATHS, ids=lambda value: str(value)[:24])
def test_the_value_at_a_path(text: str, path: list[str], value: Any) -> None:
    assert result(perform("jsonparse", {"path": path}, {"result": text})) == value


def test_what_tasks_make_of_the_deepest_document_can_still_be_read_from_the_database() -> None:
    deep: Data = {"result": "[" * 256 + "]" * 256 + " and more"}
    outcome = perform("jsonparse", {}, deep)
    for _ in range(100):
        assert isinstance(outcome, Completed)
        outcome = perform("copy", {}, outcome.data)
    assert data.parse(data.encode(outcome.data)) == outcome.data


def test_what_stands_behind_the_document_is_not_looked_at_however_deep() -> None:
    assert result(perform("jsonparse", {"path": ["a"]}, {"result": '{"a":1}' + "[" * 100_000})) == 1


def test_a_key_missing_before_the_last_is_an_error_and_copy_shows_where_it_looked() -> None:
    assert perform("jsonparse", {"path": ["no", "x"]}, {"result": "{}"}) == Errored(
        "No value could be found for the key 'no'", {"result": "{}"}
    )
    assert perform("copy", {"copyPath": ["no", "x"]}, {"b": 1, "a": 2}) == Errored(
        "No value could be found for the key 'no'", {"b": 1, "a": 2, "result": '{"a":2,"b":1}'}
    )
