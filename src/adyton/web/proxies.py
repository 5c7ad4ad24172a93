"""Who asks, when a proxy stands between: its headers are believed only if it is one of the operator's.

v0.6.2 believed ``X-Forwarded-For`` from anybody, so that anybody could escape its limits and write any address into its log.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

_FOR, _REAL, _PROTO = b"x-forwarded-for", b"x-real-ip", b"x-forwarded-proto"
_CLAIMS = frozenset({_FOR, _REAL, _PROTO, b"forwarded", b"x-forwarded-host", b"x-forwarded-port"})
_SCHEMES = frozenset({"http", "https"})
_MOST_HOPS = 64


class Proxies:
    """Puts the client that a trusted proxy names in the place of the proxy, and its scheme in the place of ours.

    What proxies say is taken out of the request either way: nothing behind this can believe it by accident.
    """

    def __init__(self, app: ASGIApp, trusted: Iterable[str]) -> None:
        self._app = app
        self._trusted = tuple(ip_network(network) for network in trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        claims = [(name, value) for name, value in scope["headers"] if name in _CLAIMS]
        if claims:
            kept = [(name, value) for name, value in scope["headers"] if name not in _CLAIMS]
            scope = {**scope, "headers": kept, **self._believed(scope, claims)}
        await self._app(scope, receive, send)

    def _believed(self, scope: Scope, claims: list[tuple[bytes, bytes]]) -> dict[str, object]:
        """What of the claims counts."""
        client = scope.get("client")
        if client is None or not self._trusts(address_of(client[0])):
            return {}
        believed: dict[str, object] = {}
        named = self._client(_listed(claims, _FOR) or _listed(claims, _REAL)[-1:])
        if named is not None:
            believed["client"] = (str(named), 0)
        schemes = _listed(claims, _PROTO)
        if schemes and schemes[-1].lower() in _SCHEMES:
            believed["scheme"] = schemes[-1].lower()
        return believed

    def _client(self, hops: list[str]) -> IPv4Address | IPv6Address | None:
        """The rightmost address that is no proxy of ours: what stands left of it was written by strangers. None when there is
        none to read, and when what was to be read is no address."""
        found = None
        for hop in reversed(hops[-_MOST_HOPS:]):
            found = address_of(_without_port(hop))
            if found is None:
                return None
            if not self._trusts(found):
                return found
        return found

    def _trusts(self, address: IPv4Address | IPv6Address | None) -> bool:
        return address is not None and any(address in network for network in self._trusted)


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a text is, an IPv4 one also when it comes in IPv6's clothes; None when it is none."""
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _listed(claims: list[tuple[bytes, bytes]], wanted: bytes) -> list[str]:
    """The parts of a header that may stand several times."""
    return [part.strip() for name, value in claims if name == wanted for part in value.decode("latin-1").split(",")]


def _without_port(text: str) -> str:
    """Some proxies write ``192.0.2.1:4711`` and ``[2001:db8::1]:4711``."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
