"""Through which proxy a URL is asked for, by the rules of Go's HTTP client, which v0.6.2 used.

``HTTP_PROXY`` serves http, ``HTTPS_PROXY`` https. ``NO_PROXY`` lists, separated by commas, what is asked directly: ``*``, all;
an address, or a network such as ``10.0.0.0/8``; a domain with everything below it; ``.example.com``, only what is below it. An
entry may name a port. ``localhost`` and loopback addresses are always asked directly.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import msgspec

_PORT = {"http": 80, "https": 443}


class Proxies(msgspec.Struct, frozen=True):
    """The settings; an empty text is no proxy."""

    http: str = ""
    https: str = ""
    no_proxy: str = ""

    def of(self, url: str) -> str | None:
        """The proxy for a URL, None when it is asked directly. Raises ValueError for a URL that cannot be read."""
        parts = urlsplit(url)
        proxy = self.https if parts.scheme == "https" else self.http
        host = (parts.hostname or "").rstrip(".")
        if not proxy or _is_local(host):
            return None
        port = parts.port or _PORT.get(parts.scheme, 0)
        return None if any(_fits(entry, host, port) for entry in self.no_proxy.lower().split(",")) else proxy


def _is_local(host: str) -> bool:
    ip = _address(host)
    return host == "localhost" if ip is None else ip.is_loopback


def _fits(entry: str, host: str, port: int) -> bool:
    entry = entry.strip()
    if entry in ("", "*"):
        return entry == "*"
    name, wanted = _parted(entry)
    if wanted not in (None, port):
        return False
    ip = _address(host)
    if ip is not None:
        return _holds(name, ip)
    if name.startswith("*."):
        name = name[1:]
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith(f".{name}")


def _parted(entry: str) -> tuple[str, int | None]:
    """Host and port of an entry."""
    if _address(entry) is not None:  # an IPv6 address has colons of its own
        return entry, None
    name, colon, port = entry.rpartition(":")
    if not (colon and port.isascii() and port.isdigit()):
        return entry.strip("[]"), None
    return name.strip("[]"), int(port)


def _holds(name: str, ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return ip in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
