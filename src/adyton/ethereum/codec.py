"""Ethereum's hex JSON <-> our values.

Strict about what a value needs (MalformedAnswer names the field), indifferent to keys that nobody asked for. What comes out
keeps the promises of ``domain.chain``: lower case, whole bytes, right lengths, heights that fit the database; so a hostile node
or log cannot surprise anyone further in.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from adyton.domain.chain import Address, BlockTransaction, Hash, Head, Hex, Log, LogFilter, Receipt
from adyton.domain.market import FeeHistory
from adyton.ethereum.errors import MalformedAnswer

T = TypeVar("T")

HEIGHT_LIMIT = 2**63
"""Heights, times and indexes are stored in 64 bits with a sign."""
WORD_LIMIT = 2**256


class RawHead(msgspec.Struct, rename="camel"):
    """A header as nodes send it. ``mixHash`` is there too, and is not the block's hash."""

    number: str
    hash: str
    parent_hash: str
    timestamp: str
    base_fee_per_gas: str | None = None


class RawLog(msgspec.Struct, rename="camel"):
    """A log as nodes send it."""

    address: str
    topics: list[str]
    data: str
    block_number: str
    block_hash: str
    transaction_hash: str
    transaction_index: str
    log_index: str
    removed: bool | None = None


class RawReceipt(msgspec.Struct, rename="camel"):
    """A receipt as nodes send it; a block of None means that it is not mined."""

    transaction_hash: str
    gas_used: str
    block_number: str | None = None
    block_hash: str | None = None
    status: str | None = None
    effective_gas_price: str | None = None
    logs: list[RawLog] = []


class RawTransaction(msgspec.Struct, rename="camel"):
    """A transaction inside a block, as nodes send it."""

    hash: str
    sender: str = msgspec.field(name="from")
    nonce: str
    value: str
    input: str
    to: str | None = None


class RawBody(msgspec.Struct):
    """A block, as far as its transactions are concerned."""

    transactions: list[RawTransaction]


class RawFeeHistory(msgspec.Struct, rename="camel"):
    """The answer to eth_feeHistory. ``base_fee_per_gas`` has one entry more than there are blocks: the next block's."""

    gas_used_ratio: list[float | None]
    base_fee_per_gas: list[str] | None = None
    reward: list[list[str]] | None = None


_raw_body = msgspec.json.Decoder(RawBody | None)
_raw_fee_history = msgspec.json.Decoder(RawFeeHistory)
_raw_head = msgspec.json.Decoder(RawHead | None)
_raw_logs = msgspec.json.Decoder(list[RawLog])
_raw_receipt = msgspec.json.Decoder(RawReceipt | None)
_text = msgspec.json.Decoder(str)
_chain_id = msgspec.json.Decoder(str | int)


# --- what comes in ---------------------------------------------------------------------------------------------------


def _read(what: str, decode: Callable[[bytes | msgspec.Raw], T], json: bytes | msgspec.Raw) -> T:
    try:
        return decode(json)
    except (ValueError, RecursionError) as error:
        raise MalformedAnswer(f"{what}: {error}") from None


def head(json: bytes | msgspec.Raw) -> Head | None:
    """A block or header; None for null (there is no such block). Raises MalformedAnswer."""
    return _read("Head", _head, json)


def logs(json: bytes | msgspec.Raw) -> list[Log]:
    """The logs of an ``eth_getLogs`` answer. Raises MalformedAnswer."""
    return _read("Log", lambda text: [_log(raw) for raw in _raw_logs.decode(text)], json)


def receipt(json: bytes | msgspec.Raw) -> Receipt | None:
    """A receipt; None if the transaction is unknown or not in a block yet. Raises MalformedAnswer."""
    return _read("Receipt", _receipt, json)


def block_transactions(json: bytes | msgspec.Raw) -> list[BlockTransaction] | None:
    """The transactions of a block that was asked for in full; None for null. Raises MalformedAnswer."""
    return _read("Block", _body, json)


def fee_history(json: bytes | msgspec.Raw) -> FeeHistory:
    """What blocks took. Raises MalformedAnswer."""
    return _read("FeeHistory", _fee_history, json)


def quantity(json: bytes | msgspec.Raw) -> int:
    """A number of at most 256 bits. Raises MalformedAnswer."""
    return _read("quantity", lambda text: _number("result", _text.decode(text), WORD_LIMIT), json)


def data(json: bytes | msgspec.Raw) -> Hex:
    """Bytes of any length. Raises MalformedAnswer."""
    return _read("data", lambda text: _bytes("result", _text.decode(text)), json)


def block_hash(json: bytes | msgspec.Raw) -> Hash:
    """A 32-byte hash. Raises MalformedAnswer."""
    return _read("hash", lambda text: _bytes("result", _text.decode(text), 32), json)


def chain_id(json: bytes | msgspec.Raw) -> int:
    """The chain's id, hex or decimal (as v0.6.2). Raises MalformedAnswer."""
    return _read("chain id", _chain_number, json)


def _chain_number(json: bytes | msgspec.Raw) -> int:
    value: str | int = _chain_id.decode(json)
    if isinstance(value, str):
        value = int(value) if value.isdecimal() else _number("result", value)
    if not 0 <= value < HEIGHT_LIMIT:
        raise ValueError(f"field `result` is not the id of a chain: {value}")
    return value


