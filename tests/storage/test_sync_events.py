"""What an explorer is still to be told, on every database."""

from __future__ import annotations

from adyton.domain.runs import Run, RunStatus, moved
from adyton.engine.create import RunSource
from adyton.storage import request_runs, sync_events
from adyton.storage import runs as stored
from adyton.storage.database import Database
from adyton.storage.sync_events import Outstanding, SyncEvent
from support.builders import JOB_ID, NOW, Bench, job


async def made(database: Database, count: int) -> list[Run]:
    """Stored runs, of which nothing is to be told."""
    of = Bench(database)
    await of.add(job())
    spec = of.jobs.jobs[JOB_ID]
    runs = [of.maker.new_run(spec, spec.initiators[0], RunSource(given={})) for _ in range(count)]
    await database.write(stored.insert(runs))
    return runs


async def test_the_oldest_comes_first_until_it_is_told_or_put_aside(database: Database) -> None:
    await database.write(sync_events.insert([("a", 5, "one"), ("b", 6, "two")]), sync_events.insert([("a", 7, "three")]))
    first = await sync_events.oldest(database)
    assert first is not None
    assert (first.run_id, first.body, first.refusals) == ("a", "one", 0)
    assert await sync_events.outstanding(database) == Outstanding(3, 0, 5, None)

    await database.write(sync_events.refused(first, "no"))
    again = await sync_events.oldest(database)
    assert again == SyncEvent(first.id, "a", "one", 1)

    await database.write(sync_events.parked(first, "no!", 9))
    second = await sync_events.oldest(database)
    assert second is not None
    assert second.body == "two"
    assert await sync_events.outstanding(database) == Outstanding(2, 1, 6, "no!")

    await database.write(sync_events.told(second))
    third = await sync_events.oldest(database)
    assert third is not None
    await database.write(sync_events.described(third, "another"))
    third = await sync_events.oldest(database)
    assert third is not None
    assert third.body == "another"


async def test_what_was_put_aside_is_taken_up_without_its_old_words_if_its_run_is_there(database: Database) -> None:
    (run,) = await made(database, 1)
    await database.write(sync_events.insert([(run.id, 5, "one"), ("gone", 6, "two")]))
    for _ in range(2):
        event = await sync_events.oldest(database)
        assert event is not None
        await database.write(sync_events.parked(event, "no", 9))
    assert await sync_events.oldest(database) is None

    await database.write(*sync_events.taken_up())

    event = await sync_events.oldest(database)
    assert event is not None
    assert (event.run_id, event.body, event.refusals) == (run.id, "", 0)
    assert (await sync_events.outstanding(database)).parked == 0


async def test_only_what_a_write_has_changed_is_noted(database: Database) -> None:
    run, other = await made(database, 2)
    now = NOW + 5
    await database.write(
        request_runs.superseded([(run.id, other.id, "because")], now), sync_events.of_runs([run.id, other.id, "nobody"], now)
    )
    event = await sync_events.oldest(database)
    assert event is not None
    assert (event.run_id, event.body) == (run.id, "")
    assert (await sync_events.outstanding(database)).waiting == 1


async def test_the_runs_of_requests_are_noted_when_they_change(database: Database) -> None:
    (run,) = await made(database, 1)
    await database.write(*stored.save(moved(run, RunStatus.COMPLETED, NOW + 1), ()))
    await database.write(
        request_runs.called_off([("0xaa", "0x01", "because", 7)], NOW + 2), sync_events.of_requests([("0xaa", "0x01")], NOW + 2)
    )
    assert await sync_events.oldest(database) is None
    assert await sync_events.initiator_type(database, run.initiator_id) == "web"
    assert await sync_events.initiator_type(database, 4711) == ""
