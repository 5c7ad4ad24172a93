"""What of a URL is shown."""

from __future__ import annotations

import pytest

from adyton.domain.urls import redact


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://mainnet.example/ws/v3/0123456789abcdef", "wss://mainnet.example"),
        ("ws://user:word@localhost:8546/", "ws://localhost:8546"),
        ("ws://node.example?key=secret", "ws://node.example"),
        ("ws://[::1]:8546/key", "ws://[::1]:8546"),
        ("ws://node.example#secret", "ws://node.example"),
        ("ws://node.example:port/secret", "(unreadable URL)"),
        ("ws://[secret", "(unreadable URL)"),
        ("secret", "(unreadable URL)"),
        ("", "(unreadable URL)"),
    ],
)
def test_only_scheme_host_and_port_are_shown(url: str, shown: str) -> None:
    assert redact(url) == shown
