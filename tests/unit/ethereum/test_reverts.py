"""Why a contract refused."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from adyton.ethereum.errors import RpcError
from adyton.ethereum.reverts import LONGEST, revert_data, revert_reason, revert_text


def error_string(reason: str) -> str:
    return "0x08c379a0" + encode(["string"], [reason]).hex()


def panic(code: int) -> str:
    return "0x4e487b71" + encode(["uint256"], [code]).hex()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (error_string("Must have a valid requestId"), "Must have a valid requestId"),
        (error_string(""), ""),
        (error_string("Ωhm"), "Ωhm"),
        (error_string("a\x00b\nc"), "a�b�c"),
        (panic(0x11), "panic 0x11: arithmetic overflow or underflow"),
        (panic(0x99), "panic 0x99: unknown"),
        (panic(2**255), f"panic 0x{2**255:x}"),
        ("0xdeadbeef", "custom error 0xdeadbeef"),
        ("0xdeadbeef" + "00" * 32, "custom error 0xdeadbeef with data 0x" + "00" * 32),
        ("0x1234", "0x1234"),
        ("0x", ""),
        ("", ""),
        ("0xnothex", "0xnothex"),
        ("0x08c379a0", "custom error 0x08c379a0"),
        ("0x08c379a0" + "ff" * 64, "custom error 0x08c379a0 with data 0x" + "ff" * 64),
        ("0x4e487b71" + "00" * 31, "0x4e487b71" + "00" * 31),
    ],
)
def test_the_bytes_of_a_revert_become_words(data: str, reason: str) -> None:
    assert revert_reason(data) == reason


def test_a_long_reason_is_cut() -> None:
    assert revert_reason(error_string("x" * 10_000)) == "x" * LONGEST


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reading(body: bytes) -> None:
    for start in ("", "08c379a0", "4e487b71"):
        assert len(revert_reason("0x" + start + body.hex())) <= LONGEST


@given(st.text(st.characters(categories=["L", "N", "P"]), max_size=LONGEST))
def test_every_printable_reason_comes_through(reason: str) -> None:
    assert revert_reason(error_string(reason)) == reason


NO = error_string("no")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (NO, NO),
        (NO.upper().replace("0X", "0x"), NO),
        ("Reverted " + NO, NO),
        ("Reverted 0x", "0x"),
        ({"data": NO, "message": "reverted", "txHash": "0x" + "ab" * 32}, NO),
        ({"0x" + "ab" * 32: {"error": "revert", "return": NO}, "stack": "trace"}, NO),
        ({"originalError": {"data": NO}}, NO),
        ({"result": NO}, NO),
        ("nonce too low", None),
        ("see 0x12 for more", None),
        (None, None),
        (17, None),
        ([], None),
        ({"data": {"data": {"data": {"data": {"data": NO}}}}}, None),
    ],
)
def test_the_bytes_are_found_where_each_node_puts_them(data: Any, found: str | None) -> None:
    assert revert_data(RpcError(3, "execution reverted", data)) == found


def test_without_a_reason_the_nodes_own_words_are_used() -> None:
    assert revert_text(RpcError(3, "execution reverted: no", NO)) == "no"
    assert revert_text(RpcError(3, "execution reverted", "0x")) == "execution reverted"
    assert revert_text(RpcError(-32000, "insufficient funds")) == "insufficient funds"
