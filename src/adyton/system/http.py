"""The real HTTP client: deadlines, limits, and no way into the operator's network.

The address that a connection is about to be made to is checked, not the name: so names that resolve to private addresses,
odd spellings of them and redirects are all met at one place.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from adyton import __version__
from adyton.domain.urls import redact
from adyton.ports import HttpFailure, HttpRequest, HttpResponse

_CHUNK = 16 * 1024
_CONNECTIONS = 1000
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]


class ForbiddenAddress(OSError):
    """An address that is not public.

    All read alike: when every address of a name fails, only failures that read alike stay what they are.
    """

    def __init__(self, address: str) -> None:
        super().__init__("the address is not public")
        self.address = address


class AiohttpTransport:
    """``HttpTransport`` over aiohttp. The sessions are opened at the first request, inside the running loop."""

    def __init__(self) -> None:
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; may be called twice."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def request(self, request: HttpRequest) -> HttpResponse:
        """Make one exchange, redirects included. Raises HttpFailure."""
        where = redact(request.url)
        try:
            async with asyncio.timeout(request.timeout):
                return await self._exchange(request)
        except TimeoutError:
            raise HttpFailure(f"{where} did not answer within {request.timeout:g} s", retriable=True) from None
        except aiohttp.TooManyRedirects:
            raise HttpFailure(f"{where} redirected more than {request.max_redirects} times", retriable=False) from None
        except aiohttp.InvalidURL:
            raise HttpFailure(f"{where} is, or redirected to, something that is not an HTTP URL", retriable=False) from None
        except ValueError:  # a host that cannot be a name, a header that cannot be sent
            raise HttpFailure(f"{where} cannot be asked: the URL or a header cannot be sent", retriable=False) from None
        except (aiohttp.ClientError, OSError) as fault:
            raise _failure(where, fault) from None

    async def _exchange(self, request: HttpRequest) -> HttpResponse:
        session = self._session(unrestricted=request.unrestricted)
        async with session.request(
            request.method,
            _exactly(request.url),
            headers=request.headers,
            data=request.body,
            max_redirects=request.max_redirects + 1,  # aiohttp counts the request itself
            allow_redirects=True,
        ) as response:
            if response.status in _REDIRECTS:  # it was not followed, so it does not say where to
                raise HttpFailure(f"{redact(request.url)} redirected without a Location", retriable=False)
            body = await _bounded(response, request.limit)
            return HttpResponse(response.status, _folded(response.headers), body)

    def _session(self, *, unrestricted: bool) -> aiohttp.ClientSession:
        """Connections are kept apart by what they may reach: a pooled connection is not checked again."""
        session = self._sessions.get(unrestricted)
        if session is None:
            connector = aiohttp.TCPConnector(limit=_CONNECTIONS, socket_factory=_any_socket if unrestricted else _public_socket)
            session = self._sessions[unrestricted] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),  # the whole exchange has one deadline, in request()
                headers={"User-Agent": f"Adyton/{__version__}"},
                # As v0.6.2, HTTP tasks ask for no compression.
                skip_auto_headers=("Accept-Encoding", "Content-Type"),
            )
        return session


def _exactly(url: str) -> URL:
    """The URL with path and query as they are spelled; only a host of other letters takes its ASCII form."""
    asked = URL(url, encoded=True)
    return asked if url.isascii() else asked.with_host(urlsplit(url).hostname or "")


async def _bounded(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The decoded body, counted while it arrives: a small compressed body can hold a large one."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > limit:
            response.close()
            raise HttpFailure(f"HTTP request too large, must be less than {limit} bytes", retriable=False)
    return bytes(body)


def _folded(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _failure(where: str, fault: Exception) -> HttpFailure:
    forbidden = _forbidden_inside(fault)
    if forbidden is not None:
        return HttpFailure(
            f"disallowed IP {forbidden.address}, to which {where} leads: HTTP tasks do not connect to local or private "
            "addresses. Set DEFAULT_HTTP_ALLOW_UNRESTRICTED_NETWORK_ACCESS=true to allow them",
            retriable=False,
        )
    return HttpFailure(f"{where} cannot be asked: {_words(fault)}", retriable=True)


def _words(fault: Exception) -> str:
    """What went wrong, without the library's text, which can quote URLs and headers."""
    match fault:
        case aiohttp.ClientConnectorDNSError():
            return "the name cannot be resolved"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "no TLS connection that can be trusted"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
            return "the connection was closed before the answer was complete"
        case aiohttp.ClientResponseError():
            return "the answer is not HTTP"
        case OSError(strerror=str(text)) if text:
            return text
    return type(fault).__name__


def _forbidden_inside(fault: BaseException | None) -> ForbiddenAddress | None:
    while fault is not None and not isinstance(fault, ForbiddenAddress):
        inner = getattr(fault, "os_error", None)
        fault = inner if isinstance(inner, BaseException) and inner is not fault else fault.__cause__ or fault.__context__
    return fault


def _any_socket(address: AddressInfo) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    return made


def _public_socket(address: AddressInfo) -> socket.socket:
    host = str(address[4][0])
    if not is_public(host):
        raise ForbiddenAddress(host)
    return _any_socket(address)


def is_public(host: str) -> bool:
    """Whether an address is reachable for everyone: not loopback, private, link-local, multicast or reserved, in no form."""
    ip = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        embedded = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else ip.ipv4_mapped or ip.sixtofour
        return _is_public(embedded) if embedded is not None else ip in _GLOBAL_UNICAST and _is_public(ip)
    return _is_public(ip)


def _is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return ip.is_global and not ip.is_multicast
