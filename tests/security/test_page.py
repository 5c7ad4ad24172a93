"""docs/security.md names tests that exist, and code that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
TESTS = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
ACTORS = (
    "On-chain requester",
    "Bridge",
    "External initiator",
    "HTTP source",
    "Network attacker",
    "A web page in the operator's browser",
    "Holder of a stolen session or token",
    "Another local user or program",
    "Thief of the disk",
    "Malicious Ethereum endpoint",
)


@pytest.mark.parametrize(("path", "name"), TESTS)
def test_a_test_that_tries_a_threat_exists(path: str, name: str) -> None:
    assert re.search(rf"^\s*(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


def test_code_that_meets_a_threat_exists() -> None:
    named = set(re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?)`", PAGE)) - {"keys/"}
    assert {path for path in named if not (ROOT / "src" / "adyton" / path).exists()} == set()


@pytest.mark.parametrize("actor", ACTORS)
def test_every_actor_has_a_table_with_tests(actor: str) -> None:
    section = PAGE.split(f"\n## {actor}\n")[1].split("\n## ")[0]
    assert "::test_" in section


def test_each_threat_has_a_test() -> None:
    rows = [
        line for line in PAGE.splitlines() if line.startswith("| ") and line.count("|") == 5 and not line.startswith("| threat")
    ]
    assert [row for row in rows if "::" not in row] == []
