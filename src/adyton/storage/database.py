"""What every database offers the node: writes that share a commit, and reads.

A write is data, not a closure: statements with rows. The writer drains what waits, runs it in one transaction and only then
acknowledges each caller, so a hundred runs cost one commit. An *operation* (the statements of one ``write`` call) is atomic:
all of it or nothing.

Fences are constraints. An update that must find a certain state writes ``CASE WHEN state = ? THEN ... END`` into a NOT NULL
column, so a lost race violates the constraint and fails the whole operation with ``Conflict``; it works in batches on every
database, which row counts do not.

SQL is one dialect: ``?`` for parameters, TEXT for hashes, addresses and exact amounts (decimal digits), BIGINT for times
(microseconds since the epoch, UTC), heights and booleans (0/1), TEXT for JSON. Migrations write ``{{serial}}`` for a
self-numbering primary key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeAlias

Value: TypeAlias = str | int | bytes | None
Row: TypeAlias = tuple[Value, ...]


class Statement(NamedTuple):
    """One SQL text and the parameter rows it is run with, in order.

    With ``returning`` the text has a RETURNING clause and the rows that come back are handed to the caller.
    """

    sql: str
    rows: Sequence[Row]
    returning: bool = False


class Database(Protocol):
    """A database of either kind, open and migrated."""

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``, for messages; SQL does not depend on it."""
        ...

    async def write(self, *statements: Statement) -> list[list[Row]]:
        """Run the statements as one atomic operation and return after it is durable.

        Returns one list for each ``returning`` statement, in order. Operations submitted at the same time share a commit,
        in no particular order among each other.

        Raises ``Conflict`` when a constraint fails (nothing of this operation was written, others are not affected) and
        ``StorageUnavailable`` when the database cannot write now (nothing was written).
        """
        ...

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        """Rows of a query, seeing every write acknowledged before the call. Raises ``StorageUnavailable``."""
        ...

    async def close(self) -> None:
        """Finish the writes that wait, then close; may be called twice."""
        ...
