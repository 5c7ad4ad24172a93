"""What is true of PostgreSQL alone: the lock in the writing session, lost connections, and take-over by another node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import quote

import asyncpg
import pytest

from adyton.domain.errors import AdytonError, Broken, Conflict, Invalid, Refused, StorageUnavailable
from adyton.storage import migrate
from adyton.storage.database import Database, Statement
from adyton.storage.migrate import Migration, migrations
from adyton.storage.postgres import LOCK
from adyton.storage.postgres_commit import numbered, translate
from support.databases import PostgresServer, open_url

JOB = "INSERT INTO jobs (id, created_at) VALUES (?, 0)"
NEXT = Migration(len(migrations()) + 1, "next", "CREATE TABLE later (id {{serial}}, name TEXT NOT NULL);")
HOLDER = """
    SELECT lock.pid FROM pg_locks AS lock JOIN pg_database AS base ON base.oid = lock.database
    WHERE base.datname = current_database() AND lock.locktype = 'advisory' AND lock.granted"""


def job(name: str) -> Statement:
    return Statement(JOB, [(name,)])


@pytest.fixture
async def url(server: PostgresServer) -> AsyncIterator[str]:
    url = await server.database()
    yield url
    await server.drop(url)


@pytest.fixture
async def empty_url(server: PostgresServer) -> AsyncIterator[str]:
    url = await server.empty_database()
    yield url
    await server.drop(url)


OTHERS = "datname = current_database() AND pid <> pg_backend_pid() AND query NOT LIKE '%pg_advisory_lock%'"
THROW_OUT = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OTHERS}"
WAITING = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def kick_out(url: str) -> None:
    """End every session of the node."""
    administrator = await asyncpg.connect(url)
    await administrator.execute(THROW_OUT)
    await administrator.close()


async def kick_out_and_take_the_lock(url: str) -> asyncpg.Connection:
    """End every session of the node; the session that is returned waited for its lock and so has it before it can come back."""
    administrator, other = await asyncpg.connect(url), await asyncpg.connect(url)
    locked = asyncio.ensure_future(other.execute(f"SELECT pg_advisory_lock({LOCK})"))
    while not await administrator.fetchval(WAITING):
        pass
    await administrator.execute(THROW_OUT)
    await locked
    await administrator.close()
    return other


async def written_in_the_end(database: Database, name: str) -> None:
    """Write as a caller that tries again while the database is away."""
    while True:
        try:
            await database.write(job(name))
        except StorageUnavailable:
            await asyncio.sleep(0.01)
        except Conflict:
            return  # an earlier try had been applied
        else:
            return


async def read_in_the_end(database: Database) -> list[object]:
    while True:
        try:
            return [row[0] for row in await database.read("SELECT id FROM jobs ORDER BY id")]
        except StorageUnavailable:
            await asyncio.sleep(0.01)


async def test_a_second_node_on_the_same_database_is_refused(url: str) -> None:
    first = await open_url(url)

    with pytest.raises(Conflict, match=r"postgres advisory locking strategy failed, timeout set to 0\.2s"):
        await open_url(url, lock_timeout=0.2)

    await first.close()
    await (await open_url(url, lock_timeout=0.2)).close()


async def test_the_session_that_writes_is_the_one_that_holds_the_lock(url: str) -> None:
    database = await open_url(url)

    ((writer,),) = await database.write(
        Statement(
            "INSERT INTO jobs (id, created_at) VALUES (?, pg_backend_pid()) RETURNING created_at", [("a",)], returning=True
        )
    )

    assert await database.read(HOLDER) == [writer]
    await database.close()


async def test_writes_fail_while_the_server_is_away_and_succeed_when_it_is_back(url: str) -> None:
    database = await open_url(url)
    await database.write(job("before"))
    administrator = await kick_out_and_take_the_lock(url)

    with pytest.raises(StorageUnavailable):
        await database.write(job("meanwhile"))

    await administrator.close()
    await written_in_the_end(database, "after")
    assert await read_in_the_end(database) == ["after", "before"]
    await database.close()


async def test_every_acknowledged_write_survives_a_server_that_throws_everybody_out(url: str) -> None:
    database = await open_url(url)

    async def caller(name: str) -> None:
        for number in range(40):
            await written_in_the_end(database, f"{name}-{number}")

    callers = [asyncio.ensure_future(caller(str(name))) for name in range(20)]
    for _ in range(3):
        await asyncio.sleep(0)
        await kick_out(url)
    await asyncio.gather(*callers)

    assert len(await read_in_the_end(database)) == 20 * 40
    await database.close()


async def test_a_node_that_was_replaced_while_it_was_away_never_writes_again(url: str) -> None:
    database = await open_url(url)
    other = await kick_out_and_take_the_lock(url)
    await other.execute("UPDATE node_facts SET value = 'another node' WHERE name = 'owner'")

    reason = await asyncio.wait_for(database.lock_lost(), 10)
    await other.close()

    assert "another node has taken over" in reason
    with pytest.raises(StorageUnavailable, match="another node has taken over"):
        await database.write(job("too late"))
    assert await read_in_the_end(database) == []
    await database.close()


async def test_each_node_that_opens_the_database_becomes_its_owner(url: str) -> None:
    owners = []
    for _ in range(2):
        database = await open_url(url)
        owners += await database.read("SELECT value FROM node_facts WHERE name = 'owner'")
        await database.close()

    assert len(set(owners)) == 2


async def test_closing_while_the_server_is_away_does_not_hang(url: str) -> None:
    database = await open_url(url)
    administrator = await kick_out_and_take_the_lock(url)
    with pytest.raises(StorageUnavailable):
        await database.write(job("a"))

    await asyncio.wait_for(database.close(), 10)
    await administrator.close()


async def test_a_lost_answer_to_a_commit_is_reported_as_uncertain(url: str) -> None:
    database = await open_url(url)
    administrator = await asyncpg.connect(url)
    # The session ends itself at the very end of the transaction, when a deferred trigger fires within COMMIT.
    await administrator.execute("""
        CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON jobs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION die();
    """)

    with pytest.raises(StorageUnavailable, match="may have been applied"):
        await database.write(job("a"))

    await administrator.execute("DROP FUNCTION die CASCADE")
    await administrator.close()
    await written_in_the_end(database, "b")
    await database.close()


# --- opening ---------------------------------------------------------------------------------------------------------


async def test_an_empty_database_is_migrated(empty_url: str) -> None:
    database = await open_url(empty_url)

    versions = await database.read("SELECT version, name FROM schema_migrations ORDER BY version")
    await database.close()

    assert versions == [(migration.version, migration.name) for migration in migrations()]


async def test_an_older_database_is_migrated_and_a_newer_one_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = (*migrations(), NEXT)
    with monkeypatch.context() as newer:
        newer.setattr(migrate, "migrations", lambda: known)
        database = await open_url(url)
        sql = "INSERT INTO later (name) VALUES (?) RETURNING id"
        assert await database.write(Statement(sql, [("a",), ("b",)], returning=True)) == [[(1,), (2,)]]
        await database.close()

    with pytest.raises(Refused, match=rf"schema version {NEXT.version}, but Adyton test knows versions up to"):
        await open_url(url)


async def test_a_migration_that_fails_changes_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = Migration(NEXT.version, "bad", "CREATE TABLE later (id TEXT); CREATE TABLE jobs (id TEXT);")
    known = (*migrations(), bad)
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "migrations", lambda: known)
        with pytest.raises(Broken, match="already exists"):
            await open_url(url)

    database = await open_url(url, lock_timeout=1)
    assert await database.read("SELECT tablename FROM pg_tables WHERE tablename = 'later'") == []
    await database.close()


async def test_a_database_of_another_program_is_refused(empty_url: str) -> None:
    administrator = await asyncpg.connect(empty_url)
    await administrator.execute("CREATE TABLE job_specs (id TEXT)")
    await administrator.close()

    with pytest.raises(Refused, match=r"tables that are not Adyton's \(job_specs, "):
        await open_url(empty_url)


async def test_the_session_speaks_utc(url: str) -> None:
    database = await open_url(url)

    assert await database.read("SELECT current_setting('timezone')") == [("UTC",)]
    await database.close()


UNREACHABLE = [
    "postgresql://node:s3cret-word@127.0.0.1:1/adyton",
    "postgresql://node:s3cret-word@/adyton?host=" + quote("/nowhere/at/all", safe=""),
    "postgresql://node@127.0.0.1:1/adyton?password=s3cret-word",
]


@pytest.mark.parametrize("url", UNREACHABLE)
async def test_a_server_that_is_not_there_is_named_without_the_password(url: str) -> None:
    with pytest.raises(StorageUnavailable, match="cannot connect to PostgreSQL at") as caught:
        await open_url(url)

    assert_no_secret(caught.value)


@pytest.mark.parametrize("url", ["postgresql://node:s3cret-word@host:port/adyton", "postgres://node:s3cret-word@[::1/adyton"])
async def test_a_broken_url_is_refused_without_the_password(url: str) -> None:
    with pytest.raises(Invalid, match="DATABASE_URL: not a") as caught:
        await open_url(url)

    assert_no_secret(caught.value)


async def test_a_wrong_option_in_the_url_is_refused_without_the_password() -> None:
    with pytest.raises(Invalid, match="DATABASE_URL: not a usable PostgreSQL URL") as caught:
        await open_url("postgresql://node:s3cret-word@127.0.0.1:1/adyton?sslmode=s3cret-word")

    assert_no_secret(caught.value)


async def test_an_unknown_database_is_named(server: PostgresServer) -> None:
    with pytest.raises(StorageUnavailable, match='database "nobody_made_it" does not exist'):
        await open_url(server.url("nobody_made_it"))


def assert_no_secret(error: BaseException | None) -> None:
    while error is not None:
        assert "s3cret-word" not in str(error)
        error = error.__cause__


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("SELECT 1", "SELECT 1"),
        ("a = ? AND b = ?", "a = $1 AND b = $2"),
        ("'?' || ? || 'it''s ?' || ?", "'?' || $1 || 'it''s ?' || $2"),
        ('"odd ?" = ? -- why?\nAND ? /* ?\n? */ = ?', '"odd ?" = $1 -- why?\nAND $2 /* ?\n? */ = $3'),
    ],
)
def test_parameters_are_numbered(sql: str, wanted: str) -> None:
    assert numbered(sql) == wanted


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (asyncpg.UniqueViolationError("duplicate key"), Conflict),
        (asyncpg.NotNullViolationError("null value"), Conflict),
        (asyncpg.DiskFullError("no space left"), StorageUnavailable),
        (asyncpg.AdminShutdownError("terminating"), StorageUnavailable),
        (asyncpg.CannotConnectNowError("starting up"), StorageUnavailable),
        (asyncpg.DeadlockDetectedError("deadlock"), StorageUnavailable),
        (asyncpg.ReadOnlySQLTransactionError("standby"), StorageUnavailable),
        (ConnectionResetError("reset"), StorageUnavailable),
        (TimeoutError(), StorageUnavailable),
        (asyncpg.UndefinedTableError("no such table"), Broken),
        (asyncpg.DataError("invalid input: 'secret value'"), Broken),
        (OverflowError("too big"), Broken),
        (Refused("ours"), Refused),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_the_drivers_errors_say_who_must_act(error: Exception, wanted: type[AdytonError]) -> None:
    translated = translate(error)

    assert type(translated) is wanted
    assert "secret" not in str(translated)
