"""Which addresses an HTTP task may connect to."""

from __future__ import annotations

import pytest

from adyton.domain.addresses import is_restricted

PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
NOT_PUBLIC = [
    "0.0.0.0", "127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
    "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "ff0e::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "::ffff:7f00:1", "::127.0.0.1", "::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::10.1.2.3",
    "64:ff9b:1::1", "::ffff:0:7f00:1", "fec0::1", "4000::1", "2002:7f00:1::1", "2002:a9fe:a9fe::1", "2001::1", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_these_addresses_are_for_everyone(address: str) -> None:
    assert not is_restricted(address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_these_are_not(address: str) -> None:
    assert is_restricted(address)


@pytest.mark.parametrize("text", ["", "example.com", "2130706433", "0x7f000001", "127.1"])
def test_a_text_that_is_no_address_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        is_restricted(text)
