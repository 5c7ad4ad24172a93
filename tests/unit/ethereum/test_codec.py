"""Ethereum's JSON and our values."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.chain import Head, Log, LogFilter, Receipt
from adyton.domain.errors import TryAgain
from adyton.ethereum import codec
from adyton.ethereum.errors import MalformedAnswer

ADDRESS = "0x" + "aB" * 20
TOPIC = "0x" + "Cd" * 32
BLOCK = "0x" + "11" * 32
TRANSACTION = "0x" + "22" * 32

LOG: dict[str, Any] = {
    "address": ADDRESS,
    "topics": [TOPIC, TOPIC],
    "data": "0xDEAD",
    "blockNumber": "0x10",
    "blockHash": BLOCK,
    "transactionHash": TRANSACTION,
    "transactionIndex": "0x1",
    "logIndex": "0x2",
    "removed": False,
    "blockTimestamp": "0x5",
}
WANTED_LOG = Log(ADDRESS.lower(), (TOPIC.lower(), TOPIC.lower()), "0xdead", 16, BLOCK, TRANSACTION, 1, 2)
HEAD: dict[str, Any] = {
    "number": "0x10",
    "hash": BLOCK,
    "parentHash": TRANSACTION,
    "timestamp": "0x5e0be100",
    "mixHash": "0x" + "33" * 32,
    "baseFeePerGas": "0x3b9aca00",
}
RECEIPT: dict[str, Any] = {
    "transactionHash": TRANSACTION,
    "blockNumber": "0x10",
    "blockHash": BLOCK,
    "status": "0x0",
    "gasUsed": "0x5208",
    "effectiveGasPrice": "0x3b9aca07",
    "logs": [LOG],
    "logsBloom": "0x00",
    "contractAddress": None,
}
LEAVE_OUT = object()


def changed(base: dict[str, Any], field: str, value: object) -> bytes:
    """The JSON of ``base`` with one field replaced or left out."""
    rest = {key: item for key, item in base.items() if key != field}
    return json.dumps(rest if value is LEAVE_OUT else rest | {field: value}).encode()


def text(value: object) -> bytes:
    return json.dumps(value).encode()


# --- heads -----------------------------------------------------------------------------------------------------------


def test_a_head_is_known_by_its_block_hash_and_not_by_its_mix_digest() -> None:
    assert codec.head(text(HEAD)) == Head(16, BLOCK, TRANSACTION, 0x5E0BE100, 10**9)


@pytest.mark.parametrize("value", [LEAVE_OUT, None])
def test_a_chain_without_base_fees_has_none(value: object) -> None:
    head = codec.head(changed(HEAD, "baseFeePerGas", value))
    assert head is not None
    assert head.base_fee is None


def test_null_is_no_head_and_no_receipt() -> None:
    assert codec.head(b"null") is None
    assert codec.receipt(b"null") is None


@pytest.mark.parametrize("field", ["number", "hash", "parentHash", "timestamp"])
@pytest.mark.parametrize("value", [LEAVE_OUT, None, 5, "", "0x", "0xzz", "12", "0x-1", "0x1_0", "0x" + "1" * 80, "0x 1"])
def test_a_head_with_a_wrong_field_is_refused_by_the_fields_name(field: str, value: object) -> None:
    with pytest.raises(MalformedAnswer, match=f"Head: .*{field}"):
        codec.head(changed(HEAD, field, value))


# --- logs ------------------------------------------------------------------------------------------------------------


def test_a_log_is_lower_case_and_unknown_keys_do_not_matter() -> None:
    assert codec.logs(text([LOG, LOG])) == [WANTED_LOG, WANTED_LOG]
    assert codec.logs(b"[]") == []


@pytest.mark.parametrize(("value", "removed"), [(True, True), (False, False), (None, False), (LEAVE_OUT, False)])
def test_a_log_may_say_that_it_was_removed(value: object, removed: bool) -> None:
    assert codec.logs(b"[" + changed(LOG, "removed", value) + b"]")[0].removed is removed


def test_a_log_without_topics_and_without_data_is_a_log() -> None:
    bare = codec.logs(text([LOG | {"topics": [], "data": "0x"}]))[0]
    assert (bare.topics, bare.data) == ((), "0x")


@pytest.mark.parametrize(
    "field", ["address", "topics", "data", "blockNumber", "blockHash", "transactionHash", "transactionIndex", "logIndex"]
)
@pytest.mark.parametrize("value", [LEAVE_OUT, None])
def test_a_log_that_lacks_a_field_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(MalformedAnswer, match=rf"Log: .*{field}"):
        codec.logs(b"[" + changed(LOG, field, value) + b"]")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("address", "0x" + "ab" * 19),
        ("address", "ab" * 20),
        ("topics", ["0x" + "ab" * 31]),
        ("topics", [None]),
        ("data", "0xabc"),
        ("data", "0x 11"),
        ("data", "0xzz"),
        ("data", "0xé0"),
        ("blockNumber", hex(2**63)),
        ("blockHash", "0x11"),
        ("logIndex", 2),
    ],
)
def test_a_log_that_could_surprise_what_reads_it_is_refused(field: str, value: object) -> None:
    with pytest.raises(MalformedAnswer, match=field):
        codec.logs(b"[" + changed(LOG, field, value) + b"]")


@given(
    st.builds(
        Log,
        address=st.binary(min_size=20, max_size=20).map(lambda b: "0x" + b.hex()),
        topics=st.lists(st.binary(min_size=32, max_size=32).map(lambda b: "0x" + b.hex()), max_size=4).map(tuple),
        data=st.binary(max_size=100).map(lambda b: "0x" + b.hex()),
        block_number=st.integers(0, 2**63 - 1),
        block_hash=st.binary(min_size=32, max_size=32).map(lambda b: "0x" + b.hex()),
        transaction_hash=st.binary(min_size=32, max_size=32).map(lambda b: "0x" + b.hex()),
        transaction_index=st.integers(0, 2**63 - 1),
        log_index=st.integers(0, 2**63 - 1),
        removed=st.booleans(),
    )
)
def test_every_log_comes_through_as_it_is(log: Log) -> None:
    shown = {
        "address": log.address,
        "topics": list(log.topics),
        "data": log.data.upper().replace("X", "x"),
        "blockNumber": hex(log.block_number),
        "blockHash": log.block_hash,
        "transactionHash": log.transaction_hash,
        "transactionIndex": hex(log.transaction_index),
        "logIndex": hex(log.log_index),
        "removed": log.removed,
    }
    assert codec.logs(text([shown])) == [log]


# --- receipts --------------------------------------------------------------------------------------------------------


def test_a_receipt_has_its_outcome_price_and_logs() -> None:
    assert codec.receipt(text(RECEIPT)) == Receipt(TRANSACTION, 16, BLOCK, 0, 21000, 10**9 + 7, (WANTED_LOG,))


def test_a_receipt_older_than_the_status_field_counts_as_success() -> None:
    old = codec.receipt(text({key: value for key, value in RECEIPT.items() if key not in {"status", "effectiveGasPrice"}}))
    assert old is not None
    assert (old.status, old.effective_gas_price) == (1, None)


@pytest.mark.parametrize("value", [None, LEAVE_OUT])
def test_a_receipt_without_a_block_is_not_mined(value: object) -> None:
    assert codec.receipt(changed(RECEIPT, "blockNumber", value)) is None


@pytest.mark.parametrize("field", ["transactionHash", "blockHash", "gasUsed"])
def test_a_receipt_that_lacks_a_field_is_refused_by_its_name(field: str) -> None:
    with pytest.raises(MalformedAnswer, match=rf"Receipt: .*{field}"):
        codec.receipt(changed(RECEIPT, field, LEAVE_OUT))


# --- single values ---------------------------------------------------------------------------------------------------


def test_single_values_are_exact() -> None:
    assert codec.quantity(b'"0x0"') == 0
    assert codec.quantity(text(hex(2**256 - 1))) == 2**256 - 1
    assert codec.data(b'"0x"') == "0x"
    assert codec.data(b'"0xAB"') == "0xab"
    assert codec.block_hash(text(TOPIC)) == TOPIC.lower()
    assert codec.chain_id(b'"0x1"') == codec.chain_id(b'"1"') == codec.chain_id(b"1") == 1


@pytest.mark.parametrize("read", [codec.quantity, codec.data, codec.block_hash, codec.chain_id, codec.logs])
@pytest.mark.parametrize("answer", [b"null", b"{}", b'"no"', b"true", b"", b"{", b"[" * 50_000, b'"0x' + b"1" * 67 + b'"'])
def test_a_wrong_value_is_refused_and_worth_another_try(read: Callable[[bytes], object], answer: bytes) -> None:
    with pytest.raises(TryAgain):
        read(answer)
    with pytest.raises(ValueError, match=":"):
        read(answer)


# --- what goes out ---------------------------------------------------------------------------------------------------


def test_a_filter_names_what_is_wanted_and_nothing_else() -> None:
    assert codec.log_filter(LogFilter(), 5, 255) == {"fromBlock": "0x5", "toBlock": "0xff"}
    wanted = LogFilter((ADDRESS,), (("0x1", "0x2"), (), ("0x3",)))
    assert codec.block_filter(wanted, BLOCK) == {
        "address": [ADDRESS],
        "topics": [["0x1", "0x2"], None, ["0x3"]],
        "blockHash": BLOCK,
    }


def test_a_message_says_only_what_is_set() -> None:
    assert codec.message(to=None) == {"data": "0x"}
    assert codec.message(to="0x1", data="0x2", sender="0x3", value=4, gas=5) == {
        "to": "0x1",
        "data": "0x2",
        "from": "0x3",
        "value": "0x4",
        "gas": "0x5",
    }


@pytest.mark.parametrize(("tag", "shown"), [("latest", "latest"), ("finalized", "finalized"), (0, "0x0"), (255, "0xff")])
def test_a_block_is_a_tag_or_a_quantity(tag: str | int, shown: str) -> None:
    assert codec.block(tag) == shown
