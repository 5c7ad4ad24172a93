"""Stored headers."""

from __future__ import annotations

from adyton.domain.chain import Head
from adyton.storage import heads
from adyton.storage.connect import open_memory
from support.scripted_rpc import make_head


def as_stored(head: Head) -> Head:
    return Head(head.number, head.hash, head.parent_hash, head.timestamp)


async def test_headers_come_back_in_order_without_their_base_fee() -> None:
    db = open_memory()
    await db.write(*heads.save([make_head(2), make_head(1)], oldest=1, newest=2))
    assert await heads.load(db) == [as_stored(make_head(1)), as_stored(make_head(2))]
    await db.close()


async def test_a_reorganisation_replaces_rows_and_the_window_drops_the_rest() -> None:
    db = open_memory()
    await db.write(*heads.save([make_head(n) for n in range(1, 7)], oldest=1, newest=6))
    other = make_head(4, fork=1)
    for _ in range(2):  # a write that did not return is made again
        await db.write(*heads.save([other], oldest=2, newest=4))
    assert await heads.load(db) == [as_stored(head) for head in (make_head(2), make_head(3), other)]
    await db.close()


async def test_a_rewind_stores_nothing_and_drops_what_is_above() -> None:
    db = open_memory()
    await db.write(*heads.save([make_head(1), make_head(2)], oldest=1, newest=2))
    await db.write(*heads.save([], oldest=1, newest=1))
    assert await heads.load(db) == [as_stored(make_head(1))]
    await db.close()
