"""How many connections there may be: in all, and of one address.

Who comes when it is full waits unread until somebody leaves; whoever has been idle longest is sent away for that. So a burst is
served late and not refused, and one address cannot take the place of all others. Only when too many wait already is one closed.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Protocol

from adyton.services.edge import Edge
from adyton.web.limits import counted_as

MOST_WAITING = 1024
_RESERVED_FILES = 512
"""Files that the rest of the node needs: its database, its connections to the chain and to sources."""


class Guest(Protocol):
    """A connection, as far as its place is concerned."""

    def admitted(self) -> None:
        """It has a place now."""
        ...

    def held(self) -> None:
        """It has to wait."""
        ...

    def sent_away(self) -> None:
        """It must close; it will ``leave``."""
        ...


class Crowd:
    """Who is here, and who waits. ``files`` is how many the process may have open."""

    def __init__(self, *, most: int, most_of_one: int, files: int, edge: Edge) -> None:
        self._waiting_room = max(1, min(MOST_WAITING, files // 8))
        self._most = max(10, min(most, files - _RESERVED_FILES - self._waiting_room))
        self._most_of_one = most_of_one
        self._edge = edge
        self._inside: dict[Guest, str] = {}
        self._counts: Counter[str] = Counter()
        self._waiting: deque[tuple[Guest, str]] = deque()
        self._idle: dict[str, dict[Guest, None]] = {}
        self._idle_since: dict[Guest, None] = {}

    def enter(self, guest: Guest, address: str) -> None:
        """Somebody has connected."""
        key = counted_as(address)
        if self._has_room(key):
            self._admit(guest, key)
        elif len(self._waiting) >= self._waiting_room:
            guest.sent_away()
        else:
            self._waiting.append((guest, key))
            guest.held()
            self._make_room(key)
        self._show()

    def leave(self, guest: Guest) -> None:
        """A connection is closed; the first that may takes its place. One that left already is fine."""
        if guest not in self._inside:
            self._waiting = deque(each for each in self._waiting if each[0] is not guest)
        else:
            self.works(guest)
            key = self._inside.pop(guest)
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
            self._next()
        self._show()

    def rests(self, guest: Guest) -> None:
        """A connection has had its answer and may be closed for others."""
        key = self._inside.get(guest)
        if key is None:
            return
        self._idle_since[guest] = None
        self._idle.setdefault(key, {})[guest] = None
        if self._waiting:
            self._make_room(self._waiting[0][1])

    def works(self, guest: Guest) -> None:
        """A connection asks something, or ends."""
        if guest in self._idle_since:
            del self._idle_since[guest]
            key = self._inside[guest]
            del self._idle[key][guest]
            if not self._idle[key]:
                del self._idle[key]

    def _has_room(self, key: str) -> bool:
        return len(self._inside) < self._most and self._counts[key] < self._most_of_one

    def _admit(self, guest: Guest, key: str) -> None:
        self._inside[guest] = key
        self._counts[key] += 1
        guest.admitted()

    def _make_room(self, key: str) -> None:
        """Send away the one that has been idle longest: of this address if it has too many, else of all."""
        idle = self._idle.get(key, {}) if self._counts[key] >= self._most_of_one else self._idle_since
        longest = next(iter(idle), None)
        if longest is not None:
            self.works(longest)
            longest.sent_away()

    def _next(self) -> None:
        for place, (guest, key) in enumerate(self._waiting):
            if self._has_room(key):
                del self._waiting[place]
                self._admit(guest, key)
                return

    def _show(self) -> None:
        self._edge.connections, self._edge.waiting = len(self._inside), len(self._waiting)
