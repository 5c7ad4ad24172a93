"""ethbytes32, ethint256, ethuint256, ethbool: the result becomes one word of the EVM."""

from __future__ import annotations

from collections.abc import Callable

from adyton.adapters.base import Pure, TaskContext
from adyton.domain import evm, numbers
from adyton.domain.data import with_result
from adyton.domain.runs import Completed, Data, Errored, Outcome


def _formatter(name: str, encode: Callable[[object], bytes]) -> Pure:
    def perform(params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG001 - an adapter's signature
        try:
            return Completed(with_result(data, "0x" + encode(data.get("result")).hex()))
        except numbers.Unencodable as fault:
            return Errored(str(fault), data)

    return Pure(name, _no_params, perform)


def _no_params(params: Data) -> None:  # noqa: ARG001 - an adapter's signature
    return None


def _bool(value: object) -> bytes:
    """As v0.6.2: only false and null are false."""
    return evm.unsigned_word(0 if value is None or value is False else 1)


ethbytes32 = _formatter("ethbytes32", numbers.fixed_bytes)
ethint256 = _formatter("ethint256", lambda value: numbers.int256(numbers.whole_number(value)))
ethuint256 = _formatter("ethuint256", lambda value: numbers.uint256(numbers.whole_number(value)))
ethbool = _formatter("ethbool", _bool)
