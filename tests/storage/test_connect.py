"""What DATABASE_URL may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from adyton.domain.errors import Invalid
from adyton.storage.connect import PostgresServer, SqliteFile, parse

ROOT = Path("/var/lib/node")
HERE = Path.cwd()

FILES = [
    ("", ROOT / "db.sqlite3"),
    ("  ", ROOT / "db.sqlite3"),
    ("/data/node.db", Path("/data/node.db")),
    ("node.db", HERE / "node.db"),
    ("./a b/node.db", HERE / "a b/node.db"),
    ("~/node.db", Path.home() / "node.db"),
    ("file:/data/node.db", Path("/data/node.db")),
    ("file:///data/node.db", Path("/data/node.db")),
    ("file://localhost/data/node.db", Path("/data/node.db")),
    ("FILE:///data/a%20b.db", Path("/data/a b.db")),
    ("file:node.db", HERE / "node.db"),
    ("file://node.db", HERE / "node.db"),
    ("file://./data/node.db", HERE / "data/node.db"),
]
WRONG = [
    (
        "sqlite:///data/node.db",
        "do not have full support for the sqlite URL, please use file:// instead for path /data/node.db",
    ),
    ("mysql://me:s3cret-word@host/db", "the scheme mysql:// is not supported; allowed is empty"),
    (":memory:", ":memory: is not a file that can be kept"),
    ("file:", "file: is not a file that can be kept"),
    ("/data/", "/data/ is not a file that can be kept"),
    ("file:///data/node.db?mode=memory", "a file: URL takes no parameters"),
    ("postgres://me:s3cret-word@host:port/db", "not a PostgreSQL URL; allowed is empty"),
    ("postgres://me:s3cret-word@[host/db", "not a PostgreSQL URL; allowed is empty"),
]
SHOWN = [
    ("postgres://me:s3cret-word@db.example:6432/oracle?sslmode=require", "PostgreSQL at db.example:6432, database oracle"),
    ("postgresql://db.example/oracle?password=s3cret-word", "PostgreSQL at db.example, database oracle"),
    ("POSTGRES:///", "PostgreSQL at the local socket, database (default)"),
]


@pytest.mark.parametrize(("url", "path"), FILES)
def test_a_path_or_a_file_url_is_an_sqlite_file(url: str, path: Path) -> None:
    assert parse(url, root=ROOT) == SqliteFile(path)


@pytest.mark.parametrize(("url", "shown"), SHOWN)
def test_a_postgres_url_is_a_server_that_is_shown_without_credentials(url: str, shown: str) -> None:
    assert parse(url, root=ROOT) == PostgresServer(url, shown)


@pytest.mark.parametrize(("url", "message"), WRONG)
def test_anything_else_is_refused_with_advice_and_without_secrets(url: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(url, root=ROOT)

    assert str(caught.value).startswith(f"DATABASE_URL: {message}")
    assert "s3cret-word" not in str(caught.value)
    assert caught.value.__cause__ is None
