"""multiply: the result times a number.

Exact by default, in plain digits. v0.6.2 kept ten significant digits, in exponent form where C's ``%.10g`` has one: with the
setting NUMBERS=v0.6.2 so does this.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from adyton.adapters.base import AS_V0_6_2, Pure, TaskContext
from adyton.adapters.params import decimal_param
from adyton.domain.data import as_text, plain, with_result
from adyton.domain.numbers import DOUBLE_BITS, EXACTLY, MANTISSA_BITS, Unencodable, factor, short, ten_digits, to_mantissa
from adyton.domain.runs import Completed, Data, Errored, Outcome

PARAM = "times"
_ONE = Decimal(1)


def _check(params: Data) -> None:
    decimal_param(params, PARAM)


def adapter(numbers: str) -> Pure:
    """The adapter for one way of treating numbers."""
    product = _as_v0_6_2 if numbers == AS_V0_6_2 else _exactly

    def perform(params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG001 - an adapter's signature
        times = decimal_param(params, PARAM)
        text = as_text(data.get("result"))
        try:
            value = factor(text)
        except Unencodable:
            return Errored(f"cannot parse into big.Float: {short(text)}", data)
        return Completed(with_result(data, product(value, _ONE if times is None else times)))

    return Pure("multiply", _check, perform)


def _exactly(value: Decimal, times: Decimal) -> str:
    return plain(EXACTLY.multiply(value, times))


def _as_v0_6_2(value: Decimal, times: Decimal) -> str:
    """Value and product have a mantissa of 64 bits, the factor is a double, and the text is C's ``%.10g``."""
    long, double = to_mantissa(Fraction(value), MANTISSA_BITS), to_mantissa(Fraction(times), DOUBLE_BITS)
    return ten_digits(to_mantissa(long * double, MANTISSA_BITS), negative_zero=value.is_signed() != times.is_signed())
