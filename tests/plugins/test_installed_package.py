"""The example package, built and installed, in a real node; and secrets planted there, looked for everywhere afterwards."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

import adyton

EXAMPLE = Path(__file__).parents[2] / "examples" / "adyton-median-price"
SOURCE = str(Path(adyton.__file__).parents[1])
EMAIL, PASSWORD = "me@example.com", "correct horse battery staple"
KEY = "pl4nted-s3cret/with+odd&chars"
ROTATED = "r0tated-s3cret"
BASIC = base64.b64encode(f"user:{KEY}".encode()).decode()
FORMS = [KEY, "pl4nted-s3cret%2Fwith%2Bodd%26chars", "pl4nted", ROTATED, BASIC, BASIC[8:]]
"""What is looked for: the values, as they are, as a URL and as HTTP's Basic have them, and the beginning of one."""


def run(*words: str, **environ: str) -> str:
    """Run a module of this environment; returns its output."""
    done = subprocess.run(
        [sys.executable, "-m", *words], env={**os.environ, **environ}, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the example was installed into."""
    target = tmp_path_factory.mktemp("installed")
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    run("pip", "install", "--quiet", *offline, "--target", str(target), str(EXAMPLE))
    return target


def test_the_examples_own_tests_pass(installed: Path) -> None:
    options = ("-q", "-p", "no:cacheprovider", "-o", "asyncio_default_fixture_loop_scope=function")
    path = f"{installed}{os.pathsep}{SOURCE}"
    assert " passed" in run("pytest", *options, str(EXAMPLE), PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1")


class Sources:
    """Sources of prices on this machine; ``seen`` is what they were sent."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            """``/price/N`` answers with that price, ``/echo/STATUS`` with everything that it was sent."""

            def answer(self) -> None:
                """Answer."""
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                sent = f"{self.headers} {self.path} {body}"
                outer.seen.append(sent)
                _, kind, last = self.path.partition("?")[0].split("/")[:3]
                text = json.dumps({"usd": float(last), "you": sent}) if kind == "price" else sent
                self.send_response(200 if kind == "price" else int(last))
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = answer  # noqa: N815 - names that the library looks for

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve."""
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


class Node:
    """A real node without a chain: what a client starts needs none."""

    def __init__(self, place: Path, installed: Path) -> None:
        self.root = place / "root"
        self.said = place / "said"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._files = (place / "password", place / "api")
        self._files[0].write_text("keystore-password")
        self._files[1].write_text(f"{EMAIL}\n{PASSWORD}\n")
        self._environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{installed}{os.pathsep}{SOURCE}",
            "ROOT": str(self.root),
            "CHAINLINK_PORT": str(self._port),
            "ETH_URL": "ws://127.0.0.1:1",
            "MAX_HTTP_ATTEMPTS": "1",
            "SECURE_COOKIES": "false",
            "LOG_LEVEL": "debug",
            "INSECURE_FAST_SCRYPT": "true",
            "ADYTON_SECRET_FROM_ENVIRONMENT": KEY,
        }
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=60)
        self.shown: list[str] = []
        """Everything that the API said."""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start it, log in, and stop it."""
        options = ["node", "start", "-p", str(self._files[0]), "-a", str(self._files[1])]
        with self.said.open("ab") as said, self.client:
            process = subprocess.Popen([sys.executable, "-m", "adyton", *options], env=self._environ, stdout=said, stderr=said)
            try:
                self._wait(lambda: self.client.get("/readyz").status_code == 200)
                self.client.post("/sessions", json={"email": EMAIL, "password": PASSWORD}).raise_for_status()
                yield
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=60) == 0
            finally:
                process.kill()
                process.wait()

    def _wait(self, condition: Any) -> None:
        until = time.monotonic() + 60
        while True:
            try:
                if condition():
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < until, self.said.read_text()
            time.sleep(0.05)

    def secret(self, name: str, value: str, mode: int = 0o600) -> None:
        """Write a secret as an operator does."""
        file = self.root / "secrets" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(value + "\n")
        file.chmod(mode)

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        """The JSON of a POST that must have that status."""
        response = self.client.post(path, json=body)
        assert response.status_code == status, response.text
        self.shown.append(response.text)
        return response.json()

    def get(self, path: str) -> Any:
        """The JSON of a GET."""
        response = self.client.get(path)
        self.shown.append(response.text)
        return response.json()

    def job(self, *tasks: Mapping[str, Any], status: int = 200) -> Any:
        """The id of a new job that a client may start, or the errors."""
        made = self.post("/v2/specs", {"initiators": [{"type": "web"}], "tasks": list(tasks)}, status)
        return made["data"]["id"] if status == 200 else [error["detail"] for error in made["errors"]]

    def run(self, job: str, given: Any = None) -> Any:
        """A run of a job, when it has ended."""
        run_id = self.post(f"/v2/specs/{job}/runs", given or {})["data"]["id"]
        self._wait(lambda: self.get(f"/v2/runs/{run_id}")["data"]["attributes"]["status"] in ("completed", "errored"))
        return self.get(f"/v2/runs/{run_id}")["data"]["attributes"]

    def everything(self) -> str:
        """All that it wrote anywhere but in the operator's own secrets, and all that the API said."""
        files = [path for path in self.root.rglob("*") if path.is_file() and path.parent.name != "secrets"]
        assert any(path.suffix == ".sqlite3" for path in files)
        written = [path.read_bytes().decode("latin-1") for path in [*files, self.said]]
        return "\n".join([*written, *self.shown])


