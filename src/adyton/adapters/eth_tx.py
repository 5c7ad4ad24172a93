"""ethtx: the result is sent to a contract.

The adapter is pure. First it answers that it wants a transaction sent; when it is asked again, with the transaction, it says
what came of it. Nonces, prices and receipts are the transaction manager's.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal

import msgspec

from adyton.adapters.base import Pure, TaskContext
from adyton.adapters.params import field, present, read, shown
from adyton.domain import evm, numbers
from adyton.domain.chain import ZERO_ADDRESS, Address, Log, Receipt
from adyton.domain.data import as_text, with_result
from adyton.domain.errors import Invalid
from adyton.domain.numbers import Unencodable, short
from adyton.domain.runs import Completed, Data, Errored, Outcome, RunStatus, Sends, Waits
from adyton.domain.transactions import Transaction, TransactionRequest, TransactionState

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_BYTES = re.compile(r"0x([0-9a-fA-F]{2})*", re.ASCII)
_BIG = re.compile(r"(0|[1-9]\d{0,77})|0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})", re.ASCII)
_GAS_LIMIT = 1 << 63
_PRICE_LIMIT = 1 << 256


class EthTxParams(msgspec.Struct, frozen=True, kw_only=True):
    """Where the answer goes and in which form. ``gas_price`` (wei) and ``gas_limit`` of None are the node's own; ``senders``
    are the keys that may send it, empty: any."""

    address: Address
    selector: bytes
    prefix: bytes
    form: str
    gas_price: int | None
    gas_limit: int | None
    senders: tuple[Address, ...]


def read_params(params: Data) -> EthTxParams:
    """The params of an ethtx task. Raises Invalid, naming the param."""
    return EthTxParams(
        address=_address(params),
        selector=read("functionSelector", lambda: _selector(params)),
        prefix=_prefix(params),
        form=_form(params),
        gas_price=_gas_price(params),
        gas_limit=_gas_limit(params),
        senders=_senders(params),
    )


def request(params: Data, data: Data) -> TransactionRequest:
    """The transaction that carries the data's result. Raises Invalid, Unencodable."""
    given = read_params(params)
    call = given.selector + given.prefix + _value(given, data.get("result"))
    return TransactionRequest(
        to=given.address,
        data="0x" + call.hex(),
        gas_limit=given.gas_limit,
        gas_price=given.gas_price,
        senders=given.senders,
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


def _perform(params: Data, data: Data, context: TaskContext) -> Outcome:
    if context.transaction is not None:
        return outcome(data, context.transaction)
    if not context.connected:
        return Waits(RunStatus.PENDING_CONNECTION, data)
    try:
        return Sends(request(params, data), data)
    except Unencodable as fault:
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
        _known(read_params(params).senders, keys)

    def perform(params: Data, data: Data, context: TaskContext) -> Outcome:
        if context.transaction is None:
            _known(_senders(params), keys)
        return _perform(params, data, context)

    return Pure("ethtx", check, perform)


adapter = adapter_for(None)


# --- params ----------------------------------------------------------------------------------------------------------


def _address(params: Data) -> Address:
    if not present(params, "address"):
        return ZERO_ADDRESS
    value = field(params, "address")
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        return value.lower()
    raise Invalid(f"address must be 0x and 40 hex digits, not {shown(value)}")


def _selector(params: Data) -> bytes:
    if not present(params, "functionSelector"):
        return bytes(4)
    value = field(params, "functionSelector")
    if value is None or isinstance(value, str):
        return evm.selector(value or "")
    raise ValueError(f"must be a text, not {shown(value)}")


def _prefix(params: Data) -> bytes:
    if not present(params, "dataPrefix"):
        return b""
    value = field(params, "dataPrefix")
    if isinstance(value, str) and _BYTES.fullmatch(value):
        return bytes.fromhex(value[2:])
    raise Invalid(f"dataPrefix must be 0x and an even number of hex digits, not {shown(value)}")


def _form(params: Data) -> str:
    value = field(params, "format")
    if value is None or isinstance(value, str):
        return value or ""
    raise Invalid(f"format must be a text, not {shown(value)}")


def _gas_price(params: Data) -> int | None:
    value = field(params, "gasPrice")
    if value is None:
        return None
    text = as_text(value).strip("'") if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else ""
    if not _BIG.fullmatch(text) or int(text, 0) >= _PRICE_LIMIT:
        raise Invalid(f"gasPrice: Unable to convert {short(as_text(value))} to Big")
    return int(text, 0)


def _gas_limit(params: Data) -> int | None:
    value = field(params, "gasLimit")
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _GAS_LIMIT:
        return value or None
    raise Invalid(f"gasLimit must be a whole number of gas, not {shown(value)}")


def _senders(params: Data) -> tuple[Address, ...]:
    """``fromAddresses`` (a list, as v0.10) or ``fromAddress`` (one); null and an empty list leave the choice to the node."""
    several, one = field(params, "fromAddresses"), field(params, "fromAddress")
    if several is not None and one is not None:
        raise Invalid("fromAddresses and fromAddress mean the same; give one of them")
    if one is not None:
        return (_sender("fromAddress", one),)
    if several is None:
        return ()
    if not isinstance(several, list):
        raise Invalid(f"fromAddresses must be a list of addresses, not {shown(several)}")
    return tuple(dict.fromkeys(_sender("fromAddresses", each) for each in several))


def _sender(name: str, value: object) -> Address:
    if isinstance(value, str) and _ADDRESS.fullmatch(value):
        return value.lower()
    raise Invalid(f"{name}: an address is 0x and 40 hex digits, not {shown(value)}")


def _known(senders: Collection[Address], keys: Collection[Address] | None) -> None:
    strangers = [] if keys is None else [evm.checksum(sender) for sender in senders if sender not in keys]
    if strangers:
        ours = ", ".join(evm.checksum(key) for key in keys or ()) or "it has none"
        raise Invalid(f"fromAddresses: {', '.join(strangers)} is no key of this node; its keys: {ours}")


def _value(given: EthTxParams, result: object) -> bytes:
    """The value part of the call: without a format one word read from a text, as v0.6.2; else offset and dynamic value. Any
    prefix, however long, moves the offset by a word."""
    if given.form == "":
        return evm.lenient_hash(result) if isinstance(result, str) else bytes(evm.WORD)
    value = numbers.dynamic_value(result, given.form)
    return evm.unsigned_word(2 * evm.WORD if given.prefix else evm.WORD) + value
