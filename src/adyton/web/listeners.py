"""Where the API listens."""

from __future__ import annotations

import socket
from pathlib import Path

import msgspec

from adyton.domain.errors import Refused

BACKLOG = 2048
"""Connections that the machine keeps until the server takes them."""


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
    if family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        bound.bind((listener.host, listener.port))
        bound.listen(BACKLOG)
    except OSError as fault:
        bound.close()
        setting = "CHAINLINK_TLS_PORT" if listener.tls else "CHAINLINK_PORT"
        where = f", CHAINLINK_LISTEN_IP = {listener.host}" if listener.host else ""
        raise Refused(
            f"{setting} = {listener.port}{where}: cannot listen there ({fault.strerror}); choose another port", code="ADY-1009"
        ) from fault
    return bound
