"""A TCP proxy that breaks things, between a node and its chain or between a node and a source; for ws and http alike.

It knows nothing of what it carries. Faults are asked for one by one (``cut``, ``drop``, ``stall``, ``tear``, ``delay``), or
drawn from a seed by ``torment``: the same seed gives the same faults at the same moments after its start.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from adyton.ports import Clock

CHUNK = 65536
KINDS = ("drop", "stall", "tear", "delay", "cut")


class FaultProxy:
    """Carries connections from ``port`` to ``target_port`` on this machine.

    ``delay`` is the seconds that each piece of data waits, in either direction. A connection that is made while the proxy is
    stalled is taken, and nothing comes of it.
    """

    def __init__(self, target_port: int, *, clock: Clock) -> None:
        self.port = 0
        self.delay = 0.0
        self.carried = 0
        """Connections taken so far."""
        self.carried_bytes = 0
        """Bytes of answers carried so far."""
        self._target = target_port
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._left: int | None = None
        """Bytes until the connection that carries the last of them is torn; None: never."""

    async def __aenter__(self) -> Self:
        """Listen, on a free port."""
        await self.mend()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Break everything and listen no more."""
        await self.cut()

    @property
    def websocket(self) -> str:
        """What to give to a node as ETH_URL."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def http(self) -> str:
        """The same for whoever speaks HTTP."""
        return f"http://127.0.0.1:{self.port}"

    # --- faults ----------------------------------------------------------------------------------------------------

    async def mend(self) -> None:
        """End every fault: listen, on the same port each time, and let data flow."""
        self.delay, self._left = 0.0, None
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.drop()
        self._flowing.set()
        if self._pumps:
            await asyncio.wait(self._pumps)
        self._ends.clear()

    def drop(self) -> None:
        """Break every connection; new ones may be made."""
        for end in self._ends:
            end.transport.abort()

    def stall(self) -> None:
        """Carry nothing any more and say nothing of it: a black hole."""
        self._flowing.clear()

    def tear(self, after: int) -> None:
        """Break a connection after ``after`` more bytes of answers, wherever in a message that is."""
        self._left = after

    async def torment(self, seed: int | str, *, every: float, lasting: float, kinds: Sequence[str] = KINDS) -> None:
        """Until cancelled: about ``every`` seconds one of ``kinds``, for up to ``lasting`` seconds; then all is well again."""
        draws = _draws(seed)
        try:
            while True:
                await self._clock.sleep(every * (0.5 + next(draws)))
                await self._commit(kinds[int(next(draws) * len(kinds))], next(draws))
                await self._clock.sleep(lasting * next(draws))
                await self.mend()
        finally:
            await self.mend()

    async def _commit(self, kind: str, strength: float) -> None:
        match kind:
            case "drop":
                self.drop()
            case "stall":
                self.stall()
            case "tear":
                self.tear(int(2000 * strength))
            case "delay":
                self.delay = strength
            case "cut":
                await self.cut()
            case _:
                raise ValueError(f"there is no fault {kind!r}; there are {', '.join(KINDS)}")

    # --- carrying --------------------------------------------------------------------------------------------------

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me is not None
        self._pumps.add(me)
        me.add_done_callback(self._pumps.discard)
        self.carried += 1
        self._ends.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)  # noqa: TID251 - see above
        except OSError:
            writer.transport.abort()
            self._ends.discard(writer)
            return
        self._ends.add(far_writer)
        both = {writer, far_writer}
        if self._server is None:  # cut while it connected
            for end in both:
                end.transport.abort()
        await asyncio.gather(
            self._pump(reader, far_writer, both, answers=False), self._pump(far_reader, writer, both, answers=True)
        )
        for end in both:
            end.transport.abort()
        self._ends -= both

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, both: set[asyncio.StreamWriter], *, answers: bool
    ) -> None:
        with suppress(OSError, RuntimeError):  # RuntimeError: uvloop's word for a connection that was aborted meanwhile
            while chunk := await reader.read(CHUNK):
                await self._flowing.wait()
                if self.delay:
                    await self._clock.sleep(self.delay)
                torn = answers and self._left is not None and self._left < len(chunk)
                writer.write(chunk[: self._left] if torn else chunk)
                await writer.drain()
                self.carried_bytes += len(chunk) if answers else 0
                if torn:
                    self._left = None
                    for end in both - {writer}:
                        end.transport.abort()
                    break
                if answers and self._left is not None:
                    self._left -= len(chunk)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()  # what was written before the end still arrives


def _draws(seed: int | str) -> Iterator[float]:
    """Numbers in [0, 1) that the seed decides."""
    count = 0
    while True:
        digest = hashlib.blake2b(f"{seed} {count}".encode(), digest_size=7).digest()
        yield int.from_bytes(digest, "big") / 2**56
        count += 1
