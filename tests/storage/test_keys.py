"""The keys that a database knows."""

from __future__ import annotations

from adyton.storage import keys
from adyton.storage.database import Database

FIRST = "0x" + "01" * 20
SECOND = "0x" + "02" * 20


async def test_a_key_that_left_the_keystore_is_still_known(database: Database) -> None:
    await keys.ensure(database, [SECOND, FIRST], 1)
    await keys.ensure(database, [SECOND], 2)

    assert await keys.others(database, [SECOND]) == [FIRST]
    assert await keys.others(database, [FIRST, SECOND, "0x" + "03" * 20]) == []
