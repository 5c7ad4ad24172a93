"""quotient: a number divided by the result (as v0.7.4).

Exact where the quotient ends, else with as many digits as the largest word of the EVM has. With NUMBERS=v0.6.2 it has the ten
significant digits that later versions gave it.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from adyton.adapters.base import AS_V0_6_2, Pure, TaskContext
from adyton.adapters.params import decimal_param
from adyton.domain.data import as_text, plain, with_result
from adyton.domain.numbers import DOUBLE_BITS, MANTISSA_BITS, QUOTIENT, Unencodable, factor, short, ten_digits, to_mantissa
from adyton.domain.runs import Completed, Data, Errored, Outcome

PARAM = "dividend"


def _check(params: Data) -> None:
    decimal_param(params, PARAM)


def adapter(numbers: str) -> Pure:
    """The adapter for one way of treating numbers."""
    rounded = numbers == AS_V0_6_2

    def perform(params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG001 - an adapter's signature
        dividend = decimal_param(params, PARAM)
        text = as_text(data.get("result"))
        try:
            divisor = factor(text)
        except Unencodable:
            return Errored(f"cannot parse into big.Float: {short(text)}", data)
        if not divisor:
            return Errored("cannot divide by zero", data)
        return Completed(with_result(data, _rounded(dividend, divisor) if rounded else _exactly(dividend, divisor)))

    return Pure("quotient", _check, perform)


def _exactly(dividend: Decimal | None, divisor: Decimal) -> str:
    """Without a dividend the divisor itself, written plainly (as later versions)."""
    return plain(divisor if dividend is None else QUOTIENT.divide(dividend, divisor))


def _rounded(dividend: Decimal | None, divisor: Decimal) -> str:
    long = to_mantissa(Fraction(divisor), MANTISSA_BITS)
    if dividend is None:
        return ten_digits(long)
    quotient = to_mantissa(to_mantissa(Fraction(dividend), DOUBLE_BITS) / long, MANTISSA_BITS)
    return ten_digits(quotient, negative_zero=dividend.is_signed() != divisor.is_signed())
