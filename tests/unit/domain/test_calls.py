"""What the data of transactions says."""

from __future__ import annotations

import pytest

from adyton.dev import abi
from adyton.domain.calls import Argument, read_call
from adyton.domain.requests import ANSWERS
from support.builders import ORACLE, number_hash

TO = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
ID = bytes.fromhex(number_hash(7)[2:])


def test_an_answer_is_read() -> None:
    signature = "fulfillOracleRequest(bytes32,uint256,address,bytes4,uint256,bytes32)"
    data = abi.call(signature, ID, 10**18, TO, b"\1\2\3\4", 1_600_000_000, (192345).to_bytes(32))
    found = read_call(data)
    assert found is not None
    assert found.function == signature
    assert found.arguments == (
        Argument("requestId", "bytes32", number_hash(7)),
        Argument("payment", "uint256", "1000000000000000000"),
        Argument("callback", "address", TO),
        Argument("callbackFunction", "bytes4", "0x01020304"),
        Argument("expiration", "uint256", "1600000000"),
        Argument("data", "bytes32", f"0x{192345:064x}"),
    )


def test_an_answer_of_many_words_is_read() -> None:
    signature = "fulfillOracleRequest2(bytes32,uint256,address,bytes4,uint256,bytes)"
    data = abi.call(signature, ID, 1, TO, b"\1\2\3\4", 5, b"as long as it likes, more than a word of it")
    found = read_call(data)
    assert found is not None
    assert found.arguments[-1].value == "0x" + b"as long as it likes, more than a word of it".hex()


def test_a_withdrawal_and_a_negative_number_are_read() -> None:
    found = read_call(abi.call("withdraw(address,uint256)", TO, 5))
    assert found is not None
    assert [each.value for each in found.arguments] == [TO, "5"]
    submitted = read_call("0x202ee0ed" + f"{3:064x}" + "f" * 64)
    assert submitted is not None
    assert [each.value for each in submitted.arguments] == ["3", "-1"]


@pytest.mark.parametrize("selector", sorted(ANSWERS - {"0xeea57e70"}))
def test_functions_that_answer_are_known(selector: str) -> None:
    found = read_call(selector)
    assert found is not None
    assert (found.function.startswith("fulfill"), found.arguments) == (True, ())


@pytest.mark.parametrize(
    "data", ["0x", "", "0x12", "0x12345678" + "00" * 64, "0xf3fef3a3" + "00" * 63, "0x6ae0bc76" + "ff" * 192, ORACLE]
)
def test_what_is_unknown_or_cut_off_has_no_arguments(data: str) -> None:
    found = read_call(data)
    assert found is None or found.arguments == ()
