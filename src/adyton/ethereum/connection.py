"""JSON-RPC over one open socket: calls that wait for their answers by id, batches, notifications.

A connection lives once. When it is lost every waiting call fails with Disconnected and nothing is sent again here: only the
caller knows whether a call may be repeated.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeAlias

import msgspec
import structlog

from adyton.domain.errors import Disconnected
from adyton.ethereum.errors import MalformedAnswer, RpcError, RpcTimeout
from adyton.ports import ConnectionLost, RpcSocket

Call: TypeAlias = tuple[str, Sequence[object]]
"""A method and its parameters."""
Answer: TypeAlias = "msgspec.Raw | RpcError"
Deliver: TypeAlias = Callable[[msgspec.Raw], None]
"""Takes a notification's JSON. It is called by the reader, so it neither waits nor raises: it fills a mailbox."""

INTERNAL_ERROR = -32603
NO_ID = "the node refused a message that it could not read"
SHOWN = 200
"""Bytes of the node's words in a log line."""
LONGEST_ID = 20

log = structlog.get_logger(__name__)


class _Request(msgspec.Struct):
    id: int
    method: str
    params: Sequence[object]
    jsonrpc: str = "2.0"


class _Notice(msgspec.Struct):
    subscription: str | int
    result: msgspec.Raw = msgspec.Raw()


class _Frame(msgspec.Struct):
    """One message of the node: an answer (with ``id``) or a notification (with ``params``). An answer whose result is not
    valid for its call is the caller's to notice."""

    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: Any = None
    params: _Notice | None = None


_frames = msgspec.json.Decoder(_Frame | list[_Frame])
_requests = msgspec.json.Encoder()


class _Exchange:
    """One frame that waits: a call, or the calls of a batch."""

    def __init__(self, ids: Sequence[int], deliver: Deliver | None) -> None:
        self.done: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self.answers: dict[int, Answer] = {}
        self.ids = ids
        self.deliver = deliver

    def take(self, call: int, answer: Answer) -> None:
        """Note one answer; the last one wakes the caller."""
        self.answers[call] = answer
        if len(self.answers) == len(self.ids):
            self.finish(None)

    def finish(self, lost: str | None) -> None:
        """Wake the caller; ``lost`` says why there will be no answer."""
        if not self.done.done():
            self.done.set_result(lost)


