"""multiply: the result times a number.

Exact by default, in plain digits. v0.6.2 kept ten significant digits, in exponent form where C's ``%.10g`` has one: with the
setting NUMBERS=v0.6.2 so does this.
"""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction

from adyton.adapters.base import AS_V0_6_2, Pure, TaskContext
from adyton.adapters.params import field
from adyton.domain.data import LARGEST_EXPONENT, as_text, plain, with_result
from adyton.domain.errors import Invalid
from adyton.domain.numbers import EXACTLY, Unencodable, decimal_from_text, short
from adyton.domain.runs import Completed, Data, Errored, Outcome

_ONE = Decimal(1)
_MANTISSA_BITS = 64
_DOUBLE_BITS = 53
_TEN_DIGITS = Context(prec=10)


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
    raise Invalid(f"cannot parse into float: {short(as_text(value))}")


def _check(params: Data) -> None:
    _times(params)


def adapter(numbers: str) -> Pure:
    """The adapter for one way of treating numbers."""
    product = _as_v0_6_2 if numbers == AS_V0_6_2 else _exactly

    def perform(params: Data, data: Data, context: TaskContext) -> Outcome:  # noqa: ARG001 - an adapter's signature
        times = _times(params)
        text = as_text(data.get("result"))
        try:
            value = _factor(text)
        except Unencodable:
            return Errored(f"cannot parse into big.Float: {short(text)}", data)
        return Completed(with_result(data, product(value, _ONE if times is None else times)))

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


def _exactly(value: Decimal, times: Decimal) -> str:
    return plain(EXACTLY.multiply(value, times))


def _as_v0_6_2(value: Decimal, times: Decimal) -> str:
    """Value and product have a mantissa of 64 bits, the factor is a double, and the text is C's ``%.10g``."""
    product = _to_mantissa(
        _to_mantissa(Fraction(value), _MANTISSA_BITS) * _to_mantissa(Fraction(times), _DOUBLE_BITS), _MANTISSA_BITS
    )
    if not product:
        return "-0" if value.is_signed() != times.is_signed() else "0"
    digits = _TEN_DIGITS.divide(Decimal(product.numerator), Decimal(product.denominator)).normalize(_TEN_DIGITS)
    exponent = digits.adjusted()
    if -4 <= exponent < _TEN_DIGITS.prec:
        return plain(digits)
    return f"{plain(digits.scaleb(-exponent))}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _to_mantissa(number: Fraction, bits: int) -> Fraction:
    """The nearest number with that many bits of mantissa, ties to even."""
    if not number:
        return number
    scale = bits - (abs(number.numerator).bit_length() - number.denominator.bit_length())  # right, or one too large
    if abs(number) * Fraction(2) ** scale >= 1 << bits:
        scale -= 1
    return round(number * Fraction(2) ** scale) / Fraction(2) ** scale
