"""The parameters of a request: a stranger's bytes become JSON that can be written, or a ``CborError``; nothing else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adyton.domain import cbor, data
from adyton.domain.cbor import CborError

READ: list[tuple[str, str, Any]] = [
    ("no bytes", "", {}),
    ("a map", "a1616101", {"a": 1}),
    ("an open map with padding behind it", "bf616101ff0000", {"a": 1}),
    ("pairs without a map", "6161016162f6", {"a": 1, "b": None}),
    ("undefined", "a16161f7", {"a": None}),
    ("bytes", "a1616143010203", {"a": "AQID"}),
    ("a byte string as a key", "a1416101", {"a": 1}),
    ("the least integer", "a161613bffffffffffffffff", {"a": -(2**64)}),
    ("a bignum", "a16161c249010000000000000000", {"a": 2**64}),
    ("a whole float", "a16161fa47c35000", {"a": 100000}),
    ("a float", "a16161fb3fb999999999999a", {"a": Decimal("0.1")}),
    ("bytes that are no text", "a1616162c328", {"a": "\ufffd("}),
    ("an encoded half surrogate", "a1616163eda080", {"a": "\ufffd\ufffd\ufffd"}),
    ("of a key that stands twice the last", "a2616101616102", {"a": 2}),
    ("a date is its text, not a date", "a16161c06a323032362d30312d3031", {"a": "2026-01-01"}),
    ("a date in seconds", "a16161c11a514b67b0", {"a": "2013-03-21T20:04:00Z"}),
    ("a date in parts of seconds", "a16161c1fb41d452d9ec200000", {"a": "2013-03-21T20:04:00.5Z"}),
    ("any other tag is an object", "a16161d901028261616161", {"a": {"Tag": 258, "Data": None, "Value": ["a", "a"]}}),
    ("a float with an exponent", "a16161fb44b52d02c7e14af6", {"a": Decimal("1E+23")}),
]  # fmt: skip
REFUSED: list[tuple[str, str, str]] = [
    ("a number as a key", "a10102", "Unable to coerce key uint64 1 to a string"),
    ("a negative one", "a12002", "Unable to coerce key int64 -1 to a string"),
    ("deep inside", "a16161a10102", "Unable to coerce key uint64 1 to a string"),
    ("a truth as a key", "a1f502", "Unable to coerce key bool true to a string"),
    ("nothing as a key", "a1f602", "Unable to coerce key <nil> <nil> to a string"),
    ("a list as a key", "a1810102", "Unable to coerce key"),
    ("a huge number as a key", "a1c25907d0" + "ff" * 2000 + "01", "Unable to coerce key uint64 of 16000 bits"),
    ("a huge number", "a16161c25907d0" + "ff" * 2000, "an integer of 16000 bits is too large"),
    ("NaN", "a16161f97e00", "NaN"),
    ("infinity", "a16161f9fc00", "-Inf"),
    ("an unterminated map", "bf616101", ""),
    ("a key without a value", "6161", ""),
    ("a length that is not there", "a161615bffffffffffffffff", ""),
    ("a list longer than memory", "a161619bffffffffffffffff", ""),
    ("zeros behind open pairs", "636b65796576616c75650000", "Unable to coerce key uint64 0 to a string"),
    ("a simple value", "a16161e0", ""),
    ("a date that is a list", "a16161c180", "a time is neither a text nor seconds"),
    ("a date beyond all years", "a16161c11b7fffffffffffffff", "a time is neither a text nor seconds"),
    ("a date that is no number", "a16161c1f97e00", "a time is neither a text nor seconds"),
    ("nesting without end", "81" * 5000, ""),
    ("a stray break", "ff", ""),
]


@pytest.mark.parametrize(("raw", "value"), [row[1:] for row in READ], ids=[row[0] for row in READ])
def test_what_is_read(raw: str, value: Any) -> None:
    assert cbor.decode_map(bytes.fromhex(raw)) == value


@pytest.mark.parametrize(("raw", "text"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_refused(raw: str, text: str) -> None:
    with pytest.raises(CborError) as caught:
        cbor.decode_map(bytes.fromhex(raw))
    assert text in str(caught.value)
    assert len(str(caught.value)) < 300


def readable(raw: bytes) -> None:
    try:
        value = cbor.decode_map(raw)
    except CborError:
        return
    assert data.parse(data.encode(value)) == value, "what was accepted can be stored and read again"


@given(st.binary(max_size=200))
@example(bytes.fromhex("a16161d81c81d81d00"))
@example(bytes.fromhex("a16161d8236128"))
def test_any_bytes_become_data_that_can_be_stored_or_an_error(raw: bytes) -> None:
    readable(raw)


@given(st.integers(0, 99), st.integers(0, 255))
def test_so_do_the_bytes_of_a_real_request_with_one_of_them_wrong(place: int, value: int) -> None:
    raw = bytearray(cbor2.dumps({"get": "https://example.com/price", "path": ["USD", "last"], "times": 10**18}))
    raw[place % len(raw)] = value
    readable(bytes(raw))


@given(st.dictionaries(st.text(max_size=8), st.integers(-(2**256), 2**256) | st.text() | st.booleans() | st.none()))
def test_a_map_reads_as_itself_with_and_without_its_delimiters(value: dict[str, Any]) -> None:
    pairs = b"".join(cbor2.dumps(part) for pair in value.items() for part in pair)
    assert cbor.decode_map(cbor2.dumps(value)) == value
    assert cbor.decode_map(b"\xbf" + pairs + b"\xff") == value
    if value and pairs[0] >> 5 != 0b101:
        assert cbor.decode_map(pairs) == value


# Every tag to which the decoder gives a meaning of its own, and some to which it gives none.
@pytest.mark.parametrize(
    "tag", [4, 5, 21, 24, 25, 28, 29, 30, 32, 35, 36, 37, 100, 256, 258, 260, 261, 1004, 43000, 55799, 99999]
)
def test_a_tag_is_an_object_whatever_the_decoder_knows_about_it(tag: int) -> None:
    raw = cbor2.dumps({"a": cbor2.CBORTag(tag, [1, 2])})
    assert cbor.decode_map(raw) == {"a": {"Tag": tag, "Data": None, "Value": [1, 2]}}


def test_references_to_earlier_texts_do_not_multiply_them() -> None:
    raw = cbor2.dumps({"a": "x" * 10_000, "b": ["x" * 10_000] * 1000}, string_referencing=True)
    assert len(raw) < 20_000
    assert len(data.encode(cbor.decode_map(b"\xa1\x61a" + raw))) < 100_000
