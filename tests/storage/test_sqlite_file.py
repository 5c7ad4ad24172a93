"""What is true of SQLite files alone: modes, locks, kills, full disks, migrations with a backup."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from adyton.domain.errors import Conflict, Refused, StorageUnavailable
from adyton.storage import migrate
from adyton.storage.database import Database, Row, Statement
from adyton.storage.migrate import Migration, migrations
from support.databases import open_url

JOB = "INSERT INTO jobs (id, created_at) VALUES (?, ?)"
OPEN = """
import asyncio, os, resource, sys
from pathlib import Path
from adyton.domain.errors import StorageUnavailable
from adyton.storage.connect import open_database
from adyton.storage.database import Statement
from adyton.system.clock import SystemClock

JOB = "INSERT INTO jobs (id, created_at) VALUES (?, ?)"

async def opened():
    return await open_database("", root=Path(sys.argv[1]), lock_timeout=0.2, clock=SystemClock(), version="test")
"""
WRITE_FOR_EVER = (
    OPEN
    + """
async def caller(database, name):
    number = 0
    while True:
        await database.write(Statement(JOB, [(f"{name}-{number}", number), (f"{name}-{number}-twin", number)]))
        os.write(1, f"{name}-{number}\\n".encode())
        number += 1

async def main():
    database = await opened()
    await asyncio.gather(*(caller(database, name) for name in range(20)))

asyncio.run(main())
"""
)
FILL_THE_DISK = (
    OPEN
    + """
async def attempts(database, prefix):
    rows = lambda n: [(f"{prefix}-{n}-{m}-" + "x" * 1000, 0) for m in range(50)]
    return await asyncio.gather(*(database.write(Statement(JOB, rows(n))) for n in range(100)), return_exceptions=True)

