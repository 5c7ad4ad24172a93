"""Committing batches on an asyncpg connection, and saying what its errors mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import asyncpg

from adyton.domain.errors import AdytonError, Broken, Conflict, StorageUnavailable
from adyton.storage.database import Row
from adyton.storage.writer import Answer, Outcome, Statements, each, plan

_UNAVAILABLE_CLASSES = frozenset({"08", "40", "53", "57", "58"})
"""SQLSTATE classes: connection, rolled back by the server, out of resources (disk), operator's doing, system error."""
_READ_ONLY = "25006"  # a server that has become a standby

Connection: TypeAlias = Any  # asyncpg carries no types

# --- SQL -------------------------------------------------------------------------------------------------------------

_PIECES = re.compile(r"""'(?:[^']|'')*' | "[^"]*" | --[^\n]* | /\*.*?\*/ | \?""", re.VERBOSE | re.DOTALL)


@lru_cache(maxsize=1024)
def numbered(sql: str) -> str:
    """``sql`` with each ``?`` outside of texts, names and comments as ``$1``, ``$2``, ..."""
    count = 0

    def piece(found: re.Match[str]) -> str:
        nonlocal count
        if found.group() != "?":
            return found.group()
        count += 1
        return f"${count}"

    return _PIECES.sub(piece, sql)


# --- errors ----------------------------------------------------------------------------------------------------------


def translate(error: Exception, connection: Connection = None) -> AdytonError:
    """What an error of the driver means to a caller. The message never holds values.

    ``connection``: the one that raised it; whatever went wrong on a closed connection is an outage.
    """
    if isinstance(error, AdytonError):
        return error
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return Conflict(str(error), code="ADY-0916")
    state = getattr(error, "sqlstate", None) or ""
    if state[:2] in _UNAVAILABLE_CLASSES or state == _READ_ONLY or isinstance(error, OSError):
        return StorageUnavailable(f"PostgreSQL: {words(error)}", code="ADY-0901")
    if isinstance(error, asyncpg.InternalClientError) or (connection is not None and connection.is_closed()):
        return StorageUnavailable("PostgreSQL: the connection was lost", code="ADY-0901")
    if isinstance(error, ValueError | OverflowError | asyncpg.DataError):
        return Broken(f"PostgreSQL: a value does not fit its column ({type(error).__name__})", code="ADY-0915")
    return Broken(f"PostgreSQL: {error}", code="ADY-0915")


def words(error: Exception) -> str:
    """``error`` for people."""
    return str(error) or type(error).__name__  # a timeout says nothing of itself


# --- committing ------------------------------------------------------------------------------------------------------


async def commit(connection: Connection, operations: Sequence[Statements]) -> Sequence[Outcome]:
    """Commit ``operations`` in one transaction; what is guilty fails alone. As ``sqlite.commit``.

    A crash of either side before the server has done COMMIT loses the whole batch; no caller was answered.
    """
    failure: AdytonError
    try:
        await connection.execute("BEGIN")
        answers = await _run_together(connection, operations)
        await _end(connection)
    except Exception as error:  # noqa: BLE001 - whatever the driver raises is translated and handed to the callers
        failure = translate(error, connection)
        await _roll_back(connection, error)
    else:
        return answers
    if isinstance(failure, StorageUnavailable):
        return each(failure, operations)
    return [failure] if len(operations) == 1 else await _commit_apart(connection, operations)


async def _run_together(connection: Connection, operations: Sequence[Statements]) -> list[Answer]:
    answers: list[Answer] = [[] for _ in operations]
    for step in plan(operations):
        if step.operation is not None:
            answers[step.operation].append(await _returning(connection, numbered(step.sql), step.rows))
        elif len(step.rows) == 1:
            await connection.execute(numbered(step.sql), *step.rows[0])
        elif step.rows:
            await connection.executemany(numbered(step.sql), step.rows)
    return answers


async def _returning(connection: Connection, sql: str, rows: Sequence[Row]) -> list[Row]:
    if len(rows) == 1:
        return [tuple(record) for record in await connection.fetch(sql, *rows[0])]
    return [tuple(record) for record in await connection.fetchmany(sql, rows)] if rows else []


async def _commit_apart(connection: Connection, operations: Sequence[Statements]) -> Sequence[Outcome]:
    try:
        await connection.execute("BEGIN")
        outcomes = [await _under_savepoint(connection, statements) for statements in operations]
        await _end(connection)
    except Exception as error:  # noqa: BLE001 - as in commit
        failure = translate(error, connection)
        await _roll_back(connection, error)
        return each(failure, operations)
    return outcomes


async def _under_savepoint(connection: Connection, statements: Statements) -> Outcome:
    await connection.execute("SAVEPOINT operation")
    try:
        (answer,) = await _run_together(connection, [statements])
    except Exception as error:
        failure = translate(error, connection)
        if isinstance(failure, StorageUnavailable):
            raise
        await connection.execute("ROLLBACK TO operation")
        return failure
    await connection.execute("RELEASE operation")
    return answer


async def _end(connection: Connection) -> None:
    try:
        await connection.execute("COMMIT")
    except asyncpg.PostgresError as error:
        if error.sqlstate[:2] in {"08", "57"}:
            raise _uncertain(error) from error
        raise
    except (OSError, asyncpg.InterfaceError) as error:
        raise _uncertain(error) from error


def _uncertain(error: Exception) -> StorageUnavailable:
    """The server may have committed before its answer was lost."""
    return StorageUnavailable(f"PostgreSQL: {words(error)}; the operation may have been applied", code="ADY-0902")


async def _roll_back(connection: Connection, error: Exception) -> None:
    """Leave no transaction open; a connection on which that cannot be done is given up, and the writer opens another."""
    if isinstance(error, asyncpg.InternalClientError | asyncpg.InterfaceError):
        connection.terminate()  # the driver has lost track of what the server does
    if connection.is_closed() or not connection.is_in_transaction():
        return
    try:
        await connection.execute("ROLLBACK")
    except Exception:  # noqa: BLE001 - any failure means the same
        connection.terminate()
