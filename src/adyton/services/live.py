"""Live updates: what is read once is handed to everybody who watches.

Nothing is written for watchers, and nothing is kept for each of them but where he is. The newest events lie in one list for all
(``Hub``); a stream is a place in it. Who is not in the list any more, because he was away or is slow, reads rows from his own
place on, page by page as he takes them, and comes back to the list where it ends. So no stream costs memory by being slow, and
none misses or gets twice what its place has a number for: the rows are the truth (``storage.changes``).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from itertools import islice
from typing import Any

from adyton.domain.chain import Head
from adyton.services import live_events as forms
from adyton.services.live_events import Alert, Event, Kind, Wanted
from adyton.services.live_guests import Guest, Guests
from adyton.storage import changes
from adyton.storage.changes import Place
from adyton.storage.database import Database

KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment is sent."""
KEPT = 4096
"""Events in memory."""
PAGE = 500
"""Rows that a stream reads at once."""
READING = 4
"""Streams that read rows at the same time; the others wait, so that thousands who come back do not hold up the node."""
FASTEST, STREAMS_A_SECOND = 0.1, 5000
"""Seconds between two looks at the rows while few watch; with many there are as many wake-ups a second as the second says."""
WOKEN_AT_ONCE = 50
_CHUNKS_KEPT = 64


class Hub:
    """The newest events, and who watches. Lives on one event loop; nothing in it survives the process, nothing has to."""

    def __init__(self) -> None:
        self.streams: set[Stream] = set()
        self.guests = Guests()
        self.place: Place | None = None
        """How far the rows have been read; None while nobody reads them."""
        self.head: Head | None = None
        self.alerts: dict[tuple[str, str], Alert] = {}
        self.first = 0
        """The number of the oldest event in memory."""
        self.reading = asyncio.Semaphore(READING)
        self.closed = False
        self._before = Place()
        self._events: deque[Event] = deque()
        self._chunks: dict[tuple[int, int, Wanted], bytes] = {}
        self._someone = asyncio.Event()
        self._read = asyncio.Event()

    # --- the reader's side ---

    async def someone(self) -> None:
        """Wait until somebody watches."""
        while not self.streams:
            self._someone.clear()
            await self._someone.wait()  # two may wait here; both go on

    def begin(self, place: Place, head: Head | None, alerts: dict[tuple[str, str], Alert]) -> None:
        """Say what there is before the first event."""
        self._forget(place)
        self.place, self.head, self.alerts = place, head, alerts
        self._read.set()

    def rest(self) -> None:
        """Say that nobody reads any more."""
        self._read.clear()
        self.place = None

    def publish(self, events: Sequence[Event], place: Place) -> None:
        """Take the next events, with which the rows are read up to a place."""
        for event in events:
            self._events.append(event)
        while len(self._events) > KEPT:
            self._before = self._events.popleft().place
            self.first += 1
        self.place = place

    def skip_to(self, place: Place) -> None:
        """Say that more happened than is kept: everybody reads the rows."""
        self._forget(place)
        self.place = place

    async def wake(self, pause: Any) -> None:
        """Wake the streams, a few at a time with a ``pause`` in between: thousands at once would hold up everything else."""
        waiting = [stream for stream in self.streams if stream.behind]
        for start in range(0, len(waiting), WOKEN_AT_ONCE):
            for stream in waiting[start : start + WOKEN_AT_ONCE]:
                stream.wake()
            await pause(0)

    def close(self) -> None:
        """End every stream: the node stops."""
        self.closed = True
        self._read.set()
        for stream in self.streams:
            stream.wake()

    @property
    def interval(self) -> float:
        """Seconds until the rows are to be looked at again."""
        return max(FASTEST, len(self.streams) / STREAMS_A_SECOND)

    def _forget(self, place: Place) -> None:
        self.first = self.end + 1  # every stream's place in the list lies before it now
        self._events.clear()
        self._chunks.clear()
        self._before = place

    # --- the streams' side ---

    @property
    def end(self) -> int:
        """The number that the next event gets."""
        return self.first + len(self._events)

    async def ready(self) -> None:
        """Wait until the rows are being read."""
        await self._read.wait()

    def join(self, stream: Stream) -> None:
        """Begin to watch."""
        self.streams.add(stream)
        self.guests.add(stream)
        self._someone.set()

    def leave(self, stream: Stream) -> None:
        """Watch no more."""
        self.streams.discard(stream)
        self.guests.remove(stream)

    def holds(self, place: Place) -> bool:
        """Whether everything behind a place is in memory."""
        return place.runs >= self._before.runs and place.transactions >= self._before.transactions

    def chunk(self, begin: int, wanted: Wanted) -> bytes:
        """The events from a number on that are wanted, as they are sent; the same bytes for all who want the same."""
        key = (begin, self.end, wanted)
        found = self._chunks.get(key)
        if found is None:
            if len(self._chunks) >= _CHUNKS_KEPT:
                self._chunks.clear()
            found = self._chunks[key] = b"".join(event.text for event in self.events(begin) if wanted.takes(event))
        return found

    def events(self, begin: int) -> Sequence[Event]:
        """The events from a number on."""
        return list(islice(self._events, begin - self.first, None))


