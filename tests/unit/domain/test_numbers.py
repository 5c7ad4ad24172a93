"""Integers out of JSON values, and values in the formats of ethtx."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain import evm, numbers
from adyton.domain.numbers import Unencodable

READINGS: list[tuple[Any, int]] = [
    (None, 0),
    (9007199254740993, 9007199254740993),
    (Decimal("123.99"), 123),
    (Decimal("-123.99"), -123),
    (Decimal("1e30"), 10**30),
    ("123.99", 124),
    ("0.5", 0),
    ("1.5", 2),
    ("2.5", 2),
    ("-1.5", -2),
    ("1234567890123456789012.5", 1234567890123456789012),
    ("+5", 5),
    ("0" * 6000 + "7", 7),
    ("0xff", 255),
    ("0x-1f", -31),
    ("0x" + "0" * 6000 + "1", 1),
    ("1e77", 10**77),
]


@pytest.mark.parametrize(("value", "number"), READINGS, ids=lambda value: str(value)[:20])
def test_texts_are_rounded_half_to_even_and_numbers_cut(value: Any, number: int) -> None:
    assert numbers.whole_number(value) == number


@pytest.mark.parametrize(
    "text",
    ["", " 5", "5 ", "1_000", "０x1", "٣", "abc", "NaN", "inf", "-Infinity", "0x", "0xfZ", "0x1_0", "1e400000", "1e99999999999",
     "9" * 5000, "0x" + "f" * 6000, "0" * 40_000 + "Z", "1." + "0" * 40_000 + "Z"],
    ids=lambda text: text[:14].encode("ascii", "backslashreplace").decode() or "empty",
)  # fmt: skip
def test_what_is_no_number_is_an_error_however_long(text: str) -> None:
    with pytest.raises(Unencodable, match="error parsing"):
        numbers.whole_number(text)


@pytest.mark.parametrize(("value", "kind"), [(True, "True"), (False, "False"), ({}, "JSON"), ([], "JSON")])
def test_other_values_have_no_number(value: Any, kind: str) -> None:
    with pytest.raises(Unencodable, match=f"unsupported encoding for value: {kind}"):
        numbers.whole_number(value)


@given(st.integers(0, 2**256 - 1))
def test_every_unsigned_word_is_reached_from_text_and_number(number: int) -> None:
    assert int.from_bytes(numbers.uint256(numbers.whole_number(str(number)))) == number
    assert numbers.uint256(numbers.whole_number(hex(number))) == numbers.uint256(number)


@given(st.integers(-(2**255), 2**255 - 1))
def test_every_signed_word_is_reached_the_least_one_too(number: int) -> None:
    assert int.from_bytes(numbers.int256(numbers.whole_number(str(number))), signed=True) == number


@given(st.integers(0, 2**256 - 1), st.integers(-(2**255), 2**255 - 1), st.binary(max_size=100), st.booleans())
def test_words_and_bytes_are_those_of_the_contract_abi(unsigned: int, signed: int, content: bytes, truth: bool) -> None:
    assert numbers.uint256(unsigned) == encode(["uint256"], [unsigned])
    assert numbers.int256(signed) == encode(["int256"], [signed])
    assert evm.unsigned_word(truth) == encode(["bool"], [truth])
    assert evm.unsigned_word(evm.WORD) + evm.dynamic_bytes(content) == encode(["bytes"], [content])


OVERFLOWS: list[tuple[Any, int, str]] = [
    (numbers.uint256, -1, "-1 cannot be represented as uint256"),
    (numbers.uint256, 2**256, f"Overflow saving big.Int to EVM word: {2**256}"),
    (numbers.int256, 2**255, f"Overflow saving signed big.Int to EVM word: {2**255}"),
    (numbers.int256, -(2**255) - 1, f"Overflow saving signed big.Int to EVM word: {-(2**255) - 1}"),
]


@pytest.mark.parametrize(("encode", "number", "text"), OVERFLOWS)
def test_what_does_not_fit_into_a_word_says_so(encode: Any, number: int, text: str) -> None:
    with pytest.raises(Unencodable) as caught:
        encode(number)
    assert str(caught.value) == text


@given(st.text(max_size=60) | st.from_regex(r"[-+]?(0x)?[0-9a-f.e+-]{0,40}", fullmatch=True))
def test_a_text_is_read_or_refused_never_anything_else(text: str) -> None:
    with suppress(Unencodable):
        numbers.int256(numbers.whole_number(text))


FORMATS: list[tuple[Any, str, bytes]] = [
    ("hello", "bytes", evm.unsigned_word(5) + b"hello".ljust(32, b"\0")),
    ("", "bytes", bytes(32)),
    (True, "bytes", evm.unsigned_word(32) + evm.unsigned_word(1)),
    (-1, "bytes", evm.unsigned_word(32) + b"\xff" * 32),
    ("31223", "uint256", evm.unsigned_word(32) + evm.unsigned_word(31223)),
    (Decimal("-123481273.1"), "int256", evm.unsigned_word(32) + evm.signed_word(-123481273)),
    ("", "bool", evm.unsigned_word(32) + bytes(32)),
    ({"a": 1}, "bool", evm.unsigned_word(32) + evm.unsigned_word(1)),
]


@pytest.mark.parametrize(("value", "form", "encoded"), FORMATS)
def test_a_value_in_a_format(value: Any, form: str, encoded: bytes) -> None:
    assert numbers.dynamic_value(value, form) == encoded


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        ("x", "string", "unsupported format: string"),
        (None, "bytes", "unsupported encoding for value: Null"),
        ([1], "bytes", "unsupported encoding for value: JSON"),
        (True, "uint256", "unsupported encoding for value: True"),
    ],
)
def test_a_value_that_has_no_form(value: Any, form: str, text: str) -> None:
    with pytest.raises(Unencodable, match=text):
        numbers.dynamic_value(value, form)


def test_text_is_cut_at_32_bytes_even_inside_a_character() -> None:
    assert numbers.fixed_bytes("é" * 17) == "é".encode() * 16
    assert numbers.fixed_bytes(None) == bytes(32)
