"""RLP and signed transactions, byte for byte as other implementations make them."""

from __future__ import annotations

from typing import Any

import pytest
import rlp as reference  # type: ignore[import-untyped] # the reference encoder has no types
from coincurve import PrivateKey
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from adyton.domain import rlp
from adyton.domain.evm import checksum
from adyton.domain.transactions import Fee, UnsignedTransaction
from adyton.keystore import Keystore, address_of

SECRET = b"\x46" * 32
KEY = PrivateKey(SECRET)
KEYSTORE = Keystore([KEY])

CALLDATA = (
    "0x4ab0d190c524fafafcaec40652b1f84fca09c231185437d008d195fccf2f51e64b7062f8"
    "0000000000000000000000000000000000000000000000000de0b6b3a7640000"
    "0000000000000000000000009fbda871d559710256a2502a2517b794b482db40"
    "042f2b6500000000000000000000000000000000000000000000000000000000"
    "000000000000000000000000000000000000000000000000000000005d0af96c"
    "000000000000000000000000000000000000000000000000000000000000002a"
)

items = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=6), max_leaves=12)


def unsigned(fee: Fee, **other: Any) -> UnsignedTransaction:
    wanted: dict[str, Any] = {
        "chain_id": 17,
        "nonce": 0,
        "to": "0x" + "ab" * 20,
        "value": 0,
        "data": CALLDATA,
        "gas_limit": 500_000,
    } | other
    return UnsignedTransaction(fee=fee, **wanted)


@given(items)
def test_encoding_is_that_of_another_implementation(item: rlp.Item) -> None:
    assert rlp.encode(item) == reference.encode(item)


@pytest.mark.parametrize("length", [0, 1, 55, 56, 255, 256, 65536])
def test_the_length_prefix_grows_at_its_borders(length: int) -> None:
    assert rlp.encode(b"\xff" * length) == reference.encode(b"\xff" * length)


@pytest.mark.parametrize(
    ("gwei", "wanted"),
    [
        (20, "0x76e6ca97f8f312183c7ed0bfbdd3c864c32a9c2eb00d1f1f30ab2cbe48592f90"),
        (25, "0x48ac9cec73f934b2a9a569431dc6c699f33bd7a3391b537add0e3ba9b8f9be1e"),
    ],
)
def test_a_fulfilment_signed_twice_has_the_known_hash(gwei: int, wanted: str) -> None:
    assert checksum(address_of(KEY)) == "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
    tx = unsigned(Fee(gas_price=gwei * 10**9))
    first, again = (KEYSTORE.sign(address_of(KEY), tx) for _ in range(2))
    assert first == again
    assert first.hash == wanted


WEI = st.integers(0, 2**96)
NUMBERS = st.fixed_dictionaries(
    {
        "chain_id": st.integers(1, 2**53),
        "nonce": st.integers(0, 2**63),
        "value": st.integers(0, 2**128),
        "gas_limit": st.integers(0, 2**63 - 1),
        "to": st.binary(min_size=20, max_size=20).map(lambda raw: f"0x{raw.hex()}"),
        "data": st.binary(max_size=300).map(lambda raw: f"0x{raw.hex()}"),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 2**255).map(lambda n: n.to_bytes(32, "big")), NUMBERS, WEI, WEI | st.none())
def test_signed_bytes_are_those_of_another_implementation(
    secret: bytes, numbers: dict[str, Any], price: int, tip: int | None
) -> None:
    fee = Fee(gas_price=price) if tip is None else Fee(tip_cap=min(tip, price), fee_cap=price)
    fields = {"gas": numbers["gas_limit"], "chainId": numbers["chain_id"], "to": checksum(numbers["to"])}
    fields |= {name: numbers[name] for name in ("nonce", "value", "data")}
    if tip is None:
        fields["gasPrice"] = price
    else:
        fields |= {"type": 2, "maxFeePerGas": price, "maxPriorityFeePerGas": fee.tip_cap}
    theirs = Account.sign_transaction(fields, secret)
    key = PrivateKey(secret)
    ours = Keystore([key]).sign(address_of(key), unsigned(fee, **numbers))
    assert ours.raw == f"0x{theirs.raw_transaction.hex()}"
    assert ours.hash == f"0x{theirs.hash.hex()}"


@pytest.mark.parametrize("broken", [{"value": -1}, {"nonce": -1}, {"gas_limit": -1}])
def test_a_negative_number_is_no_transaction(broken: dict[str, int]) -> None:
    with pytest.raises(OverflowError):
        rlp.signing_payload(unsigned(Fee(gas_price=1), **broken))


@pytest.mark.parametrize("broken", [{"data": "0x1"}, {"to": "nowhere"}, {"data": "0xzz"}])
def test_text_that_is_not_hex_is_no_transaction(broken: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="non-hexadecimal"):
        rlp.signing_payload(unsigned(Fee(tip_cap=1, fee_cap=1), **broken))
