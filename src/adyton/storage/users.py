"""Users and their sessions. Of a session's token only the hash is here."""

from __future__ import annotations

from typing import cast

from adyton.domain.access import Role
from adyton.domain.credentials import Session, User
from adyton.storage.database import Database, Row, Statement

_COLUMNS = "email, password_hash, created_at, role"
_SESSION_COLUMNS = "token_hash, email, created_at, last_used, address"
_INSERT_USER = f"INSERT INTO users ({_COLUMNS}) VALUES (?, ?, ?, ?)"
_TOUCH = "UPDATE sessions SET last_used = ? WHERE token_hash = ? AND last_used < ?"
# A session is opened for the password that was checked: who changes it meanwhile ends this one before it begins.
_INSERT_SESSION = f"""
    INSERT INTO sessions ({_SESSION_COLUMNS})
    SELECT ?, email, CAST(? AS BIGINT), CAST(? AS BIGINT), ? FROM users WHERE email = ? AND password_hash = ?
    RETURNING token_hash"""
_REHASH = "UPDATE users SET password_hash = ? WHERE email = ? AND password_hash = ?"
# NULL, which the column refuses, when somebody else changed the password since it was checked.
_REPLACE_HASH = """
    UPDATE users SET password_hash = CASE WHEN password_hash = ? THEN CAST(? AS TEXT) END WHERE email = ? RETURNING email"""
# The same when nobody else is an admin: the last one stays, whoever asks at the same time.
_OTHER_ADMINS = "(SELECT COUNT(*) FROM users AS others WHERE others.role = 'admin' AND others.email <> users.email) > 0"
_SET_ROLE = f"""
    UPDATE users SET role = CASE WHEN CAST(? AS TEXT) = 'admin' OR role <> 'admin' OR {_OTHER_ADMINS}
                                 THEN CAST(? AS TEXT) END
    WHERE email = ? RETURNING {_COLUMNS}"""
_KEEP_AN_ADMIN = f"UPDATE users SET role = CASE WHEN role <> 'admin' OR {_OTHER_ADMINS} THEN role END WHERE email = ?"
# Both are found by an index, whatever the audit log has kept.
_SEEN = """
    (SELECT MAX(last_used) FROM sessions WHERE sessions.email = users.email),
    (SELECT at FROM audit_log WHERE caller = users.email AND caller_kind = 'user' ORDER BY id DESC LIMIT 1)"""
_END_SESSIONS = "DELETE FROM sessions WHERE email = ?"
_END_OTHERS = "DELETE FROM sessions WHERE email = ? AND token_hash <> ?"
_END_TOKENS = "DELETE FROM api_tokens WHERE email = ?"
_DELETE_USER = "DELETE FROM users WHERE email = ? RETURNING email"


# --- users -----------------------------------------------------------------------------------------------------------


async def create(db: Database, user: User) -> None:
    """Store a new user. Raises Conflict when the e-mail is taken."""
    await db.write(Statement(_INSERT_USER, [(user.email, user.password_hash, user.created_at, user.role)]))


async def get(db: Database, email: str) -> User | None:
    """The user with exactly that e-mail."""
    rows = await db.read(f"SELECT {_COLUMNS} FROM users WHERE email = ?", (email,))
    return _user(rows[0]) if rows else None


async def get_to_prove(db: Database, email: str) -> tuple[User | None, bool]:
    """The user with exactly that e-mail, and whether anybody at all has a hash of v0.6.2."""
    rows = await db.read(f"SELECT {_COLUMNS} FROM users WHERE email = ? OR password_hash LIKE '$2%'", (email,))
    found = [_user(row) for row in rows]
    return next((user for user in found if user.email == email), None), any(u.password_hash.startswith("$2") for u in found)


async def latest(db: Database) -> User | None:
    """The user created last; None when there is none yet."""
    rows = await db.read(f"SELECT {_COLUMNS} FROM users ORDER BY created_at DESC, email LIMIT 1")
    return _user(rows[0]) if rows else None


async def every(db: Database) -> list[User]:
    """All users, the oldest first."""
    return [_user(row) for row in await db.read(f"SELECT {_COLUMNS} FROM users ORDER BY created_at, email")]


async def page(db: Database, *, offset: int, limit: int) -> tuple[list[tuple[User, int | None]], int]:
    """A page of them, the oldest first, each with when they were last seen, and how many there are in all."""
    total = (await db.read("SELECT COUNT(*) FROM users"))[0][0]
    rows = await db.read(f"SELECT {_COLUMNS}, {_SEEN} FROM users ORDER BY created_at, email LIMIT ? OFFSET ?", (limit, offset))
    return [(_user(row[:4]), _latest(row[4], row[5])) for row in rows], int(total or 0)


