"""Users and sessions, on every database."""

from __future__ import annotations

import asyncio

import pytest

from adyton.domain.access import Role
from adyton.domain.audit import Entry
from adyton.domain.credentials import Session, User
from adyton.domain.errors import Conflict
from adyton.domain.tokens import ApiToken
from adyton.storage import audit, tokens, users
from adyton.storage.database import Database

OPERATOR = User("operator@example.com", "$argon2id$...", 1)
WATCHER = User("watcher@example.com", "$argon2id$...w", 3, Role.VIEW)
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


async def test_a_users_role_is_kept_and_the_first_is_an_admin(database: Database) -> None:
    await users.create(database, OPERATOR)
    await users.create(database, WATCHER)

    assert [user.role for user in await users.every(database)] == [Role.ADMIN, Role.VIEW]
    assert await users.page(database, offset=1, limit=5) == ([(WATCHER, None)], 2)


async def test_a_user_was_last_seen_at_the_later_of_a_session_and_an_entry_of_the_audit_log(database: Database) -> None:
    async def seen() -> int | None:
        ((_, found),), _ = await users.page(database, offset=0, limit=5)
        return found

    await users.create(database, OPERATOR)
    assert await seen() is None
    await users.create_session(database, Session("a" * 64, OPERATOR.email, 5, 5), OPERATOR)
    assert await seen() == 5
    await database.write(
        audit.entry(Entry(at=9, caller_kind="user", caller=OPERATOR.email, action="DELETE /sessions")),
        audit.entry(Entry(at=11, caller_kind="external initiator", caller=OPERATOR.email, action="POST /v2/specs")),
    )
    assert await seen() == 9
    await users.touch(database, "a" * 64, 20)
    assert await seen() == 20


async def test_a_role_is_changed(database: Database) -> None:
    await users.create(database, OPERATOR)
    await users.create(database, WATCHER)

    changed = await users.set_role(database, WATCHER.email, Role.RUN)

    assert changed is not None
    assert changed.role is Role.RUN
    assert await users.set_role(database, "nobody@example.com", Role.RUN) is None


async def test_the_last_admin_stays_one(database: Database) -> None:
    await users.create(database, OPERATOR)
    await users.create(database, WATCHER)

    with pytest.raises(Conflict):
        await users.set_role(database, OPERATOR.email, Role.EDIT)
    with pytest.raises(Conflict):
        await users.delete(database, OPERATOR.email, keep_an_admin=True)

    assert await users.get(database, OPERATOR.email) == OPERATOR
    assert (await users.set_role(database, OPERATOR.email, Role.ADMIN)) == OPERATOR


async def test_of_two_admins_who_go_at_once_one_stays(database: Database) -> None:
    await users.create(database, OPERATOR)
    await users.create(database, User("other@example.com", "x", 2))

    done = await asyncio.gather(
        users.set_role(database, OPERATOR.email, Role.VIEW),
        users.delete(database, "other@example.com", keep_an_admin=True),
        return_exceptions=True,
    )

    assert sum(isinstance(each, Conflict) for each in done) == 1
    assert [user.role for user in await users.every(database)].count(Role.ADMIN) == 1


async def test_of_two_admins_who_demote_each_other_at_once_one_stays(database: Database) -> None:
    await users.create(database, OPERATOR)
    await users.create(database, User("other@example.com", "x", 2))

    done = await asyncio.gather(
        users.set_role(database, OPERATOR.email, Role.VIEW),
        users.set_role(database, "other@example.com", Role.VIEW),
        return_exceptions=True,
    )

    assert sum(isinstance(each, Conflict) for each in done) == 1


async def test_a_deleted_user_takes_sessions_and_tokens_along(database: Database) -> None:
    for user in (OPERATOR, WATCHER):
        await users.create(database, user)
        await users.create_session(database, session_of(user, user.email[0]), user)
        await tokens.create(database, token_of(user))

    assert await users.delete(database, WATCHER.email, keep_an_admin=True)

    assert await database.read("SELECT email FROM sessions") == [(OPERATOR.email,)]
    assert await database.read("SELECT email FROM api_tokens") == [(OPERATOR.email,)]
    assert not await users.delete(database, WATCHER.email, keep_an_admin=True)


async def test_on_the_nodes_own_files_the_last_admin_can_be_deleted(database: Database) -> None:
    await users.create(database, OPERATOR)
    assert await users.delete(database, OPERATOR.email, keep_an_admin=False)
    assert await users.latest(database) is None


# --- passwords -------------------------------------------------------------------------------------------------------


async def test_another_password_ends_every_session_but_the_one_that_it_begins(database: Database) -> None:
    await users.create(database, OPERATOR)
    await users.create_session(database, SESSION, OPERATOR)

    assert await users.change_password(database, OPERATOR, "new", session_of(OPERATOR, "b"))

    assert await users.session(database, SESSION.token_hash) is None
    assert await users.session(database, "b" * 64) is not None


