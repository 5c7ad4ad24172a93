"""API tokens, recognised at every request without a query for each (see ``trusted``).

A token may do what its role says and never more than its user may at that moment.
"""

from __future__ import annotations

import msgspec
import structlog

from adyton.domain import tokens
from adyton.domain.access import Caller, CallerKind, Role
from adyton.domain.errors import StorageUnavailable
from adyton.domain.tokens import ApiToken
from adyton.ports import Clock
from adyton.services.trusted import Trusted
from adyton.storage import tokens as stored
from adyton.storage.database import Database

log = structlog.get_logger(__name__)

TOUCHED = 60
"""Seconds that ``last_used`` may lag behind in the database."""
_SECOND = 1_000_000


class _Known(msgspec.Struct):
    """A token as last read with its user's role, and when its use was last written (microseconds)."""

    token: ApiToken
    user_role: Role
    written: int


class Tokens:
    """Recognises tokens. Nothing here is lost by a crash but the last minute of ``last_used``."""

    def __init__(self, *, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._known = Trusted(self._read, clock)

    async def caller(self, access_key: str, secret: str) -> Caller | None:
        """Who has this access key and this secret; None when nobody has, or its time is over."""
        known = await self._known.get(access_key) if tokens.could_be_access_key(access_key) else None
        proven = tokens.proves(known.token.secret_hash if known else None, secret)
        now = self._clock.now()
        if known is None or not proven or known.token.expired(now):
            return None
        if now - known.written >= TOUCHED * _SECOND:
            known.written = now
            await self._touch(access_key, now)
        role = known.token.role.and_not_above(known.user_role)
        return Caller(CallerKind.TOKEN, access_key, role, email=known.token.email)

    def forget(self, email: str) -> None:
        """Read a user's tokens again at the next request: call it after a write about the user or their tokens."""
        self._known.drop(lambda _, known: known.token.email == email)

    async def _read(self, access_key: str, before: _Known | None) -> _Known | None:
        found = await stored.get(self._db, access_key)
        if found is None:
            return None
        token, user_role = found
        return _Known(token, user_role, max(token.last_used or 0, before.written if before else 0))

    async def _touch(self, access_key: str, now: int) -> None:
        """A database that takes nothing now must not lock out who comes to see why."""
        try:
            await stored.touch(self._db, access_key, now)
        except StorageUnavailable as fault:
            log.warning("the use of a token could not be stored", because=str(fault))
