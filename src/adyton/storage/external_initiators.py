"""External initiators. Of the secrets that they send only hashes are here."""

from __future__ import annotations

from adyton.domain.external_initiators import ExternalInitiator
from adyton.storage.database import Database, Row, Statement

_COLUMNS = "access_key, secret_hash, salt, name, url, outgoing_token, outgoing_secret, created_at"
_INSERT = f"INSERT INTO external_initiators ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
# The name is that of the row which goes, so that what it was still to be told goes in the same write.
_FORGET_NEWS = """
    DELETE FROM notifications WHERE initiator IN (SELECT name FROM external_initiators WHERE access_key = ?)"""
_DELETE = "DELETE FROM external_initiators WHERE access_key = ? RETURNING access_key"
_PAGE = f"SELECT {_COLUMNS} FROM external_initiators ORDER BY created_at, access_key LIMIT ? OFFSET ?"


async def create(db: Database, made: ExternalInitiator) -> None:
    """Store a new one. Raises Conflict when its name is taken."""
    row = (
        made.access_key,
        made.secret_hash,
        made.salt,
        made.name,
        made.url,
        made.outgoing_token,
        made.outgoing_secret,
        made.created_at,
    )
    await db.write(Statement(_INSERT, [row]))


async def by_key(db: Database, access_key: str) -> ExternalInitiator | None:
    """The one with that access key."""
    return _first(await db.read(f"SELECT {_COLUMNS} FROM external_initiators WHERE access_key = ?", (access_key,)))


async def by_name(db: Database, name: str) -> ExternalInitiator | None:
    """The one with that name, which is in lower case."""
    return _first(await db.read(f"SELECT {_COLUMNS} FROM external_initiators WHERE name = ?", (name,)))


async def page(db: Database, *, offset: int, limit: int) -> tuple[list[ExternalInitiator], int]:
    """A page of them, by age, and how many there are in all."""
    total = (await db.read("SELECT COUNT(*) FROM external_initiators"))[0][0]
    return [_initiator(row) for row in await db.read(_PAGE, (limit, offset))], int(total or 0)


async def delete(db: Database, access_key: str) -> bool:
    """Delete one, and what it was still to be told; False when there is none."""
    return bool(
        (await db.write(Statement(_FORGET_NEWS, [(access_key,)]), Statement(_DELETE, [(access_key,)], returning=True)))[0]
    )


def _first(rows: list[Row]) -> ExternalInitiator | None:
    return _initiator(rows[0]) if rows else None


def _initiator(row: Row) -> ExternalInitiator:
    access_key, secret_hash, salt, name, url, outgoing_token, outgoing_secret, created_at = row
    return ExternalInitiator(
        access_key=str(access_key),
        secret_hash=str(secret_hash),
        salt=str(salt),
        name=_text(name),
        url=_text(url),
        outgoing_token=_text(outgoing_token),
        outgoing_secret=_text(outgoing_secret),
        created_at=int(created_at or 0),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
