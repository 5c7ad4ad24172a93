"""Users and sessions, on every database."""

from __future__ import annotations

import pytest

from adyton.domain.credentials import Session, User
from adyton.domain.errors import Conflict
from adyton.storage import users
from adyton.storage.database import Database

OPERATOR = User("operator@example.com", "$argon2id$...", 1)
SESSION = Session("a" * 64, OPERATOR.email, 10, 10)


async def test_a_user_is_found_by_exactly_their_email(database: Database) -> None:
    await users.create(database, OPERATOR)

    assert await users.get(database, "operator@example.com") == OPERATOR
    assert await users.get(database, "Operator@example.com") is None


async def test_an_email_is_taken_once(database: Database) -> None:
    await users.create(database, OPERATOR)

    with pytest.raises(Conflict):
        await users.create(database, OPERATOR)


async def test_the_latest_user_is_the_one_created_last(database: Database) -> None:
    assert await users.latest(database) is None
    await users.create(database, User("z@example.com", "x", 1))
    await users.create(database, User("a@example.com", "x", 2))

    latest = await users.latest(database)

    assert latest is not None
    assert latest.email == "a@example.com"


async def test_a_session_is_kept_until_it_is_deleted(database: Database) -> None:
    await users.create(database, OPERATOR)
    await users.create_session(database, SESSION)
    assert await users.session(database, SESSION.token_hash) == SESSION

    await users.delete_session(database, SESSION.token_hash)
    await users.delete_session(database, SESSION.token_hash)

    assert await users.session(database, SESSION.token_hash) is None


async def test_the_last_use_of_a_session_never_moves_back(database: Database) -> None:
    await users.create(database, OPERATOR)
    await users.create_session(database, SESSION)

    await users.touch(database, SESSION.token_hash, 30)
    await users.touch(database, SESSION.token_hash, 20)

    found = await users.session(database, SESSION.token_hash)
    assert found is not None
    assert found.last_used == 30


async def test_sweeping_deletes_only_what_was_last_used_before(database: Database) -> None:
    await users.create(database, OPERATOR)
    for name, last_used in [("a", 10), ("b", 20)]:
        await users.create_session(database, Session(name * 64, OPERATOR.email, 1, last_used))

    await users.sweep(database, 20)

    assert await users.session(database, "a" * 64) is None
    assert await users.session(database, "b" * 64) is not None
