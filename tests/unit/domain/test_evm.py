"""Words, selectors and addresses, held against an independent library."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain import evm
from adyton.domain.evm import WordOverflow


@given(st.integers(0, 2**256 - 1))
def test_unsigned_words_are_those_of_the_abi(number: int) -> None:
    assert evm.unsigned_word(number) == encode(["uint256"], [number])


@given(st.integers(-(2**255), 2**255 - 1))
def test_signed_words_are_those_of_the_abi(number: int) -> None:
    assert evm.signed_word(number) == encode(["int256"], [number])


@given(st.binary(max_size=100))
def test_dynamic_bytes_are_those_of_the_abi_behind_its_offset(content: bytes) -> None:
    assert evm.unsigned_word(32) + evm.dynamic_bytes(content) == encode(["bytes"], [content])


@given(st.binary(min_size=20, max_size=20))
def test_the_checksum_is_that_of_eip_55(raw: bytes) -> None:
    address = "0x" + raw.hex()
    assert evm.checksum(address) == to_checksum_address(address)
    assert evm.parse_address(evm.checksum(address)) == address


@pytest.mark.parametrize("number", [-1, 2**256])
def test_a_number_outside_a_word_is_refused(number: int) -> None:
    with pytest.raises(WordOverflow):
        evm.unsigned_word(number)


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("0xb3f98adc", "b3f98adc"),
        ("0xb3f98ad", "0b3f98ad"),
        ("fulfillOracleRequest(bytes32,uint256,address,bytes4,uint256,bytes32)", "4ab0d190"),
        ("", "c5d24601"),
    ],
)
def test_a_selector_is_four_bytes_or_a_signature(text: str, selector: str) -> None:
    assert evm.selector(text).hex() == selector


@pytest.mark.parametrize("text", ["0x", "0xb3f98adc12", "0xzzzzzzzz", "0x+1234567"])
def test_a_selector_of_another_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Function ID must be 4 bytes in length"):
        evm.selector(text)


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("0x12zz", "12"),
        ("0X12", "12"),
        ("123", "0123"),
        ("hello", "00"),
        ("", "00"),
        ("0x1 2", "01"),
        ("0x22" + "11" * 32, "11" * 32),
    ],
)
def test_a_hash_is_read_as_far_as_it_is_hex(text: str, end: str) -> None:
    assert evm.lenient_hash(text) == bytes.fromhex(end).rjust(32, b"\0")


@pytest.mark.parametrize("text", ["", "0x", "0x12", "0x" + "g" * 40, "0x" + "é" * 40])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a valid Ethereum address"):
        evm.parse_address(text)
