"""HTTP on one connection: uvicorn's protocol, with bounds on the head of a request.

Whoever can reach the port can open connections. One that never says what it wants must not be kept, and a head without end
must not be gathered. (Bodies are bounded by ``middleware.BodyLimit``.)
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 10.0
"""How long the head of a request may take to arrive, from the connection or from its first byte."""
HEAD_BYTES = 1 << 20
"""The most that a head may be, as v0.6.2; counted in pieces as they arrive, so a little more gets through."""

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose request's head is too slow or too large."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_until: asyncio.TimerHandle | None = None
        self._head_size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Wait for the first request."""
        super().connection_made(transport)
        self._head_begins()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        self._head_ends()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request."""
        if self._head_until is not None:
            self._head_size += len(data)
            if self._head_size > HEAD_BYTES:
                self.transport.write(_TOO_LARGE)
                self.transport.close()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """The first byte of a request is here."""
        super().on_message_begin()
        if self._head_until is None:
            self._head_begins()

    def on_headers_complete(self) -> None:
        """The head of a request is complete."""
        self._head_ends()
        super().on_headers_complete()

    def _head_begins(self) -> None:
        self._head_size = 0
        self._head_until = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _head_ends(self) -> None:
        if self._head_until is not None:
            self._head_until.cancel()
            self._head_until = None
