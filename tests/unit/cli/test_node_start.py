"""Starting the real node at a terminal and from files. There is no Ethereum node: it starts all the same."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.command_line import Adyton
from support.terminal import Terminal

START = (sys.executable, "-m", "adyton", "node", "start")
UNLOCKED = re.compile(r"Unlocked account (0x[0-9a-fA-F]{40})")


@pytest.fixture
def port() -> int:
    """A port that nobody uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def environ(tmp_path: Path, port: int) -> dict[str, str]:
    """A node of one's own."""
    return {
        "ROOT": str(tmp_path / "root"),
        "CHAINLINK_PORT": str(port),
        "ETH_URL": "ws://127.0.0.1:1/sesame",
        "INSECURE_FAST_SCRYPT": "true",
    }


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The options with password and API file."""
    (tmp_path / "password").write_text("  keystore secret\n")
    (tmp_path / "api").write_text("me@example.com\nuser secret\n")
    return ["-p", str(tmp_path / "password"), "-a", str(tmp_path / "api")]


def refused(environ: Mapping[str, str], *options: str) -> str:
    """What a start without a terminal says before it ends with 1."""
    command = [*START, *options]
    result = subprocess.run(
        command, env={"PATH": "", **environ}, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False
    )
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    return result.stderr


def test_a_first_start_asks_for_everything_and_a_second_for_the_password(environ: dict[str, str]) -> None:
    with Terminal(START, environ) as terminal:
        terminal.waits_for("New Password: ")
        terminal.types("keystore secret")
        terminal.waits_for("Confirm Password: ")
        terminal.types("keystore secrets")
        terminal.waits_for("Passwords don't match. Please try again... ")
        for question in ("New Password: ", "Confirm Password: "):
            terminal.waits_for(question)
            terminal.types("keystore secret")
        terminal.waits_for("Enter API Email: ")
        terminal.types("nobody")
        terminal.waits_for("Enter API Password: ")
        terminal.types("user secret")
        terminal.waits_for("Error creating API user: Invalid email format")
        terminal.waits_for("Enter API Email: ")
        terminal.types("me@example.com")
        terminal.waits_for("Enter API Password: ")
        terminal.types("user secret")
        terminal.waits_for("API exposed for user me@example.com")
        terminal.waits_for(f"Listening and serving HTTP on port {environ['CHAINLINK_PORT']}")
        terminal.interrupts()
        assert terminal.ends() == 0
    assert "Gracefully exiting..." in terminal.said
    assert "secret" not in terminal.said
    assert "sesame" not in terminal.said
    (account,) = UNLOCKED.findall(terminal.said)

    with Terminal(START, environ) as terminal:
        terminal.waits_for("Enter Password:")
        terminal.types("wrong")
        terminal.waits_for("Enter Password:")
        terminal.types("keystore secret")
        terminal.waits_for("API exposed for user me@example.com")
        terminal.waits_for("Listening and serving HTTP")
        terminal.interrupts()
        assert terminal.ends() == 0
    assert UNLOCKED.findall(terminal.said) == [account]


def test_a_start_from_files_asks_nothing_and_makes_files_for_its_owner_only(
    environ: dict[str, str], files: list[str], adyton: Adyton
) -> None:
    process = subprocess.Popen([*START, *files, "-d"], env=environ, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = ""
        while "Listening and serving" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        adyton.environ |= environ | {"CLIENT_NODE_URL": f"http://127.0.0.1:{environ['CHAINLINK_PORT']}"}
        adyton.root = Path(environ["ROOT"])
        assert adyton("login", "-f", files[3]).exit_code == 0
        job = '{"initiators":[{"type":"web"}],"tasks":[{"type":"noop"}]}'
        job_id = json.loads(adyton("create", job, "-j").stdout)["id"]
        assert json.loads(adyton("-j", "run", job_id, '{"a":1}').stdout)["jobId"] == job_id
        assert [run["jobId"] for run in json.loads(adyton("-j", "listruns").stdout)] == [job_id]
        assert adyton("archivejob", job_id).exit_code == 0
        assert json.loads(adyton("-j", "jobs").stdout) == []
        health = adyton("health")
        assert (health.exit_code, "database" in health.stdout) == (1, True)
        process.send_signal(signal.SIGTERM)
        stdout, rest = process.communicate(timeout=60)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
    said += rest
    assert stdout == "There are no accounts, creating a new account with the specified password\n"
    assert "ACCOUNT_ADDRESS: 0x" in said
    assert "ETH_URL: ws://127.0.0.1:1/***" in said
    root = Path(environ["ROOT"])
    for path in (root, *root.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    everything = said + (root / "log.jsonl").read_text()
    assert not [secret for secret in ("keystore secret", "user secret", "sesame") if secret in everything]


def test_a_start_without_terminal_or_files_says_what_is_missing(
    environ: dict[str, str], files: list[str], tmp_path: Path
) -> None:
    assert "error authenticating keystore: No password provided" in refused(environ)
    assert "API credentials must be supplied" in refused(environ, *files[:2])


def test_files_that_are_wrong_are_named(environ: dict[str, str], files: list[str], tmp_path: Path) -> None:
    nowhere, empty = tmp_path / "nowhere", tmp_path / "empty"
    empty.touch()
    assert f"error reading password: open {nowhere}: no such file or directory" in refused(environ, "-p", str(nowhere))
    assert f"error reading password: {empty} is empty" in refused(environ, "-p", str(empty))
    assert f"error creating api initializer: open {nowhere}: no such file" in refused(environ, *files[:3], str(nowhere))
    assert "error creating api initializer: Malformed API credentials file" in refused(environ, *files[:3], str(empty))
    (tmp_path / "api").write_text("me@example.com\nshort\n")
    assert "error creating api initializer: Must enter a password with 8 - 1028 characters" in refused(environ, *files)


def test_a_wrong_password_and_a_damaged_key_stop_the_start(environ: dict[str, str], files: list[str], tmp_path: Path) -> None:
    assert "API credentials must be supplied" in refused(environ, *files[:2])
    (tmp_path / "password").write_text("another")
    said = refused(environ, *files)
    assert re.search(
        r"error authenticating keystore: invalid password for account 0x\w{40}; could not decrypt key with given passphrase",
        said,
    )
    (key,) = (Path(environ["ROOT"]) / "keys").iterdir()
    key.write_text("{}")
    assert f"error authenticating keystore: key file {key} is damaged" in refused(environ, *files)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ETH_URL", "ftp://h/sesame", "Ethereum url scheme must be websocket or http: ftp://h/***"),
        ("MIN_INCOMING_CONFIRMATIONS", "many", "allowed: a whole number of blocks"),
        ("TLS_CERT_PATH", "/nowhere.crt", "TLS_CERT_PATH = /nowhere.crt: there is no such file"),
        ("ROOT", "/dev/null/x", "ROOT must be a directory that this user may write to."),
        ("CHAINLINK_PORT", "0", "You must specify at least one port to listen on"),
    ],
)
def test_a_wrong_setting_stops_the_start(environ: dict[str, str], files: list[str], name: str, value: str, words: str) -> None:
    said = refused({**environ, name: value}, *files)
    assert name in said
    assert words in said


def test_a_port_that_is_taken_is_named(environ: dict[str, str], files: list[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        number = str(taken.getsockname()[1])
        assert f"CHAINLINK_PORT = {number}: cannot listen there" in refused({**environ, "CHAINLINK_PORT": number}, *files)


def test_the_credentials_file_in_root_makes_the_first_user(environ: dict[str, str], files: list[str]) -> None:
    root = Path(environ["ROOT"])
    root.mkdir()
    (root / "apicredentials").write_text("me@example.com\nshort\n")
    assert "Must enter a password with 8 - 1028 characters" in refused(environ, *files[:2])
