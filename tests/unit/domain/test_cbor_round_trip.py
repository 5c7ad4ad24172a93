"""What another writer of CBOR wrote is read as it was meant, at every depth."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from adyton.domain import cbor, data

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**1023), 2**1023)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=15,
)


def exactly(value: Any) -> Any:
    """Floats as the decimals of their shortest text, as numbers are here."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {key: exactly(each) for key, each in value.items()}
    return [exactly(each) for each in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5), st.booleans())
def test_a_map_reads_as_it_was_written(value: dict[str, Any], canonical: bool) -> None:
    read = cbor.decode_map(cbor2.dumps(value, canonical=canonical))
    # Canonical CBOR writes a float as a half where nothing is lost by it, so both spellings give the same numbers.
    assert read == exactly(value)
    assert data.parse(data.encode(read)) == read
