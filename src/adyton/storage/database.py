"""What every database offers the node: writes that share a commit, and reads.

A write is data, not a closure: statements with rows. The writer drains what waits, runs it in one transaction and only then
acknowledges each caller, so a hundred runs cost one commit. An *operation* (the statements of one ``write`` call) is atomic:
all of it or nothing.

Fences are constraints. An update that must find a certain state writes ``CASE WHEN state = ? THEN ... END`` into a NOT NULL
column, so a lost race violates the constraint and fails the whole operation with ``Conflict``; it works in batches on every
database, which row counts do not. An operation whose effect depends on a state that other operations change *must* be fenced:
operations of one shape (the same SQL texts) that share a commit run text by text, the rows of all of them together. Only
operations with a ``returning`` statement run one after the other.

SQL is one dialect: ``?`` for parameters, TEXT for hashes, addresses and exact amounts (decimal digits), BIGINT for times
(microseconds since the epoch, UTC), heights and booleans (0/1), TEXT for JSON. Migrations write ``{{serial}}`` for a
self-numbering primary key. A statement that is written begins with INSERT, UPDATE or DELETE.

PostgreSQL gives each parameter the type of what it stands beside, and takes only ``str`` for TEXT and ``int`` for BIGINT.
Beside a column (``column = ?``, ``column IN (?, ?)``, ``(a, b) < (?, ?)``, ``SET column = ?``, ``INSERT ... VALUES (?)``,
``COALESCE(?, column)``, ``column + ?``, ``LIMIT ?``, ``INSERT ... SELECT ?``) nothing is needed. Write a CAST where a
parameter stands alone and is not TEXT:

- the results of a CASE: ``SET column = CASE WHEN version = ? THEN CAST(? AS BIGINT) END``;
- ``CAST(? AS BIGINT) IS NULL``, ``CASE WHEN CAST(? AS BIGINT) = 1 THEN``, ``CAST(? AS BIGINT) = CAST(? AS BIGINT)``;
- arithmetic with a literal: ``CAST(? AS BIGINT) + 1`` (beside ``1`` a parameter would have 32 bits; beside a BIGINT column
  it has 64);
- ``SELECT CAST(? AS BIGINT), ...`` (a bare ``SELECT ?`` is TEXT) and the rows of ``VALUES`` used as a table;
- one parameter cannot stand for two types: there are no numbered parameters, so pass the value twice.

``SUM`` of a BIGINT is NUMERIC there: ``CAST(SUM(x) AS BIGINT)``; ``COUNT`` needs nothing. A comparison in a SELECT list is a
boolean there and an integer on SQLite: ``CASE WHEN a = b THEN 1 ELSE 0 END``. Text that is stored holds neither U+0000 nor
lone surrogates: PostgreSQL refuses the first, both refuse the second, and the caller gets ``Broken``. Integers beyond 64 bits
are ``Broken`` as well: amounts are text. No order is implied: write ORDER BY. ``a IS NOT DISTINCT FROM b`` works on both.
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

    @property
    def commits(self) -> int:
        """Transactions committed since the database was opened, for metrics and tests of sharing."""
        ...

    async def write(self, *statements: Statement) -> list[list[Row]]:
        """Run the statements as one atomic operation and return after it is durable.

        Returns one list for each ``returning`` statement, in order. Operations submitted at the same time share a commit,
        in no particular order among each other.

        Raises ``Conflict`` when a constraint fails (nothing of this operation was written, others are not affected),
        ``Broken`` when the statement itself is wrong (the same), and ``StorageUnavailable`` when the database cannot write
        now: nothing was written, unless the message says that the operation may have been applied, because the answer to
        the commit was lost. Fences make it safe to try again in both cases.

        A caller that is cancelled while it waits may find its operation committed all the same.
        """
        ...

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        """Rows of a query, seeing every write acknowledged before the call. Raises ``StorageUnavailable``, or ``Broken``
        when the query is wrong."""
        ...

    async def lock_lost(self) -> str:
        """Wait until this process has lost its exclusive hold of the database to another one, and say how.

        From that moment on every write raises ``StorageUnavailable``; the node must stop. With SQLite it never happens."""
        ...

    async def close(self) -> None:
        """Finish the writes that wait, then close; may be called twice."""
        ...
