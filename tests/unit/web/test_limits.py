"""How many requests an address may make."""

from __future__ import annotations

from adyton.web.limits import RateLimiter, counted_as
from support.builders import TestClock


def test_whoever_has_one_address_of_ipv6_has_its_network() -> None:
    assert counted_as("2001:db8::1") == counted_as("2001:db8::ffff:1") != counted_as("2001:db8:0:1::1")
    assert counted_as("fe80::1%eth0") == counted_as("fe80::2%eth1")
    assert counted_as("192.0.2.1") != counted_as("192.0.2.2")


def test_changing_the_address_in_a_network_gains_nothing() -> None:
    limiter = RateLimiter(TestClock(), limit=3, period=60)
    assert [limiter.take(f"2001:db8::{number:x}").granted for number in range(5)] == [True] * 3 + [False] * 2


def test_addresses_without_end_take_no_memory_without_end() -> None:
    limiter = RateLimiter(TestClock(), limit=3, period=60)
    for number in range(50_000):
        limiter.take(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(limiter._windows) <= 10_000
