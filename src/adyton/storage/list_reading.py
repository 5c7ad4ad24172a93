"""The queries that keep lists (see ``lists``): what was written, where stretches end, how many rows of a list they hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from adyton.storage.database import Database, Row, Value
from adyton.storage.list_tables import Key, Table

_CUTS = 64
"""Ends of stretches that one query finds."""
_FOLLOWED = 10
"""Behind this are the kinds of rows of the answer that tables have which are followed."""


class News(NamedTuple):
    """What was written since a look: the keys of rows, and notes of ranges, to which so many rows came, and in which ``gone``
    rows were deleted. ``rows`` is how many rows that is, of all tables. ``feeds`` (the table's, then those that it follows) and
    ``note`` say how far this goes, ``oldest_note`` which notes are still there; ``archived`` jobs there are."""

    keys: list[Key]
    ranges: list[tuple[Key, Key, int]]
    rows: int
    gone: int
    feeds: tuple[int, ...]
    note: int
    oldest_note: int
    archived: int


async def newest(db: Database, table: Table) -> tuple[int, ...]:
    """The highest number that a write gave a row, of the table and of each that it follows; 0 where there is no such number."""
    columns = [(table.name, table.feed), *((each.name, each.feed) for each in table.follows)]
    asked = ", ".join("0" if feed is None else f"(SELECT MAX({feed}) FROM {name})" for name, feed in columns)
    (found,) = await db.read(f"SELECT {asked}")
    return tuple(int(each or 0) for each in found)


async def news(db: Database, table: Table, feeds: tuple[int, ...], note: int, most: int) -> News:
    """What was written behind numbers and a note, ``most`` rows of each table, as it is at one moment."""
    parts = [
        "SELECT 1, gone, first_key, last_key FROM list_changes WHERE list = ? AND id > ?",
        "SELECT 2, COALESCE(MAX(id), 0), CAST(COALESCE(MIN(id), 0) AS TEXT), '' FROM list_changes",
    ]
    params: Row = (table.name, note)
    if table.of_jobs:
        parts.append("SELECT 3, COUNT(*), '', '' FROM jobs WHERE archived_at IS NOT NULL")
    if table.feed is not None:
        parts.append(
            f"SELECT 0, n, CAST(k AS TEXT), '' FROM (SELECT {table.feed} AS n, {table.key} AS k FROM {table.name} "
            f"WHERE {table.feed} > ? ORDER BY {table.feed} LIMIT ?) news"
        )
        params = (*params, feeds[0], most)
    for index, follow in enumerate(table.follows, start=1):
        parts.append(
            f"SELECT {_FOLLOWED + index}, COUNT(*), CAST(MAX(n) AS TEXT), CAST(k AS TEXT) FROM ({follow.keys}) f GROUP BY k"
        )
        params = (*params, feeds[index], most)
    keys: list[Key] = []
    ranges: list[tuple[Key, Key, int]] = []
    reached = list(feeds)
    count = gone = last_note = oldest = archived = 0
    rows: Any = await db.read(" UNION ALL ".join(parts), params)
    for kind, number, first, last in rows:
        if kind > _FOLLOWED:
            count += number
            reached[kind - _FOLLOWED] = max(reached[kind - _FOLLOWED], int(first))
            if last is not None:
                keys.append(table.read(last))
        elif kind == 0:
            count += 1
            reached[0] = max(reached[0], number)
            keys.append(table.read(first))
        elif kind == 1:
            gone += max(number, 0)
            ranges.append((table.read(first), table.read(last), max(-number, 0)))
        elif kind == 2:
            last_note, oldest = number, int(first)
        else:
            archived = number
    return News(keys, ranges, count, gone, tuple(reached), last_note, oldest, archived)


async def numbers(
    db: Database, table: Table, asked: str, between: Sequence[tuple[Key, Key]], sql: str, params: Row
) -> list[Value]:
    """What an aggregate of the rows that meet a condition is, for the keys above the first up to the second of each pair."""
    kind, key = _kind(table), table.key
    values = ", ".join([f"(CAST(? AS BIGINT), CAST(? AS {kind}), CAST(? AS {kind}))"] * len(between))
    rows: Any = await db.read(
        f"WITH cuts (n, low, high) AS (VALUES {values}) SELECT (SELECT {asked} FROM {table.name} "
        f"WHERE {key} > cuts.low AND {key} <= cuts.high AND ({sql})) FROM cuts ORDER BY n",
        (*(value for n, pair in enumerate(between) for value in (n, *pair)), *params),
    )
    return [row[0] for row in rows]


async def cuts(db: Database, table: Table, low: Key, high: Key, rows: int, *, most: int | None = None) -> tuple[list[Key], int]:
    """The keys between two at which stretches of so many rows end, and how many rows those have in the end: where there would
    be more than ``most`` stretches, they are made longer."""
    key, found = table.key, list[Key]()
    sql = f"""
        WITH RECURSIVE cuts (n, k) AS (
            SELECT CAST(0 AS BIGINT), CAST(? AS {_kind(table)})
            UNION ALL
            SELECT n + 1, (
                SELECT {key} FROM {table.name} WHERE {key} > cuts.k AND {key} < ? ORDER BY {key} LIMIT 1 OFFSET ?)
            FROM cuts WHERE cuts.k IS NOT NULL AND n < {_CUTS})
        SELECT k FROM cuts WHERE n > 0 AND k IS NOT NULL ORDER BY n"""
    while True:
        more: Any = await db.read(sql, (found[-1] if found else low, high, rows - 1))
        found += [row[0] for row in more]
        while most is not None and len(found) > most:
            found, rows = found[1::2], rows * 2
        if len(more) < _CUTS:
            return found, rows


def _kind(table: Table) -> str:
    return "BIGINT" if table.number else "TEXT"
