"""Until when certificates are valid."""

from __future__ import annotations

import base64
import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain.certificates import expiry

SOON, OTHER = 1_798_136_835, 4_949_144_795
FILES = Path(__file__).parents[2] / "support" / "tls"


@pytest.mark.parametrize(("name", "wanted"), [("soon.crt", SOON), ("other.crt", OTHER)])
def test_both_ways_of_writing_a_time_are_read(name: str, wanted: int) -> None:
    assert expiry((FILES / name).read_text()) == wanted


def test_of_a_chain_the_first_counts() -> None:
    assert expiry((FILES / "soon.crt").read_text() + (FILES / "other.crt").read_text()) == SOON


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="certificate"):
        expiry(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(der: bytes) -> None:
    text = f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(der).decode()}\n-----END CERTIFICATE-----"
    with contextlib.suppress(ValueError):
        expiry(text)
