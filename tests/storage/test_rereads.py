"""Re-reads: rows that say what is read again, and how far."""

from __future__ import annotations

from adyton.storage import rereads as stored
from adyton.storage.database import Database
from adyton.storage.rereads import Reread, asked
from support.builders import NOW


async def put(database: Database, reread: Reread) -> Reread:
    ((row,),) = await database.write(stored.insert(reread))
    return reread.numbered(row)


async def test_a_reread_is_worked_off_and_then_finished(database: Database) -> None:
    first = await put(database, asked("a job begins", 3, 7, every_job=False, now=NOW))
    second = await put(database, asked("an operator asked", 0, 9, every_job=True, now=NOW + 1))
    assert await stored.open_ones(database) == [first, second]

    await database.write(stored.progress(first, 6, NOW + 2))
    (half, _) = await stored.open_ones(database)
    assert (half.next_block, half.finished_at, half.from_block) == (6, None, 3)

    await database.write(stored.progress(first, 8, NOW + 3))
    assert await stored.open_ones(database) == [second]
    newest, done = await stored.newest(database, limit=5)
    assert (newest, done.next_block, done.finished_at) == (second, 8, NOW + 3)


async def test_a_reread_of_no_block_is_finished_from_the_start(database: Database) -> None:
    await put(database, asked("nothing", 8, 7, every_job=False, now=NOW))
    assert await stored.open_ones(database) == []
