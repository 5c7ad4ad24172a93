"""How long a session lasts, and what checking it costs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adyton.domain.credentials import User, token_hash
from adyton.domain.errors import StorageUnavailable
from adyton.services.sessions import TOUCHED, TRUSTED, Sessions
from adyton.storage import users as stored
from adyton.storage.connect import open_memory
from adyton.storage.database import Row, Statement
from adyton.system.entropy import SystemEntropy
from support.api import PassingDatabase
from support.builders import NOW, TestClock

EMAIL = "operator@example.com"
TIMEOUT = 900.0


class CountingDatabase(PassingDatabase):
    """Counts what it passes on."""

    reads = 0
    writes = 0
    full = False

    async def write(self, *statements: Statement) -> list[list[Row]]:
        self.writes += 1
        if self.full:
            raise StorageUnavailable("the disk is full")
        return await super().write(*statements)

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        self.reads += 1
        return await super().read(sql, params)


class House:
    """Sessions on a database in memory. ``another`` are those of a second process on the same database."""

    def __init__(self) -> None:
        self.clock = TestClock()
        self.db = CountingDatabase(open_memory())
        self.sessions = self.another()

    def another(self, timeout: float = TIMEOUT) -> Sessions:
        return Sessions(db=self.db, clock=self.clock, entropy=SystemEntropy(), timeout=timeout)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    await stored.create(house.db, User(EMAIL, "hash", NOW))
    yield house
    await house.db.close()


async def test_an_open_session_belongs_to_its_user(house: House) -> None:
    token = await house.sessions.open(EMAIL)

    assert await house.sessions.user(token) == EMAIL
    assert len(bytes.fromhex(token)) == 32


async def test_only_the_hash_of_the_token_is_stored(house: House) -> None:
    token = await house.sessions.open(EMAIL)

    rows = await house.db.read("SELECT * FROM sessions")

    assert rows[0][0] == token_hash(token)
    assert token not in str(rows)


@pytest.mark.parametrize("token", ["", "f" * 64, "no token"])
async def test_other_tokens_belong_to_nobody(house: House, token: str) -> None:
    await house.sessions.open(EMAIL)
    assert await house.sessions.user(token) is None


async def test_a_session_ends_when_it_was_idle_for_longer_than_the_timeout(house: House) -> None:
    token = await house.sessions.open(EMAIL)
    await house.clock.sleep(TIMEOUT)
    assert await house.sessions.user(token) == EMAIL
    await house.clock.sleep(TIMEOUT + 1)
    assert await house.sessions.user(token) is None
    assert await house.another().user(token) is None


async def test_every_use_begins_the_timeout_anew_also_after_a_restart(house: House) -> None:
    token = await house.sessions.open(EMAIL)
    for _ in range(10):
        await house.clock.sleep(TIMEOUT - 1)
        assert await house.sessions.user(token) == EMAIL
    await house.clock.sleep(TIMEOUT - TOUCHED)
    assert await house.another().user(token) == EMAIL


async def test_a_session_in_steady_use_is_read_now_and_then_and_written_each_minute(house: House) -> None:
    token = await house.sessions.open(EMAIL)
    house.db.reads = house.db.writes = 0

    for _ in range(240):
        await house.clock.sleep(1)
        assert await house.sessions.user(token) == EMAIL

    assert house.db.reads <= 240 / TRUSTED + 1
    assert house.db.writes == 4


async def test_a_short_session_in_steady_use_outlasts_a_restart(house: House) -> None:
    token = await house.sessions.open(EMAIL)
    sessions = house.another(timeout=10)
    for _ in range(30):
        await house.clock.sleep(1)
        assert await sessions.user(token) == EMAIL
    await house.clock.sleep(9)
    assert await house.another(timeout=10).user(token) == EMAIL


async def test_a_full_disk_locks_nobody_out(house: House) -> None:
    token = await house.sessions.open(EMAIL)
    house.db.full = True
    for _ in range(5):
        await house.clock.sleep(TOUCHED)
        assert await house.sessions.user(token) == EMAIL


async def test_a_closed_session_is_over_at_once(house: House) -> None:
    token = await house.sessions.open(EMAIL)
    assert await house.sessions.user(token) == EMAIL

    await house.sessions.close(token)

    assert await house.sessions.user(token) is None
    assert await house.another().user(token) is None


async def test_closing_one_session_leaves_the_others_open(house: House) -> None:
    first, second = await house.sessions.open(EMAIL), await house.sessions.open(EMAIL)

    await house.sessions.close(first)

    assert await house.sessions.user(second) == EMAIL


async def test_a_session_that_another_process_ended_is_over_in_a_few_seconds(house: House) -> None:
    token = await house.sessions.open(EMAIL)
    assert await house.sessions.user(token) == EMAIL

    await house.another().close(token)
    await house.clock.sleep(TRUSTED)

    assert await house.sessions.user(token) is None


async def test_long_forgotten_sessions_are_deleted_at_the_next_login(house: House) -> None:
    await house.sessions.open(EMAIL)
    await house.clock.sleep(TIMEOUT + 240 * 3600 + 1)

    await house.sessions.open(EMAIL)

    assert len(await house.db.read("SELECT * FROM sessions")) == 1
