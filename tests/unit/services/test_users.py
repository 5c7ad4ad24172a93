"""Making users and checking passwords."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adyton.domain.errors import Conflict, Invalid
from adyton.services import users
from adyton.storage.connect import open_memory
from adyton.storage.database import Database
from adyton.system.entropy import SystemEntropy
from support.api import EMAIL, PASSWORD
from support.builders import NOW, TestClock


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    db = open_memory()
    yield db
    await db.close()


async def create(db: Database, email: str = EMAIL, password: str = PASSWORD) -> None:
    await users.create(db, clock=TestClock(), entropy=SystemEntropy(), email=email, password=password)


async def test_a_user_is_known_by_email_and_password(db: Database) -> None:
    await create(db)

    user = await users.verify(db, EMAIL, PASSWORD)

    assert user is not None
    assert (user.email, user.created_at) == (EMAIL, NOW)
    assert await users.latest(db) == user


@pytest.mark.parametrize(
    ("email", "password"),
    [(EMAIL, "wrong password"), (EMAIL, ""), (EMAIL.upper(), PASSWORD), ("other@example.com", PASSWORD), ("a\0@b", PASSWORD)],
)
async def test_anything_else_proves_nothing(db: Database, email: str, password: str) -> None:
    await create(db)
    assert await users.verify(db, email, password) is None


async def test_the_password_is_stored_as_an_argon2id_hash(db: Database) -> None:
    await create(db)

    rows = await db.read("SELECT * FROM users")

    assert str(rows[0][1]).startswith("$argon2id$")
    assert PASSWORD not in str(rows)


async def test_an_email_is_taken_once(db: Database) -> None:
    await create(db)
    with pytest.raises(Conflict, match=f"there is a user {EMAIL} already"):
        await create(db)


@pytest.mark.parametrize(("email", "password"), [("", PASSWORD), ("nobody", PASSWORD), (EMAIL, "short")])
async def test_what_cannot_be_a_user_is_refused(db: Database, email: str, password: str) -> None:
    with pytest.raises(Invalid):
        await create(db, email, password)
    assert await users.latest(db) is None
