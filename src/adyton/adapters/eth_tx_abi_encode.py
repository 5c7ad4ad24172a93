"""ethtxabiencode: the members of the result are the arguments of a function of a contract, encoded by its ABI.

As v0.6.9 to v0.9.2. Sending and waiting are those of ethtx.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import msgspec

from adyton.adapters import eth_tx_params
from adyton.adapters.base import Pure, TaskContext
from adyton.adapters.eth_tx import perform as perform_sending
from adyton.adapters.params import field, read, shown
from adyton.domain import abi, evm
from adyton.domain.chain import Address
from adyton.domain.errors import Invalid
from adyton.domain.numbers import short
from adyton.domain.runs import Data, Outcome
from adyton.domain.transactions import TransactionRequest

NAME = "ethtxabiencode"
_PARAMS = ("address", "functionABI", "gasPrice", "gasLimit", "fromAddress", "fromAddresses")
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,99}", re.ASCII)


class Function(msgspec.Struct, frozen=True):
    """A function: its name, and its arguments in their order."""

    name: str
    inputs: dict[str, abi.AbiType]

    @property
    def selector(self) -> bytes:
        """The first bytes of every call."""
        return evm.selector(abi.signature(self.name, tuple(self.inputs.values())))


def read_function(params: Data) -> Function:
    """The function of a task. Raises Invalid, naming the param."""
    return read("functionABI", lambda: _function(field(params, "functionABI")), code="ADY-0283")


def request(params: Data, data: Data) -> TransactionRequest:
    """The transaction that carries the data's result. Raises Invalid, AbiError."""
    function = read_function(params)
    try:
        call = function.selector + abi.encode_arguments(function.inputs, data.get("result"))
    except abi.AbiError as fault:
        raise abi.AbiError(f"while constructing EthTxABIEncode data: {fault}") from None
    return TransactionRequest(
        to=eth_tx_params.address(params),
        data="0x" + call.hex(),
        gas_limit=eth_tx_params.gas_limit(params),
        gas_price=eth_tx_params.gas_price(params),
        senders=eth_tx_params.senders(params),
    )


def adapter_for(keys: Collection[Address] | None) -> Pure:
    """The adapter of a node with these keys, None: it is not known which."""

    def check(params: Data) -> None:
        _only_known(params, "", _PARAMS)
        read_function(params)
        eth_tx_params.address(params)
        eth_tx_params.gas_limit(params)
        eth_tx_params.gas_price(params)
        eth_tx_params.known(eth_tx_params.senders(params), keys)

    def perform(params: Data, data: Data, context: TaskContext) -> Outcome:
        """Only the job is read strictly: with the run's input come keys that are for other tasks."""
        if context.transaction is None:
            eth_tx_params.known(eth_tx_params.senders(params), keys)
        return perform_sending(request, params, data, context)

    return Pure(NAME, check, perform)


def _function(value: object) -> Function:
    given = _object(value, "a function's ABI, an object with name and inputs,")
    _only_known(given, "functionABI.", ("name", "inputs"))
    name, inputs = field(given, "name"), field(given, "inputs")
    if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"name must be the name of a function, not {shown(name)}")
    if inputs is not None and not isinstance(inputs, list):
        raise ValueError(f"inputs must be a list of arguments, not {shown(inputs)}")
    return Function(name, _inputs(inputs or []))


def _inputs(inputs: list[object]) -> dict[str, abi.AbiType]:
    found: dict[str, abi.AbiType] = {}
    for each in inputs:
        given = _object(each, "an argument, an object with name and type,")
        _only_known(given, "functionABI.inputs.", ("name", "type"))
        name, kind = field(given, "name"), field(given, "type")
        if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name) or name in found:
            raise ValueError(f"each argument must have a name of its own, not {shown(name)}")
        found[name] = abi.parse_type(kind if isinstance(kind, str) else shown(kind))
    return found


def _object(value: object, what: str) -> Data:
    if isinstance(value, dict):
        return value
    raise ValueError(f"must be {what} not {shown(value)}")


def _only_known(given: Data, where: str, names: tuple[str, ...]) -> None:
    """Strict as later versions: a key that is misspelled must not be forgotten where money is sent."""
    strange = next((key for key in given if key.casefold() not in {name.casefold() for name in names}), None)
    if strange is not None:
        raise Invalid(f"{where}{short(strange)} is not known to {NAME}; it takes {', '.join(names)}", code="ADY-0283")
