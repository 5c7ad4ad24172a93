"""Amounts as people type them, in whole units with a point. Digits stay digits: nothing is ever rounded."""

from __future__ import annotations

import re
from decimal import Decimal, localcontext

ETHER, GWEI = 18, 9
"""Digits behind the point of LINK and ETH, and of gwei."""
_AMOUNT = re.compile(r"[0-9]{1,60}(\.[0-9]{0,30})?|\.[0-9]{1,30}", re.ASCII)
_PLACES = 100


def read_units(text: str, digits: int) -> int | None:
    """The smallest units (wei, juels) that an amount is; None for what is no number, or has more digits behind the point than
    there are units."""
    given = text.strip()
    if not _AMOUNT.fullmatch(given):
        return None
    with localcontext() as context:
        context.prec = _PLACES
        scaled = Decimal(given).scaleb(digits)
        whole = scaled.to_integral_value()
        return int(whole) if scaled == whole else None


def written(amount: str | int, digits: int) -> str:
    """Smallest units as an amount with every digit and none that is not needed."""
    with localcontext() as context:
        context.prec = _PLACES
        text = f"{Decimal(str(amount)).scaleb(-digits):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
