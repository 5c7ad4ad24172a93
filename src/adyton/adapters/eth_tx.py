"""ethtx: the result is sent to a contract.

The adapter is pure. First it answers that it wants a transaction sent; when it is asked again, with the transaction, it says
what came of it. Nonces, prices and receipts are the transaction manager's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from adyton.adapters.base import Pure, TaskContext
from adyton.adapters.eth_tx_params import EthTxParams, known, read_params, senders
from adyton.adapters.result_collect import collected
from adyton.domain import abi, evm, numbers
from adyton.domain.chain import Address, Log, Receipt
from adyton.domain.data import with_result
from adyton.domain.numbers import Unencodable
from adyton.domain.requests import ANSWERS, MANY_WORDS
from adyton.domain.runs import Completed, Data, Errored, Outcome, RunStatus, Sends, Waits
from adyton.domain.transactions import Transaction, TransactionRequest, TransactionState

_MANY_WORDS = bytes.fromhex(MANY_WORDS[2:])
_ONE_WORD = frozenset(bytes.fromhex(selector[2:]) for selector in ANSWERS if selector != MANY_WORDS)

MakeRequest = Callable[[Data, Data], TransactionRequest]
"""Params and data become a transaction. Raises Invalid, Unencodable, AbiError."""

PREFORMATTED = "preformatted"
_VALUES_AT = 6 * evm.WORD
"""Where the values of ``abiEncoding`` stand: behind the five words of the log's prefix and this offset (as v0.9.7)."""


def request(params: Data, data: Data) -> TransactionRequest:
    """The transaction that carries the data's result. Raises Invalid, Unencodable, AbiError."""
    given = read_params(params)
    call = given.selector + given.prefix + _answer(given, data)
    return TransactionRequest(
        to=given.address,
        data="0x" + call.hex(),
        gas_limit=given.gas_limit,
        gas_price=given.gas_price,
        senders=given.senders,
        confirmations=given.confirmations,
    )


def pending_data(data: Data, transaction: Transaction) -> Data:
    """The data of a task whose transaction is under way: the result is the hash of its newest attempt, or of the mined one."""
    if transaction.receipt is not None:
        mined = transaction.receipt.transaction_hash
        return {**data, "result": mined, "latestOutgoingTxHash": mined}
    return with_result(data, transaction.attempts[-1].hash) if transaction.attempts else data


def receipt_json(receipt: Receipt) -> dict[str, object]:
    """A receipt as a run shows it."""
    return {
        "blockNumber": receipt.block_number,
        "logs": [log_json(entry) for entry in receipt.logs],
        "transactionHash": receipt.transaction_hash,
    }


def log_json(entry: Log) -> dict[str, object]:
    """A log as a run shows it: hex quantities, lower case."""
    return {
        "address": entry.address,
        "topics": list(entry.topics),
        "data": entry.data,
        "blockNumber": hex(entry.block_number),
        "transactionHash": entry.transaction_hash,
        "transactionIndex": hex(entry.transaction_index),
        "blockHash": entry.block_hash,
        "logIndex": hex(entry.log_index),
        "removed": entry.removed,
    }


def perform(make: MakeRequest, params: Data, data: Data, context: TaskContext) -> Outcome:
    """What a task that sends a transaction answers: that it wants it sent, or what came of it."""
    if context.transaction is not None:
        return outcome(data, context.transaction)
    if not context.connected:
        return Waits(RunStatus.PENDING_CONNECTION, data)
    try:
        return Sends(make(params, data), data)
    except (Unencodable, abi.AbiError) as fault:
        return Errored(str(fault), data)


def outcome(data: Data, transaction: Transaction) -> Outcome:
    """What a transaction means for its task. A transaction that reverted, or never can be mined, fails the task: v0.6.2 took
    the one for success (a DEFECT) and waited for ever for the other."""
    shown = pending_data(data, transaction)
    settled = transaction.state in (TransactionState.SAFE, TransactionState.FATAL_ERROR)
    if not settled:
        return Waits(RunStatus.PENDING_CONFIRMATIONS, data)
    if transaction.failure is not None:
        return Errored(transaction.failure, shown)
    assert transaction.receipt is not None, "a safe transaction has a receipt"
    earlier = data.get("ethereumReceipts")
    receipts = [*(earlier if isinstance(earlier, list) else ()), receipt_json(transaction.receipt)]
    return Completed({**shown, "ethereumReceipts": receipts})


def adapter_for(keys: Collection[Address] | None) -> Pure:
    """The adapter of a node with these keys: a task that is pinned to others is refused. None: it is not known which keys
    there are."""

    def check(params: Data) -> None:
        known(read_params(params).senders, keys)

    def asked(params: Data, data: Data, context: TaskContext) -> Outcome:
        if context.transaction is None:
            known(senders(params), keys)
        return perform(request, params, data, context)

    return Pure("ethtx", check, asked)


adapter = adapter_for(None)


# --- the value part of the call --------------------------------------------------------------------------------------


def _answer(given: EthTxParams, data: Data) -> bytes:
    """What follows the prefix: as the function that takes the answer wants it, so that one job serves both kinds."""
    if given.encoding is not None:
        if given.selector in _ONE_WORD:
            raise Unencodable(
                "the answer has several values: it must be asked for with data version 2, of an Operator contract"
            )
        return _values(given.encoding, given.prefix, data)
    if given.selector == _MANY_WORDS and len(given.prefix) >= evm.WORD and given.form != PREFORMATTED:
        return _one_of_many(given, data.get("result"))
    return _value(given, data.get("result"))


def _one_of_many(given: EthTxParams, result: object) -> bytes:
    """One value for a requester that can take several: its id and the value, as ``abiEncoding`` would write them. (v0.10 sent
    the bare value, which the contract refused: a DEFECT.)"""
    if given.form == "":
        value = _value(given, result)
    elif given.form == "bytes":
        value = evm.unsigned_word(2 * evm.WORD) + numbers.dynamic_value(result, given.form)
    else:
        value = numbers.dynamic_value(result, given.form)[evm.WORD :]
    return evm.unsigned_word(_VALUES_AT) + evm.dynamic_bytes(given.prefix[: evm.WORD] + value)


def _value(given: EthTxParams, result: object) -> bytes:
    """Without a format one word read from a text, as v0.6.2; else offset and dynamic value. Any prefix, however long, moves the
    offset by a word."""
    if given.form == "":
        return evm.lenient_hash(result) if isinstance(result, str) else bytes(evm.WORD)
    if given.form == PREFORMATTED:
        return (evm.unsigned_word(2 * evm.WORD) if given.prefix else b"") + numbers.preformatted(result)
    value = numbers.dynamic_value(result, given.form)
    return evm.unsigned_word(2 * evm.WORD if given.prefix else evm.WORD) + value


def _values(types: tuple[str, ...], prefix: bytes, data: Data) -> bytes:
    """The request's id and the collected results, by ``types`` (as v0.9.7)."""
    if len(prefix) < evm.WORD:
        raise Unencodable(
            f"abiEncoding needs the id of a request, the first 32 bytes of dataPrefix; it has {len(prefix)} bytes"
        )
    try:
        values = abi.encode_list(types, ["0x" + prefix[: evm.WORD].hex(), *collected(data)])
    except abi.AbiError as fault:
        raise Unencodable(f"insertEthTx failed while constructing EthTx data: {fault}") from None
    return evm.unsigned_word(_VALUES_AT) + evm.dynamic_bytes(values)
