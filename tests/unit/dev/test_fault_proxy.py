"""What the proxy does to a connection, with an echo behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from adyton.dev.fault_proxy import KINDS, FaultProxy
from adyton.system.clock import SystemClock


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    """In front of a server that repeats what it hears."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(1024):
            writer.write(chunk)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with FaultProxy(server.sockets[0].getsockname()[1], clock=SystemClock()) as proxy:
        yield proxy
    server.close()
    await server.wait_closed()


class Caller:
    """One connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, text: bytes) -> bytes:
        """What comes back; what came before the end if the connection ends."""
        self.writer.write(text)
        try:
            return await self.reader.readexactly(len(text))
        except asyncio.IncompleteReadError as short:
            return short.partial
        except OSError:
            return b""

    async def ended(self) -> bool:
        """Waits for the connection's end."""
        try:
            return await self.reader.read() == b""
        except OSError:
            return True


callers: list[Caller] = []


@pytest.fixture(autouse=True)
async def hang_up() -> AsyncIterator[None]:
    """Close every connection in the end."""
    yield
    for caller in callers:
        caller.writer.close()
        with suppress(OSError):
            await caller.writer.wait_closed()
    callers.clear()


async def call(proxy: FaultProxy) -> Caller:
    callers.append(Caller(*await asyncio.open_connection("127.0.0.1", proxy.port)))
    return callers[-1]


async def test_it_carries_what_it_is_given(proxy: FaultProxy) -> None:
    caller = await call(proxy)
    assert await caller.ask(b"hello") == b"hello"
    assert await caller.ask(bytes(100_000)) == bytes(100_000)
    assert (proxy.carried, proxy.carried_bytes) == (1, 100_005)


async def test_a_drop_ends_what_is_there_and_lets_others_come(proxy: FaultProxy) -> None:
    caller = await call(proxy)
    assert await caller.ask(b"hello") == b"hello"
    proxy.drop()
    assert await caller.ended()
    assert await (await call(proxy)).ask(b"again") == b"again"


async def test_a_cut_refuses_until_it_is_mended_on_the_same_port(proxy: FaultProxy) -> None:
    caller, port = await call(proxy), proxy.port
    await proxy.cut()
    assert await caller.ended()
    with pytest.raises(ConnectionRefusedError):
        await call(proxy)
    await proxy.mend()
    assert proxy.port == port
    assert await (await call(proxy)).ask(b"again") == b"again"


async def test_a_stall_is_silent_and_nothing_is_lost_when_it_ends(proxy: FaultProxy) -> None:
    caller = await call(proxy)
    assert await caller.ask(b"hello") == b"hello"
    proxy.stall()
    asking = asyncio.create_task(caller.ask(b"anyone there?"))
    await asyncio.wait([asking], timeout=0.05)
    assert not asking.done()
    await proxy.mend()
    assert await asking == b"anyone there?"


async def test_an_answer_is_torn_in_the_middle(proxy: FaultProxy) -> None:
    caller = await call(proxy)
    proxy.tear(7)
    assert await caller.ask(b"hel") == b"hel"
    assert await caller.ask(b"lo, whoever") in (b"lo, ", b"")  # the end may overtake what came before it
    assert await caller.ended()
    assert await (await call(proxy)).ask(b"whole again") == b"whole again"


async def test_nothing_behind_it_ends_the_connection() -> None:
    async with FaultProxy(1, clock=SystemClock()) as proxy:
        assert await (await call(proxy)).ended()


class Counted:
    """A clock that runs out after some sleeps, and remembers them."""

    def __init__(self, sleeps: int) -> None:
        self.left = sleeps
        self.slept: list[float] = []

    def now(self) -> int:
        return 0

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.left -= 1
        if not self.left:
            raise asyncio.CancelledError


async def slept(seed: int) -> list[float]:
    clock = Counted(20)
    async with FaultProxy(1, clock=clock) as proxy:
        with pytest.raises(asyncio.CancelledError):
            await proxy.torment(seed, every=1, lasting=1)
        await (await call(proxy)).ended()  # it listens again
    return clock.slept


async def test_the_same_seed_torments_at_the_same_moments_and_another_at_others() -> None:
    assert await slept(1) == await slept(1)
    assert await slept(1) != await slept(2)


async def test_a_fault_that_there_is_not_is_refused(proxy: FaultProxy) -> None:
    with pytest.raises(ValueError, match=KINDS[0]):
        await proxy.torment(1, every=0, lasting=0, kinds=["sulk"])
