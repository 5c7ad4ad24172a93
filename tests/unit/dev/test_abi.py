"""Calldata, held against an independent implementation."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode

from adyton.dev import abi
from adyton.domain import evm

ADDRESS = "0x" + "a1" * 20


@pytest.mark.parametrize(
    ("types", "values"),
    [
        (["uint256"], [5]),
        (["address", "bool"], [ADDRESS, True]),
        (["bytes32", "bytes4"], [b"\x01" * 32, b"\x02\x03\x04\x05"]),
        (["address", "uint256", "bytes"], [ADDRESS, 10**18, b""]),
        (["bytes", "uint256", "string"], [b"\x07" * 33, 1, "thirty-two characters of a string"]),
    ],
)
def test_arguments_are_encoded_as_eth_abi_does(types: list[str], values: list[abi.Argument]) -> None:
    assert abi.encode(types, values) == encode(types, values)


def test_a_call_starts_with_the_selector() -> None:
    assert abi.call("currentPrice()") == "0x9d1b464a"
    assert (
        abi.call("transfer(address,uint256)", ADDRESS, 1) == "0xa9059cbb" + encode(["address", "uint256"], [ADDRESS, 1]).hex()
    )


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(evm.WordOverflow):
        abi.call("f(uint256)", -1)


def test_a_missing_argument_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        abi.call("transfer(address,uint256)", ADDRESS)
