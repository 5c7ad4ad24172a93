"""Another user, or another program, of the same machine: what a node leaves where they could look."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.command_line import Adyton, StandIn
from support.planted import secret

EMAIL = "me@example.com"
KEYSTORE, API = secret("password of a keystore on a machine"), secret("password of an API on a machine")
METRICS, RPC = secret("token for metrics on a machine"), secret("key of an RPC provider on a machine")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
SPEC = {"initiators": [{"type": "web"}], "tasks": [{"type": "noop"}]}


@pytest.fixture
def node(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client, Path]]:
    """A node that somebody careless has started: umask 0."""
    (tmp_path / "password").write_text(KEYSTORE)
    (tmp_path / "password").chmod(0o644)
    (tmp_path / "api").write_text(f"{EMAIL}\n{API}\n")
    (tmp_path / "api").chmod(0o600)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = tmp_path / "root"
    environ = {
        "PATH": os.environ["PATH"],
        "ROOT": str(root),
        "CHAINLINK_PORT": str(port),
        "CHAINLINK_LISTEN_IP": "127.0.0.1",
        "ETH_URL": f"ws://127.0.0.1:1/{RPC}",
        "PROMETHEUS_AUTH_TOKEN": METRICS,
        "INSECURE_FAST_SCRYPT": "true",
        "SECURE_COOKIES": "false",
    }
    command = [sys.executable, "-m", "adyton", "node", "start", "-p", str(tmp_path / "password"), "-a", str(tmp_path / "api")]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(command, env=environ, stdout=said, stderr=said, umask=0)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
                _wait(client, process)
                yield process, client, root
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()
            process.wait()


def _wait(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("the node does not serve")


def modes(root: Path) -> dict[str, int]:
    """What others than the owner may do with each file and directory."""
    return {str(path): stat.S_IMODE(path.lstat().st_mode) & 0o077 for path in (root, *root.rglob("*"))}


def test_whatever_the_umask_no_other_user_may_use_a_file_of_the_node(
    node: tuple[subprocess.Popen[bytes], httpx.Client, Path],
) -> None:
    _, client, root = node
    client.post("/sessions", json={"email": EMAIL, "password": API}).raise_for_status()
    client.post("/v2/specs", json=SPEC).raise_for_status()
    written = modes(root)
    assert {path: mode for path, mode in written.items() if mode} == {}
    names = {Path(path).name for path in written}
    assert {"db.sqlite3", "db.sqlite3-wal", "log.jsonl", "keys"} <= names


def test_a_file_with_a_password_that_others_can_read_is_warned_of(
    node: tuple[subprocess.Popen[bytes], httpx.Client, Path], tmp_path: Path
) -> None:
    said = (tmp_path / "said").read_text()
    assert f"file={tmp_path}/password" in said
    assert f"file={tmp_path}/api" not in said


@LINUX
def test_no_secret_is_in_the_list_of_processes_and_no_core_is_dumped(
    node: tuple[subprocess.Popen[bytes], httpx.Client, Path],
) -> None:
    process, _, _ = node
    shown = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    for value in (KEYSTORE, API, METRICS, RPC):
        assert value.encode() not in shown
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert line.split()[4] == "0"
    environ = Path(f"/proc/{process.pid}/environ").read_bytes()
    assert KEYSTORE.encode() not in environ
    assert API.encode() not in environ


@LINUX
def test_no_other_process_of_the_user_may_look_into_a_node() -> None:
    """What root may is another matter; so the flag is asked for, and not the try made, where tests run as root."""
    code = (
        "import ctypes; from adyton.system import process; libc = ctypes.CDLL(None);"
        "before = libc.prctl(3, 0, 0, 0, 0); process.prepare(); print(before, libc.prctl(3, 0, 0, 0, 0))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split()[1] == "0"


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    there = StandIn()
    yield there
    there.close()


def logged_in(root: Path, stand_in: StandIn, tmp_path: Path) -> None:
    credentials = tmp_path / "api"
    credentials.write_text(f"{EMAIL}\n{API}\n")
    stand_in.answers({}, cookie="clsession=abc123; Path=/")
    result = Adyton(root, stand_in.url)("admin", "login", "--file", str(credentials))
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("name", ["cookie", ".cookie.new"])
@pytest.mark.parametrize("kind", ["symlink", "hardlink"])
def test_a_link_in_the_cookies_place_is_not_written_through(tmp_path: Path, stand_in: StandIn, name: str, kind: str) -> None:
    root, victim = tmp_path / "root", tmp_path / "victim"
    root.mkdir()
    victim.write_text("untouched")
    victim.chmod(0o644)
    if kind == "symlink":
        (root / name).symlink_to(victim)
    else:
        (root / name).hardlink_to(victim)
    old = os.umask(0)
    try:
        logged_in(root, stand_in, tmp_path)
    finally:
        os.umask(old)
    cookie = root / "cookie"
    assert victim.read_text() == "untouched"
    assert cookie.read_text().startswith("clsession=")
    assert not cookie.is_symlink()
    assert stat.S_IMODE(cookie.stat().st_mode) == 0o600
