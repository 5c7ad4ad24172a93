"""Open sessions, checked at every request without a query for each (see ``trusted``).

A session's row is the truth. It ends when it was idle for too long, when it is too old, when its user ends it, and with its
user's password; a token is drawn for each and never used for another.
"""

from __future__ import annotations

import msgspec
import structlog

from adyton.domain.access import Caller, CallerKind, Role
from adyton.domain.credentials import TOKEN_BYTES, Session, User, token_hash
from adyton.domain.errors import StorageUnavailable
from adyton.ports import Clock, Entropy
from adyton.services.trusted import TRUSTED, Trusted
from adyton.storage import users as stored
from adyton.storage.database import Database

__all__ = ("TOUCHED", "TRUSTED", "Sessions")

log = structlog.get_logger(__name__)

TOUCHED = 60
"""Seconds that ``last_used`` may lag behind in the database, less where sessions are short: a crash shortens idle sessions by
that much at most."""
_SECOND = 1_000_000
_MONTH = 30 * 24 * 3600.0


class _Open(msgspec.Struct):
    """A session as last read, and what happened to it since. Times are microseconds."""

    session: Session
    role: Role
    last_used: int
    written: int


class Sessions:
    """Opens, checks and ends sessions. Nothing here is lost by a crash but the last minute of ``last_used``."""

    def __init__(
        self,
        *,
        db: Database,
        clock: Clock,
        entropy: Entropy,
        timeout: float,
        lifetime: float = _MONTH,
        reap_after: float = 864_000.0,
    ) -> None:
        """A session ends ``timeout`` seconds after its last use, and ``lifetime`` seconds after it began; its row is deleted
        another ``reap_after`` seconds later."""
        self._db = db
        self._clock = clock
        self._entropy = entropy
        self._timeout = round(timeout * _SECOND)
        self._lifetime = round(lifetime * _SECOND)
        self._touched = min(TOUCHED * _SECOND, self._timeout // 10)
        self._reap_after = round(reap_after * _SECOND)
        self._known = Trusted(self._read, clock)

    # --- one session -------------------------------------------------------------------------------------------------

    def draw(self, email: str, address: str = "") -> tuple[str, Session]:
        """A token, which is kept nowhere, and the session that it will open once it is stored."""
        token, now = self._entropy.token(TOKEN_BYTES).hex(), self._clock.now()
        hashed = token_hash(token)
        assert hashed is not None
        return token, Session(hashed, email, now, now, address)

    async def open(
        self, user: User, *, address: str = "", rehashed: str | None = None, instead_of: str | None = None
    ) -> str | None:
        """A new session for a user who has proven who they are; returns its token. Durable. None when the password was changed
        since it was checked, or the user is gone.

        ``rehashed`` is what shall be kept of the password from now on; the session of the token ``instead_of`` ends.
        """
        ending = token_hash(instead_of) if instead_of else None
        token, session = self.draw(user.email, address)
        opened = await stored.create_session(self._db, session, user, rehashed=rehashed, instead_of=ending or "")
        if ending is not None:
            self._known.drop(lambda hashed, _: hashed == ending)
        await self._sweep()
        return token if opened else None

    async def close(self, token: str) -> None:
        """End a session, durably; one that is over already is fine."""
        hashed = token_hash(token)
        if hashed is not None:
            await self.close_hashed(hashed)

    async def close_hashed(self, hashed: str) -> None:
        """The same by the hash of its token."""
        await stored.delete_session(self._db, hashed)
        self._known.drop(lambda key, _: key == hashed)
        await self._sweep()

    async def caller(self, token: str, *, used: bool = True) -> Caller | None:
        """The session's user; None when it is unknown or over. The session is ``used`` now, unless somebody only looks."""
        hashed = token_hash(token)
        known = None if hashed is None else await self._known.get(hashed)
        now = self._clock.now()
        if known is None or now - known.last_used > self._timeout or now - known.session.created_at > self._lifetime:
            return None
        if used:
            known.last_used = max(known.last_used, now)
        if used and now - known.written >= self._touched:
            known.written = now
            await self._touch(known.session.token_hash, now)
        email = known.session.email
        return Caller(CallerKind.USER, email, known.role, email=email)

    # --- all of a user -----------------------------------------------------------------------------------------------

    async def of(self, email: str) -> list[Session]:
        """A user's open sessions, the newest first; ``last_used`` to the minute."""
        now = self._clock.now()
        return await stored.sessions_of(self._db, email, used_since=now - self._timeout, created_since=now - self._lifetime)

    async def close_all(self, email: str, *, but: str | None = None) -> None:
        """End a user's sessions, durably; that of the token ``but`` stays."""
        await stored.delete_sessions(self._db, email, but=(token_hash(but) if but else None) or "")
        self.forget(email)

    def forget(self, email: str) -> None:
        """Read a user's sessions again at the next request: call it after a write about the user."""
        self._known.drop(lambda _, known: known.session.email == email)

    def ends(self, session: Session) -> int:
        """When a session ends if it is not used again (microseconds)."""
        return min(session.last_used + self._timeout, session.created_at + self._lifetime)

    # --- rows --------------------------------------------------------------------------------------------------------

    async def _read(self, hashed: str, before: _Open | None) -> _Open | None:
        found = await stored.session(self._db, hashed)
        if found is None:
            return None
        session, role = found
        used, written = (before.last_used, before.written) if before is not None else (0, 0)
        return _Open(session, role, max(session.last_used, used), max(session.last_used, written))

    async def _touch(self, hashed: str, now: int) -> None:
        """A database that takes nothing now must not lock out who comes to see why."""
        try:
            await stored.touch(self._db, hashed, now)
        except StorageUnavailable as fault:
            log.warning("the use of a session could not be stored", because=str(fault))

    async def _sweep(self) -> None:
        now = self._clock.now() - self._reap_after
        await stored.sweep(self._db, used_before=now - self._timeout, created_before=now - self._lifetime)