def _head(json: bytes | msgspec.Raw) -> Head | None:
    raw = _raw_head.decode(json)
    if raw is None:
        return None
    fee = raw.base_fee_per_gas
    return Head(
        number=_number("number", raw.number),
        hash=_bytes("hash", raw.hash, 32),
        parent_hash=_bytes("parentHash", raw.parent_hash, 32),
        timestamp=_number("timestamp", raw.timestamp),
        base_fee=None if fee is None else _number("baseFeePerGas", fee, WORD_LIMIT),
    )


def _log(raw: RawLog) -> Log:
    return Log(
        _bytes("address", raw.address, 20),
        tuple([_bytes("topics", topic, 32) for topic in raw.topics]),
        _bytes("data", raw.data),
        _number("blockNumber", raw.block_number),
        _bytes("blockHash", raw.block_hash, 32),
        _bytes("transactionHash", raw.transaction_hash, 32),
        _number("transactionIndex", raw.transaction_index),
        _number("logIndex", raw.log_index),
        raw.removed is True,
    )


def _receipt(json: bytes | msgspec.Raw) -> Receipt | None:
    raw = _raw_receipt.decode(json)
    if raw is None or raw.block_number is None:
        return None
    if raw.block_hash is None:
        raise ValueError("missing required field `blockHash`")
    price = raw.effective_gas_price
    return Receipt(
        transaction_hash=_bytes("transactionHash", raw.transaction_hash, 32),
        block_number=_number("blockNumber", raw.block_number),
        block_hash=_bytes("blockHash", raw.block_hash, 32),
        status=1 if raw.status is None else _number("status", raw.status),
        gas_used=_number("gasUsed", raw.gas_used),
        effective_gas_price=None if price is None else _number("effectiveGasPrice", price, WORD_LIMIT),
        logs=tuple(_log(log) for log in raw.logs),
    )


def _body(json: bytes | msgspec.Raw) -> list[BlockTransaction] | None:
    raw = _raw_body.decode(json)
    return None if raw is None else [_transaction(each) for each in raw.transactions]


def _transaction(raw: RawTransaction) -> BlockTransaction:
    return BlockTransaction(
        hash=_bytes("hash", raw.hash, 32),
        sender=_bytes("from", raw.sender, 20),
        to=None if raw.to is None else _bytes("to", raw.to, 20),
        nonce=_number("nonce", raw.nonce, 2**64),
        value=_number("value", raw.value, WORD_LIMIT),
        data=_bytes("input", raw.input),
    )


def _fee_history(json: bytes | msgspec.Raw) -> FeeHistory:
    raw = _raw_fee_history.decode(json)
    blocks = len(raw.gas_used_ratio)
    tips = raw.reward or [[] for _ in range(blocks)]
    base_fees = (raw.base_fee_per_gas or ["0x0"] * blocks)[:blocks]
    if not len(tips) == len(base_fees) == blocks:
        raise ValueError(f"{blocks} blocks, {len(base_fees)} base fees and {len(tips)} lists of tips")
    return FeeHistory(
        base_fees=tuple([_number("baseFeePerGas", fee, WORD_LIMIT) for fee in base_fees]),
        gas_used=tuple([used or 0.0 for used in raw.gas_used_ratio]),
        tips=tuple([tuple([_number("reward", tip, WORD_LIMIT) for tip in block]) for block in tips]),
    )


def _number(field: str, text: str, limit: int = HEIGHT_LIMIT) -> int:
    try:
        number = int(text, 16) if text[:2] == "0x" and "_" not in text else -1
    except ValueError:
        number = -1
    if not 0 <= number < limit:
        raise ValueError(f"field `{field}` is not a hex quantity below 2^{limit.bit_length() - 1}: {text[:80]!r}")
    return number


def _bytes(field: str, text: str, length: int | None = None) -> Hex:
    try:
        found = len(unhexlify(text[2:]))
    except ValueError:
        found = -1
    if text[:2] != "0x" or found < 0 or (length is not None and found != length):
        wanted = "whole hex bytes" if length is None else f"{length} hex bytes"
        raise ValueError(f"field `{field}` is not 0x and {wanted}: {text[:80]!r}")
    return text.lower()


# --- what goes out ---------------------------------------------------------------------------------------------------


def block(tag: str | int) -> str:
    """A block parameter: a height as a quantity, or a tag (``latest``, ``pending``, ``safe``, ``finalized``) as it is."""
    return tag if isinstance(tag, str) else hex(tag)


def log_filter(wanted: LogFilter, first: int, last: int) -> dict[str, object]:
    """The parameter of ``eth_getLogs`` for a range of heights, both ends included."""
    return _filter(wanted) | {"fromBlock": hex(first), "toBlock": hex(last)}


def block_filter(wanted: LogFilter, block_hash: Hash) -> dict[str, object]:
    """The parameter of ``eth_getLogs`` for one block."""
    return _filter(wanted) | {"blockHash": block_hash}


def _filter(wanted: LogFilter) -> dict[str, object]:
    shown: dict[str, object] = {}
    if wanted.addresses:
        shown["address"] = list(wanted.addresses)
    if wanted.topics:
        shown["topics"] = [list(alternatives) or None for alternatives in wanted.topics]
    return shown


def message(
    *,
    to: Address | None,
    data: Hex = "0x",
    sender: Address | None = None,
    value: int = 0,
    gas: int | None = None,
) -> dict[str, Any]:
    """The parameter of ``eth_call`` and ``eth_estimateGas``; what is not set is left to the node."""
    shown: dict[str, Any] = {"data": data}
    if to is not None:
        shown["to"] = to
    if sender is not None:
        shown["from"] = sender
    if value:
        shown["value"] = hex(value)
    if gas is not None:
        shown["gas"] = hex(gas)
    return shown
