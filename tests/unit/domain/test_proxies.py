"""Which proxy a URL is asked through: the rules of Go's client."""

from __future__ import annotations

import pytest

from adyton.domain.proxies import Proxies

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("url", "proxy"),
    [("http://a.example/", "http://one"), ("https://a.example/", "http://two"), ("https://8.8.8.8:8443/", "http://two")],
)
def test_each_scheme_has_its_own(url: str, proxy: str) -> None:
    assert Proxies(http="http://one", https="http://two").of(url) == proxy


def test_without_one_everything_is_asked_directly() -> None:
    assert Proxies(https=PROXY).of("http://a.example/") is None
    assert Proxies().of("https://a.example/") is None


@pytest.mark.parametrize("host", ["localhost", "localhost.", "LOCALHOST", "127.0.0.1", "127.9.9.9", "[::1]"])
def test_this_machine_is_always_asked_directly(host: str) -> None:
    assert Proxies(http=PROXY).of(f"http://{host}:8080/x") is None


@pytest.mark.parametrize(
    ("exceptions", "url", "direct"),
    [
        ("*", "http://a.example/", True),
        ("example.com", "http://example.com/", True),
        ("example.com", "http://a.example.com/", True),
        ("example.com", "http://notexample.com/", False),
        ("EXAMPLE.com , other", "http://example.COM/", True),
        (".example.com", "http://a.example.com/", True),
        (".example.com", "http://example.com/", False),
        ("*.example.com", "http://a.example.com/", True),
        ("*.example.com", "http://example.com/", False),
        ("example.com:8080", "http://example.com:8080/", True),
        ("example.com:8080", "http://example.com/", False),
        ("example.com:80", "http://example.com/", True),
        ("10.1.2.3", "http://10.1.2.3/", True),
        ("10.0.0.0/8", "http://10.200.0.1/", True),
        ("10.0.0.0/8", "http://11.0.0.1/", False),
        ("10.0.0.0/8", "http://ten.example/", False),
        ("2001:db8::/32", "http://[2001:db8::1]/", True),
        ("[2001:db8::1]:81", "http://[2001:db8::1]:81/", True),
        ("[2001:db8::1]:81", "http://[2001:db8::1]/", False),
        ("2001:db8::1", "http://[2001:db8::1]/", True),
        ("", "http://a.example/", False),
        (",,", "http://a.example/", False),
    ],
)
def test_exceptions(exceptions: str, url: str, direct: bool) -> None:
    assert (Proxies(http=PROXY, no_proxy=exceptions).of(url) is None) is direct