async def set_role(db: Database, email: str, role: Role) -> User | None:
    """Give a user another role; None when there is none. Raises Conflict when nobody would be an admin."""
    (rows,) = await db.write(Statement(_SET_ROLE, [(role, role, email)], returning=True))
    return _user(rows[0]) if rows else None


async def delete(db: Database, email: str, *, keep_an_admin: bool) -> bool:
    """Delete a user, their sessions and their tokens; False when there is none. Raises Conflict when nobody would be an admin
    and ``keep_an_admin``."""
    fence = [Statement(_KEEP_AN_ADMIN, [(email,)])] if keep_an_admin else []
    (rows,) = await db.write(
        *fence,
        Statement(_END_SESSIONS, [(email,)]),
        Statement(_END_TOKENS, [(email,)]),
        Statement(_DELETE_USER, [(email,)], returning=True),
    )
    return bool(rows)


async def change_password(db: Database, user: User, password_hash: str, session: Session | None) -> bool:
    """Another password: every session ends, and the one given begins. False when there is no such user.

    Raises Conflict when the user's password is not the one given any more.
    """
    begun = [_open(session, password_hash)] if session is not None else []
    changed, *_ = await db.write(
        Statement(_REPLACE_HASH, [(user.password_hash, password_hash, user.email)], returning=True),
        Statement(_END_SESSIONS, [(user.email,)]),
        *begun,
    )
    return bool(changed)


# --- sessions --------------------------------------------------------------------------------------------------------


async def create_session(
    db: Database, session: Session, user: User, *, rehashed: str | None = None, instead_of: str = ""
) -> bool:
    """Store a new session of a user whose password was checked; False when it was changed meanwhile, or the user is gone.

    ``rehashed`` is what shall be kept of the password from now on; the session ``instead_of`` (a token's hash) ends.
    """
    before = [] if rehashed is None else [Statement(_REHASH, [(rehashed, user.email, user.password_hash)])]
    ended = [Statement("DELETE FROM sessions WHERE token_hash = ?", [(instead_of,)])] if instead_of else []
    (rows,) = await db.write(*before, *ended, _open(session, rehashed or user.password_hash))
    return bool(rows)


async def session(db: Database, token_hash: str) -> tuple[Session, Role] | None:
    """The session with that token hash, however long idle, and its user's role."""
    rows = await db.read(
        "SELECT token_hash, sessions.email, sessions.created_at, last_used, address, role FROM sessions"
        " JOIN users ON users.email = sessions.email WHERE token_hash = ?",
        (token_hash,),
    )
    return (_session(rows[0][:5]), Role(cast("str", rows[0][5]))) if rows else None


async def sessions_of(db: Database, email: str, *, used_since: int, created_since: int) -> list[Session]:
    """A user's sessions, the newest first, but those that were idle or open for too long."""
    rows = await db.read(
        f"SELECT {_SESSION_COLUMNS} FROM sessions WHERE email = ? AND last_used >= ? AND created_at >= ?"
        " ORDER BY created_at DESC, token_hash",
        (email, used_since, created_since),
    )
    return [_session(row) for row in rows]


async def touch(db: Database, token_hash: str, now: int) -> None:
    """Note that a session was used at ``now``; never moves back."""
    await db.write(Statement(_TOUCH, [(now, token_hash, now)]))


async def delete_session(db: Database, token_hash: str) -> None:
    """End a session; unknown ones are fine."""
    await db.write(Statement("DELETE FROM sessions WHERE token_hash = ?", [(token_hash,)]))


async def delete_sessions(db: Database, email: str, *, but: str = "") -> None:
    """End a user's sessions; ``but`` is the token hash of one that stays."""
    await db.write(Statement(_END_OTHERS, [(email, but)]))


async def sweep(db: Database, *, used_before: int, created_before: int) -> None:
    """Delete the sessions last used, or opened, before these times."""
    await db.write(Statement("DELETE FROM sessions WHERE last_used < ? OR created_at < ?", [(used_before, created_before)]))


def _open(session: Session, password_hash: str) -> Statement:
    row = (session.token_hash, session.created_at, session.last_used, session.address, session.email, password_hash)
    return Statement(_INSERT_SESSION, [row], returning=True)


def _user(row: Row) -> User:
    email, password_hash, created_at, role = row
    return User(cast("str", email), cast("str", password_hash), cast("int", created_at), Role(cast("str", role)))


def _latest(*times: object) -> int | None:
    return max((time for time in times if isinstance(time, int)), default=None)


def _session(row: Row) -> Session:
    found, email, created_at, last_used, address = row
    return Session(
        cast("str", found), cast("str", email), cast("int", created_at), cast("int", last_used), cast("str", address)
    )
