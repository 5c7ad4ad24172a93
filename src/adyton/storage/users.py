"""Users and their sessions. Of a session's token only the hash is here."""

from __future__ import annotations

from typing import cast

from adyton.domain.credentials import Session, User
from adyton.storage.database import Database, Row, Statement

_INSERT_USER = "INSERT INTO users (email, password_hash, created_at) VALUES (?, ?, ?)"
_INSERT_SESSION = "INSERT INTO sessions (token_hash, email, created_at, last_used) VALUES (?, ?, ?, ?)"
_TOUCH = "UPDATE sessions SET last_used = ? WHERE token_hash = ? AND last_used < ?"


async def create(db: Database, user: User) -> None:
    """Store a new user. Raises Conflict when the e-mail is taken."""
    await db.write(Statement(_INSERT_USER, [(user.email, user.password_hash, user.created_at)]))


async def get(db: Database, email: str) -> User | None:
    """The user with exactly that e-mail."""
    rows = await db.read("SELECT email, password_hash, created_at FROM users WHERE email = ?", (email,))
    return _user(rows[0]) if rows else None


async def latest(db: Database) -> User | None:
    """The user created last; None when there is none yet."""
    rows = await db.read("SELECT email, password_hash, created_at FROM users ORDER BY created_at DESC, email LIMIT 1")
    return _user(rows[0]) if rows else None


async def create_session(db: Database, session: Session) -> None:
    """Store a new session."""
    row = (session.token_hash, session.email, session.created_at, session.last_used)
    await db.write(Statement(_INSERT_SESSION, [row]))


async def session(db: Database, token_hash: str) -> Session | None:
    """The session with that token hash, however long idle."""
    rows = await db.read("SELECT token_hash, email, created_at, last_used FROM sessions WHERE token_hash = ?", (token_hash,))
    if not rows:
        return None
    found, email, created_at, last_used = rows[0]
    return Session(cast("str", found), cast("str", email), cast("int", created_at), cast("int", last_used))


async def touch(db: Database, token_hash: str, now: int) -> None:
    """Note that a session was used at ``now``; never moves back."""
    await db.write(Statement(_TOUCH, [(now, token_hash, now)]))


async def delete_session(db: Database, token_hash: str) -> None:
    """End a session; unknown ones are fine."""
    await db.write(Statement("DELETE FROM sessions WHERE token_hash = ?", [(token_hash,)]))


async def sweep(db: Database, before: int) -> None:
    """Delete the sessions last used before that time."""
    await db.write(Statement("DELETE FROM sessions WHERE last_used < ?", [(before,)]))


def _user(row: Row) -> User:
    email, password_hash, created_at = row
    return User(cast("str", email), cast("str", password_hash), cast("int", created_at))