async def main():
    database = await opened()
    await database.write(Statement(JOB, [("before", 0)]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    kinds = {type(outcome).__name__ for _ in range(3) for outcome in await attempts(database, _)}
    print(kinds - {"list"})
    print(await database.read("SELECT created_at FROM jobs WHERE id = 'before'"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print({type(outcome).__name__ for outcome in await attempts(database, "after")})
    print(await database.read("PRAGMA integrity_check"))
    await database.close()

asyncio.run(main())
"""
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_the_file_and_its_directory_are_the_users_alone(tmp_path: Path) -> None:
    root = tmp_path / "root"
    database = await open_url("", root=root)
    await database.write(Statement(JOB, [("a", 0)]))

    modes = {path.name: mode(path) for path in root.iterdir()}
    await database.close()

    assert mode(root) == 0o700
    assert modes == dict.fromkeys(["db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm", "db.sqlite3.lock"], 0o600)


async def test_a_file_that_everybody_could_read_is_closed_and_a_foreign_directory_is_left_alone(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    file = shared / "node.db"
    file.touch(mode=0o644)

    await (await open_url(str(file), root=tmp_path / "root")).close()

    assert (mode(file), mode(shared)) == (0o600, 0o755)


async def test_the_file_is_in_wal_mode_with_full_sync_and_foreign_keys(tmp_path: Path) -> None:
    database = await open_url("", root=tmp_path)
    assert await database.read("PRAGMA journal_mode") == [("wal",)]
    connection = database._connection  # type: ignore[attr-defined] # only the writing connection knows its own pragmas

    assert connection.execute("PRAGMA synchronous").fetchall() == [(2,)]
    assert connection.execute("PRAGMA foreign_keys").fetchall() == [(1,)]
    await database.close()


# --- one node at a time ----------------------------------------------------------------------------------------------


async def test_a_second_node_on_the_same_file_is_refused_with_the_files_name(tmp_path: Path) -> None:
    first = await open_url("", root=tmp_path)

    with pytest.raises(Conflict, match=r"db\.sqlite3\.lock: another node \(process \d+\) uses this database"):
        await open_url("", root=tmp_path, lock_timeout=0.1)

    await first.close()
    await (await open_url("", root=tmp_path, lock_timeout=0.1)).close()


async def test_another_process_on_the_same_file_is_refused(tmp_path: Path) -> None:
    first = await open_url("", root=tmp_path)

    second = await asyncio.to_thread(python, OPEN + "asyncio.run(opened())", tmp_path)

    assert second.returncode == 1
    assert f"another node (process {os.getpid()}) uses this database" in second.stderr
    await first.close()


async def test_a_waiting_node_gets_the_file_when_the_first_one_stops(tmp_path: Path) -> None:
    first = await open_url("", root=tmp_path)
    second = asyncio.ensure_future(open_url("", root=tmp_path, lock_timeout=0))
    await asyncio.sleep(0)

    await first.close()

    await (await second).close()


# --- kills and full disks --------------------------------------------------------------------------------------------


async def test_every_acknowledged_write_survives_kill_9(tmp_path: Path) -> None:
    names = await asyncio.to_thread(acknowledged_until_killed, tmp_path)

    database = await open_url("", root=tmp_path)
    found = {str(row[0]) for row in await database.read("SELECT id FROM jobs")}
    await database.close()

    assert len(names) >= 500
    assert names <= found
    assert {name for name in found if not name.endswith("-twin")} == {name[:-5] for name in found if name.endswith("-twin")}


def acknowledged_until_killed(root: Path) -> set[str]:
    """Let a process write as fast as it can, kill it after 500 acknowledged writes, and give what it was promised."""
    process = subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, str(root)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    acknowledged = [process.stdout.readline() for _ in range(500)]
    process.send_signal(signal.SIGKILL)
    acknowledged += process.stdout.readlines()
    process.stdout.close()
    process.wait()
    return {line.decode().strip() for line in acknowledged if line.endswith(b"\n")}


async def test_a_full_disk_fails_the_callers_and_is_over_when_there_is_space_again(tmp_path: Path) -> None:
    result = await asyncio.to_thread(python, FILL_THE_DISK, tmp_path)

    assert result.stderr == ""
    assert result.stdout.splitlines() == ["{'StorageUnavailable'}", "[(0,)]", "{'list'}", "[('ok',)]"]


async def test_a_file_held_by_a_foreign_program_fails_the_write_and_the_next_one_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adyton.storage.sqlite.BUSY_TIMEOUT", 0.01)
    database = await open_url("", root=tmp_path)
    foreign = sqlite3.connect(tmp_path / "db.sqlite3", isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")

    with pytest.raises(StorageUnavailable, match="locked"):
        await database.write(Statement(JOB, [("a", 0)]))
    assert await database.read("SELECT id FROM jobs") == []

    foreign.execute("ROLLBACK")
    foreign.close()
    await database.write(Statement(JOB, [("a", 0)]))
    await database.close()


# --- migrations ------------------------------------------------------------------------------------------------------

NEXT = Migration(len(migrations()) + 1, "next", "CREATE TABLE later (id {{serial}}, name TEXT NOT NULL);")


async def with_one_job(root: Path) -> None:
    database = await open_url("", root=root)
    await database.write(Statement(JOB, [("kept", 7)]))
    await database.close()


def know(monkeypatch: pytest.MonkeyPatch, *more: Migration) -> None:
    known = (*migrations(), *more)
    monkeypatch.setattr(migrate, "migrations", lambda: known)


async def jobs(database: Database) -> list[Row]:
    return await database.read("SELECT id FROM jobs")


def backups(root: Path) -> list[Path]:
    return sorted(root.glob("db.sqlite3.backup-*"))


async def test_a_new_file_is_migrated_without_a_backup(tmp_path: Path) -> None:
    database = await open_url("", root=tmp_path)

    versions = await database.read("SELECT version, name FROM schema_migrations ORDER BY version")
    await database.close()

    assert versions == [(migration.version, migration.name) for migration in migrations()]
    assert backups(tmp_path) == []


async def test_a_file_that_is_up_to_date_is_left_as_it_is(tmp_path: Path) -> None:
    await with_one_job(tmp_path)

    database = await open_url("", root=tmp_path)

    assert await jobs(database) == [("kept",)]
    assert backups(tmp_path) == []
    await database.close()


async def test_an_older_file_is_backed_up_before_it_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await with_one_job(tmp_path)
    know(monkeypatch, NEXT)

    database = await open_url("", root=tmp_path)
    await database.write(Statement("INSERT INTO later (name) VALUES (?)", [("new",)]))

    (backup,) = backups(tmp_path)
    copy = sqlite3.connect(backup)
    assert copy.execute("SELECT id FROM jobs").fetchall() == [("kept",)]
    assert copy.execute("SELECT MAX(version) FROM schema_migrations").fetchall() == [(NEXT.version - 1,)]
    assert copy.execute("SELECT name FROM sqlite_master WHERE name = 'later'").fetchall() == []
    copy.close()
    assert mode(backup) == 0o600
    assert await jobs(database) == [("kept",)]
    await database.close()


BAD = [
    Migration(NEXT.version, "wrong", "CREATE TABLE later (id TEXT); CREATE TABLE jobs (id TEXT);"),
    Migration(NEXT.version, "dangling", "CREATE TABLE later (id TEXT REFERENCES jobs (id)); INSERT INTO later VALUES ('no');"),
]


@pytest.mark.parametrize("bad", BAD, ids=[migration.name for migration in BAD])
async def test_a_migration_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: Migration
) -> None:
    await with_one_job(tmp_path)
    with monkeypatch.context() as patched:
        know(patched, bad)
        with pytest.raises(Exception, match=r"already exists|dangling references"):
            await open_url("", root=tmp_path)

    database = await open_url("", root=tmp_path)
    assert await jobs(database) == [("kept",)]
    assert await database.read("SELECT name FROM sqlite_master WHERE name = 'later'") == []
    await database.close()


async def test_a_migration_may_rebuild_a_table_that_others_refer_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await with_one_job(tmp_path)
    columns = "id, created_at, start_at, end_at, archived_at"
    rebuild = f"""
        CREATE TABLE jobs_new (
            id TEXT NOT NULL PRIMARY KEY, created_at BIGINT, start_at BIGINT, end_at BIGINT, archived_at BIGINT
        );
        INSERT INTO jobs_new SELECT {columns} FROM jobs;
        DROP TABLE jobs;
        ALTER TABLE jobs_new RENAME TO jobs;
    """
    know(monkeypatch, Migration(NEXT.version, "rebuild", rebuild))

    database = await open_url("", root=tmp_path)

    assert await jobs(database) == [("kept",)]
    await database.close()


async def test_a_file_of_a_newer_program_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        know(newer, NEXT)
        await with_one_job(tmp_path)

    with pytest.raises(Refused, match=rf"schema version {NEXT.version}, but Adyton test knows versions up to"):
        await open_url("", root=tmp_path)


async def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    foreign = sqlite3.connect(tmp_path / "db.sqlite3")
    foreign.execute("CREATE TABLE job_specs (id TEXT)")
    foreign.close()

    with pytest.raises(Refused, match=r"tables that are not Adyton's \(job_specs, "):
        await open_url("", root=tmp_path)


@pytest.mark.parametrize("content", [b"this is not a database" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
async def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "db.sqlite3"
    file.write_bytes(content)

    with pytest.raises(Refused, match=r"db\.sqlite3 is not an SQLite database"):
        await open_url("", root=tmp_path)

    assert file.read_bytes() == content


async def test_a_refused_file_is_free_for_the_next_try(tmp_path: Path) -> None:
    file = tmp_path / "db.sqlite3"
    file.write_bytes(b"no database" * 1000)
    with pytest.raises(Refused):
        await open_url("", root=tmp_path)
    file.unlink()

    await (await open_url("", root=tmp_path, lock_timeout=0.1)).close()


async def test_a_directory_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "db.sqlite3").mkdir()

    with pytest.raises(Refused, match=r"cannot use .*db\.sqlite3 as the database"):
        await open_url("", root=tmp_path)


def python(code: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False)


async def test_a_link_to_a_file_that_is_in_use_is_the_same_file(tmp_path: Path) -> None:
    first = await open_url("", root=tmp_path / "node")
    link = tmp_path / "link.sqlite3"
    link.symlink_to(tmp_path / "node" / "db.sqlite3")

    with pytest.raises(Refused, match="another"):
        await open_url(str(link), root=tmp_path / "other", lock_timeout=0.05)
    await first.close()