@pytest.fixture
def node(tmp_path: Path, installed: Path) -> Node:
    return Node(tmp_path, installed)


def asking(kind: str, url: str, **params: Any) -> dict[str, Any]:
    """A task of a type that may ask this machine."""
    return {"type": f"{kind}withunrestrictednetworkaccess", "params": {kind.removeprefix("http"): url, **params}}


def test_an_installed_adapter_answers_and_planted_secrets_are_nowhere(node: Node) -> None:
    sources = Sources()
    node.secret("KEY", KEY)
    with sources.serving(), node.running():
        many: list[dict[str, Any]] = [
            {"url": f"{sources.url}/price/{price}", "path": ["usd"]} for price in ("100.5", "101.25", "99")
        ]
        many[0] |= {"headers": {"X-Key": "$(secret:KEY)"}}
        median = node.job({"type": "Median-Price", "params": {"sources": many}}, {"type": "multiply", "params": {"times": 100}})
        assert node.run(median)["result"]["data"] == {"result": "10050"}
        assert sum(KEY in sent for sent in sources.seen) == 1

        echo = f"{sources.url}/echo/"
        loud = [
            asking("httpget", f"{echo}200?key=$(secret:KEY)", headers={"X-Key": ["$(secret:FROM_ENVIRONMENT)"]}),
            asking("httpget", f"{echo}500?key=$(secret:KEY)"),
            asking("httppost", f"{echo}404", body='{"key":"$(secret:KEY)"}'),
            asking("httppost", f"http://user:$(secret:KEY)@127.0.0.1:{sources.url.rpartition(':')[2]}/echo/200"),
            asking("httpget", "http://127.0.0.1:1/?key=$(secret:KEY)"),
            {
                "type": "median-price",
                "params": {"sources": [{"url": "$(secret:KEY)", "path": ["$(secret:KEY)"]}], "at_least": 1},
            },
        ]
        runs = [node.run(node.job(task)) for task in loud]
        assert [run["status"] for run in runs] == ["completed", "errored", "errored", "completed", "errored", "errored"]
        assert "***" in runs[0]["result"]["data"]["result"]
        assert runs[5]["result"]["error"].startswith("median-price failed: NoAgreement: ")
        assert len([sent for sent in sources.seen if "s3cret" in sent]) == 4

        node.secret("KEY", ROTATED)
        assert node.run(node.job(loud[0]))["status"] == "completed"
        assert f"key={ROTATED}" in sources.seen[-1]
        for path in ("/v2/specs", "/v2/runs?size=100", "/health", f"/v2/specs/{median}"):
            node.get(path)
    assert {form for form in FORMS if form in node.everything()} == set()
    assert "$(secret:KEY)" in node.everything()
    assert "Python adapter installed" in node.said.read_text()


def test_a_job_that_cannot_work_is_refused_when_it_is_made(node: Node) -> None:
    node.secret("OPEN", "hush!", 0o644)
    with node.running():
        faults = node.job(
            asking("httpget", "https://source.test/?k=$(secret:MISSING)"),
            asking("httpget", "https://source.test/?k=$(secret:OPEN)"),
            {"type": "median-price", "params": {"sources": "one"}},
            status=400,
        )
    assert len(faults) == 3
    assert f"write it to the file {node.root}/secrets/MISSING" in faults[0]
    assert f"chmod 600 {node.root}/secrets/OPEN" in faults[1]
    assert faults[2] == "median-price: Expected `array`, got `str` - at `$.sources`"


def test_what_comes_with_a_run_names_no_secret(node: Node) -> None:
    sources = Sources()
    node.secret("KEY", KEY)
    with sources.serving(), node.running():
        url = f"{sources.url}/echo/200"
        given = {"get": url, "headers": {"X-Key": ["$(secret:KEY)"]}, "queryParams": ["key", "$(secret:KEY)"]}
        assert node.run(node.job(asking("httpget", url)), given)["status"] == "completed"
        keyed = node.job(asking("httpget", f"{url}?key=$(secret:KEY)"))
        assert node.run(keyed, {"get": f"{sources.url}/echo/404", "queryParams": ["mine", "1"]})["status"] == "completed"
    plain, ours = sources.seen
    assert "$(secret:KEY)" in plain
    assert "s3cret" not in plain
    assert "s3cret" in ours
    assert "mine" not in ours
