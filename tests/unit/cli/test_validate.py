"""``node validate`` and ``node db``: the node's own files, without a node."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from adyton.storage.migrate import migrations
from support.command_line import Adyton

KNOWN = migrations()[-1].version
KEY = {
    "address": "9ca9d2d5e04012c9ed24c0e513c9bfaa4a2dd77f",
    "version": 3,
    "crypto": {"cipher": "x", "cipherparams": {}, "ciphertext": "", "kdf": "x", "kdfparams": {}, "mac": ""},
}


@pytest.fixture
def migrated(adyton: Adyton) -> Adyton:
    assert adyton("node", "db", "migrate").exit_code == 0
    return adyton


def findings(adyton: Adyton, **environ: str) -> dict[str, list[tuple[str, str]]]:
    """By check: how it is, and what is said."""
    found: dict[str, list[tuple[str, str]]] = {}
    for each in json.loads(adyton("node", "validate", "--json", **environ).stdout):
        found.setdefault(each["check"], []).append((each["status"], each["output"]))
    return found


def key_file(adyton: Adyton, content: object = KEY) -> Path:
    directory = adyton.root / "keys"
    directory.mkdir(mode=0o700, parents=True)
    adyton.root.chmod(0o700)
    file = directory / "key.json"
    file.touch(0o600)
    file.write_text(json.dumps(content))
    return file


# --- the database ----------------------------------------------------------------------------------------------------


def test_a_new_database_is_made_and_is_up_to_date(adyton: Adyton) -> None:
    result = adyton("node", "db", "migrate")
    assert (result.exit_code, result.stdout) == (0, f"Schema {KNOWN}: nothing is pending.\n")
    assert (adyton.root / "db.sqlite3").stat().st_mode & 0o777 == 0o600
    assert adyton("node", "db", "version").stdout == f"Schema {KNOWN}; this program's is {KNOWN}.\n"
    assert json.loads(adyton("node", "db", "version", "-j").stdout) == {"version": KNOWN, "known": KNOWN}


def test_migrations_are_listed_and_run_when_they_are_pending(migrated: Adyton) -> None:
    listed = json.loads(migrated("node", "db", "status", "-j").stdout)
    assert [each["version"] for each in listed] == [each.version for each in migrations()]
    assert all(each["applied"].endswith("Z") for each in listed)
    with sqlite3.connect(migrated.root / "db.sqlite3") as connection:
        connection.execute("DELETE FROM schema_migrations WHERE version > 1")
    connection.close()
    assert "║ pending" in migrated("node", "db", "status").stdout
    assert "migrations are run at the next start" in findings(migrated)["database"][0][1]


def test_where_there_is_no_database_that_is_said(adyton: Adyton) -> None:
    result = adyton("node", "db", "version")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"there is no database at {adyton.root / 'db.sqlite3'}")


def test_a_database_of_something_else_is_left_alone(adyton: Adyton, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite3"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    for verb in ("status", "migrate"):
        result = adyton("node", "db", verb, DATABASE_URL=str(other))
        assert result.exit_code == 1
        assert "the database holds tables that are not Adyton's (theirs, ...)" in result.stderr
    assert findings(adyton, DATABASE_URL=str(other))["database"][0][0] == "wrong"


# --- everything ------------------------------------------------------------------------------------------------------


def test_a_node_that_was_never_started_is_fine_and_nothing_is_made(adyton: Adyton) -> None:
    result = adyton("node", "validate")
    assert result.exit_code == 0
    assert "there is none yet; the first start makes it" in result.stdout
    assert not adyton.root.exists()


def test_a_node_is_looked_at_whole(migrated: Adyton) -> None:
    key_file(migrated)
    found = findings(migrated)
    assert list(found) == ["settings", "listeners", "database", "keystore", "file modes"]
    assert {status for group in found.values() for status, _ in group} == {"ok"}
    assert found["keystore"] == [("ok", "0x9CA9d2D5E04012C9Ed24C0e513C9bfAa4A2dD77f in key.json")]
    assert found["database"] == [("ok", f"schema {KNOWN}")]


def test_whatever_is_wrong_is_said_and_ends_with_1(adyton: Adyton) -> None:
    file = key_file(adyton, {"version": 3})
    file.chmod(0o644)
    result = adyton("node", "validate", CHAINLINK_TLS_PORT="6689", TLS_CERT_PATH="/nowhere.crt")
    assert result.exit_code == 1
    assert result.stderr.startswith("3 of ")
    assert "the field" in result.stdout
    assert f" chmod 600 {file} " in result.stdout
    assert "TLS_CERT_PATH = /nowhere.crt: there is no such file" in result.stdout


def test_wrong_settings_are_named_before_anything_is_looked_at(adyton: Adyton) -> None:
    result = adyton("node", "validate", CHAINLINK_PORT="x")
    assert result.exit_code == 1
    assert result.stderr.startswith('CHAINLINK_PORT = "x"')


@pytest.mark.parametrize("name", ["cookie", "db.sqlite3", "log.jsonl", "."])
def test_a_secret_that_others_can_read_is_wrong(migrated: Adyton, name: str) -> None:
    place = migrated.root / name
    if not place.exists():
        place.write_text("")
    place.chmod(0o755)
    found = findings(migrated)["file modes"]
    assert {status for status, _ in found} == {"wrong"}
    assert f"chmod {'700' if name == '.' else '600'} {place}" in found[0][1]


def test_a_key_of_tls_may_be_a_groups(migrated: Adyton, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("TLS_CERT_PATH", "TLS_KEY_PATH")}
    for file in files.values():
        file.write_text("")
        file.chmod(0o640)
    environ = {name: str(file) for name, file in files.items()}
    assert findings(migrated, **environ)["file modes"][0][0] == "ok"
    files["TLS_KEY_PATH"].chmod(0o644)
    assert findings(migrated, **environ)["file modes"][0][0] == "wrong"
