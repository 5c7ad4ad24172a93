"""Deleting a user in the database of a node that does not run."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adyton.cli.authenticate import api_user
from adyton.cli.main import main
from adyton.config import Config
from adyton.domain.access import Role
from adyton.domain.credentials import User
from adyton.storage import users
from adyton.storage.connect import open_database
from adyton.storage.database import Database, Row
from adyton.system.clock import SystemClock
from adyton.system.entropy import SystemEntropy

ADMIN = User("admin@example.com", "x", 1)
WATCHER = User("watcher@example.com", "x", 2, Role.VIEW)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir(mode=0o700)
    return root


def deleteuser(root: Path, *words: str) -> Result:
    return CliRunner().invoke(main, words, env={"ROOT": str(root)}, catch_exceptions=False)


async def opened(root: Path) -> Database:
    return await open_database("", root=root, lock_timeout=1.0, clock=SystemClock(), version="test")


def with_users(root: Path, *people: User) -> None:
    async def make() -> None:
        database = await opened(root)
        for user in people:
            await users.create(database, user)
        await database.close()

    asyncio.run(make())


def rows(root: Path, sql: str) -> Sequence[Row]:
    async def read() -> Sequence[Row]:
        database = await opened(root)
        try:
            return await database.read(sql)
        finally:
            await database.close()

    return asyncio.run(read())


@pytest.mark.parametrize("words", [["node", "deleteuser"], ["local", "deleteuser"]])
def test_the_only_user_is_deleted_and_the_audit_log_says_so(root: Path, words: list[str]) -> None:
    with_users(root, ADMIN)
    result = deleteuser(root, *words)
    assert result.exit_code == 0
    assert "Deleted API user admin@example.com" in result.output
    assert rows(root, "SELECT * FROM users") == []
    assert rows(root, "SELECT caller_kind, action, subject, outcome FROM audit_log") == [
        ("node", "node deleteuser", "admin@example.com", "done")
    ]


def test_where_there_is_nobody_it_fails(root: Path) -> None:
    with_users(root)
    result = deleteuser(root, "node", "deleteuser")
    assert result.exit_code == 1
    assert result.output.startswith("record not found")


def test_of_several_one_is_named(root: Path) -> None:
    with_users(root, ADMIN, WATCHER)
    result = deleteuser(root, "node", "deleteuser")
    assert result.exit_code == 1
    assert "There are 2 users: admin@example.com, watcher@example.com" in result.output
    assert deleteuser(root, "node", "deleteuser", "nobody@example.com").exit_code == 1
    assert deleteuser(root, "node", "deleteuser", WATCHER.email).exit_code == 0
    assert rows(root, "SELECT email FROM users") == [(ADMIN.email,)]


def test_a_node_that_runs_keeps_its_users(root: Path) -> None:
    with_users(root, ADMIN)

    async def held() -> Result:
        database = await opened(root)
        try:
            return await asyncio.to_thread(deleteuser, root, "node", "deleteuser")
        finally:
            await database.close()

    result = asyncio.run(held())
    assert result.exit_code == 1
    assert rows(root, "SELECT email FROM users") == [(ADMIN.email,)]


def test_a_node_without_an_admin_gets_a_new_one_at_the_next_start(root: Path, tmp_path: Path) -> None:
    with_users(root, ADMIN, WATCHER)
    file = tmp_path / "api"
    file.write_text("new@example.com\ncorrect horse battery\n")
    config = Config.load({"ROOT": str(root)})

    async def start() -> str:
        database = await opened(root)
        try:
            return await api_user(config, database, str(file), clock=SystemClock(), entropy=SystemEntropy())
        finally:
            await database.close()

    assert asyncio.run(start()) == WATCHER.email
    assert deleteuser(root, "node", "deleteuser", ADMIN.email).exit_code == 0
    assert asyncio.run(start()) == "new@example.com"
    assert rows(root, "SELECT role FROM users WHERE email = 'new@example.com'") == [("admin",)]
