"""multiply: the result times a number.

Exact by default, in plain digits. v0.6.2 kept ten significant digits, in exponent form where C's ``%.10g`` has one: with the
setting NUMBERS=v0.6.2 so does this.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from adyton.adapters.base import AS_V0_6_2, Pure, TaskContext
from adyton.adapters.params import field
from adyton.domain.data import LARGEST_EXPONENT, as_text, plain, with_result
from adyton.domain.errors import Invalid
from adyton.domain.numbers import EXACTLY, Unencodable, decimal_from_text
from adyton.domain.runs import Completed, Data, Errored, Outcome

_MANTISSA_BITS = 64
_SIGNIFICANT = 10


def _times(params: Data) -> Decimal | None:
    """The factor; None when there is none. Raises Invalid."""
    value = field(params, "times")
    if value is None:
        return None
    if isinstance(value, str | int | Decimal) and not isinstance(value, bool):
        try:
            return decimal_from_text(str(value))
        except Unencodable:
            pass
    raise Invalid(f"cannot parse into float: {as_text(value)}")


def _check(params: Data) -> None:
    _times(params)


def adapter(numbers: str) -> Pure:
    """The adapter for one way of treating numbers."""
    shown = _ten_digits if numbers == AS_V0_6_2 else plain

    def perform(params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG001 - an adapter's signature
        times = _times(params)
        text = as_text(data.get("result"))
        try:
            value = _factor(text)
        except Unencodable:
            return Errored(f"cannot parse into big.Float: {text}", data)
        product = value if times is None else EXACTLY.multiply(value, times)
        return Completed(with_result(data, shown(product)))

    return Pure("multiply", _check, perform)


def _factor(text: str) -> Decimal:
    """As v0.6.2, hexadecimal integers are numbers too."""
    digits = text.lstrip("+-")
    if digits[:2] in ("0x", "0X") and digits[2:].isalnum() and len(digits) <= LARGEST_EXPONENT:
        try:
            return Decimal(int(text, 16))
        except ValueError:
            raise Unencodable(text) from None
    return decimal_from_text(text)


def _ten_digits(number: Decimal) -> str:
    """As C's ``%.10g`` of the number with a mantissa of 64 bits."""
    rounded = _to_mantissa(number)
    if not rounded:
        return "-0" if number.is_signed() else "0"
    digits = rounded.normalize(EXACTLY.__class__(prec=_SIGNIFICANT))
    exponent = digits.adjusted()
    if -4 <= exponent < _SIGNIFICANT:
        return plain(digits)
    mantissa = plain(digits.scaleb(-exponent, EXACTLY))
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _to_mantissa(number: Decimal) -> Decimal:
    """The nearest number with 64 bits of mantissa, ties to even."""
    if not number:
        return number
    exact = Fraction(number)
    shift = _MANTISSA_BITS - (exact.numerator.bit_length() - exact.denominator.bit_length())
    for scale in (shift - 1, shift, shift + 1):
        scaled = round(exact * Fraction(2) ** scale)
        if abs(scaled).bit_length() == _MANTISSA_BITS:
            back = Fraction(scaled) / Fraction(2) ** scale
            return EXACTLY.divide(Decimal(back.numerator), Decimal(back.denominator))
    return number