class Connection:
    """Calls over one open socket. ``async with`` starts the reader and, at the end, fails what waits and closes the socket.

    ``timeout`` (seconds) bounds each frame from sending to its last answer.
    """

    def __init__(self, socket: RpcSocket, *, timeout: float) -> None:
        self._socket = socket
        self._timeout = timeout
        self._ids = itertools.count(1)
        self._waiting: dict[int, _Exchange] = {}
        self._deliveries: dict[str | int, Deliver] = {}
        self._received = 0
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop("the connection was closed")
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.wait({self._reader})
        with suppress(TimeoutError, ConnectionLost):
            async with asyncio.timeout(self._timeout):
                await self._socket.close()
        if self._reader is not None and not self._reader.cancelled():
            self._reader.result()  # a fault of ours in the reader is not swallowed

    async def lost(self) -> str:
        """Wait until the connection is lost, and say why."""
        return await asyncio.shield(self._lost)

    def drop(self, why: str) -> None:
        """Give the connection up: whoever waits for an answer gets Disconnected."""
        if not self._lost.done():
            self._lost.set_result(why)
        waiting, self._waiting = self._waiting, {}
        for exchange in waiting.values():
            exchange.finish(self._lost.result())

    async def call(self, method: str, params: Sequence[object]) -> msgspec.Raw:
        """The JSON of the call's result. Raises RpcError, RpcTimeout or Disconnected."""
        (answer,) = await self.exchange([(method, params)], batch=False)
        if isinstance(answer, RpcError):
            raise answer
        return answer

    async def batch(self, calls: Sequence[Call]) -> list[Answer]:
        """The results of several calls sent in one frame, in the calls' order. Raises RpcTimeout or Disconnected."""
        return await self.exchange(calls, batch=True) if calls else []

    async def subscribe(self, params: Sequence[object], deliver: Deliver) -> str | int:
        """Subscribe; ``deliver`` gets every notification, also one that follows the answer at once. Returns the node's id.

        Raises MalformedAnswer and what ``call`` raises.
        """
        (answer,) = await self.exchange([("eth_subscribe", params)], batch=False, deliver=deliver)
        if isinstance(answer, RpcError):
            raise answer
        name = _subscription(answer)
        if name is None:
            raise MalformedAnswer("eth_subscribe: the node answered without a subscription id")
        return name

    async def unsubscribe(self, name: str | int) -> None:
        """End a subscription; what still comes for it is dropped. Raises what ``call`` raises."""
        self._deliveries.pop(name, None)
        await self.call("eth_unsubscribe", [name])

    async def exchange(self, calls: Sequence[Call], *, batch: bool, deliver: Deliver | None = None) -> list[Answer]:
        """The answers of one frame, in the calls' order. Without ``batch`` there is one call, which is sent as itself.

        Raises RpcTimeout or Disconnected.
        """
        if self._lost.done():
            raise Disconnected(self._lost.result(), code="ADY-0600")
        requests = [_Request(next(self._ids), method, params) for method, params in calls]
        exchange = _Exchange([request.id for request in requests], deliver)
        self._waiting.update(dict.fromkeys(exchange.ids, exchange))
        try:
            # Nothing of a call is stored here: after a crash the caller's own rows tell what may have been sent.
            await self._sent(_requests.encode(requests if batch else requests[0]), exchange, calls[0][0])
        finally:
            for call in exchange.ids:
                self._waiting.pop(call, None)
        return [exchange.answers[call] for call in exchange.ids]

    async def _sent(self, frame: bytes, exchange: _Exchange, method: str) -> None:
        before = self._received
        try:
            async with asyncio.timeout(self._timeout):
                await self._socket.send(frame)
                lost = await exchange.done
        except TimeoutError:
            if self._received == before:  # not one byte since: the peer is frozen, or the line is dead
                self.drop(f"the node sent nothing for {self._timeout:g} s")
            raise RpcTimeout(f"{method}: no answer from the Ethereum node within {self._timeout:g} s") from None
        except ConnectionLost as error:
            self.drop(str(error))
            raise Disconnected(str(error), code="ADY-0600") from None
        if lost is not None:
            raise Disconnected(lost, code="ADY-0600")

    async def _read(self) -> None:
        try:
            while True:
                text = await self._socket.receive()
                self._received += 1
                self._take(text)
        except ConnectionLost as error:
            self.drop(str(error))
        finally:
            self.drop("the connection was closed")

    def _take(self, text: bytes) -> None:
        try:
            frames = _frames.decode(text)
        except (ValueError, RecursionError) as error:
            log.warning("unreadable message from the ethereum node", error=str(error), start=text[:SHOWN])
            return
        if isinstance(frames, _Frame):
            self._take_frame(frames)
        else:
            self._take_batch(frames)

    def _take_batch(self, frames: Sequence[_Frame]) -> None:
        exchanges = [self._take_frame(frame) for frame in frames]
        for exchange in {e for e in exchanges if e is not None and not e.done.done()}:
            self._refuse(exchange, RpcError(INTERNAL_ERROR, "the node left the call out of its answer to the batch"))

    def _take_frame(self, frame: _Frame) -> _Exchange | None:
        if frame.params is not None:
            self._notify(frame.params)
            return None
        call = _call_id(frame.id)
        exchange = None if call is None else self._waiting.pop(call, None)
        if exchange is not None and call is not None:
            answer = _answer(frame)
            if exchange.deliver is not None and not isinstance(answer, RpcError):
                self._expect(answer, exchange.deliver)
            exchange.take(call, answer)
        elif frame.id is None:
            self._take_nameless(frame)
        return exchange  # without one: the answer to a call whose deadline has passed

    def _take_nameless(self, frame: _Frame) -> None:
        """An error without an id. If only one frame waits, it is meant (a batch that is too large is refused like this)."""
        error = _error(frame.error) if frame.error is not None else RpcError(INTERNAL_ERROR, NO_ID)
        log.warning("error from the ethereum node without an id", code=error.code, error=error.message[:SHOWN])
        exchanges = set(self._waiting.values())
        if frame.error is not None and len(exchanges) == 1:
            self._refuse(exchanges.pop(), error)

    def _refuse(self, exchange: _Exchange, error: RpcError) -> None:
        for call in exchange.ids:
            if self._waiting.pop(call, None) is not None:
                exchange.take(call, error)

    def _expect(self, answer: msgspec.Raw, deliver: Deliver) -> None:
        name = _subscription(answer)
        if name is not None:
            self._deliveries[name] = deliver

    def _notify(self, notice: _Notice) -> None:
        deliver = self._deliveries.get(notice.subscription)
        if deliver is not None:
            deliver(notice.result)
        else:
            log.debug("notification for an unknown subscription", subscription=notice.subscription)


def _call_id(given: int | str | None) -> int | None:
    """Our ids are small numbers; some proxies hand them back as text."""
    if isinstance(given, str):
        return int(given) if given.isdecimal() and len(given) < LONGEST_ID else None
    return given


def _answer(frame: _Frame) -> Answer:
    if frame.error is not None:
        return _error(frame.error)
    if not frame.result:
        return RpcError(INTERNAL_ERROR, "the node answered with neither a result nor an error")
    return frame.result


def _error(error: Any) -> RpcError:
    """The node's error, which is an object by the standard and a bare text with some."""
    if not isinstance(error, dict):
        return RpcError(INTERNAL_ERROR, str(error))
    code, message = error.get("code"), error.get("message")
    return RpcError(code if isinstance(code, int) else INTERNAL_ERROR, str(message or "no message"), error.get("data"))


def _subscription(answer: msgspec.Raw) -> str | int | None:
    try:
        return msgspec.json.decode(answer, type=str | int)
    except ValueError:
        return None
