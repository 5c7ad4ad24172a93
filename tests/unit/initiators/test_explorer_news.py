"""What log intake does to runs is written down for the explorer, in the same write."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from adyton.domain.requests import CANCELLED_TOPIC
from adyton.engine.news import ExplorerNews
from adyton.storage.connect import open_memory
from support.builders import Bench, number_hash, run_log
from support.intake import Rig, listening, request


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    db = open_memory()
    bench = Bench(db)
    bench.engine.news = ExplorerNews(bench.jobs)
    yield Rig(bench)
    await db.close()


async def told(rig: Rig) -> list[tuple[object, bool]]:
    """(run, whether its message is made already) of each message, oldest first; they are gone then. Time goes on."""
    rows = await rig.bench.db.read("SELECT run_id, CASE WHEN body = '' THEN 0 ELSE 1 END FROM sync_events ORDER BY id")
    rig.bench.db._connection.execute("DELETE FROM sync_events")  # type: ignore[attr-defined]  # a database in memory
    rig.bench.clock.micros += 1
    return [(run_id, bool(made)) for run_id, made in rows]


async def run_ids(rig: Rig) -> list[object]:
    return [run_id for (run_id,) in await rig.bench.db.read("SELECT id FROM runs ORDER BY id")]


async def test_new_runs_are_told_with_their_message(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91, request=1), run_log(block=91, request=2, index=1))
    await rig.at(92)
    assert await told(rig) == [(run_id, True) for run_id in await run_ids(rig)]


async def test_a_run_that_follows_its_request_into_another_block_is_told(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91))
    await rig.at(92)
    await told(rig)
    await rig.branch(93, 5, run_log(block=92, kind=5), first=91)
    assert await told(rig) == [(run_id, False) for run_id in await run_ids(rig)]


async def test_a_run_that_ends_with_its_request_and_comes_back_with_it_is_told(rig: Rig) -> None:
    await listening(rig)
    log = run_log(block=92, index=91)
    ended = msgspec.structs.replace(log, topics=(CANCELLED_TOPIC, request(1)), data="0x", transaction_hash=number_hash(92, 88))
    rig.blocks.emit(run_log(block=91), ended)
    await rig.at(92)
    (run_id,) = await run_ids(rig)
    assert await told(rig) == [(run_id, True), (run_id, False)]

    await rig.branch(93, 5, first=92)
    assert await told(rig) == [(run_id, False)] * 2, "it goes on, and is held against its request"
    assert [status for status, _, _ in await rig.runs()] == ["pending_confirmations"]


async def test_a_run_that_gives_its_place_to_another_is_told_with_it(rig: Rig) -> None:
    await listening(rig)
    rig.blocks.emit(run_log(block=91))
    await rig.at(92)
    await told(rig)
    (old,) = await run_ids(rig)

    await rig.branch(94, 5, run_log(block=93, kind=5, payment=5), first=91)
    new = next(run_id for run_id in await run_ids(rig) if run_id != old)
    assert sorted(await told(rig), key=str) == sorted([(old, False), (new, True)], key=str)


async def test_what_nothing_comes_of_is_not_told(rig: Rig) -> None:
    await listening(rig)
    await rig.at(92)
    assert await told(rig) == []
