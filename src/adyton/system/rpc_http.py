"""JSON-RPC to an Ethereum node by HTTP, over aiohttp: each text is a POST, and its answer's body a text that comes back.

What is not an answer to the text becomes one: an error for each call in it, with the HTTP status as its code. So a caller
learns at once what happened, and need not know how the node is reached.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import aiohttp
import msgspec

from adyton.domain.urls import redact
from adyton.ports import ConnectionLost
from adyton.system.reasons import reason

CONNECTIONS = 64
"""To one node at a time; more texts wait."""
LONGEST = 256 * 1024 * 1024
"""Bytes of an answer: more of it is refused in words that mean "ask for less"."""
TOO_MANY_REQUESTS = 429
BAD_GATEWAY = 502
"""What a page in place of an answer comes to, whatever its status says."""
_CHUNK = 64 * 1024
_HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


class HttpRpcTransport:
    """Opens lines to Ethereum nodes by HTTP (``ports.RpcTransport``). Each brings its own client session and closes it.

    ``longest`` bounds an answer, in bytes.
    """

    def __init__(self, *, longest: int = LONGEST) -> None:
        self._longest = longest

    async def open(self, url: str) -> HttpRpcSocket:
        """A line to ``url`` (http or https). Nothing is sent yet: a node that is away shows with the first text."""
        where = redact(url)
        if not url.startswith(("http://", "https://")):
            raise ConnectionLost(f"Ethereum url scheme must be http or https: {where}")
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),  # whoever waits for the answer has a deadline, and closes
            headers=_HEADERS,
        )
        return HttpRpcSocket(url, session, where, self._longest)


class HttpRpcSocket:
    """One line (``ports.RpcSocket``). Texts are on their way at the same time; answers come in any order."""

    def __init__(self, url: str, session: aiohttp.ClientSession, where: str, longest: int) -> None:
        self._url = url
        self._session = session
        self._where = where
        self._longest = longest
        self._answers: asyncio.Queue[bytes | ConnectionLost] = asyncio.Queue()
        self._posts: set[asyncio.Task[None]] = set()
        self._lost: ConnectionLost | None = None

    async def send(self, text: bytes) -> None:
        """Hand one JSON text over. Raises ConnectionLost."""
        if self._lost is not None:
            raise self._lost
        post = asyncio.create_task(self._post(text))
        self._posts.add(post)
        post.add_done_callback(self._posts.discard)

    async def receive(self) -> bytes:
        """The next answer. Raises ConnectionLost."""
        if self._lost is not None and self._answers.empty():
            raise self._lost
        answer = await self._answers.get()
        if isinstance(answer, ConnectionLost):
            raise answer
        return answer

    async def close(self) -> None:
        """Close; may be called twice."""
        self._lose("closed by us")
        posts = set(self._posts)
        for post in posts:
            post.cancel()
        if posts:
            await asyncio.wait(posts)
        await self._session.close()

    def _lose(self, why: str) -> None:
        if self._lost is None:
            self._lost = ConnectionLost(f"{self._where}: {why}")
            self._answers.put_nowait(self._lost)

    async def _post(self, text: bytes) -> None:
        try:
            try:
                reply = await self._exchange(text)
            except (aiohttp.ServerDisconnectedError, ConnectionResetError):
                # A connection that was kept, and that the node closes just now. Every call may be made twice.
                reply = await self._exchange(text)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self._lose(reason(error))
        else:
            self._answers.put_nowait(answer(text, reply))

    async def _exchange(self, text: bytes) -> Reply:
        async with self._session.post(self._url, data=text, allow_redirects=False) as response:
            return Reply(response.status, await self._body(response), response.headers.get("Retry-After"))

    async def _body(self, response: aiohttp.ClientResponse) -> bytes | None:
        body = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            body += chunk
            if len(body) > self._longest:
                response.close()
                return None
        return bytes(body)


# --- what a response means ---------------------------------------------------------------------------------------------


class Reply(NamedTuple):
    """A response. ``body`` of None: it was too long. ``retry_after`` is the header of that name."""

    status: int
    body: bytes | None
    retry_after: str | None = None


class _Asked(msgspec.Struct):
    id: int


class _Answered(msgspec.Struct):
    """As much of an answer as tells whose it is."""

    id: Any = None
    error: Any = None


_LONGEST_ID = 20
_asked = msgspec.json.Decoder(_Asked | list[_Asked])
_answered = msgspec.json.Decoder(_Answered | list[_Answered])


def answer(text: bytes, reply: Reply) -> bytes:
    """The JSON text that answers ``text``: the body, if it does; otherwise errors that say what came instead."""
    asked = _asked.decode(text)
    if reply.body is None:
        return _errors(asked, {"code": -32000, "message": "response size exceeded: the answer is too long"})
    answered = _read(reply.body)
    if reply.status == TOO_MANY_REQUESTS:
        said = _said(answered)
        message = str(said["message"]) if said else "Too Many Requests"
        rest = _seconds(reply.retry_after)
        inner = said["data"] if said and isinstance(said.get("data"), dict) else {}
        data = inner | ({} if rest is None else {"retry_after": rest})
        return _errors(asked, {"code": TOO_MANY_REQUESTS, "message": message, "data": data})
    if _ids(asked) & _ids(answered):
        return reply.body
    ok = reply.status < 300
    said = _said(answered)
    if said is not None:
        return _errors(asked, said if ok else {"code": reply.status, "message": f"HTTP {reply.status}: {said['message']}"})
    words = "the node answered something that is not JSON-RPC" if ok else f"HTTP {reply.status}"
    return _errors(asked, {"code": BAD_GATEWAY if ok else reply.status, "message": words})


def _read(body: bytes) -> _Answered | list[_Answered] | None:
    try:
        answered: _Answered | list[_Answered] = _answered.decode(body)
    except (ValueError, RecursionError):
        return None
    return answered


def _ids(texts: Any) -> set[int]:
    """Ids of calls or answers; some proxies hand ours back as text."""
    each = texts if isinstance(texts, list) else [] if texts is None else [texts]
    names = (str(one.id) for one in each if isinstance(one.id, int | str))
    return {int(name) for name in names if name.isdecimal() and len(name) < _LONGEST_ID}


def _said(answered: _Answered | list[_Answered] | None) -> dict[str, Any] | None:
    """The node's own error, of whichever call."""
    each: Sequence[_Answered] = answered if isinstance(answered, list) else [] if answered is None else [answered]
    error = next((one.error for one in each if one.error is not None), None)
    if isinstance(error, dict) and isinstance(error.get("message"), str):
        return error
    return {"code": -32603, "message": error} if isinstance(error, str) else None


def _errors(asked: _Asked | list[_Asked], error: dict[str, Any]) -> bytes:
    if isinstance(asked, list):
        return msgspec.json.encode([{"jsonrpc": "2.0", "id": one.id, "error": error} for one in asked])
    return msgspec.json.encode({"jsonrpc": "2.0", "id": asked.id, "error": error})


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds. A date is not one: our clock and the node's may differ."""
    return float(header) if header is not None and header.isdecimal() and len(header) < 10 else None
