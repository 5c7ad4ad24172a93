"""Secrets that tests plant, and a look at all that tests leave behind: no secret may be there.

Values that fixtures choose come from ``secret`` and carry a mark. Values that a node makes (tokens, sessions) are learned from
the answer that shows them once. After each test its output, its log lines, its files, the answers that it got over HTTP and the
output of commands are searched for both. ``tests/test_zz_planted_secrets.py`` runs last and fails if anything was found.

What redacts log lines in a node redacts them in tests as well (``as_a_node_logs``); so a line counts as it would be written.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import click.testing
import httpx
import pytest
import structlog

from adyton.dev.api import NodeApi
from adyton.ports import HttpResponse
from adyton.system.logs import redact

MARK = "pl4nted"
LARGEST = 64 << 20
"""Bytes of a file that is searched."""
_ENCODED = tuple(base64.b64encode(b"\0" * shift + MARK.encode())[4 if shift else 0 : -4].decode() for shift in (0, 1, 2))
_COOKIE = re.compile(r"clsession=([0-9A-Za-z]{16,})")

SHOWN_ONCE = {
    "incomingToken": "bridge's incoming token",
    "outgoingToken": "outgoing token",
    "incomingSecret": "initiator's secret",
    "incomingAccessKey": "",
    "secret": "secret of a token or an initiator",
    "Secret": "secret of a token or an initiator",
    "accessSecret": "secret of a token or an initiator",
    "outgoingSecret": "initiator's outgoing secret",
}
"""Attributes that an answer shows once, and what they are."""


class Allowed(NamedTuple):
    """A place where a value has to be."""

    kind: str
    place: str
    reason: str


ALLOWED = (
    Allowed(r".*", r".*/(password|api|apicredentials|password\.txt|.*\.password|new|pw\d?)$", "what the test wrote itself"),
    Allowed(r".*", r".*/secrets/[^/]+$", "what the test wrote itself"),
    Allowed(r".*", r".*/(adyton|chainlink)\.toml$", "what the test wrote itself"),
    Allowed(r"outgoing token", r".*\.sqlite3(-wal)?$", "it is sent to bridges and initiators: docs/security.md"),
    Allowed(r"initiator's outgoing secret", r".*\.sqlite3(-wal)?$", "it is sent to the initiator: docs/security.md"),
    Allowed(r"in a job: .*", r".*\.sqlite3(-wal)?$", "written into a job in clear, instead of $(secret:NAME)"),
    Allowed(r"in a job: .*", r"answer to (GET|POST) /v2/(specs|runs)(/.*)?", "a job and its runs are shown as they are"),
    Allowed(r"session", r".*/cookie$", "the command line's cookie, mode 0600"),
    Allowed(r"outgoing token", r"answer to [A-Z]+ /v2/(bridge_types|external_initiators).*", "as v0.6.2 shows it"),
    Allowed(r"outgoing token", r"output of adyton (bridges|initiators) .*", "as v0.6.2 shows it"),
)  # fmt: skip


class Finding(NamedTuple):
    """A secret where none may be."""

    test: str
    kind: str
    place: str


FINDINGS: list[Finding] = []
SEARCHED: Counter[str] = Counter()
"""How much was searched, by what it was."""
_chosen: dict[str, str] = {}
_learned: dict[str, str] = {}
_test = ""


def secret(kind: str) -> str:
    """The value to plant as a secret of that kind; letters and digits, as keys in URLs have them."""
    value = f"{MARK}{sha256(kind.encode()).hexdigest()[:24]}"
    _chosen[value] = kind
    return value


def search(text: str | bytes, place: str) -> None:
    """Note every secret that is in a text."""
    raw = text if isinstance(text, bytes) else text.encode(errors="replace")
    FINDINGS.extend(Finding(_test, kind, place) for kind in _inside(raw) if not _may_be(kind, place))


def _may_be(kind: str, place: str) -> bool:
    return any(re.fullmatch(each.kind, kind) and re.fullmatch(each.place, place) for each in ALLOWED)


def _inside(raw: bytes) -> Iterator[str]:
    if MARK.encode() in raw:
        known = [kind for value, kind in _chosen.items() if value.encode() in raw]
        yield from known
    for encoded in _ENCODED:
        if encoded.encode() in raw:
            yield "something planted, in base64"
    yield from (kind for value, kind in _learned.items() if value.encode() in raw)


def learn(kind: str, value: str) -> None:
    """Remember a value that a node made, until the end of the test."""
    if len(value) >= 16:
        _learned[value] = kind


# --- what is searched ------------------------------------------------------------------------------------------------


def pytest_runtest_logstart(nodeid: str) -> None:
    """A test begins."""
    global _test
    _test = nodeid
    _learned.clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """When the test's servers and processes have ended its files are searched."""
    directory = getattr(item, "funcargs", {}).get("tmp_path")
    try:
        return (yield)
    finally:
        if isinstance(directory, Path) and directory.is_dir():
            _search_files(directory)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """The last report of a test has its output and log lines."""
    if report.when == "teardown":
        for name, text in report.sections:
            SEARCHED["outputs"] += 1
            search(text, name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The test that looks at the findings comes last."""
    items.sort(key=lambda item: item.path.name == "test_zz_planted_secrets.py")


def _search_files(directory: Path) -> None:
    for path in directory.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST:
            SEARCHED["files"] += 1
            try:
                search(path.read_bytes(), str(path))
            except OSError:
                continue


def watch() -> None:
    """Look at what passes through the libraries that tests use; once, at the start."""
    structlog.configure(processors=as_a_node_logs())
    _watch_httpx()
    _watch_stories()
    _watch_commands()


def as_a_node_logs() -> list[Any]:
    """What lines go through when a test has not said how they are to be written."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.format_exc_info,
        redact,
        structlog.dev.ConsoleRenderer(colors=False),
    ]


