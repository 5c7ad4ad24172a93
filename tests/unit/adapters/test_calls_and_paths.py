"""What jsonparse finds and what ethtx sends, held against readings that know nothing of them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from adyton.adapters import copy, eth_tx, json_parse
from adyton.adapters.base import TaskContext
from adyton.domain import data, evm
from adyton.domain.numbers import Unencodable
from adyton.domain.runs import Completed, Errored, RunStatus

CONTEXT = TaskContext(run_id="0" * 32, position=0, status=RunStatus.UNSTARTED, transaction=None, connected=True)
SELECTOR = "0x4ab0d190"
MANY_WORDS = "0x6ae0bc76"

# --- paths -----------------------------------------------------------------------------------------------------------

KEYS = st.sampled_from(["a", "b", "", "0", "1", "-1", "a.b", "é"])
DOCUMENTS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
MISSING = object()


def found(document: Any, path: list[str]) -> Any:
    """The value at a path, MISSING when an earlier key is not there, None when the last is not: by Python's own rules."""
    for left, key in zip(range(len(path), 0, -1), path, strict=True):
        try:
            document = document[int(key)] if isinstance(document, list) else dict(document)[key]
        except (LookupError, TypeError, ValueError):
            return None if left == 1 else MISSING
    return document


@given(DOCUMENTS, st.lists(KEYS, max_size=4), st.booleans(), st.sampled_from(["", " ", " and more", "{}", ']"']))
def test_a_path_leads_where_python_finds_it(document: Any, path: list[str], as_text: bool, behind: str) -> None:
    readable = as_text or not isinstance(document, dict | list)
    # What stands behind a number or a word at once would belong to it.
    tail = behind if isinstance(document, dict | list | str) else " " * bool(behind) + behind
    result = json.dumps(document) + tail if readable else document
    outcome = json_parse.adapter.perform({"path": path}, {"result": result, "keep": 1}, CONTEXT)
    wanted = found(document, path)
    if wanted is MISSING:
        assert isinstance(outcome, Errored)
        assert outcome.error.startswith("No value could be found for the key ")
    else:
        assert outcome == Completed({"result": wanted, "keep": 1})


@given(st.dictionaries(KEYS, DOCUMENTS, max_size=3), st.lists(KEYS, max_size=3))
def test_copy_takes_the_same_way_through_the_data(document: dict[str, Any], path: list[str]) -> None:
    outcome = copy.adapter.perform({"copyPath": path}, document, CONTEXT)
    wanted = found(document, path)
    assert isinstance(outcome, Errored) if wanted is MISSING else outcome == Completed({**document, "result": wanted})


@given(st.lists(st.text(max_size=5).filter(lambda key: "." not in key), min_size=1, max_size=4))
def test_a_path_is_the_same_as_one_text(keys: list[str]) -> None:
    document: Any = 7
    for key in reversed(keys):
        document = {key: document}
    outcome = json_parse.adapter.perform({"path": ".".join(keys)}, {"result": json.dumps(document)}, CONTEXT)
    assert outcome == Completed({"result": 7})


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**60), max_value=10**60)


@given(NUMBERS)
def test_a_number_keeps_its_digits_through_reading_and_writing(number: Decimal) -> None:
    assert data.parse(data.encode({"n": number}))["n"] == number
    assert Decimal(data.as_text(number)) == number


# --- calls -----------------------------------------------------------------------------------------------------------


def value_part(params: dict[str, Any], result: Any) -> bytes:
    request = eth_tx.request({"functionSelector": SELECTOR, **params}, {"result": result})
    assert request.data.startswith(SELECTOR)
    return bytes.fromhex(request.data[len(SELECTOR) :])


@given(st.text(max_size=100))
def test_bytes_are_those_of_the_abi(text: str) -> None:
    assert value_part({"format": "bytes"}, text) == encode(["bytes"], [text.encode()])


@given(st.integers(0, 2**256 - 1), st.sampled_from([str, hex, int]))
def test_an_unsigned_word_stands_in_dynamic_bytes(number: int, spelled: Any) -> None:
    assert value_part({"format": "uint256"}, spelled(number)) == encode(["bytes"], [encode(["uint256"], [number])])


