"""The real HTTP client: deadlines, limits, and no way into the operator's network.

The address that a connection is about to be made to is checked, not the name: so names that resolve to private addresses,
odd spellings of them and redirects are all met at one place. A proxy makes the connection itself; so before one is asked, every
address that the name has here is checked.

Redirects are followed here and not by the library, because only the request knows which of its headers are secret.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import socket
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote_to_bytes, urlsplit

import aiohttp
import msgspec
from yarl import URL

from adyton import __version__
from adyton.domain.addresses import is_restricted
from adyton.domain.exchanges import Failure
from adyton.domain.proxies import Proxies
from adyton.domain.urls import redact
from adyton.ports import HttpFailure, HttpRequest, HttpResponse

_CHUNK = 16 * 1024
_CONNECTIONS = 1000
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEP_BODY = frozenset({307, 308})
_FOR_ONE_ORIGIN = frozenset({"authorization", "cookie", "cookie2", "proxy-authorization", "www-authenticate"})
_OF_A_BODY = frozenset({"content-type", "content-encoding", "content-language", "content-location", "content-length"})
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

    def __init__(self, proxies: Proxies | None = None) -> None:
        self._proxies = proxies or Proxies()
        self._sessions: dict[tuple[bool, bool], aiohttp.ClientSession] = {}

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
        where = request.shown or redact(request.url)
        try:
            async with asyncio.timeout(request.timeout):
                return await self._followed(request, where)
        except TimeoutError:
            words = f"{where} did not answer within {request.timeout:g} s"
            raise HttpFailure(words, retriable=True, kind=Failure.TIMEOUT) from None
        except aiohttp.InvalidURL:
            words = f"{where} is, or redirected to, something that is not an HTTP URL"
            raise HttpFailure(words, retriable=False, kind=Failure.UNSENDABLE) from None
        except ValueError:  # a host that cannot be a name, a header that cannot be sent
            words = f"{where} cannot be asked: the URL or a header cannot be sent"
            raise HttpFailure(words, retriable=False, kind=Failure.UNSENDABLE) from None
        except (aiohttp.ClientError, OSError) as fault:
            raise _failure(where, fault) from None

    async def _followed(self, request: HttpRequest, where: str) -> HttpResponse:
        """The answer at the end of the redirects."""
        step = request
        for _ in range(request.max_redirects + 1):
            answer, step = await self._step(step, where)
            if answer is not None:
                return answer
        words = f"{where} redirected more than {request.max_redirects} times"
        raise HttpFailure(words, retriable=False, kind=Failure.REDIRECT)

    async def _step(self, request: HttpRequest, where: str) -> tuple[HttpResponse | None, HttpRequest]:
        """The answer, or else the request that a redirect leads to."""
        asked, headers = _asking(request)
        proxy = await self._proxy(request, asked)
        session = self._session(unrestricted=request.unrestricted or proxy is not None, pooled=request.pooled)
        async with session.request(
            request.method, asked, headers=headers, data=request.body, allow_redirects=False, proxy=proxy
        ) as response:
            if response.status not in _REDIRECTS:
                body = await _bounded(response, request.limit)
                return HttpResponse(response.status, _folded(response.headers), body), request
            return None, _redirected(request, response, where)

    async def _proxy(self, request: HttpRequest, asked: URL) -> URL | None:
        """The proxy to ask through, if any. Raises ForbiddenAddress when the name leads to an address that is not public."""
        proxy = self._proxies.of(str(asked))
        if proxy is None or request.unrestricted:
            return None if proxy is None else URL(proxy)
        # What the name means to the proxy cannot be seen from here; what it means here can.
        found = await asyncio.get_running_loop().getaddrinfo(asked.raw_host or "", asked.port, type=socket.SOCK_STREAM)
        for address in found:
            if is_restricted(str(address[4][0])):
                raise ForbiddenAddress(str(address[4][0]))
        return URL(proxy)

    def _session(self, *, unrestricted: bool, pooled: bool) -> aiohttp.ClientSession:
        """Connections are kept apart by what they may reach: a pooled connection is not checked again. (Those through a proxy
        are kept by their proxy as well.)"""
        session = self._sessions.get((unrestricted, pooled))
        if session is None:
            connector = aiohttp.TCPConnector(
                limit=_CONNECTIONS,
                socket_factory=_any_socket if unrestricted else _public_socket,
                force_close=not pooled,
            )
            session = self._sessions[unrestricted, pooled] = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),  # the whole exchange has one deadline, in request()
                headers={"User-Agent": f"Adyton/{__version__}"},
                trust_env=False,
                # As v0.6.2, HTTP tasks ask for no compression; what is compressed all the same is read.
                skip_auto_headers=("Accept-Encoding", "Content-Type"),
            )
        return session


def _asking(request: HttpRequest) -> tuple[URL, tuple[tuple[str, str], ...]]:
    """The URL without its user, and the headers, in which he is instead. As Go's client: in UTF-8 (aiohttp takes Latin-1), and
    a header of the request that says who is asking counts more."""
    url, headers = _exactly(request.url), request.headers
    if url.raw_user is None and url.raw_password is None:
        return url, headers
    user = b":".join(unquote_to_bytes(part or "") for part in (url.raw_user, url.raw_password))
    if all(name.lower() != "authorization" for name, _ in headers):
        headers = (*headers, ("Authorization", f"Basic {base64.b64encode(user).decode()}"))
    return url.with_user(None), headers


def _exactly(url: str) -> URL:
    """The URL with path and query as they are spelled; only a host of other letters takes its ASCII form."""
    asked = URL(url, encoded=True)
    return asked if url.isascii() else asked.with_host(urlsplit(url).hostname or "")


# --- redirects -------------------------------------------------------------------------------------------------------


def _redirected(request: HttpRequest, response: aiohttp.ClientResponse, where: str) -> HttpRequest:
    """The request that follows. As Go's client: 307 and 308 keep method and body, the others turn into GET; what says who is
    asking, and what the job keeps in a secret, stays with the origin that it was meant for."""
    location = response.headers.get("Location")
    if not location:
        raise HttpFailure(f"{where} redirected without a Location", retriable=False, kind=Failure.REDIRECT)
    here = _exactly(request.url)  # with its user, whom a path alone keeps
    there = here.join(URL(location))
    if there.scheme not in ("http", "https") or not there.raw_host:
        words = f"{where} is, or redirected to, something that is not an HTTP URL"
        raise HttpFailure(words, retriable=False, kind=Failure.REDIRECT)
    method, body, headers = request.method, request.body, request.headers
    if response.status not in _KEEP_BODY and method not in ("GET", "HEAD"):
        method, body, headers = "GET", None, _without(headers, _OF_A_BODY)
    if there.origin() != here.origin():
        if body and request.secret_body:
            words = f"{where} redirected to another origin, to which a body with a secret is not sent"
            raise HttpFailure(words, retriable=False, kind=Failure.REDIRECT)
        headers = _without(headers, _FOR_ONE_ORIGIN | request.secret_headers)
    return msgspec.structs.replace(request, url=str(there), method=method, body=body, headers=headers)


def _without(headers: tuple[tuple[str, str], ...], dropped: frozenset[str]) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in headers if pair[0].lower() not in dropped)


# --- bodies and failures ---------------------------------------------------------------------------------------------


async def _bounded(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The decoded body, counted while it arrives: a small compressed body can hold a large one."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > limit:
            response.close()
            words = f"HTTP request too large, must be less than {limit} bytes"
            raise HttpFailure(words, retriable=False, kind=Failure.TOO_LARGE)
    return bytes(body)


def _folded(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _failure(where: str, fault: Exception) -> HttpFailure:
    forbidden = _forbidden_inside(fault)
    if forbidden is not None:
        return HttpFailure(
            f"disallowed IP {forbidden.address}, to which {where} leads: this task does not connect to local or private "
            "addresses. Only httpgetwithunrestrictednetworkaccess and httppostwithunrestrictednetworkaccess do, or all tasks "
            "with DEFAULT_HTTP_ALLOW_UNRESTRICTED_NETWORK_ACCESS=true",
            retriable=False,
            kind=Failure.FORBIDDEN,
        )
    return HttpFailure(f"{where} cannot be asked: {_words(fault)}", retriable=True, kind=_kind(fault))


def _kind(fault: Exception) -> Failure:
    """What went wrong, in a word."""
    match fault:
        case aiohttp.ClientConnectorDNSError() | socket.gaierror():
            return Failure.DNS
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return Failure.PROXY
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return Failure.TLS
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | ConnectionResetError():
            return Failure.CLOSED
        case aiohttp.ClientResponseError():
            return Failure.NOT_HTTP
        case OSError(errno=errno.ECONNREFUSED):
            return Failure.REFUSED
        case OSError(errno=errno.ECONNRESET | errno.EPIPE):
            return Failure.CLOSED
        case _:
            return Failure.UNREACHABLE


def _words(fault: Exception) -> str:
    """What went wrong, without the library's text, which can quote URLs and headers."""
    match fault:
        case aiohttp.ClientConnectorDNSError() | socket.gaierror():
            return "the name cannot be resolved"
        case aiohttp.ClientProxyConnectionError():
            return "the proxy cannot be reached"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy refuses with status {fault.status}"
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
    if is_restricted(host):
        raise ForbiddenAddress(host)
    return _any_socket(address)
