"""Balances in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
import pytest

from adyton.ethereum.connection import Call
from adyton.ethereum.errors import MalformedAnswer, RpcError
from adyton.ethereum.holdings import HoldingsReader
from adyton.ethereum.rpc import RpcClient

A, B, TOKEN = "0x" + "0a" * 20, "0x" + "0b" * 20, "0x" + "14" * 20


class Wire:
    """Answers batches with what the test says, and remembers what was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = answers
        self.asked: list[Call] = []

    async def batch_raw(self, calls: Sequence[Call]) -> list[Any]:
        self.asked += calls
        return [each if isinstance(each, RpcError) else msgspec.Raw(msgspec.json.encode(each)) for each in self.answers]


def reader(wire: Wire) -> HoldingsReader:
    return HoldingsReader(cast("RpcClient", wire))


async def test_ether_and_link_are_asked_for_in_one_batch() -> None:
    wire = Wire("0x5", f"0x{6:064x}", f"0x{7:064x}")
    assert await reader(wire).read([A], token=TOKEN, holders=[A, B]) == ([5], [6, 7])
    assert wire.asked == [
        ("eth_getBalance", (A, "latest")),
        ("eth_call", ({"to": TOKEN, "data": f"0x70a08231{A[2:]:0>64}"}, "latest")),
        ("eth_call", ({"to": TOKEN, "data": f"0x70a08231{B[2:]:0>64}"}, "latest")),
    ]


async def test_what_is_not_told_is_none() -> None:
    wire = Wire(RpcError(-32000, "no"), "0x5", RpcError(3, "reverted"), "0x")
    assert await reader(wire).read([A, B], token=TOKEN, holders=[A, B]) == ([None, 5], [None, None])


async def test_without_a_token_nobody_is_asked_for_any() -> None:
    wire = Wire("0x5")
    assert await reader(wire).read([A], token=None, holders=[A, B]) == ([5], [None, None])
    assert len(wire.asked) == 1
    assert await reader(Wire()).read([], token=None, holders=[]) == ([], [])


async def test_nonsense_is_nonsense() -> None:
    with pytest.raises(MalformedAnswer):
        await reader(Wire("five")).read([A], token=None, holders=[])
