"""Tells an explorer of every change of a run: one message after the other, each until it is acknowledged.

What is to be told is a row, written with the change (``engine.news``), and it goes when the explorer has it: no stop and no
crash loses any. One between an acknowledgement and the deletion tells the same twice, which explorers take as once. A message
that the explorer refuses again and again is put aside so that it does not hold up those behind it (in v0.6.2 it did); it is
tried again, with the run as it is then, when the node starts.
"""

from __future__ import annotations

import asyncio

import structlog

from adyton import __version__
from adyton.domain import explorer
from adyton.domain.errors import AdytonError
from adyton.ports import ConnectionLost, PushTransport, RpcSocket
from adyton.services.parts import Parts
from adyton.storage import runs, sync_events
from adyton.storage.sync_events import SyncEvent

ANSWER = 30.0
"""Seconds that the explorer has for an answer."""
REFUSALS = 5
"""Refusals after which a message is put aside."""
_LONGEST_PAUSE = 300
_PAUSES_TO_CONNECT = (0, 1, 2, 4, 8, 10)
_SETTLED = 10.0
"""Seconds that a connection must last to count as a success."""
_LOOK = 0.25
"""Seconds between two looks whether anything was committed."""
_LONGEST_SHOWN = 200

log = structlog.get_logger(__name__)


class NotAcknowledged(Exception):
    """The explorer said something else; the message says what."""


class ExplorerPusher:
    """Sends what the rows say. Idle for ever without EXPLORER_URL."""

    def __init__(self, parts: Parts, transport: PushTransport) -> None:
        self._parts = parts
        self._transport = transport
        self._config = parts.config
        self._view = parts.explorer
        self._failures = 0

    async def run(self) -> None:
        """Connect, send, and connect again, for ever."""
        if not self._config.explorer_url:
            return
        await self._take_up_parked()
        losses = 0
        while True:
            await self._parts.clock.sleep(_PAUSES_TO_CONNECT[min(losses, len(_PAUSES_TO_CONNECT) - 1)])
            began = self._parts.clock.monotonic()
            try:
                await self._connected()
            except ConnectionLost as lost:
                began = began if self._view.connected else self._parts.clock.monotonic()
                self._view.connected, self._view.problem = False, str(lost)
                log.warning("no line to the explorer", because=str(lost))
            losses = 1 if self._parts.clock.monotonic() - began >= _SETTLED else losses + 1

    async def _take_up_parked(self) -> None:
        while True:
            try:
                await self._parts.db.write(*sync_events.taken_up())
            except AdytonError as fault:
                await self._back_off(str(fault))
            else:
                self._failures = 0
                return

    async def _connected(self) -> None:
        """One connection, from its beginning to its end. Raises ConnectionLost."""
        headers = {
            "X-Explore-Chainlink-AccessKey": self._config.explorer_access_key,
            "X-Explore-Chainlink-Secret": self._config.explorer_secret,
            "X-Explore-Chainlink-Core-Version": __version__,
            "X-Explore-Chainlink-Core-Sha": "",
        }
        socket = await self._transport.open(self._config.explorer_url, headers)
        self._view.connected, self._view.problem = True, ""
        log.info("connected to the explorer")
        answers: asyncio.Queue[bytes] = asyncio.Queue()
        # Read all the time, also when nothing is asked: pings must be answered, and a lost line noticed. (Not in a TaskGroup:
        # the node's stop would get lost in it if the line is lost at the same moment.)
        both = {asyncio.create_task(self._listen(socket, answers)), asyncio.create_task(self._deliver(socket, answers))}
        try:
            ended, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.wait(both)
            await socket.close()
        for task in ended:
            task.result()

    async def _listen(self, socket: RpcSocket, answers: asyncio.Queue[bytes]) -> None:
        while True:
            answers.put_nowait(await socket.receive())

    # --- delivering --------------------------------------------------------------------------------------------------

    async def _deliver(self, socket: RpcSocket, answers: asyncio.Queue[bytes]) -> None:
        """Send what there is, oldest first, then wait for more. Raises ConnectionLost."""
        while True:
            commits = self._parts.db.commits  # before the look: what is committed during it is looked for again
            try:
                event = await sync_events.oldest(self._parts.db)
                if event is None:
                    await self._until_commit(commits)
                else:
                    await self._tell(socket, answers, event)
            except AdytonError as fault:
                await self._back_off(str(fault))

    async def _until_commit(self, commits: int) -> None:
        while self._parts.db.commits == commits:
            await self._parts.clock.sleep(_LOOK)

    async def _tell(self, socket: RpcSocket, answers: asyncio.Queue[bytes], event: SyncEvent) -> None:
        """Send one message until the explorer has it, or refuses it too often. Raises ConnectionLost, StorageUnavailable."""
        body = event.body or await self._describe(event)
        if body:
            try:
                await self._send(socket, answers, body)
            except NotAcknowledged as refusal:
                await self._refused(event, str(refusal))
                return
        # A crash before this write sends it again.
        await self._parts.db.write(sync_events.told(event))
        self._failures = 0

    async def _describe(self, event: SyncEvent) -> str:
        """The message about a run that was not at hand when its change was written; empty when the run is gone. It is written
        down first, so that what is sent again is the same."""
        run = await runs.get(self._parts.db, event.run_id, self._parts.jobs)
        if run is None:
            return ""
        body = explorer.message(run, await sync_events.initiator_type(self._parts.db, run.initiator_id))
        await self._parts.db.write(sync_events.described(event, body))
        return body

    async def _send(self, socket: RpcSocket, answers: asyncio.Queue[bytes], body: str) -> None:
        """Raises NotAcknowledged; ConnectionLost also when no answer comes: a late one could be taken for another message's."""
        while not answers.empty():
            answers.get_nowait()  # nobody asked for it
        await socket.send(body.encode())
        try:
            async with asyncio.timeout(ANSWER):
                answer = await answers.get()
        except TimeoutError:
            await self._back_off(f"no answer within {ANSWER:g} s")
            raise ConnectionLost(f"the explorer gave no answer within {ANSWER:g} s") from None
        if not explorer.acknowledged(answer):
            raise NotAcknowledged(answer[:_LONGEST_SHOWN].decode(errors="replace"))

    async def _refused(self, event: SyncEvent, said: str) -> None:
        error = f"the explorer refused it: {said}"
        if event.refusals + 1 < REFUSALS:
            await self._parts.db.write(sync_events.refused(event, error))
            await self._back_off(error)
            return
        await self._parts.db.write(sync_events.parked(event, error, self._parts.clock.now()))
        self._failures = 0
        log.error("a message to the explorer is put aside", run=event.run_id, refusals=REFUSALS, because=said)

    async def _back_off(self, because: str) -> None:
        pause = min(2**self._failures, _LONGEST_PAUSE)
        self._failures = min(self._failures + 1, 16)
        log.warning("the explorer was not told; trying again", because=because, seconds=pause)
        await self._parts.clock.sleep(pause)