class Stream:
    """One who watches. ``last_id`` is the id of the last event that he had, if he comes back; ``retry`` (milliseconds) is told
    to him for when he loses the stream. The stream ends when the ``guest`` may not stay."""

    __slots__ = (
        *("_ahead", "_db", "_ended", "_hub", "_last_id", "_next", "_place", "_retry", "_stated", "_wanted", "_woken"),
        "guest",
    )

    def __init__(
        self,
        hub: Hub,
        db: Database,
        wanted: Wanted,
        *,
        last_id: str | None = None,
        retry: int = 3000,
        guest: Guest | None = None,
    ) -> None:
        self.guest = guest
        self._hub = hub
        self._db = db
        self._wanted = wanted
        self._last_id = last_id
        self._retry = retry
        self._place = Place()
        """How far it has had the rows."""
        self._next = 0
        """The number of the next event in the hub's list."""
        self._ahead = True
        """Whether rows have been read that the list may hold as well."""
        self._stated = 0
        """The number of the first event that may say more of heads and alerts than the state that was sent."""
        self._woken = asyncio.Event()
        self._ended = False

    @property
    def behind(self) -> bool:
        """Whether there is something that it has not had."""
        return self._next != self._hub.end or self._ended

    def wake(self) -> None:
        """Say that there is something."""
        self._woken.set()

    def end(self) -> None:
        """End the stream, from wherever."""
        self._ended = True
        self._woken.set()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """What is to be sent, piece by piece; the next is made when the last was taken. Ends with the hub, or by ``end``.
        Raises StorageUnavailable and Broken."""
        self._hub.join(self)
        try:
            await self._hub.ready()
            if self._over:
                return
            yield forms.opening(self._retry) + await self._begin()
            while not self._over:
                if self._next < self._hub.first or self._hub.place is None:
                    async for page in self._rows():
                        yield page
                    yield self._state()
                chunk = self._from_memory()
                if chunk:
                    yield chunk
                elif not await self._told():
                    yield forms.keep_alive(self._place)
        finally:
            self._hub.leave(self)

    @property
    def _over(self) -> bool:
        return self._ended or self._hub.closed

    async def _begin(self) -> bytes:
        """Find the place to go on from."""
        assert self._hub.place is not None, "rows are being read"
        self._next, self._place = self._hub.end, self._hub.place
        if self._last_id is None:
            return self._state()
        given = forms.read_id(self._last_id)
        lost = await self._lost(given)
        if lost is not None or given is None:
            return forms.piece("reset", self._place, {"reason": lost}) + self._state()
        self._place, self._ahead = given, True
        # Events with the numbers that it has had are passed over.
        self._next = self._hub.first if self._hub.holds(given) else -1
        return self._state() if self._next >= 0 else b""

    async def _lost(self, given: Place | None) -> str | None:
        """Why one cannot go on from there; None if one can."""
        if given is None:
            return "this is no id of this node; read again what you show"
        newest, deleted = await changes.newest(self._db), await changes.deleted(self._db)
        if given.runs > newest.runs or given.transactions > newest.transactions:
            return "the database is another one, or an older state of it; read again what you show"
        missed = (Kind.RUNS in self._wanted.kinds and given.runs < deleted.runs) or (
            Kind.TRANSACTIONS in self._wanted.kinds and given.transactions < deleted.transactions
        )
        return "some of what happened since has been deleted; read again what you show" if missed else None

    def _state(self) -> bytes:
        """What has no history: the head and what is wrong now."""
        body: dict[str, Any] = {}
        self._stated = self._hub.end
        if Kind.HEADS in self._wanted.kinds:
            body["head"] = None if self._hub.head is None else forms.head_body(self._hub.head)
        if Kind.ALERTS in self._wanted.kinds:
            body["alerts"] = list(self._hub.alerts.values())
        return forms.piece("state", self._place, body)

    async def _rows(self) -> AsyncIterator[bytes]:
        """What changed since its place, from the rows, until memory has the rest."""
        while not self._over:
            if self._hub.place is None:
                await self._hub.ready()
                continue
            # Noted before the read: whatever comes into the list from here on is looked at again, number by number.
            following, upto = self._hub.end, self._hub.place
            events, complete = await self._page(upto)
            chunk = b"".join(event.text for event in events if self._wanted.takes(event))
            if chunk:
                yield chunk
            if complete and following >= self._hub.first:
                self._next, self._ahead = following, True
                return

    async def _page(self, upto: Place) -> tuple[list[Event], bool]:
        """The next rows, and whether these were the last."""
        async with self._hub.reading:
            runs = await changes.runs(self._db, self._place.runs, limit=PAGE) if Kind.RUNS in self._wanted.kinds else []
            sent = (
                await changes.transactions(self._db, self._place.transactions, limit=PAGE)
                if Kind.TRANSACTIONS in self._wanted.kinds
                else []
            )
        events = [forms.of_run(found, Place(found.change, self._place.transactions)) for found in runs]
        behind = Place(runs[-1].change if runs else self._place.runs, self._place.transactions)
        events += [forms.of_transaction(found, Place(behind.runs, found.change)) for found in sent]
        behind = Place(behind.runs, sent[-1].change if sent else behind.transactions)
        complete = len(runs) < PAGE and len(sent) < PAGE
        # What was not asked for needs no catching up.
        self._place = Place(max(behind.runs, upto.runs), max(behind.transactions, upto.transactions)) if complete else behind
        return events, complete

    def _from_memory(self) -> bytes:
        """What the list has for this stream; it has had it with that."""
        hub, begin = self._hub, self._next
        if hub.place is None or begin < hub.first:
            return b""
        if not self._ahead:
            chunk = hub.chunk(begin, self._wanted)
        else:
            chunk = b"".join(
                event.text for number, event in enumerate(hub.events(begin), begin) if self._is_news(number, event)
            )
        self._next = hub.end
        self._ahead = self._place.runs > hub.place.runs or self._place.transactions > hub.place.transactions
        self._place = Place(max(self._place.runs, hub.place.runs), max(self._place.transactions, hub.place.transactions))
        return chunk

    def _is_news(self, number: int, event: Event) -> bool:
        """Whether an event of the list has not been sent yet, and is wanted."""
        had = number < self._stated if event.kind in forms.WITHOUT_NUMBER else not event.is_behind(self._place)
        return not had and self._wanted.takes(event)

    async def _told(self) -> bool:
        """Wait until it is woken; False after a time of silence."""
        try:
            async with asyncio.timeout(KEEP_ALIVE):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True
