"""Alarms stay until they are cured."""

from __future__ import annotations

from adyton.storage import alarms
from adyton.storage.alarms import CHAIN_REPLACED, FINALITY_VIOLATED, Alarm
from adyton.storage.database import Database


async def test_an_alarm_is_kept_with_the_block_to_read_again_from(database: Database) -> None:
    alarm = Alarm(FINALITY_VIOLATED, 1000, "60 blocks were removed", 940)
    await database.write(alarms.raised(alarm))

    assert await alarms.load(database) == [alarm]
    assert alarm.cure == "adyton blocks replay --from 940"


async def test_an_alarm_that_is_raised_again_keeps_its_beginning_and_its_lowest_block(database: Database) -> None:
    await database.write(alarms.raised(Alarm(FINALITY_VIOLATED, 1000, "first", 940)))
    await database.write(alarms.raised(Alarm(FINALITY_VIOLATED, 2000, "higher", 9_500)))
    assert await alarms.load(database) == [Alarm(FINALITY_VIOLATED, 1000, "first", 940)]

    await database.write(alarms.raised(Alarm(FINALITY_VIOLATED, 3000, "lower", 95)))
    assert await alarms.load(database) == [Alarm(FINALITY_VIOLATED, 1000, "lower", 95)]


async def test_alarms_are_told_in_the_order_in_which_they_began(database: Database) -> None:
    await database.write(alarms.raised(Alarm(FINALITY_VIOLATED, 2000, "later", 1)))
    await database.write(alarms.raised(Alarm(CHAIN_REPLACED, 1000, "earlier", 1)))
    assert [alarm.name for alarm in await alarms.load(database)] == [CHAIN_REPLACED, FINALITY_VIOLATED]


async def test_one_alarm_is_cleared_by_its_name(database: Database) -> None:
    await database.write(alarms.raised(Alarm(FINALITY_VIOLATED, 1, "", 1)), alarms.raised(Alarm(CHAIN_REPLACED, 1, "", 1)))
    await database.write(alarms.clear(FINALITY_VIOLATED))
    assert [alarm.name for alarm in await alarms.load(database)] == [CHAIN_REPLACED]
    await database.write(alarms.clear(FINALITY_VIOLATED))


async def test_reading_again_cures_only_alarms_that_ask_for_no_older_block(database: Database) -> None:
    await database.write(
        alarms.raised(Alarm(FINALITY_VIOLATED, 1, "from 100", 100)), alarms.raised(Alarm(CHAIN_REPLACED, 2, "from 99", 99))
    )
    await database.write(alarms.cured_by_reading_from(100))
    assert [alarm.name for alarm in await alarms.load(database)] == [CHAIN_REPLACED]
    await database.write(alarms.cured_by_reading_from(0))
    assert await alarms.load(database) == []
