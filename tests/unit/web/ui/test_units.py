"""Amounts as people type them: every digit counts, nothing is rounded."""

from __future__ import annotations

import pytest

from adyton.web.ui.units import ETHER, GWEI, read_units, written


@pytest.mark.parametrize(
    ("text", "digits", "units"),
    [
        ("1", ETHER, 10**18),
        ("0.1", ETHER, 10**17),
        (" 1.000000000000000001 ", ETHER, 10**18 + 1),
        ("123456789012345678901234567890.123456789012345678", ETHER, 123456789012345678901234567890123456789012345678),
        (".5", GWEI, 500_000_000),
        ("7.", GWEI, 7 * 10**9),
        ("1.50000000000000000000000000", ETHER, 15 * 10**17),
        ("0", ETHER, 0),
        ("0.0000000000000000001", ETHER, None),
        ("1.0000000001", GWEI, None),
        ("1,5", ETHER, None),
        ("1e3", ETHER, None),
        ("-1", ETHER, None),
        ("+1", ETHER, None),
        ("", ETHER, None),
        (".", ETHER, None),
        ("١", ETHER, None),
        ("1_000", ETHER, None),
        ("0x10", ETHER, None),
        ("NaN", ETHER, None),
        ("9" * 61, ETHER, None),
    ],
)
def test_an_amount_is_read_exactly_or_not_at_all(text: str, digits: int, units: int | None) -> None:
    assert read_units(text, digits) == units


@pytest.mark.parametrize("units", [0, 1, 10**18, 10**17, 123456789012345678901234567890123456789012345678, 2**256 - 1])
def test_what_is_written_is_read_again(units: int) -> None:
    text = written(units, ETHER)
    assert read_units(text, ETHER) == units
    assert not text.endswith(".")


def test_amounts_are_written_without_zeros_that_say_nothing() -> None:
    assert [written(each, ETHER) for each in ("1500000000000000000", 10 * 10**18, 1)] == ["1.5", "10", "0.000000000000000001"]
