"""The tables that are listed, and the notes of what their rows don't tell themselves (see ``lists``)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from adyton.storage.database import Row, Statement, Value

Key = str | int

NOTES = 10_000
"""Notes that are kept in the database."""

_NOTE = "INSERT INTO list_changes (list, first_key, last_key, gone) VALUES (?, ?, ?, ?)"
_NOTE_OF = (
    "INSERT INTO list_changes (list, first_key, last_key, gone) SELECT name, first_key, last_key, gone FROM ("
    "SELECT '{table}' AS name, CAST(MIN({key}) AS TEXT) AS first_key, CAST(MAX({key}) AS TEXT) AS last_key, COUNT(*) AS gone "
    "FROM {table} WHERE {which}) noted WHERE first_key IS NOT NULL"
)
_MOVED = _NOTE_OF.replace("COUNT(*) AS gone", "0 AS gone")
_FORGET = "DELETE FROM list_changes WHERE id <= (SELECT MAX(id) FROM list_changes) - ?"


class Follow(msgspec.Struct, frozen=True):
    """Another table whose rows decide to which lists rows belong. ``feed`` is its column that gets a higher number with every
    write; ``keys`` is SQL that begins with its next rows (two parameters: the number, how many rows), and selects their
    numbers ``n`` and the keys ``k`` of the rows that they decide about, NULL for none."""

    name: str
    feed: str
    keys: str


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table whose rows are listed. ``key`` is the column that it is cut by, a number or a text of lower-case hex digits;
    ``order`` is that of its lists, and begins with the key. ``feed`` is the column that gets a higher number with every write
    that adds a row or moves it from one list to another (None: only notes tell); ``follows`` are other tables that conditions
    ask. ``of_jobs``: conditions ask for archived jobs."""

    name: str
    key: str
    order: tuple[str, ...]
    number: bool
    feed: str | None
    follows: tuple[Follow, ...] = ()
    of_jobs: bool = False

    @property
    def low(self) -> Key:
        """Lower than every key."""
        return -(2**62) if self.number else ""

    @property
    def high(self) -> Key:
        """Higher than every key."""
        return 2**62 if self.number else "z"

    def read(self, text: Value) -> Key:
        """A key of a note or of the feed."""
        return int(str(text)) if self.number else str(text)


RUNS = Table(name="runs", key="id", order=("id",), number=False, feed="change", of_jobs=True)
TRANSACTIONS = Table(name="transactions", key="id", order=("id",), number=True, feed="change")
ATTEMPTS = Table(name="tx_attempts", key="id", order=("id",), number=True, feed="id")
_OF_RUN = "LEFT JOIN requests q ON q.contract = r.contract AND q.request_id = r.request_id"
REQUESTS = Table(
    name="requests",
    key="block_number",
    order=("block_number", "log_index", "contract", "request_id"),
    number=True,
    feed=None,
    # What became of a request is decided by its runs and what they sent. Who changes only the request writes a note.
    follows=(
        Follow(
            "runs",
            "change",
            "SELECT r.n, q.block_number AS k FROM (SELECT change AS n, contract, request_id FROM runs WHERE change > ? "
            f"ORDER BY change LIMIT ?) r {_OF_RUN}",
        ),
        Follow(
            "transactions",
            "change",
            "SELECT t.n, q.block_number AS k FROM (SELECT change AS n, run_id FROM transactions WHERE change > ? "
            f"ORDER BY change LIMIT ?) t LEFT JOIN runs r ON r.id = t.run_id {_OF_RUN}",
        ),
    ),
)
REREADS = Table(name="rereads", key="id", order=("id",), number=True, feed="id")
AUDIT = Table(name="audit_log", key="id", order=("id",), number=True, feed="id")


def touched(table: Table, keys: Collection[Key], *, gone: int = 0) -> Statement:
    """Statement that notes that rows of these keys came or changed lists, or that so many of them are ``gone`` (below zero: so
    many came); it belongs into that write."""
    return Statement(_NOTE, [(table.name, str(min(keys)), str(max(keys)), gone)])


def changed(table: Table, which: str, rows: Iterable[Row]) -> Statement:
    """Statement that notes where the rows are that ``which`` (a condition, with the parameters of each row) names, and which
    change lists in this write; it belongs before what changes them."""
    return Statement(_MOVED.format(table=table.name, key=table.key, which=which), list(rows))


def gone(table: Table, which: str, rows: Iterable[Row]) -> Statement:
    """Statement that notes where the rows are that ``which`` (a condition, with the parameters of each row) names; it belongs
    into the write that deletes or moves them, before that."""
    return Statement(_NOTE_OF.format(table=table.name, key=table.key, which=which), list(rows))


def forgotten() -> Statement:
    """Statement that deletes old notes: who has not read them by now begins again."""
    return Statement(_FORGET, [(NOTES,)])
