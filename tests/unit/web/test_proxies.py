"""Whom the node takes for the client when a proxy stands between."""

from __future__ import annotations

import pytest

from adyton.web.proxies import Proxies, address_of
from support.middle import ask, says_what_arrives

TRUSTED = ("10.0.0.0/8", "2001:db8::/32")
BEHIND = Proxies(says_what_arrives, TRUSTED)
ALONE = Proxies(says_what_arrives, ())


async def client(headers: dict[str, str], *, app: Proxies = BEHIND, address: str = "10.0.0.1") -> str:
    return str((await ask(app, headers, address=address)).json()["client"])


@pytest.mark.parametrize(
    ("said", "believed"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7, 10.9.9.9", "198.51.100.7"),
        ("10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("198.51.100.7:55555", "198.51.100.7"),
        ("[2001:db9::7]:55555", "2001:db9::7"),
        ("2001:db9::7", "2001:db9::7"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
    ],
)
async def test_the_rightmost_address_that_is_no_proxy_of_ours_is_the_client(said: str, believed: str) -> None:
    assert await client({"x-forwarded-for": said}) == believed


@pytest.mark.parametrize("said", ["", "unknown", "198.51.100.7, not an address", "198.51.100.7,", "_hidden", "1.2.3.4.5"])
async def test_what_cannot_be_read_is_ignored(said: str) -> None:
    assert await client({"x-forwarded-for": said}) == "10.0.0.1"


async def test_several_headers_are_read_as_one() -> None:
    headers = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "198.51.100.7")]
    assert (await ask(BEHIND, headers, address="10.0.0.1")).json()["client"] == "198.51.100.7"


async def test_a_real_ip_counts_where_no_chain_is_given() -> None:
    assert await client({"x-real-ip": "198.51.100.7"}) == "198.51.100.7"
    assert await client({"x-real-ip": "203.0.113.9", "x-forwarded-for": "198.51.100.7"}) == "198.51.100.7"


async def test_strangers_are_not_believed() -> None:
    claims = {"x-forwarded-for": "198.51.100.7", "x-real-ip": "198.51.100.7", "x-forwarded-proto": "https"}
    for app, address in ((BEHIND, "192.0.2.1"), (ALONE, "10.0.0.1")):
        arrived = (await ask(app, claims, address=address)).json()
        assert (arrived["client"], arrived["scheme"]) == (address, "http")


@pytest.mark.parametrize(
    ("said", "scheme"), [("https", "https"), ("http, HTTPS", "https"), ("javascript", "http"), ("", "http")]
)
async def test_the_scheme_is_what_the_nearest_proxy_says(said: str, scheme: str) -> None:
    assert (await ask(BEHIND, {"x-forwarded-proto": said}, address="10.0.0.1")).json()["scheme"] == scheme


async def test_nothing_behind_this_sees_what_proxies_said() -> None:
    claims = {"x-forwarded-for": "1.1.1.1", "x-forwarded-host": "evil.example", "forwarded": "for=1.1.1.1", "x-other": "stays"}
    for address in ("10.0.0.1", "192.0.2.1"):
        headers = (await ask(BEHIND, claims, address=address)).json()["headers"]
        assert not {"x-forwarded-for", "x-forwarded-host", "forwarded"} & set(headers)
        assert headers["x-other"] == "stays"


def test_an_address_is_one_however_it_is_dressed() -> None:
    assert address_of("::ffff:10.0.0.1") == address_of("10.0.0.1")
    assert address_of("fe80::1%eth0") == address_of("fe80::1")
    assert address_of("node") is None
