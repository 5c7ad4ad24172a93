"""Blocks, transactions, receipts and logs in the JSON forms of an Ethereum node, and the filters that it is asked with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adyton.sim.blocks import Block, MinedLog
from adyton.sim.contracts import Outcome
from adyton.sim.mempool import BLOCK_GAS
from adyton.sim.rlp import SimTransaction, hexed

ZERO_HASH = "0x" + "00" * 32


def header(block: Block) -> dict[str, Any]:
    """A block's header, as ``newHeads`` gives it."""
    shown = {
        "number": hex(block.number),
        "hash": block.hash,
        "parentHash": block.parent_hash,
        "timestamp": hex(block.timestamp),
        "gasLimit": hex(BLOCK_GAS),
        "gasUsed": hex(block.gas_used),
        "miner": "0x" + "00" * 20,
        "difficulty": "0x0",
        "extraData": "0x",
        "logsBloom": "0x" + "ff" * 256,
        # Not the block's hash, whatever v0.6.2 thought.
        "mixHash": "0x" + "4d" * 32,
        "nonce": "0x0000000000000000",
        "stateRoot": ZERO_HASH,
        "receiptsRoot": ZERO_HASH,
        "transactionsRoot": ZERO_HASH,
        "sha3Uncles": ZERO_HASH,
    }
    return shown if block.base_fee is None else shown | {"baseFeePerGas": hex(block.base_fee)}


def full_block(block: Block, *, details: bool) -> dict[str, Any]:
    """A block with its transactions: hashes, or everything with ``details``."""
    transactions = [transaction_json(each, block) if details else each.hash for each in block.transactions]
    return header(block) | {"transactions": transactions, "uncles": [], "size": "0x400"}


def log_json(log: MinedLog, block: Block, *, removed: bool = False) -> dict[str, Any]:
    """A log."""
    return {
        "address": log.emitted.address,
        "topics": list(log.emitted.topics),
        "data": hexed(log.emitted.data),
        "blockNumber": hex(block.number),
        "blockHash": block.hash,
        "transactionHash": log.transaction.hash,
        "transactionIndex": hex(log.transaction_index),
        "logIndex": hex(log.index),
        "removed": removed,
    }


def transaction_json(transaction: SimTransaction, block: Block | None) -> dict[str, Any]:
    """A transaction, waiting (no block) or mined."""
    place: dict[str, Any] = {"blockHash": None, "blockNumber": None, "transactionIndex": None}
    if block is not None:
        index = block.transactions.index(transaction)
        place = {"blockHash": block.hash, "blockNumber": hex(block.number), "transactionIndex": hex(index)}
    price = transaction.price(block.base_fee or 0) if block is not None else transaction.fee_cap
    return place | _prices(transaction, price) | _content(transaction)


def _content(transaction: SimTransaction) -> dict[str, Any]:
    return {
        "hash": transaction.hash,
        "from": transaction.sender,
        "to": transaction.to,
        "nonce": hex(transaction.nonce),
        "value": hex(transaction.value),
        "gas": hex(transaction.gas),
        "input": hexed(transaction.data),
    }


def _prices(transaction: SimTransaction, price: int) -> dict[str, Any]:
    if transaction.gas_price is not None:
        return {"type": "0x0", "gasPrice": hex(price)}
    caps = {"maxFeePerGas": hex(transaction.fee_cap), "maxPriorityFeePerGas": hex(transaction.tip_cap)}
    return {"type": "0x2", "gasPrice": hex(price)} | caps


def receipt_json(block: Block, index: int) -> dict[str, Any]:
    """The receipt of a block's transaction."""
    transaction, outcome = block.transactions[index], block.outcomes[index]
    before: tuple[Outcome, ...] = block.outcomes[: index + 1]
    logs = [log for log in block.logs if log.transaction_index == index]
    return {
        "transactionHash": transaction.hash,
        "transactionIndex": hex(index),
        "blockHash": block.hash,
        "blockNumber": hex(block.number),
        "from": transaction.sender,
        "to": transaction.to,
        "contractAddress": None,
        "status": hex(outcome.status),
        "gasUsed": hex(outcome.gas_used),
        "cumulativeGasUsed": hex(sum(each.gas_used for each in before)),
        "effectiveGasPrice": hex(transaction.price(block.base_fee or 0)),
        "logs": [log_json(log, block) for log in logs],
        "logsBloom": "0x" + "00" * 256,
        "type": "0x0" if transaction.gas_price is not None else "0x2",
    }


def matching(block: Block, wanted: dict[str, Any]) -> Iterator[MinedLog]:
    """A block's logs that fit a filter object."""
    address = wanted.get("address")
    addresses = [address] if isinstance(address, str) else address or []
    lowered = [each.lower() for each in addresses]
    for log in block.logs:
        if lowered and log.emitted.address not in lowered:
            continue
        if _fits(log.emitted.topics, wanted.get("topics") or []):
            yield log


def _fits(topics: tuple[str, ...], wanted: list[Any]) -> bool:
    if len(wanted) > len(topics):
        return False
    for topic, choice in zip(topics, wanted, strict=False):
        choices = [choice] if isinstance(choice, str) else choice or []
        if choices and topic not in [each.lower() for each in choices]:
            return False
    return True
