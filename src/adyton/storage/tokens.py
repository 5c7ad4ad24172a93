"""API tokens. Of their secrets only hashes are here."""

from __future__ import annotations

from typing import cast

from adyton.domain.access import Role
from adyton.domain.tokens import MOST, ApiToken
from adyton.storage.database import Database, Row, Statement

_COLUMNS = "access_key, secret_hash, email, role, name, created_at, last_used, expires_at"
_PREFIXED = ", ".join(f"api_tokens.{column}" for column in _COLUMNS.split(", "))
# No row comes back when the user is gone, or has as many as they may.
_INSERT = f"""
    INSERT INTO api_tokens ({_COLUMNS})
    SELECT ?, ?, email, ?, ?, CAST(? AS BIGINT), CAST(? AS BIGINT), CAST(? AS BIGINT) FROM users
    WHERE email = ? AND (SELECT COUNT(*) FROM api_tokens WHERE api_tokens.email = users.email) < {MOST}
    RETURNING access_key"""
_TOUCH = "UPDATE api_tokens SET last_used = ? WHERE access_key = ? AND (last_used IS NULL OR last_used < ?)"
_ROTATE = f"UPDATE api_tokens SET secret_hash = ? WHERE access_key = ? AND email = ? RETURNING {_COLUMNS}"
_DELETE = "DELETE FROM api_tokens WHERE access_key = ? RETURNING access_key"
_DELETE_UNNAMED = "DELETE FROM api_tokens WHERE email = ? AND name = '' RETURNING access_key"
_ORDER = "ORDER BY created_at, access_key LIMIT ? OFFSET ?"


async def create(db: Database, token: ApiToken) -> bool:
    """Store a new one, without a name in the place of the user's one without a name; False when the user is gone or has as many
    as they may."""
    row = (
        token.access_key,
        token.secret_hash,
        token.role,
        token.name,
        token.created_at,
        token.last_used,
        token.expires_at,
        token.email,
    )
    before = [] if token.name else [Statement("DELETE FROM api_tokens WHERE email = ? AND name = ''", [(token.email,)])]
    (rows,) = await db.write(*before, Statement(_INSERT, [row], returning=True))
    return bool(rows)


async def get(db: Database, access_key: str) -> tuple[ApiToken, Role] | None:
    """The one of that access key, also when its time is over, and its user's role."""
    rows = await db.read(
        f"SELECT {_PREFIXED}, users.role FROM api_tokens JOIN users ON users.email = api_tokens.email WHERE access_key = ?",
        (access_key,),
    )
    return (_token(rows[0][:8]), Role(cast("str", rows[0][8]))) if rows else None


async def page(db: Database, *, email: str | None, offset: int, limit: int) -> tuple[list[ApiToken], int]:
    """A page of a user's, or of everybody's, by age; and how many there are in all."""
    chosen, params = ("", ()) if email is None else ("WHERE email = ?", (email,))
    total = (await db.read(f"SELECT COUNT(*) FROM api_tokens {chosen}", params))[0][0]
    rows = await db.read(f"SELECT {_COLUMNS} FROM api_tokens {chosen} {_ORDER}", (*params, limit, offset))
    return [_token(row) for row in rows], int(total or 0)


async def touch(db: Database, access_key: str, now: int) -> None:
    """Note that a token was used at ``now``; never moves back."""
    await db.write(Statement(_TOUCH, [(now, access_key, now)]))


async def rotate(db: Database, access_key: str, email: str, secret_hash: str) -> ApiToken | None:
    """Give a user's token another secret; None when there is none."""
    (rows,) = await db.write(Statement(_ROTATE, [(secret_hash, access_key, email)], returning=True))
    return _token(rows[0]) if rows else None


async def delete(db: Database, access_key: str) -> bool:
    """Delete one; False when there is none."""
    (rows,) = await db.write(Statement(_DELETE, [(access_key,)], returning=True))
    return bool(rows)


async def delete_unnamed(db: Database, email: str) -> list[str]:
    """Delete a user's token without a name; returns its access key, if there was one."""
    (rows,) = await db.write(Statement(_DELETE_UNNAMED, [(email,)], returning=True))
    return [cast("str", row[0]) for row in rows]


def _token(row: Row) -> ApiToken:
    access_key, secret_hash, email, role, name, created_at, last_used, expires_at = row
    return ApiToken(
        access_key=cast("str", access_key),
        secret_hash=cast("str", secret_hash),
        email=cast("str", email),
        role=Role(cast("str", role)),
        name=cast("str", name),
        created_at=cast("int", created_at),
        last_used=cast("int | None", last_used),
        expires_at=cast("int | None", expires_at),
    )
