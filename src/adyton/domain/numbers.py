"""Integers and decimals out of JSON values, exactly.

v0.6.2 went through 64-bit floats here and there; these readings agree with it wherever a float was exact.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from adyton.domain import evm
from adyton.domain.data import LARGEST_EXPONENT, LONGEST_NUMBER, as_text, in_range, plain

_HEX = re.compile(r"([+-]?)([0-9a-fA-F]+)", re.ASCII)
_PAIRS = re.compile(r"(0x)?([0-9a-fA-F]{2})*", re.ASCII)
_INTEGER = re.compile(r"([+-]?)(\d+)", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)
"""Each character has one way to match: a stranger's long text that is almost a number takes no longer than a number."""
EXACTLY = Context(prec=2 * LONGEST_NUMBER)
"""Room for every digit of a product of two numbers."""
QUOTIENT = Context(prec=78)
"""Digits of a quotient that never ends: as many as the largest word has."""
DOUBLE_BITS = 53
MANTISSA_BITS = 64
_TEN_DIGITS = Context(prec=10)
_SHOWN = 200


class Unencodable(ValueError):
    """A value that cannot become what its format asks for; the message is v0.6.2's."""


def whole_number(value: object) -> int:
    """The integer that ethint256 and ethuint256 read. Raises Unencodable.

    Texts are read in hex behind ``0x``, else as decimals rounded half to even; JSON numbers are cut toward zero; null is 0.
    """
    if value is None:
        return 0
    if isinstance(value, bool | dict | list):
        raise Unencodable(f"unsupported encoding for value: {kind(value)}")
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal):
        return int(_bounded(value))
    return integer_from_text(str(value))


def integer_from_text(text: str) -> int:
    """As ``whole_number`` reads texts. Raises Unencodable."""
    if text.startswith("0x"):
        number = _integer(_HEX.fullmatch(text[2:]), 16)  # a sign may stand behind the prefix, as in v0.6.2
        if number is None:
            raise Unencodable(f"error parsing hex {short(text)}")
        return number
    number = _integer(_INTEGER.fullmatch(text), 10)
    return int(decimal_from_text(text).to_integral_value(ROUND_HALF_EVEN, EXACTLY)) if number is None else number


def _integer(match: re.Match[str] | None, base: int) -> int | None:
    """The integer of a sign and digits, if it is one and not longer than any use of it."""
    if match is None:
        return None
    digits = match[2].lstrip("0") or "0"
    if len(digits) > LARGEST_EXPONENT:
        return None
    return -int(digits, base) if match[1] == "-" else int(digits, base)


def decimal_from_text(text: str) -> Decimal:
    """A decimal number in plain or exponent form. Raises Unencodable for anything else, blanks included."""
    if len(text) > LONGEST_NUMBER or not _DECIMAL.fullmatch(text):
        raise Unencodable(f"error parsing decimal {short(text)}")
    return _bounded(Decimal(text))


def factor(text: str) -> Decimal:
    """As ``decimal_from_text``, and hexadecimal integers are numbers too (as v0.6.2). Raises Unencodable."""
    digits = text.lstrip("+-")
    if digits[:2] in ("0x", "0X") and digits[2:].isalnum() and len(digits) <= LARGEST_EXPONENT:
        try:
            return Decimal(int(text, 16))
        except ValueError:
            raise Unencodable(text) from None
    return decimal_from_text(text)


def short(text: str) -> str:
    """As much of a text as a message needs to show, without NUL, which PostgreSQL cannot store in a text."""
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"
    return shown.replace("\0", "\ufffd")


def _bounded(number: Decimal) -> Decimal:
    try:
        return in_range(number)
    except ValueError as fault:
        raise Unencodable(f"error parsing decimal: {fault}") from None


def kind(value: object) -> str:
    """What v0.6.2 calls a JSON value of a type that it cannot encode."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return "True" if value else "False"
    return "JSON"


def uint256(number: int) -> bytes:
    """An unsigned word. Raises Unencodable."""
    if number < 0:
        raise Unencodable(f"{number} cannot be represented as uint256")
    return _word(number, signed=False)


def int256(number: int) -> bytes:
    """A two's complement word. Raises Unencodable."""
    return _word(number, signed=True)


def _word(number: int, *, signed: bool) -> bytes:
    try:
        return evm.signed_word(number) if signed else evm.unsigned_word(number)
    except evm.WordOverflow as overflow:
        raise Unencodable(str(overflow)) from None


# --- as v0.6.2 rounded -----------------------------------------------------------------------------------------------


def to_mantissa(number: Fraction, bits: int) -> Fraction:
    """The nearest number with that many bits of mantissa, ties to even."""
    if not number:
        return number
    scale = bits - (abs(number.numerator).bit_length() - number.denominator.bit_length())  # right, or one too large
    if abs(number) * Fraction(2) ** scale >= 1 << bits:
        scale -= 1
    return round(number * Fraction(2) ** scale) / Fraction(2) ** scale


def ten_digits(number: Fraction, *, negative_zero: bool = False) -> str:
    """A number in the style of C's ``%.10g``."""
    if not number:
        return "-0" if negative_zero else "0"
    digits = _TEN_DIGITS.divide(Decimal(number.numerator), Decimal(number.denominator)).normalize(_TEN_DIGITS)
    exponent = digits.adjusted()
    if -4 <= exponent < _TEN_DIGITS.prec:
        return plain(digits)
    return f"{plain(digits.scaleb(-exponent))}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


# --- values by format ------------------------------------------------------------------------------------------------


def dynamic_value(value: object, form: str) -> bytes:
    """A value in one of ethtx's formats, each as dynamic bytes. Raises Unencodable."""
    match form:
        case "bytes":
            return evm.dynamic_bytes(_as_bytes(value))
        case "uint256":
            return evm.dynamic_bytes(uint256(whole_number(value)))
        case "int256":
            return evm.dynamic_bytes(int256(whole_number(value)))
        case "bool":
            return evm.dynamic_bytes(evm.unsigned_word(1 if value else 0))
    raise Unencodable(f"unsupported format: {short(form)}")


def preformatted(value: object) -> bytes:
    """The bytes of a hex text, ``0x`` or not (as v0.8.0): somebody else has encoded them. What is no text is nothing. Raises
    Unencodable."""
    if not isinstance(value, str):
        return b""
    if not _PAIRS.fullmatch(value):
        raise Unencodable(f"preformatted takes an even number of hex digits, not {short(value)}")
    return bytes.fromhex(value.removeprefix("0x"))


def _as_bytes(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bool):
        return evm.unsigned_word(1 if value else 0)
    if isinstance(value, int | Decimal):
        return int256(whole_number(value))
    raise Unencodable(f"unsupported encoding for value: {kind(value)}")


def fixed_bytes(value: object) -> bytes:
    """The first 32 bytes of a value read as text, padded on the right (ethbytes32)."""
    return as_text(value).encode()[: evm.WORD].ljust(evm.WORD, b"\0")
