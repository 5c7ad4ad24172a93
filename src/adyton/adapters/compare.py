"""compare: whether the result stands to a value as an operator says; the new result is true or false (as v0.6.7)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from adyton.adapters.base import AS_V0_6_2, Pure, TaskContext
from adyton.adapters.params import field, shown
from adyton.domain.data import as_text, with_result
from adyton.domain.errors import Invalid
from adyton.domain.numbers import DOUBLE_BITS, Unencodable, decimal_from_text, to_mantissa
from adyton.domain.runs import Completed, Data, Errored, Outcome

_TEXTS: dict[str, Callable[[str, str], bool]] = {"eq": operator.eq, "neq": operator.ne}
_ORDERS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def _text(params: Data, name: str) -> str:
    value = field(params, name)
    if value is None or isinstance(value, str):
        return value or ""
    raise Invalid(f'{name} must be a text such as "100", not {shown(value)}', code="ADY-0273")


def _check(params: Data) -> None:
    """An operator and a value may come with the run; what the job says must be right."""
    _text(params, "value")
    named = _text(params, "operator")
    if named and named not in _TEXTS and named not in _ORDERS:
        raise Invalid(f"operator must be one of {', '.join((*_TEXTS, *_ORDERS))}, not {shown(named)}", code="ADY-0273")


def adapter(numbers: str) -> Pure:
    """The adapter for one way of treating numbers: exactly, or as later versions, which compared 64-bit floats."""
    rounded = numbers == AS_V0_6_2

    def perform(params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG001 - an adapter's signature
        value, named, result = _text(params, "value"), _text(params, "operator"), as_text(data.get("result"))
        try:
            return Completed(with_result(data, _compared(named, result, value, rounded=rounded)))
        except Unencodable as fault:
            return Errored(str(fault), data)

    return Pure("compare", _check, perform)


def _compared(named: str, result: str, value: str, *, rounded: bool) -> bool:
    """The errors come in the order and the words of later versions."""
    if not value:
        raise Unencodable("value not specified")
    if named in _TEXTS:
        return _TEXTS[named](result, value)
    if named not in _ORDERS:
        raise Unencodable("operator not specified")
    left, right = _number(result, "the result was not a number"), _number(value, "the value was not a number")
    if rounded:
        left, right = to_mantissa(left, DOUBLE_BITS), to_mantissa(right, DOUBLE_BITS)
    return _ORDERS[named](left, right)


def _number(text: str, otherwise: str) -> Fraction:
    try:
        number: Decimal = decimal_from_text(text)
    except Unencodable:
        raise Unencodable(otherwise) from None
    return Fraction(number)
