"""The websocket to an Ethereum node, over aiohttp."""

from __future__ import annotations

import contextlib
import socket

import aiohttp

from adyton.domain.urls import redact
from adyton.ports import ConnectionLost
from adyton.system.reasons import reason

HEARTBEAT = 10.0
"""Seconds between pings; a peer that does not answer one within half of that is given up."""
CLOSE_WAIT = 2.0
"""Seconds that a peer has to answer our closing."""

_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Linux only."""


class WebsocketTransport:
    """Opens websockets (``ports.RpcTransport``). Each socket brings its own client session and closes it.

    ``heartbeat`` is in seconds. Messages have no size limit: the answer to a wide log query is as large as it is.
    """

    def __init__(self, *, heartbeat: float = HEARTBEAT) -> None:
        self._heartbeat = heartbeat

    async def open(self, url: str) -> WebsocketSocket:
        """Connect to ``url``. Raises ConnectionLost, whose message names only scheme, host and port."""
        where = redact(url)
        if not url.startswith(("ws://", "wss://")):
            raise ConnectionLost(f"Ethereum url scheme must be websocket: {where}")
        session = aiohttp.ClientSession()
        try:
            websocket = await session.ws_connect(
                url,
                heartbeat=self._heartbeat,
                max_msg_size=0,
                compress=0,
                decode_text=False,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_WAIT),
            )
        except BaseException as error:
            await session.close()
            if isinstance(error, (aiohttp.ClientError, OSError, ValueError)):
                raise ConnectionLost(f"{where}: {reason(error)}") from None
            raise
        return WebsocketSocket(websocket, session, where)


class WebsocketSocket:
    """One open websocket (``ports.RpcSocket``)."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse[bool], session: aiohttp.ClientSession, where: str) -> None:
        self._websocket = websocket
        self._session = session
        self._where = where
        self._line: socket.socket | None = websocket.get_extra_info("socket")

    async def send(self, text: bytes) -> None:
        """Hand one JSON text over. Raises ConnectionLost."""
        try:
            await self._websocket.send_frame(text, aiohttp.WSMsgType.TEXT)
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(f"{self._where}: {reason(error)}") from None

    async def receive(self) -> bytes:
        """The next message. Raises ConnectionLost.

        aiohttp reports a failure as a message, not as an exception: a missed heartbeat is one of type ERROR.
        """
        message = await self._websocket.receive()
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            self._acknowledge()
            return message.data if isinstance(message.data, bytes) else str(message.data).encode()
        raise ConnectionLost(f"{self._where}: {self._ended(message.data)}")

    def _acknowledge(self) -> None:
        """Tell the peer at once that its bytes have arrived.

        Some nodes send each message as a small segment of its own and hold the next one back until the last is acknowledged;
        the kernel likes to wait 40 ms with that. It forgets this wish after each segment, so it is said each time.
        """
        if _QUICK_ACK is not None and self._line is not None:
            # Closed while messages still wait to be read: nothing is left to acknowledge (uvloop then has a negative number
            # for the socket, which is a ValueError).
            with contextlib.suppress(OSError, ValueError):
                self._line.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)

    async def close(self) -> None:
        """Close; may be called twice."""
        await self._websocket.close()
        await self._session.close()

    def _ended(self, told: object) -> str:
        error = told if isinstance(told, BaseException) else self._websocket.exception()
        if isinstance(error, BaseException):
            return reason(error)
        return f"the node closed the connection (code {self._websocket.close_code})"
