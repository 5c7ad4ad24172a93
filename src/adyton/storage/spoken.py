"""A database that can tell in the log what it is asked: LOG_SQL. Statements only, never their values: those can be anything."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import structlog

from adyton.storage.database import Database, Row, Statement

log = structlog.get_logger(__name__)


class SpokenDatabase:
    """Passes everything on; while ``speaks``, every statement is a line at debug level."""

    def __init__(self, real: Database, *, speaks: bool) -> None:
        self._real = real
        self.speaks = speaks

    @property
    def dialect(self) -> str:
        """As the real one's."""
        return self._real.dialect

    @property
    def commits(self) -> int:
        """As the real one's."""
        return self._real.commits

    def write(self, *statements: Statement) -> Coroutine[Any, Any, list[list[Row]]]:
        """As the real one's. No coroutine of its own: it stands before every write."""
        if self.speaks:
            for each in statements:
                log.debug("sql", statement=_plain(each.sql), rows=len(each.rows))
        return self._real.write(*statements)

    def read(self, sql: str, params: Row = ()) -> Coroutine[Any, Any, list[Row]]:
        """As the real one's."""
        if self.speaks:
            log.debug("sql", statement=_plain(sql))
        return self._real.read(sql, params)

    async def lock_lost(self) -> str:
        """As the real one's."""
        return await self._real.lock_lost()

    async def close(self) -> None:
        """As the real one's."""
        await self._real.close()


def _plain(sql: str) -> str:
    """On one line."""
    return " ".join(sql.split())
