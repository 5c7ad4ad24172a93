"""Which internet addresses are for everyone, and which lead into the operator's machine or network."""

from __future__ import annotations

import ipaddress
from typing import TypeAlias

Ip: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


def is_restricted(address: str) -> bool:
    """Whether an HTTP task must not connect to an IP address: loopback, private, link-local (where clouds keep their metadata),
    multicast, reserved and unspecified ones, also when IPv6 holds them as IPv4 (mapped, NAT64, 6to4).

    More than v0.10.15 restricted: what IANA does not list as globally reachable is not a source of data. Raises ValueError for
    a text that is no address.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return not _is_public(ip)
    inner = _embedded(ip)
    return not _is_public(inner) if inner is not None else ip not in _GLOBAL_UNICAST or not _is_public(ip)


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that a packet to this address arrives at."""
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else ip.ipv4_mapped or ip.sixtofour


def _is_public(ip: Ip) -> bool:
    return ip.is_global and not ip.is_multicast