@given(st.integers(-(2**255), 2**255 - 1), st.sampled_from([str, int]))
def test_a_signed_word_stands_in_dynamic_bytes(number: int, spelled: Any) -> None:
    assert value_part({"format": "int256"}, spelled(number)) == encode(["bytes"], [encode(["int256"], [number])])


@given(st.booleans())
def test_a_truth_stands_in_dynamic_bytes(value: bool) -> None:
    assert value_part({"format": "bool"}, value) == encode(["bytes"], [encode(["bool"], [value])])


@given(st.binary(min_size=32, max_size=32), st.text(max_size=70))
def test_behind_an_id_bytes_are_the_second_argument(request_id: bytes, text: str) -> None:
    """The original fulfilment: an id, then bytes."""
    sent = value_part({"format": "bytes", "dataPrefix": "0x" + request_id.hex()}, text)
    assert sent == encode(["bytes32", "bytes"], [request_id, text.encode()])


@given(st.binary(max_size=100), st.sampled_from(["", "0x"]))
def test_what_is_preformatted_is_sent_as_it_is(content: bytes, prefix: str) -> None:
    assert value_part({"format": "preformatted"}, prefix + content.hex()) == content


PREFIX = st.tuples(
    st.binary(min_size=32, max_size=32),
    st.integers(0, 2**96),
    st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    st.binary(min_size=4, max_size=4),
    st.integers(0, 2**32),
)
HEAD = ["bytes32", "uint256", "address", "bytes4", "uint256"]


@given(PREFIX, st.integers(0, 2**256 - 1), st.binary(max_size=70), st.booleans(), st.integers(-(2**255), 2**255 - 1))
def test_a_fulfilment_with_several_values_is_that_of_the_abi(
    prefix: tuple[Any, ...], unsigned: int, content: bytes, truth: bool, signed: int
) -> None:
    """``fulfillOracleRequest2`` of Operator contracts, and the consumer's own values in its bytes."""
    types = ["bytes32", "uint256", "bytes", "bool", "int256"]
    request = eth_tx.request(
        {"functionSelector": MANY_WORDS, "dataPrefix": "0x" + encode(HEAD, prefix).hex(), "abiEncoding": types},
        {"__chainlink_result_collection__": [str(unsigned), "0x" + content.hex(), truth, signed]},
    )
    values = encode(types, [prefix[0], unsigned, content, truth, signed])
    assert request.data == MANY_WORDS + encode([*HEAD, "bytes"], [*prefix, values]).hex()


@given(PREFIX, st.integers(-(2**255), 2**255 - 1), st.sampled_from(["uint256", "int256", "bytes", ""]))
def test_a_job_with_one_value_serves_a_requester_who_could_take_several(
    prefix: tuple[Any, ...], number: int, form: str
) -> None:
    number = abs(number) if form == "uint256" else number
    result = f"0x{number % 2**256:064x}" if form == "" else str(number)
    request = eth_tx.request(
        {"functionSelector": MANY_WORDS, "dataPrefix": "0x" + encode(HEAD, prefix).hex(), "format": form}, {"result": result}
    )
    kind, value = (form, number) if form in {"uint256", "int256"} else ("bytes", result.encode())
    if form == "":
        kind, value = "uint256", number % 2**256
    values = encode(["bytes32", kind], [prefix[0], value])
    assert request.data == MANY_WORDS + encode([*HEAD, "bytes"], [*prefix, values]).hex()


def test_several_values_are_not_sent_to_a_requester_who_takes_one() -> None:
    params = {"functionSelector": SELECTOR, "dataPrefix": "0x" + "ab" * 160, "abiEncoding": ["bytes32", "uint256"]}
    with pytest.raises(Unencodable, match="must be asked for with data version 2"):
        eth_tx.request(params, {"__chainlink_result_collection__": ["1"]})


@given(st.text(alphabet="0123456789abcdefABCDEFxXg-", max_size=80))
def test_without_a_format_any_text_is_one_word(text: str) -> None:
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    sent = value_part({}, text)
    assert len(sent) == evm.WORD
    if digits and all(digit in "0123456789abcdefABCDEF" for digit in digits):
        assert int.from_bytes(sent) == int(digits, 16) % 2**256
