"""HTTP on one connection: uvicorn's protocol, with bounds on what a client may send and on how long it may take.

Whoever can reach the port can open connections. One that never says what it wants must not be kept, a head without end must not
be gathered, and one that never reads its answer must not keep it in memory. (Bodies are bounded by ``middleware.BodyLimit``.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from adyton.web.crowd import Crowd

HEAD_SECONDS = 10.0
"""How long the head of a request may take to arrive, from the connection or from its first byte."""
HEAD_BYTES = 1 << 20
"""The most that a head may be, as v0.6.2; counted in pieces as they arrive, so a little more gets through."""
MOST_HEADERS = 256
REST_SECONDS = 30.0
"""How long the rest of a request may take behind its head, also when nobody waits for it any more."""
STALL_SECONDS = 30.0
"""How long a client may leave its answer unread when there is more of it than the machine keeps for a connection."""
WAIT_SECONDS = 30.0
"""How long a connection waits for a place."""
MOST_PIPELINED = 64
"""Requests that may wait on a connection behind the one that is served."""

_VERSIONS = frozenset({"1.0", "1.1"})
_TOO_LARGE = "431 Request Header Fields Too Large"


class _TooMuch(Exception):
    """Ends the parsing of a request; the protocol has said why."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose client asks too slowly, too much, or does not listen."""

    def __init__(self, *arguments: Any, crowd: Crowd, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._crowd = crowd
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._head_size = 0
        self._status = ""

    # --- a place -----------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Ask for a place."""
        super().connection_made(transport)
        self._crowd.enter(self, self.client[0] if self.client else "")

    def admitted(self) -> None:
        """Wait for the first request."""
        if self._stop("wait"):
            self.transport.resume_reading()
        self._head_begins()

    def held(self) -> None:
        """Leave what the client sends where it is, until there is a place."""
        self.transport.pause_reading()
        self._start("wait", WAIT_SECONDS, self.transport.close)

    def sent_away(self) -> None:
        """Make room for another."""
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        super().connection_lost(exc)
        self._crowd.leave(self)

    # --- a request ---------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request."""
        if self.transport.is_closing():
            return
        if "head" in self._timers:
            self._head_size += len(data)
            if self._head_size > HEAD_BYTES:
                self._refuse(_TOO_LARGE)
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """The first byte of a request is here."""
        super().on_message_begin()
        self._crowd.works(self)
        if "head" not in self._timers:
            self._head_begins()

    def on_header(self, name: bytes, value: bytes) -> None:
        """One more header. What is called one behind the body (a trailer) is none: nobody before us has looked at it."""
        if "rest" in self._timers:
            return
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            self._status = _TOO_LARGE
            raise _TooMuch

    def on_headers_complete(self) -> None:
        """The head of a request is complete."""
        self._stop("head")
        if len(self.pipeline) >= MOST_PIPELINED or self.parser.get_http_version() not in _VERSIONS:
            raise _TooMuch
        if not self._plainly_framed():
            raise _TooMuch
        self._start("rest", REST_SECONDS, self.transport.close)
        if not self.url.startswith(b"/"):
            self._name_host()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of a request is here."""
        self._stop("rest")
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What cannot be read is refused; but not in the middle of another answer, as a part of which it would be taken."""
        self._refuse(self._status or "400 Bad Request", msg)

    def on_response_complete(self) -> None:
        """The answer is written, though not all of it may be sent."""
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._start("unread", STALL_SECONDS, self._give_up)
        if not self.pipeline:
            self._crowd.rests(self)

    def pause_writing(self) -> None:
        """The client does not read."""
        super().pause_writing()
        self._start("stall", STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It reads."""
        self._stop("stall")
        super().resume_writing()

    def _plainly_framed(self) -> bool:
        """Whether the body is as long as it is said to be, or comes in chunks and in no other coding. We know no other; and a
        proxy that reads one of several codings alone, or none as HTTP/1.0 has none, sees the end elsewhere (RFC 9112, 6.1)."""
        codings = [value.strip().lower() for name, value in self.headers if name == b"transfer-encoding"]
        return not codings or (codings == [b"chunked"] and self.parser.get_http_version() == "1.1")

    def _name_host(self) -> None:
        """A target with a host of its own says better than a header whom it is for (RFC 9112, 3.2.2)."""
        host = httptools.parse_url(self.url)
        if host.host:
            named = host.host + (b":%d" % host.port if host.port else b"")
            self.headers[:] = [*(pair for pair in self.headers if pair[0] != b"host"), (b"host", named)]

    def _unsupported_upgrade_warning(self) -> None:
        """There is no other protocol here: the request is served as it is, and the connection ends with it."""
        self.cycle.keep_alive = False

    def _refuse(self, status: str, text: str = "") -> None:
        if not self._answering():
            head = f"HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {len(text)}\r\n"
            self.transport.write(f"{head}connection: close\r\n\r\n{text}".encode())
        self.transport.close()
        self._start("unread", STALL_SECONDS, self._give_up)

    def _answering(self) -> bool:
        # uvicorn says that there always is a cycle; there is none before the first request.
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _give_up(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    # --- time --------------------------------------------------------------------------------------------------------

    def _head_begins(self) -> None:
        self._head_size = 0
        self._start("head", HEAD_SECONDS, self.transport.close)

    def _start(self, name: str, seconds: float, then: Callable[[], None]) -> None:
        self._stop(name)
        self._timers[name] = self.loop.call_later(seconds, then)

    def _stop(self, name: str) -> bool:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
        return timer is not None
