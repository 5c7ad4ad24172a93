"""Open sessions, checked at every request without a query for each.

A session's row is the truth. What was read is believed for ``TRUSTED`` seconds, so a session that another process ends is
over here at most that much later; one that ends here is over at once.
"""

from __future__ import annotations

import msgspec
import structlog

from adyton.domain.credentials import TOKEN_BYTES, Session, token_hash
from adyton.domain.errors import StorageUnavailable
from adyton.ports import Clock, Entropy
from adyton.storage import users as stored
from adyton.storage.database import Database

log = structlog.get_logger(__name__)

TRUSTED = 5
"""Seconds for which a row that was read is believed."""
TOUCHED = 60
"""Seconds that ``last_used`` may lag behind in the database, less where sessions are short: a crash shortens idle sessions by
that much at most."""
_SECOND = 1_000_000
_KEPT = 10_000


class _Known(msgspec.Struct):
    """A session as last read (None: there is none), and what happened to it since. Times are microseconds."""

    session: Session | None
    read_at: int
    last_used: int
    written: int


class Sessions:
    """Opens, checks and ends sessions. Nothing here is lost by a crash but the last minute of ``last_used``."""

    def __init__(self, *, db: Database, clock: Clock, entropy: Entropy, timeout: float, reap_after: float = 864_000.0) -> None:
        """A session ends ``timeout`` seconds after its last use; its row is deleted another ``reap_after`` seconds later."""
        self._db = db
        self._clock = clock
        self._entropy = entropy
        self._timeout = round(timeout * _SECOND)
        self._touched = min(TOUCHED * _SECOND, self._timeout // 10)
        self._reap_after = round(reap_after * _SECOND)
        self._known: dict[str, _Known] = {}

    async def open(self, email: str) -> str:
        """A new session for a user who has proven who they are; returns its token, which is kept nowhere. Durable."""
        token = self._entropy.token(TOKEN_BYTES).hex()
        hashed, now = token_hash(token), self._clock.now()
        assert hashed is not None
        await stored.create_session(self._db, Session(hashed, email, now, now))
        await stored.sweep(self._db, now - self._timeout - self._reap_after)
        return token

    async def close(self, token: str) -> None:
        """End a session, durably; one that is over already is fine."""
        hashed = token_hash(token)
        if hashed is not None:
            # A token that was ended never comes back, also when a read that is under way still finds its row.
            self._known[hashed] = _Known(None, self._clock.now(), 0, 0)
            await stored.delete_session(self._db, hashed)
            await stored.sweep(self._db, self._clock.now() - self._timeout - self._reap_after)

    async def user(self, token: str) -> str | None:
        """The e-mail of the session's user, and the session used now; None when it is unknown or was idle too long."""
        hashed = token_hash(token)
        if hashed is None:
            return None
        now = self._clock.now()
        known = self._known.get(hashed)
        if known is None or now - known.read_at >= TRUSTED * _SECOND:
            known = await self._read(hashed, now)
        if known.session is None or now - known.last_used > self._timeout:
            return None
        known.last_used = max(known.last_used, now)
        if now - known.written >= self._touched:
            known.written = now
            await self._touch(hashed, now)
        return known.session.email

    async def _touch(self, hashed: str, now: int) -> None:
        """A database that takes nothing now must not lock out who comes to see why."""
        try:
            await stored.touch(self._db, hashed, now)
        except StorageUnavailable as fault:
            log.warning("the use of a session could not be stored", because=str(fault))

    async def _read(self, hashed: str, now: int) -> _Known:
        session = await stored.session(self._db, hashed)
        before = self._known.get(hashed)
        if before is not None and before.session is None:
            return before
        if session is None:
            # Unknown tokens are not remembered: strangers can invent as many as they like.
            self._known.pop(hashed, None)
            return _Known(None, now, 0, now)
        last_used = max(session.last_used, before.last_used if before else 0)
        known = _Known(session, now, last_used, max(session.last_used, before.written if before else 0))
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[hashed] = known
        return known
