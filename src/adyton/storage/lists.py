"""Lists whose every page costs the same, and which know exactly how long they are.

A table is cut by its key into *stretches* of about a thousand rows. Of each list (a condition) that was asked for lately it is
kept how many rows of each stretch belong to it. A page by its number is found by adding these up; then the stretches that it
lies in are read, no others. Before each answer one query tells what was written since the last one, and the stretches of those
rows are counted again: an answer shows every write acknowledged before it was asked for, as the plain query would.

What was written is known by a number that grows with it (``Table.feed``: ``change``, or the row's own number where rows do not
change; ``Table.follows``: those of other tables, where these decide what belongs to a list), and by notes where there is none:
who deletes rows of a table that is listed, or moves them, writes one in the same write (``list_tables.gone``, ``changed``,
``touched``). Nothing of this is durable but the notes; a node begins with nothing kept.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec

from adyton.storage import list_reading
from adyton.storage.database import Database, Row
from adyton.storage.list_reading import News
from adyton.storage.list_tables import ATTEMPTS, REQUESTS, REREADS, RUNS, TRANSACTIONS, Key, Table

ROWS = 1000
"""Rows of a stretch, about; more where a table has very many."""
STRETCHES = 2000
"""Stretches of a table, at most, when it is cut anew."""
KEPT = 24
"""Lists of a table whose counts are kept, those asked for last."""
NEWS = 20_000
"""Rows written since the last answer from which on it is quicker to begin again."""
FEW = 48
"""Stretches that are counted while others wait; more are counted beside them."""
AT_ONCE = 50
"""Rows of one query."""
TURNS = 2
"""Parts of long pages that are made at the same time."""

_TOGETHER = (16, 4, 1)
"""How many stretches a query counts: few texts, so that they stay prepared."""


class Condition(msgspec.Struct, frozen=True):
    """What rows belong to a list, in SQL. ``led``: an index leads to them in the order of the key."""

    sql: str = "1 = 1"
    params: Row = ()
    led: bool = False


EVERYTHING = Condition(led=True)


class Span(msgspec.Struct, frozen=True):
    """Only rows whose ``column``, which never changes and nearly follows the key, is not below ``low`` and below ``high``."""

    column: str
    low: int
    high: int

    @property
    def sql(self) -> str:
        """As a condition of two parameters."""
        return f"{self.column} >= ? AND {self.column} < ?"


class Slice(NamedTuple):
    """Rows of a list with keys above ``low`` up to ``high``: ``take`` of them behind the first ``skip``."""

    low: Key
    high: Key
    skip: int
    take: int


class Found(msgspec.Struct, frozen=True):
    """A page: where its rows are, and how many the list has in all."""

    count: int
    condition: Condition
    slices: tuple[Slice, ...]
    descending: bool


class _Stretch:
    """Rows with keys above ``low`` up to ``high``. ``touched`` counts what was written in it, ``grown`` since it was cut."""

    __slots__ = ("grown", "high", "low", "touched")

    def __init__(self, low: Key, high: Key) -> None:
        self.low = low
        self.high = high
        self.touched = 0
        self.grown = 0


_Counts = dict[_Stretch, Any]


class Listing:
    """The lists of one table."""

    def __init__(self, db: Database, table: Table, *, rows: int = ROWS) -> None:
        self._db = db
        self._table = table
        self._fewest = self._rows = rows
        self._lock = asyncio.Lock()
        self._building = asyncio.Lock()
        self._stretches: list[_Stretch] = []
        self._highs: list[Key] = []
        self._lists: OrderedDict[Condition, _Counts] = OrderedDict()
        self._spans: dict[str, _Counts] = {}
        self._feeds: tuple[int, ...] = ()
        self._note = self._archived = 0
        self._gone = 0
        self._has_grown = False

    # --- asking ------------------------------------------------------------------------------------------------------

    async def find(
        self, condition: Condition, *, offset: int, limit: int, descending: bool = False, span: Span | None = None
    ) -> Found:
        """The page of ``limit`` rows behind the first ``offset``, and the length of the list. Raises StorageUnavailable."""
        while True:
            async with self._lock:
                await self._catch_up()
                counts, bounds = self._counts(condition), None if span is None else self._spans.setdefault(span.column, {})
                missing, unbound = self._missing(counts), self._missing(bounds) if bounds is not None else []
                if len(missing) + len(unbound) <= FEW:
                    await self._count(condition, counts, missing)
                    if span is None or bounds is None:
                        return self._found(condition, [counts[each] for each in self._stretches], offset, limit, descending)
                    await self._bound(span.column, bounds, unbound)
                    numbers = await self._within(condition, span, counts, bounds)
                    narrow = Condition(f"({condition.sql}) AND {span.sql}", (*condition.params, span.low, span.high))
                    return self._found(narrow, numbers, offset, limit, descending)
            # The first time, or after a long while: others are answered meanwhile, and who asks for the same waits here.
            async with self._building:
                await self._count(condition, counts, self._missing(counts))
                if span is not None and bounds is not None:
                    await self._bound(span.column, bounds, self._missing(bounds))

    async def rows(self, select: str, found: Found) -> AsyncIterator[list[Row]]:
        """The rows of a page in its order, some at a time. ``select`` is the query up to the table."""
        direction = "DESC" if found.descending else "ASC"
        order = ", ".join(f"{column} {direction}" for column in self._table.order)
        key = self._table.key
        sql = f"{select} WHERE {key} > ? AND {key} <= ? AND ({found.condition.sql}) ORDER BY {order} LIMIT ? OFFSET ?"
        for each in found.slices:
            done = 0
            while done < each.take:
                few = min(AT_ONCE, each.take - done)
                params = (each.low, each.high, *found.condition.params, few, each.skip + done)
                rows = await self._db.read(sql, params)
                if rows:
                    yield rows
                done += few

    async def page(
        self, select: str, condition: Condition, *, offset: int, limit: int, descending: bool = False
    ) -> tuple[list[Row], int]:
        """The rows of a page at once, and the length of the list."""
        found = await self.find(condition, offset=offset, limit=limit, descending=descending)
        return [row async for rows in self.rows(select, found) for row in rows], found.count

    # --- where a page is ---------------------------------------------------------------------------------------------

    def _found(self, condition: Condition, numbers: list[int], offset: int, limit: int, descending: bool) -> Found:
        stretches = self._stretches
        if descending:
            stretches, numbers = stretches[::-1], numbers[::-1]
        behind = list(accumulate(numbers))
        slices: list[Slice] = []
        index, left = bisect_left(behind, offset + 1), limit
        skip = offset - (behind[index - 1] if index else 0)
        while left > 0 and index < len(numbers):
            take = min(left, numbers[index] - skip)
            if take > 0:
                self._add(slices, stretches[index], Slice(stretches[index].low, stretches[index].high, skip, take), condition)
                left -= take
            index, skip = index + 1, 0
        return Found(behind[-1] if behind else 0, condition, tuple(slices), descending)

    def _add(self, slices: list[Slice], stretch: _Stretch, new: Slice, condition: Condition) -> None:
        """One query more, or a longer one where stretches that follow each other have few rows."""
        last = slices[-1] if slices else None
        if last is None or last.take >= AT_ONCE:
            slices.append(new)
        elif last.high == stretch.low or (condition.led and last.high < stretch.low):  # type: ignore[operator] # of one type
            slices[-1] = last._replace(high=new.high, take=last.take + new.take)
        elif last.low == stretch.high or (condition.led and last.low > stretch.high):  # type: ignore[operator] # of one type
            slices[-1] = last._replace(low=new.low, take=last.take + new.take)
        else:
            slices.append(new)

    # --- counting ----------------------------------------------------------------------------------------------------

    def _counts(self, condition: Condition) -> _Counts:
        counts = self._lists.setdefault(condition, {})
        self._lists.move_to_end(condition)
        while len(self._lists) > KEPT:
            self._lists.popitem(last=False)
        return counts

    def _missing(self, counts: _Counts) -> list[_Stretch]:
        return [stretch for stretch in self._stretches if stretch not in counts]

    async def _count(self, condition: Condition, counts: _Counts, stretches: Sequence[_Stretch]) -> None:
        await self._ask("COUNT(*)", condition, counts, stretches)

    async def _bound(self, column: str, bounds: _Counts, stretches: Sequence[_Stretch]) -> None:
        """Note the lowest and the highest value of a column, both from one look at the rows; None where there are none."""
        asked = f"CAST(MIN({column}) AS TEXT) || ' ' || CAST(MAX({column}) AS TEXT)"
        answers: _Counts = {}
        await self._ask(asked, EVERYTHING, answers, stretches)
        for stretch, text in answers.items():
            bounds[stretch] = None if text is None else tuple(int(number) for number in text.split())

    async def _within(self, condition: Condition, span: Span, counts: _Counts, bounds: _Counts) -> list[int]:
        """How many rows of each stretch are in the span. Only those are counted through which one of its ends goes."""
        numbers: _Counts = {}
        partly = []
        for stretch in self._stretches:
            if bounds[stretch] is None or not counts[stretch]:
                numbers[stretch] = 0
                continue
            low, high = bounds[stretch]
            if high < span.low or low >= span.high:
                numbers[stretch] = 0
            elif low >= span.low and high < span.high:
                numbers[stretch] = counts[stretch]
            else:
                partly.append(stretch)
        condition = Condition(f"({condition.sql}) AND {span.sql}", (*condition.params, span.low, span.high))
        await self._count(condition, numbers, partly)
        return [numbers[stretch] for stretch in self._stretches]

    async def _ask(self, asked: str, condition: Condition, answers: _Counts, stretches: Sequence[_Stretch]) -> None:
        """Put a number for each of the stretches into ``answers``; not for those that were written to meanwhile."""
        begin = 0
        while begin < len(stretches):
            part = stretches[begin : begin + next(size for size in _TOGETHER if size <= len(stretches) - begin)]
            begin += len(part)
            before = [stretch.touched for stretch in part]
            between = [(stretch.low, stretch.high) for stretch in part]
            numbers = await list_reading.numbers(self._db, self._table, asked, between, condition.sql, condition.params)
            for stretch, touched, number in zip(part, before, numbers, strict=True):
                if stretch.touched == touched:
                    answers[stretch] = number

    # --- what was written --------------------------------------------------------------------------------------------

    async def _catch_up(self) -> None:
        """Forget the counts that a write since the last look may have changed. Under the lock."""
        if self._stretches:
            most = max(NEWS, len(self._stretches) * self._rows // 20)
            news = await list_reading.news(self._db, self._table, self._feeds, self._note, most)
            if self._can_follow(news, most):
                self._follow(news)
                await self._cut_what_has_grown()
                return
        await self._begin()

    def _can_follow(self, news: News, most: int) -> bool:
        """Whether counts can still be told that stand; not when notes are missing, or when nearly nothing would stand."""
        self._gone += news.gone
        missed = news.note > self._note and news.oldest_note > self._note + 1
        return news.rows < most and not missed and self._gone <= max(NEWS, len(self._stretches) * self._rows // 2)

    def _follow(self, news: News) -> None:
        if news.archived != self._archived:
            self._lists.clear()
        self._feeds, self._note, self._archived = news.feeds, news.note, news.archived
        for key in news.keys:
            self._change(self._stretches[self._position(key)], 1)
        for first, last, came in news.ranges:
            # Which of them got how many is not noted.
            for stretch in self._stretches[self._position(first) : self._position(last) + 1]:
                self._change(stretch, came)

    def _change(self, stretch: _Stretch, came: int) -> None:
        stretch.grown += came
        self._has_grown |= stretch.grown >= self._rows
        self._touch(stretch)

    def _position(self, key: Key) -> int:
        return bisect_left(self._highs, key)

    def _touch(self, stretch: _Stretch) -> None:
        stretch.touched += 1
        for counts in (*self._lists.values(), *self._spans.values()):
            counts.pop(stretch, None)

    # --- cutting -----------------------------------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Cut the table anew; nothing is counted yet. What is written while this looks comes again with the next news."""
        table = self._table
        feeds = await list_reading.newest(self._db, table)
        news = await list_reading.news(self._db, table, feeds, 2**62, 1)
        self._feeds, self._note, self._archived, self._gone = feeds, news.note, news.archived, 0
        self._lists.clear()
        self._spans.clear()
        cuts, self._rows = await list_reading.cuts(self._db, table, table.low, table.high, self._fewest, most=STRETCHES)
        self._lay(table.low, table.high, 0, len(self._stretches), cuts)

    async def _cut_what_has_grown(self) -> None:
        index = 0
        while self._has_grown and index < len(self._stretches):
            stretch, size = self._stretches[index], 1
            if stretch.grown >= self._rows:
                cuts, _ = await list_reading.cuts(self._db, self._table, stretch.low, stretch.high, self._rows)
                size = len(cuts) + 1
                stretch.grown = 0
                if cuts:
                    self._lay(stretch.low, stretch.high, index, index + 1, cuts)
            index += size
        self._has_grown = False

    def _lay(self, low: Key, high: Key, begin: int, end: int, cuts: list[Key]) -> None:
        """Put stretches from ``low`` to ``high`` in the place of those from ``begin`` to before ``end``."""
        for stretch in self._stretches[begin:end]:
            self._touch(stretch)
        new = [_Stretch(one, other) for one, other in zip((low, *cuts), (*cuts, high), strict=True)]
        self._stretches[begin:end] = new
        self._highs[begin:end] = [stretch.high for stretch in new]


class Lists:
    """What is listed of one database. ``rows``: of a stretch. ``turns`` are taken by whoever reads a long page, for each part
    of it, so that many of them are slow themselves and slow nobody else."""

    def __init__(self, db: Database, *, rows: int = ROWS) -> None:
        self.db = db
        self.turns = asyncio.Semaphore(TURNS)
        self.runs = Listing(db, RUNS, rows=rows)
        self.transactions = Listing(db, TRANSACTIONS, rows=rows)
        self.attempts = Listing(db, ATTEMPTS, rows=rows)
        self.requests = Listing(db, REQUESTS, rows=rows)
        self.rereads = Listing(db, REREADS, rows=rows)