async def test_a_password_that_somebody_else_changed_is_not_changed_again(database: Database) -> None:
    await users.create(database, OPERATOR)
    await users.change_password(database, OPERATOR, "new", None)

    with pytest.raises(Conflict):
        await users.change_password(database, OPERATOR, "newer", None)

    assert not await users.change_password(database, WATCHER, "new", session_of(WATCHER))


async def test_no_session_begins_with_a_password_that_was_changed_meanwhile(database: Database) -> None:
    await users.create(database, OPERATOR)
    await users.change_password(database, OPERATOR, "new", None)

    assert not await users.create_session(database, SESSION, OPERATOR)
    assert not await users.create_session(database, SESSION, OPERATOR, rehashed="anew")
    assert not await users.create_session(database, session_of(WATCHER), WATCHER)

    found = await users.get(database, OPERATOR.email)
    assert found is not None
    assert found.password_hash == "new"


async def test_a_login_may_keep_the_password_in_another_hash(database: Database) -> None:
    await users.create(database, OPERATOR)

    assert await users.create_session(database, SESSION, OPERATOR, rehashed="anew")

    found = await users.get(database, OPERATOR.email)
    assert found is not None
    assert found.password_hash == "anew"


async def test_whoever_asks_learns_whether_anybody_has_a_hash_of_v062(database: Database) -> None:
    await users.create(database, OPERATOR)
    assert await users.get_to_prove(database, OPERATOR.email) == (OPERATOR, False)

    old = User("old@example.com", "$2a$10$abc", 2)
    await users.create(database, old)

    assert await users.get_to_prove(database, OPERATOR.email) == (OPERATOR, True)
    assert await users.get_to_prove(database, old.email) == (old, True)
    assert await users.get_to_prove(database, "nobody@example.com") == (None, True)


# --- sessions --------------------------------------------------------------------------------------------------------


async def test_a_session_is_kept_until_it_is_deleted(database: Database) -> None:
    await users.create(database, WATCHER)
    session = session_of(WATCHER)
    await users.create_session(database, session, WATCHER)
    assert await users.session(database, session.token_hash) == (session, Role.VIEW)

    await users.delete_session(database, session.token_hash)
    await users.delete_session(database, session.token_hash)

    assert await users.session(database, session.token_hash) is None


async def test_a_session_begins_in_the_place_of_another(database: Database) -> None:
    await users.create(database, OPERATOR)
    await users.create_session(database, SESSION, OPERATOR)

    await users.create_session(database, session_of(OPERATOR, "b"), OPERATOR, instead_of=SESSION.token_hash)

    assert await database.read("SELECT token_hash FROM sessions") == [("b" * 64,)]


async def test_the_last_use_of_a_session_never_moves_back(database: Database) -> None:
    await users.create(database, OPERATOR)
    await users.create_session(database, SESSION, OPERATOR)

    await users.touch(database, SESSION.token_hash, 30)
    await users.touch(database, SESSION.token_hash, 20)

    found = await users.session(database, SESSION.token_hash)
    assert found is not None
    assert found[0].last_used == 30


async def test_a_users_sessions_are_listed_without_those_that_are_over(database: Database) -> None:
    await users.create(database, OPERATOR)
    for name, created, used in [("a", 10, 50), ("b", 20, 50), ("c", 30, 40), ("d", 1, 50)]:
        await users.create_session(database, Session(name * 64, OPERATOR.email, created, used), OPERATOR)

    found = await users.sessions_of(database, OPERATOR.email, used_since=50, created_since=5)

    assert [session.token_hash[0] for session in found] == ["b", "a"]


async def test_all_sessions_of_a_user_end_but_one_and_nobody_elses(database: Database) -> None:
    for user, names in ((OPERATOR, "ab"), (WATCHER, "c")):
        await users.create(database, user)
        for name in names:
            await users.create_session(database, session_of(user, name), user)

    await users.delete_sessions(database, OPERATOR.email, but="a" * 64)
    assert await database.read("SELECT token_hash FROM sessions ORDER BY 1") == [("a" * 64,), ("c" * 64,)]

    await users.delete_sessions(database, OPERATOR.email)
    assert await database.read("SELECT token_hash FROM sessions") == [("c" * 64,)]


async def test_sweeping_deletes_only_what_is_long_over(database: Database) -> None:
    await users.create(database, OPERATOR)
    for name, created, last_used in [("a", 5, 10), ("b", 5, 20), ("c", 1, 20)]:
        await users.create_session(database, Session(name * 64, OPERATOR.email, created, last_used), OPERATOR)

    await users.sweep(database, used_before=20, created_before=5)

    assert await database.read("SELECT token_hash FROM sessions") == [("b" * 64,)]


def session_of(user: User, name: str = "a") -> Session:
    return Session(name * 64, user.email, 10, 10, "192.0.2.1")


def token_of(user: User) -> ApiToken:
    key = "a" * 32 if user is OPERATOR else "b" * 32
    return ApiToken(access_key=key, secret_hash="x", email=user.email, role=Role.VIEW, name="n", created_at=1)
