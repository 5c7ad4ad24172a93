"""Where the API listens."""

from __future__ import annotations

import socket
from pathlib import Path

import msgspec

from adyton.domain.errors import Refused

_BACKLOG = 2048


class Tls(msgspec.Struct, frozen=True):
    """A certificate and its key, PEM files."""

    certificate: Path
    key: Path


class Listener(msgspec.Struct, frozen=True):
    """An address to listen on. The empty host is every interface, port 0 any free port."""

    host: str
    port: int
    tls: Tls | None = None


def bind(listener: Listener) -> socket.socket:
    """A socket that clients can connect to. Raises Refused when the address cannot be had; the message names the setting to
    change."""
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    # The server's own end is no part of the simulated world, so no port stands before it.
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((listener.host, listener.port))
        bound.listen(_BACKLOG)
    except OSError as fault:
        bound.close()
        setting = "CHAINLINK_TLS_PORT" if listener.tls else "CHAINLINK_PORT"
        raise Refused(f"{setting} = {listener.port}: cannot listen there ({fault.strerror}); choose another port") from fault
    return bound
