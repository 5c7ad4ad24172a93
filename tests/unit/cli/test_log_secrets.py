"""No secret is in anything that a node writes down, whatever goes wrong; and a run's lines name it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.planted import secret

START = (sys.executable, "-m", "adyton", "node", "start", "-d")
EMAIL = "me@example.com"
SECRETS = {
    "rpc password": secret("rpc password"),
    "rpc path": secret("rpc path"),
    "rpc query": secret("rpc query"),
    "second rpc path": secret("second rpc path"),
    "keystore password": secret("keystore password"),
    "api password": secret("api password"),
    "prometheus token": secret("prometheus token"),
    "header": secret("in a job: header"),
    "source password": secret("in a job: source password"),
    "source query": secret("in a job: source query"),
    "body": secret("in a job: body"),
}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A node whose settings are full of secrets, and whose Ethereum node is not there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    (tmp_path / "password").write_text(SECRETS["keystore password"])
    (tmp_path / "api").write_text(f"{EMAIL}\n{SECRETS['api password']}\n")
    return {
        "PATH": "",
        "ROOT": str(tmp_path / "root"),
        "CHAINLINK_PORT": port,
        "ETH_URL": f"ws://node:{SECRETS['rpc password']}@127.0.0.1:1/v3/{SECRETS['rpc path']}?token={SECRETS['rpc query']}",
        "PROMETHEUS_AUTH_TOKEN": SECRETS["prometheus token"],
        "DEFAULT_HTTP_ALLOW_UNRESTRICTED_NETWORK_ACCESS": "true",
        "MAX_HTTP_ATTEMPTS": "1",
        "SECURE_COOKIES": "false",
        "LOG_LEVEL": "debug",
        "INSECURE_FAST_SCRYPT": "true",
    }


@contextmanager
def node(environ: dict[str, str], tmp_path: Path) -> Iterator[httpx.Client]:
    """A running node and a client of its API; afterwards everything it said is in ``said``."""
    options = ["-p", str(tmp_path / "password"), "-a", str(tmp_path / "api")]
    with (tmp_path / "said").open("ab") as said:
        process = subprocess.Popen([*START, *options], env=environ, stdout=said, stderr=said)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{environ['CHAINLINK_PORT']}") as client:
                wait(lambda: client.get("/readyz").status_code == 200)
                yield client
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()
            process.wait()


def wait(condition: Any) -> None:
    """Return when it holds; a node that is not there yet does not count as an answer."""
    until = time.monotonic() + 60
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < until, "not so within a minute"
        time.sleep(0.05)


def let_much_fail(client: httpx.Client) -> str:
    """A job whose source is not there, a client with a wrong password, metrics without the token; returns the run's id."""
    assert client.post("/sessions", json={"email": EMAIL, "password": "wrong-" + SECRETS["api password"]}).status_code == 401
    client.post("/sessions", json={"email": EMAIL, "password": SECRETS["api password"]}).raise_for_status()
    url = f"http://user:{SECRETS['source password']}@127.0.0.1:1/price?apikey={SECRETS['source query']}"
    params = {"post": url, "headers": {"X-Auth": [SECRETS["header"]]}, "body": json.dumps({"key": SECRETS["body"]})}
    spec = {"initiators": [{"type": "web"}], "tasks": [{"type": "httppost", "params": params}]}
    job = client.post("/v2/specs", json=spec).raise_for_status().json()["data"]["id"]
    run = client.post(f"/v2/specs/{job}/runs", json={"key": SECRETS["body"]}).raise_for_status().json()["data"]["id"]
    wait(lambda: client.get(f"/v2/runs/{run}").json()["data"]["attributes"]["status"] == "errored")
    assert client.get("/metrics", headers={"authorization": "Bearer " + SECRETS["prometheus token"]}).status_code == 200
    assert client.get("/metrics").status_code == 401
    assert client.get("/health").status_code == 503
    return str(run)


@pytest.mark.parametrize("json_console", ["false", "true"])
def test_nothing_that_a_node_logs_holds_a_secret(environ: dict[str, str], tmp_path: Path, json_console: str) -> None:
    with node(environ | {"JSON_CONSOLE": json_console}, tmp_path) as client:
        run = let_much_fail(client)

    file = (tmp_path / "root" / "log.jsonl").read_text()
    everything = (tmp_path / "said").read_text() + file
    assert {name for name, value in SECRETS.items() if value in everything} == set()
    about = [line for line in map(json.loads, file.splitlines()) if line.get("run") == run]
    assert [line["msg"] for line in about if line["level"] == "warn"] == ["run errored"]
    assert all(len(line["job"]) == 32 for line in about)


@pytest.mark.parametrize(
    "changes",
    [
        {"DATABASE_URL": "postgresql://node:{}@127.0.0.1:1/adyton"},
        {"DATABASE_URL": "postgresql://node:{}@127.0.0.1:notaport/adyton"},
        {"DATABASE_URL": "postgresql:node:{}@127.0.0.1/adyton"},
        {"ETH_URL": "gopher://node.example/{}"},
        {"ETH_URL": "wss://node.example:notaport/{}"},
        {"PROMETHEUS_AUTH_TOKEN": "{}", "MIN_INCOMING_CONFIRMATIONS": "many"},
    ],
)
def test_a_start_that_fails_shows_no_secret(environ: dict[str, str], tmp_path: Path, changes: dict[str, str]) -> None:
    hidden = secret("a wrong setting's")
    wrong = {name: value.format(hidden) for name, value in changes.items()}
    command = [*START, "-p", str(tmp_path / "password"), "-a", str(tmp_path / "api")]
    result = subprocess.run(command, env=environ | wrong, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode != 0
    everything = result.stdout + result.stderr
    for path in Path(environ["ROOT"]).rglob("*"):
        everything += path.read_bytes().decode("latin-1") if path.is_file() else ""
    assert everything.strip()
    assert hidden not in everything
