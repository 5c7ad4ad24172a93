"""Hashing of passwords: slow on purpose, in threads, two at a time, and never more waiting than soon get their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

from adyton.domain import credentials
from adyton.domain.credentials import User
from adyton.ports import Entropy
from adyton.services.throttle import TooManyAttempts
from adyton.storage import users as stored
from adyton.storage.database import Database

T = TypeVar("T")

# Hashing takes 64 MiB and a tenth of a second of a core: two at a time, the others wait their turn.
_HASHING = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
AT_THE_DOOR, INSIDE = 24, 32
"""How many may wait: some places are left to those who are logged in already, whatever comes to the door."""
_RETRY_AFTER = 2


class _Queue:
    """How many wait or work."""

    length = 0

    @contextmanager
    def place(self, room: int) -> Iterator[None]:
        """Raises TooManyAttempts when there is none."""
        if self.length >= room:
            raise TooManyAttempts("too many passwords are being checked now; try again", _RETRY_AFTER, "ADY-0107")
        self.length += 1
        try:
            yield
        finally:
            self.length -= 1


_QUEUE = _Queue()


async def hashed(password: str, entropy: Entropy) -> str:
    """What is kept of a password. Raises TooManyAttempts."""
    return await _in_thread(partial(credentials.hash_password, password, entropy.token(credentials.SALT_BYTES)), INSIDE)


async def verified(db: Database, email: str, password: str, *, room: int = INSIDE) -> User | None:
    """The user, if the e-mail (exactly as it was created) and the password are right. The work is the same either way. Raises
    TooManyAttempts when ``room`` others wait."""
    user, also_bcrypt = await stored.get_to_prove(db, email if credentials.could_be_email(email) else "")
    kept = None if user is None else user.password_hash
    matches = await _in_thread(partial(credentials.as_slow_for_all, kept, password, also_bcrypt=also_bcrypt), room)
    return user if matches else None


async def _in_thread(work: Callable[[], T], room: int) -> T:
    with _QUEUE.place(room):
        return await asyncio.get_running_loop().run_in_executor(_HASHING, work)
