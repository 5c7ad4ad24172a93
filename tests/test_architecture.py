"""What docs/architecture.md promises about the source, checked on its syntax trees.

Imports point one way; nothing but ``system`` asks the machine for time, chance or a connection (``sim`` makes its own); no
module waits for itself.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "adyton"

# Each part may import what stands before it; parts on one line may not import one another.
LAYERS = (
    ("codes", "domain", "guard", "sdk"),
    ("config", "metrics", "ports", "worker"),
    ("storage", "system"),
    ("ethereum", "keystore"),
    ("transactions",),
    ("adapters",),
    ("engine",),
    ("initiators",),
    ("services", "ledger"),
    ("node_rules",),
    ("node",),
    ("web",),
    ("dev", "sim"),
    ("cli",),
    ("__main__",),
)
RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}

FORBIDDEN = {
    "time": "ask the Clock",
    "asyncio.sleep": "ask the Clock",
    "datetime.datetime.now": "ask the Clock",
    "datetime.datetime.utcnow": "ask the Clock",
    "datetime.datetime.today": "ask the Clock",
    "datetime.date.today": "ask the Clock",
    "random": "ask the Entropy",
    "secrets": "ask the Entropy",
    "uuid": "ask the Entropy",
    "os.urandom": "ask the Entropy",
    "os.getrandom": "ask the Entropy",
    "socket": "use a transport",
    "asyncio.open_connection": "use a transport",
    "urllib.request": "use a transport",
    "http.client": "use a transport",
    "aiohttp": "use a transport",
}
"""Modules and functions that only ``system`` may use, and what to do instead."""

ALLOWED = {
    ("web/listeners.py", "socket"): "the API's own listening sockets; nothing is connected to",
    ("web/server.py", "socket"): "the type of those sockets",
    ("dev/prices.py", "aiohttp"): "the price source is a server",
    ("dev/fault_proxy.py", "asyncio.open_connection"): "it stands between programs, and breaks what the transports open",
    (
        "cli/client.py",
        "http.client",
    ): "the command line is a program of its own that speaks to a node; it never runs inside one",
    ("cli/streaming.py", "http.client"): "the same",
}


@cache
def files() -> tuple[Path, ...]:
    """Every module of the package."""
    return tuple(sorted(SOURCE.rglob("*.py")))


@cache
def tree(file: Path) -> ast.Module:
    """A module's syntax."""
    return ast.parse(file.read_text(), str(file))


def name(file: Path) -> str:
    """A module's dotted name."""
    parts = ["adyton", *file.relative_to(SOURCE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part(module: str) -> str | None:
    """The folder or module below ``adyton`` that a module belongs to; None for the package itself."""
    words = module.split(".")
    return words[1] if len(words) > 1 else None


def imports(nodes: Iterator[ast.AST]) -> Iterator[tuple[str, int]]:
    """Dotted names imported by ``nodes``, each with its line; ``from a import b`` gives ``a.b``."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def names_used(file: Path) -> Iterator[tuple[str, int]]:
    """Dotted names that a module imports or reaches through its imports, each with its line."""
    known: dict[str, str] = {}
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                known[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom):
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    yield from imports(ast.walk(tree(file)))
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Attribute) and (dotted := _dotted(node)) and (head := dotted.partition("."))[0] in known:
            yield f"{known[head[0]]}.{head[2]}", node.lineno


def _dotted(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = _dotted(node.value)
        return f"{inner}.{node.attr}" if inner else None
    return None


def _reads_the_loops_clock(node: ast.AST) -> bool:
    """``asyncio.get_running_loop().time()``, under whatever name the loop goes."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "time"):
        return False
    owner = node.func.value
    called = owner.func if isinstance(owner, ast.Call) else owner
    return "loop" in (_dotted(called) or "").lower()


def offences(file: Path) -> Iterator[str]:
    """Each use of time, chance or connections in a module, in words."""
    where = str(file.relative_to(SOURCE))
    for used, line in set(names_used(file)):
        for banned, instead in FORBIDDEN.items():
            if (used == banned or used.startswith(f"{banned}.")) and (where, banned) not in ALLOWED:
                yield f"{where}:{line} uses {used}: {instead}"
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Call) and _reads_the_loops_clock(node):
            yield f"{where}:{node.lineno} reads the loop's clock: ask the Clock"


def test_every_part_has_its_place_in_the_line() -> None:
    parts = {part(name(file)) for file in files()} - {None}
    assert parts == set(RANK)


def test_imports_point_one_way() -> None:
    wrong = []
    for file in files():
        ours = part(name(file))
        for imported, line in imports(ast.walk(tree(file))):
            theirs = part(imported) if imported.startswith("adyton.") else None
            if theirs in RANK and ours is not None and theirs != ours and RANK[theirs] >= RANK[ours]:
                wrong.append(f"{file.relative_to(SOURCE)}:{line} imports {imported}")
    assert wrong == []


def test_time_chance_and_connections_come_through_the_ports_only() -> None:
    outside = [file for file in files() if part(name(file)) not in {"system", "sim"}]
    assert [offence for file in outside for offence in sorted(offences(file))] == []


@pytest.mark.parametrize(
    "line",
    [
        "import time",
        "from time import sleep",
        "import asyncio as a\na.sleep(1)",
        "from asyncio import sleep",
        "from datetime import datetime\ndatetime.now()",
        "import datetime as d\nd.datetime.now()",
        "import os\nos.urandom(3)",
        "import urllib.request",
        "from uuid import uuid4 as make",
        "import asyncio\nasyncio.get_running_loop().time()",
        "loop.time()",
    ],
)
def test_the_ban_sees_through_aliases(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "SOURCE", tmp_path)
    offender = tmp_path / "offender.py"
    offender.write_text(line)
    assert list(offences(offender))


@pytest.mark.parametrize(
    "line",
    [
        "from datetime import datetime, UTC\ndatetime.fromtimestamp(0, UTC)",
        "import asyncio\nasyncio.timeout(1)",
        "import os\nos.environ",
        "run.time",
    ],
)
def test_the_ban_leaves_the_rest_alone(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "SOURCE", tmp_path)
    fine = tmp_path / "fine.py"
    fine.write_text(line)
    assert list(offences(fine)) == []


def test_no_module_imports_itself_through_others() -> None:
    modules = {name(file) for file in files()}
    graph: dict[str, set[str]] = {}
    for file in files():
        at_once = (node for node in ast.iter_child_nodes(tree(file)))
        wanted = {imported if imported in modules else imported.rpartition(".")[0] for imported, _ in imports(at_once)}
        graph[name(file)] = (wanted & modules) - {name(file), "adyton"}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as found:
        pytest.fail(f"import cycle: {' -> '.join(found.args[1])}")


def test_no_file_grows_beyond_400_lines() -> None:
    long = {str(file.relative_to(SOURCE)): count for file in files() if (count := len(file.read_text().splitlines())) > 400}
    assert long == {}
