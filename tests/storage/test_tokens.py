"""API tokens, on every database."""

from __future__ import annotations

import msgspec

from adyton.domain.access import Role
from adyton.domain.credentials import User
from adyton.domain.tokens import MOST, ApiToken
from adyton.storage import tokens, users
from adyton.storage.database import Database

OWNER = User("operator@example.com", "x", 1, Role.EDIT)
TOKEN = ApiToken(
    access_key="a" * 32, secret_hash="s", email=OWNER.email, role=Role.RUN, name="script", created_at=5, expires_at=99
)


async def test_a_token_is_found_with_its_users_role(database: Database) -> None:
    await users.create(database, OWNER)
    assert await tokens.create(database, TOKEN)

    assert await tokens.get(database, TOKEN.access_key) == (TOKEN, Role.EDIT)
    assert await tokens.get(database, "b" * 32) is None


async def test_nobody_has_no_token(database: Database) -> None:
    assert not await tokens.create(database, TOKEN)


async def test_a_token_without_a_name_takes_the_place_of_the_one_before(database: Database) -> None:
    await users.create(database, OWNER)
    await tokens.create(database, TOKEN)
    for key in ("b", "c"):
        await tokens.create(database, msgspec.structs.replace(TOKEN, access_key=key * 32, name=""))

    found, count = await tokens.page(database, email=OWNER.email, offset=0, limit=10)

    assert ([token.access_key[0] for token in found], count) == (["a", "c"], 2)
    assert await tokens.delete_unnamed(database, OWNER.email) == ["c" * 32]
    assert await tokens.delete_unnamed(database, OWNER.email) == []


async def test_a_user_has_so_many_tokens_and_no_more(database: Database) -> None:
    await users.create(database, OWNER)
    made = [await tokens.create(database, msgspec.structs.replace(TOKEN, access_key=f"{n:032x}")) for n in range(MOST + 1)]
    assert made == [True] * MOST + [False]


async def test_tokens_are_listed_for_one_user_or_for_all(database: Database) -> None:
    other = User("other@example.com", "x", 2)
    for user in (OWNER, other):
        await users.create(database, user)
    await tokens.create(database, TOKEN)
    await tokens.create(database, msgspec.structs.replace(TOKEN, access_key="b" * 32, email=other.email, created_at=6))

    assert (await tokens.page(database, email=other.email, offset=0, limit=10))[1] == 1
    assert [t.access_key[0] for t in (await tokens.page(database, email=None, offset=0, limit=10))[0]] == ["a", "b"]
    assert [t.access_key[0] for t in (await tokens.page(database, email=None, offset=1, limit=1))[0]] == ["b"]


async def test_the_last_use_never_moves_back(database: Database) -> None:
    await users.create(database, OWNER)
    await tokens.create(database, TOKEN)

    for now in (30, 20):
        await tokens.touch(database, TOKEN.access_key, now)

    found = await tokens.get(database, TOKEN.access_key)
    assert found is not None
    assert found[0].last_used == 30


async def test_only_its_user_gives_a_token_another_secret(database: Database) -> None:
    await users.create(database, OWNER)
    await tokens.create(database, TOKEN)

    assert await tokens.rotate(database, TOKEN.access_key, "other@example.com", "t") is None
    rotated = await tokens.rotate(database, TOKEN.access_key, OWNER.email, "t")

    assert rotated == msgspec.structs.replace(TOKEN, secret_hash="t")


async def test_a_token_is_deleted_once(database: Database) -> None:
    await users.create(database, OWNER)
    await tokens.create(database, TOKEN)
    assert [await tokens.delete(database, TOKEN.access_key) for _ in range(2)] == [True, False]