def _watch_httpx() -> None:
    plain, awaited = httpx.Client.send, httpx.AsyncClient.send

    def send(self: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        response = plain(self, request, **options)
        if not options.get("stream"):
            _answered(request, response)
        return response

    async def asend(self: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        response = await awaited(self, request, **options)
        if not options.get("stream"):
            _answered(request, response)
        return response

    httpx.Client.send, httpx.AsyncClient.send = send, asend  # type: ignore[method-assign]


def _watch_stories() -> None:
    """Nodes that are processes of their own."""
    exchange = NodeApi._send

    async def send(self: NodeApi, method: str, path: str, *more: Any, **options: Any) -> HttpResponse:
        answer = await exchange(self, method, path, *more, **options)
        _seen(f"answer to {method} {path.partition('?')[0]}", answer.body, answer.headers)
        return answer

    NodeApi._send = send  # type: ignore[method-assign]


def _answered(request: httpx.Request, response: httpx.Response) -> None:
    _seen(f"answer to {request.method} {request.url.path}", response.content, response.headers)


def _seen(place: str, content: bytes, headers: Mapping[str, str]) -> None:
    SEARCHED["answers"] += 1
    search(content, place)
    search("\n".join(f"{name}: {value}" for name, value in headers.items() if name != "set-cookie"), f"headers of {place}")
    for found in _COOKIE.findall(headers.get("set-cookie", "")):
        learn("session", found)
    if "json" in headers.get("content-type", ""):
        for kind, value in _shown_once(content):
            learn(kind, value)


def _shown_once(content: bytes) -> Iterable[tuple[str, str]]:
    try:
        document = json.loads(content)
        attributes = document["data"]["attributes"].items()
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    for name, value in attributes:
        if isinstance(value, str) and SHOWN_ONCE.get(name):
            yield SHOWN_ONCE[name], value


def _watch_commands() -> None:
    run, invoke = subprocess.run, click.testing.CliRunner.invoke

    def ran(*args: Any, **options: Any) -> Any:
        result = run(*args, **options)
        for output in (result.stdout, result.stderr):
            if output:
                SEARCHED["outputs of processes"] += 1
                search(output, "output of a process")
        return result

    def invoked(self: Any, cli: Any, args: Any = None, *more: Any, **options: Any) -> click.testing.Result:
        result = invoke(self, cli, args, *more, **options)
        SEARCHED["outputs of commands"] += 1
        words = args if isinstance(args, str) else " ".join(map(str, args or ()))
        search(result.output_bytes if hasattr(result, "output_bytes") else result.output, f"output of adyton {words}")
        return result

    subprocess.run = ran
    click.testing.CliRunner.invoke = invoked  # type: ignore[method-assign]
