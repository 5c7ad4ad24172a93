"""The websocket to an explorer, over aiohttp."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

import aiohttp

from adyton.domain.urls import redact
from adyton.ports import ConnectionLost
from adyton.system.reasons import reason

PING_EVERY = 54.0
"""Seconds between two pings, as v0.6.2."""
READ_DEADLINE = 60.0
"""Seconds without a word of the other side, not even a pong, after which it is given up."""
WRITE_DEADLINE = 10.0
OPEN_DEADLINE = 30.0
"""Seconds for the handshake: without its headers v0.6.2's explorer never answers."""
LARGEST_ANSWER = 512
"""Bytes of a message that is taken."""
_CLOSE_WAIT = 2.0
_STATUS_OF_REFUSAL = frozenset({401, 403})


class ExplorerTransport:
    """Opens websockets to explorers (``ports.PushTransport``). Certificates of ``wss`` are verified. Times are in seconds."""

    def __init__(self, *, ping_every: float = PING_EVERY, read_deadline: float = READ_DEADLINE) -> None:
        self._ping_every = ping_every
        self._read_deadline = read_deadline

    async def open(self, url: str, headers: Mapping[str, str]) -> ExplorerSocket:
        """Connect. Raises ConnectionLost, whose message names only scheme, host and port."""
        where = redact(url)
        session = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(OPEN_DEADLINE):
                websocket = await session.ws_connect(
                    url,
                    headers=headers,
                    autoping=False,
                    max_msg_size=LARGEST_ANSWER,
                    compress=0,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_WAIT),
                )
        except BaseException as error:
            await session.close()
            if isinstance(error, aiohttp.WSServerHandshakeError) and error.status in _STATUS_OF_REFUSAL:
                cure = "see EXPLORER_ACCESS_KEY and EXPLORER_SECRET"
                raise ConnectionLost(f"{where}: refused with status {error.status}; {cure}") from None
            if isinstance(error, TimeoutError):
                raise ConnectionLost(f"{where}: no answer to the handshake within {OPEN_DEADLINE:g} s") from None
            if isinstance(error, (aiohttp.ClientError, OSError, ValueError)):
                raise ConnectionLost(f"{where}: {reason(error)}") from None
            raise
        return ExplorerSocket(websocket, session, where, self._ping_every, self._read_deadline)


class ExplorerSocket:
    """One open websocket (``ports.RpcSocket``). It pings by itself; who has it must keep receiving."""

    def __init__(
        self,
        websocket: aiohttp.ClientWebSocketResponse[bool],
        session: aiohttp.ClientSession,
        where: str,
        ping_every: float,
        read_deadline: float,
    ) -> None:
        self._websocket = websocket
        self._session = session
        self._where = where
        self._read_deadline = read_deadline
        self._pinger = asyncio.create_task(self._ping(ping_every))

    async def send(self, text: bytes) -> None:
        """Hand one text over. Raises ConnectionLost."""
        try:
            async with asyncio.timeout(WRITE_DEADLINE):
                await self._websocket.send_frame(text, aiohttp.WSMsgType.TEXT)
        except TimeoutError:
            raise ConnectionLost(f"{self._where}: nothing could be sent for {WRITE_DEADLINE:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(f"{self._where}: {reason(error)}") from None

    async def receive(self) -> bytes:
        """The next text; pings are answered on the way. Raises ConnectionLost."""
        while True:
            try:
                async with asyncio.timeout(self._read_deadline):
                    message = await self._websocket.receive()
            except TimeoutError:
                raise ConnectionLost(f"{self._where}: silent for {self._read_deadline:g} s") from None
            match message.type:
                case aiohttp.WSMsgType.TEXT | aiohttp.WSMsgType.BINARY:
                    return message.data if isinstance(message.data, bytes) else str(message.data).encode()
                case aiohttp.WSMsgType.PING:
                    with contextlib.suppress(aiohttp.ClientError, OSError):
                        await self._websocket.pong(message.data)
                case aiohttp.WSMsgType.PONG:
                    pass
                case _:
                    raise ConnectionLost(f"{self._where}: {self._ended(message.data)}")

    async def close(self) -> None:
        """Close; may be called twice."""
        self._pinger.cancel()
        await self._websocket.close()
        await self._session.close()

    async def _ping(self, every: float) -> None:
        with contextlib.suppress(aiohttp.ClientError, OSError):
            while True:
                await asyncio.sleep(every)
                await self._websocket.ping()

    def _ended(self, told: object) -> str:
        error = told if isinstance(told, BaseException) else self._websocket.exception()
        if isinstance(error, BaseException):
            return reason(error)
        return f"the explorer closed the connection (code {self._websocket.close_code})"
