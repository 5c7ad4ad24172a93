"""How much hashing there is at once, and what old hashes cost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import bcrypt
import pytest

from adyton.domain import credentials
from adyton.domain.credentials import User
from adyton.services import passwords, users
from adyton.services.throttle import TooManyAttempts
from adyton.storage import users as stored
from adyton.storage.connect import open_memory
from adyton.storage.database import Database
from support.api import EMAIL, PASSWORD

OLD = "old@example.com"


@pytest.fixture
async def db() -> AsyncIterator[Database]:
    db = open_memory()
    yield db
    await db.close()


class Work:
    """Counts what is hashed, and holds it back until ``go``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        self.go = threading.Event()
        self.go.set()
        self.now = self.most = 0
        self._lock = threading.Lock()
        monkeypatch.setattr(credentials, "password_matches", self)

    def __call__(self, password_hash: str, password: str) -> bool:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.go.wait(10)
        with self._lock:
            self.now -= 1
            self.done.append(password_hash[:4])
        return password == PASSWORD


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    return Work(monkeypatch)


async def test_a_known_and_an_unknown_email_cost_the_same(db: Database, work: Work) -> None:
    await stored.create(db, User(EMAIL, "$argon2id$x", 1))
    for email in (EMAIL, "nobody@example.com", "no e-mail at all", ""):
        await users.verify(db, email, "wrong")
    assert work.done == ["$arg"] * 4


async def test_as_long_as_one_hash_is_of_v062_everybody_costs_one_of_each_kind(db: Database, work: Work) -> None:
    await stored.create(db, User(EMAIL, "$argon2id$x", 1))
    await stored.create(db, User(OLD, "$2a$10$x", 1))
    for email in (EMAIL, OLD, "nobody@example.com"):
        work.done.clear()
        await users.verify(db, email, "wrong")
        assert sorted(work.done) == ["$2a$" if email == OLD else "$2b$", "$arg"]


async def test_two_are_checked_at_once_and_a_few_wait(db: Database, work: Work) -> None:
    work.go.clear()
    asked = [
        asyncio.create_task(passwords.verified(db, EMAIL, PASSWORD, room=passwords.AT_THE_DOOR))
        for _ in range(passwords.AT_THE_DOOR)
    ]
    while passwords._QUEUE.length < passwords.AT_THE_DOOR:  # noqa: ASYNC110 - the queue has no event
        await asyncio.sleep(0)
    with pytest.raises(TooManyAttempts) as refused:
        await passwords.verified(db, EMAIL, PASSWORD, room=passwords.AT_THE_DOOR)
    inside = asyncio.create_task(passwords.verified(db, EMAIL, PASSWORD))
    while work.now < 2:  # noqa: ASYNC110 - threads, which have no event of the loop
        await asyncio.sleep(0.001)
    work.go.set()
    await asyncio.gather(*asked, inside)

    assert (refused.value.retry_after, refused.value.error_code) == (2, "ADY-0107")
    assert work.most == 2
    assert passwords._QUEUE.length == 0


@pytest.mark.parametrize("kind", [b"2a", b"2b", b"2y"])
@pytest.mark.parametrize("password", [PASSWORD, "ü" * 60], ids=["usual", "long"])
def test_hashes_of_v062_are_believed(kind: bytes, password: str) -> None:
    salt = bcrypt.gensalt(4)
    hashed = bcrypt.hashpw(password.encode()[:72], salt).replace(b"$2b$", b"$" + kind + b"$").decode()

    assert credentials.password_matches(hashed, password)
    assert not credentials.password_matches(hashed, f"x{password}")
    assert credentials.is_dated(hashed)


def test_a_hash_of_other_parameters_is_dated_and_one_of_todays_is_not() -> None:
    assert not credentials.is_dated(credentials.NOBODYS_HASH)
    assert credentials.is_dated(credentials.NOBODYS_HASH.replace("t=3", "t=2"))


@pytest.mark.parametrize("hashed", ["", "x", "$2a$", "$2b$10$short", "$argon2id$"])
def test_what_is_no_hash_is_nobodys(hashed: str) -> None:
    assert not credentials.password_matches(hashed, PASSWORD)
    assert not credentials.as_slow_for_all(None, PASSWORD, also_bcrypt=False)


def test_a_password_that_is_no_text_is_a_wrong_one() -> None:
    assert not credentials.password_matches(credentials.NOBODYS_HASH, "\ud800 and more")
