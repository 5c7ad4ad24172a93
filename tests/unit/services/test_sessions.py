"""How long a session lasts, and what checking it costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from adyton.domain.access import Role
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
USER = User(EMAIL, "hash", NOW)
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

    def another(self, timeout: float = TIMEOUT, lifetime: float = 30 * 86_400.0) -> Sessions:
        return Sessions(db=self.db, clock=self.clock, entropy=SystemEntropy(), timeout=timeout, lifetime=lifetime)

    async def open(self, sessions: Sessions | None = None) -> str:
        token = await (sessions or self.sessions).open(USER)
        assert token is not None
        return token

    async def who(self, token: str, sessions: Sessions | None = None) -> str | None:
        """The e-mail of a session's user."""
        caller = await (sessions or self.sessions).caller(token)
        return None if caller is None else caller.email


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    await stored.create(house.db, USER)
    yield house
    await house.db.close()


async def test_an_open_session_belongs_to_its_user(house: House) -> None:
    token = await house.open()

    assert await house.who(token) == EMAIL
    assert len(bytes.fromhex(token)) == 32


async def test_only_the_hash_of_the_token_is_stored(house: House) -> None:
    token = await house.open()

    rows = await house.db.read("SELECT * FROM sessions")

    assert rows[0][0] == token_hash(token)
    assert token not in str(rows)


@pytest.mark.parametrize("token", ["", "f" * 64, "no token"])
async def test_other_tokens_belong_to_nobody(house: House, token: str) -> None:
    await house.open()
    assert await house.who(token) is None


async def test_a_session_ends_when_it_was_idle_for_longer_than_the_timeout(house: House) -> None:
    token = await house.open()
    await house.clock.sleep(TIMEOUT)
    assert await house.who(token) == EMAIL
    await house.clock.sleep(TIMEOUT + 1)
    assert await house.who(token) is None
    assert await house.who(token, house.another()) is None


async def test_every_use_begins_the_timeout_anew_also_after_a_restart(house: House) -> None:
    token = await house.open()
    for _ in range(10):
        await house.clock.sleep(TIMEOUT - 1)
        assert await house.who(token) == EMAIL
    await house.clock.sleep(TIMEOUT - TOUCHED)
    assert await house.who(token, house.another()) == EMAIL


async def test_a_session_in_steady_use_is_read_now_and_then_and_written_each_minute(house: House) -> None:
    token = await house.open()
    house.db.reads = house.db.writes = 0

    for _ in range(240):
        await house.clock.sleep(1)
        assert await house.who(token) == EMAIL

    assert house.db.reads <= 240 / TRUSTED + 1
    assert house.db.writes == 4


async def test_a_short_session_in_steady_use_outlasts_a_restart(house: House) -> None:
    token = await house.open()
    sessions = house.another(timeout=10)
    for _ in range(30):
        await house.clock.sleep(1)
        assert await house.who(token, sessions) == EMAIL
    await house.clock.sleep(9)
    assert await house.who(token, house.another(timeout=10)) == EMAIL


async def test_a_full_disk_locks_nobody_out(house: House) -> None:
    token = await house.open()
    house.db.full = True
    for _ in range(5):
        await house.clock.sleep(TOUCHED)
        assert await house.who(token) == EMAIL


async def test_a_closed_session_is_over_at_once(house: House) -> None:
    token = await house.open()
    assert await house.who(token) == EMAIL

    await house.sessions.close(token)

    assert await house.who(token) is None
    assert await house.who(token, house.another()) is None


async def test_closing_one_session_leaves_the_others_open(house: House) -> None:
    first, second = await house.open(), await house.open()

    await house.sessions.close(first)

    assert await house.who(second) == EMAIL


async def test_a_session_that_another_process_ended_is_over_in_a_few_seconds(house: House) -> None:
    token = await house.open()
    assert await house.who(token) == EMAIL

    await house.another().close(token)
    await house.clock.sleep(TRUSTED)

    assert await house.who(token) is None


async def test_long_forgotten_sessions_are_deleted_at_the_next_login(house: House) -> None:
    await house.open()
    await house.clock.sleep(TIMEOUT + 240 * 3600 + 1)

    await house.open()

    assert len(await house.db.read("SELECT * FROM sessions")) == 1


async def test_a_session_ends_with_its_lifetime_however_much_it_is_used(house: House) -> None:
    sessions = house.another(lifetime=3600)
    token = await house.open(sessions)
    for _ in range(8):
        await house.clock.sleep(450)
        assert await house.who(token, sessions) == EMAIL
    await house.clock.sleep(1)
    assert await house.who(token, sessions) is None


async def test_looking_at_a_session_is_no_use_of_it(house: House) -> None:
    token = await house.open()
    await house.clock.sleep(TIMEOUT)
    assert await house.sessions.caller(token, used=False) is not None
    await house.clock.sleep(1)
    assert await house.sessions.caller(token) is None


async def test_a_session_opens_in_the_place_of_the_one_that_came(house: House) -> None:
    first = await house.open()
    assert await house.who(first) == EMAIL

    second = await house.sessions.open(USER, instead_of=first)

    assert second not in {None, first}
    assert await house.who(first) is None


async def test_no_session_opens_for_a_password_that_was_changed_meanwhile(house: House) -> None:
    await stored.change_password(house.db, USER, "another hash", None)
    assert await house.sessions.open(USER) is None


async def test_another_role_counts_at_once(house: House) -> None:
    await stored.create(house.db, User("other@example.com", "hash", NOW))
    token = await house.open()
    await house.who(token)

    await stored.set_role(house.db, EMAIL, Role.VIEW)
    house.sessions.forget(EMAIL)

    caller = await house.sessions.caller(token)
    assert caller is not None
    assert caller.role is Role.VIEW


async def test_a_read_that_was_under_way_while_something_changed_does_not_count(house: House) -> None:
    token = await house.open()
    read = house.db.real.read
    passing = asyncio.Event()
    arrived = asyncio.Event()

    async def slow(sql: str, params: Row = ()) -> list[Row]:
        found = await read(sql, params)
        if not arrived.is_set():
            arrived.set()
            await passing.wait()
        return found

    house.db.real.read = slow  # type: ignore[method-assign]
    asking = asyncio.create_task(house.who(token))
    await arrived.wait()
    await house.sessions.close(token)
    passing.set()

    assert await asking is None
    assert await house.who(token) is None


async def test_all_of_a_users_sessions_end_but_the_one_that_asks(house: House) -> None:
    first, second = await house.open(), await house.open()
    assert await house.who(first) == await house.who(second) == EMAIL

    await house.sessions.close_all(EMAIL, but=second)

    assert (await house.who(first), await house.who(second)) == (None, EMAIL)
    assert len(await house.sessions.of(EMAIL)) == 1


async def test_sessions_that_are_over_are_not_listed(house: House) -> None:
    await house.open()
    await house.clock.sleep(TIMEOUT + 1)
    await house.open()
    (session,) = await house.sessions.of(EMAIL)
    assert house.sessions.ends(session) == house.clock.now() + int(TIMEOUT * 1_000_000)
