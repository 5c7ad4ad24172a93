"""Users: make one, log in and out, find out who is calling."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hmac import compare_digest
from typing import TypeVar

import structlog

from adyton.domain import credentials
from adyton.domain.access import Caller, CallerKind, Role
from adyton.domain.credentials import User
from adyton.domain.errors import Conflict, Unauthenticated
from adyton.ports import Clock, Entropy
from adyton.services.parts import Parts
from adyton.storage import users as stored
from adyton.storage.database import Database

log = structlog.get_logger(__name__)

A = TypeVar("A")
T = TypeVar("T")

# Hashing takes 64 MiB and a tenth of a second of a core: two at a time, the others wait their turn.
_HASHING = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


async def create(db: Database, *, clock: Clock, entropy: Entropy, email: str, password: str) -> User:
    """A new user. Raises Invalid (e-mail or password not acceptable), Conflict (the e-mail is taken)."""
    credentials.check_email(email)
    credentials.check_password(password)
    hashed = await _in_thread(credentials.hash_password, password, entropy.token(credentials.SALT_BYTES))
    user = User(email, hashed, clock.now())
    try:
        await stored.create(db, user)
    except Conflict:
        raise Conflict(f"there is a user {email} already") from None
    log.info("user created", email=email)
    return user


async def latest(db: Database) -> User | None:
    """The user created last (as v0.6.2, which had only one); None before the first."""
    return await stored.latest(db)


async def verify(db: Database, email: str, password: str) -> User | None:
    """The user, if the e-mail (exactly as it was created) and the password are right. Takes as long either way."""
    user = await stored.get(db, email) if credentials.could_be_email(email) else None
    # Checking the hash of nobody's password costs an unknown e-mail as much as a known one.
    hashed = user.password_hash if user else credentials.NOBODYS_HASH
    matches = await _in_thread(credentials.password_matches, hashed, password)
    if user is None or not compare_digest(user.email.encode(), email.encode()):
        return None
    return user if matches else None


async def login(parts: Parts, email: str, password: str) -> str:
    """Opens a session and returns its token. Raises Unauthenticated, which does not say what was wrong."""
    user = await verify(parts.db, email, password)
    if user is None:
        log.warning("login refused")
        raise Unauthenticated("Invalid email or password")
    log.info("logged in", email=user.email)
    return await parts.sessions.open(user.email)


async def logout(parts: Parts, token: str) -> None:
    """Ends a session."""
    await parts.sessions.close(token)


async def current(parts: Parts, token: str) -> Caller | None:
    """The session's user, or None when the session is unknown or over."""
    email = await parts.sessions.user(token)
    return None if email is None else Caller(CallerKind.USER, email, Role.ADMIN)


async def _in_thread(work: Callable[[str, A], T], first: str, second: A) -> T:
    return await asyncio.get_running_loop().run_in_executor(_HASHING, work, first, second)
