"""What happened, line by line: the same seed must give the same bytes."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

from adyton.domain.errors import StorageUnavailable
from adyton.sim.faults import DiskFaults
from adyton.storage.database import Database, Row, Statement, Value


class Trace:
    """Lines of a simulation, each with its time in microseconds and its kind (``rpc>``, ``http<``, ``write``, ``block``)."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self.lines: list[str] = []

    def note(self, kind: str, text: str) -> None:
        """Add a line."""
        self.lines.append(f"{self._now():>12} {kind:<7} {text}")

    def of_kind(self, *kinds: str) -> list[str]:
        """The lines of some kinds."""
        return [line for line in self.lines if line.split(maxsplit=2)[1] in kinds]

    def text(self) -> bytes:
        """Everything, as bytes to compare."""
        return "\n".join(self.lines).encode()

    def digest(self) -> str:
        """A short name for exactly this sequence of events."""
        return hashlib.sha256(self.text()).hexdigest()


class Gate:
    """What a port passes before and after it does something for the node: the place where a crash strikes.

    The base class lets everything through.
    """

    async def before(self, what: str) -> None:
        """Called before the thing is done. It does not return when the node has just died."""

    async def after(self, what: str) -> None:
        """Called after the thing is done and before the node learns of it."""


class TracedDatabase:
    """A database that writes each operation into the trace and passes the gate around it, on a disk that may fail.

    ``close`` does not close: the rows outlive the node that is crashed on top of them.
    """

    def __init__(self, database: Database, trace: Trace, gate: Gate, faults: DiskFaults | None = None) -> None:
        self.faults = faults or DiskFaults()
        self._database = database
        self._trace = trace
        self._gate = gate

    @property
    def dialect(self) -> str:
        """The dialect of the database inside."""
        return self._database.dialect

    @property
    def commits(self) -> int:
        """The commits of the database inside."""
        return self._database.commits

    async def lock_lost(self) -> str:
        """As the database inside."""
        return await self._database.lock_lost()

    async def write(self, *statements: Statement) -> list[list[Row]]:
        """Write through, between two passes of the gate."""
        name = ", ".join(statement_name(statement.sql) for statement in statements)
        await self._gate.before(f"write {name}")
        if self.faults.strikes("slow"):
            await asyncio.sleep(self.faults.draw(self.faults.slow_seconds))
        if self.faults.full:
            self.faults.struck("full")
            self._trace.note("failed", f"StorageUnavailable: {name}")
            raise StorageUnavailable("database or disk is full")
        self._note(statements)
        try:
            returned = await self._database.write(*statements)
        except Exception as error:
            self._trace.note("failed", f"{type(error).__name__}: {error}")
            raise
        for rows in returned:
            self._trace.note("return", repr(rows))
        await self._gate.after(f"write {name}")
        if self.faults.strikes("unsure"):
            self._trace.note("failed", f"StorageUnavailable: {name}, after it was written")
            raise StorageUnavailable("the answer to the commit was lost: the operation may have been applied")
        return returned

    def _note(self, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            for row in statement.rows:
                self._trace.note("write", f"{statement_name(statement.sql)} ({', '.join(_shown(value) for value in row)})")

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        """Read through. Reads are not part of the trace: they change nothing, and what they change in the node shows."""
        await self._gate.before("read")
        return await self._database.read(sql, params)

    async def close(self) -> None:
        """Keep the database open for the next node."""


def statement_name(sql: str) -> str:
    """A statement's verb and table: ``insert runs``."""
    words = sql.replace("(", " ").split()
    verb = words[0].lower()
    skip = {"insert": ("or", "ignore", "replace", "into"), "delete": ("from",), "update": ("or",), "with": ()}.get(verb, ())
    table = next((word for word in words[1:] if word.lower() not in skip), "")
    return f"{verb} {table}"


def _shown(value: Value) -> str:
    if isinstance(value, bytes):
        return value.hex()
    # Also what is a text by inheritance: a status shows as its word.
    return str.__repr__(value) if isinstance(value, str) else repr(value)
