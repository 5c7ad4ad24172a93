"""Runs last: nothing that the tests left behind holds a secret that was planted in them (``support/planted.py``)."""

from __future__ import annotations

import base64
from pathlib import Path

import httpx
import pytest

from support import planted

WHOLE_SUITE = 1500
"""Tests that are collected when all of them are."""


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> list[planted.Finding]:
    """Findings of this test alone."""
    found: list[planted.Finding] = []
    monkeypatch.setattr(planted, "FINDINGS", found)
    return found


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_a_planted_value_is_found_also_in_base64(apart: list[planted.Finding], shift: int) -> None:
    value = planted.secret("a test's own")
    planted.search(f"key={value}", "somewhere")
    planted.search(base64.b64encode(b"x" * shift + value.encode()), "elsewhere")
    assert {finding.place for finding in apart} == {"somewhere", "elsewhere"}


def test_a_value_that_a_node_makes_is_learned_from_the_answer_that_shows_it(apart: list[planted.Finding]) -> None:
    shown = {"data": {"type": "bridges", "id": "b", "attributes": {"name": "b", "incomingToken": "0123456789abcdef" * 2}}}
    again = {"data": {"type": "bridges", "id": "b", "attributes": {"url": "http://x/0123456789abcdef0123456789abcdef"}}}
    answers = iter([shown, again])
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=next(answers)))
    with httpx.Client(transport=transport, base_url="http://node.example") as client:
        client.post("/v2/bridge_types")
        assert apart == []
        client.get("/v2/runs")
    assert [(finding.kind, finding.place) for finding in apart] == [("bridge's incoming token", "answer to GET /v2/runs")]


def test_what_has_to_be_somewhere_is_allowed_there_only(apart: list[planted.Finding]) -> None:
    planted.learn("outgoing token", "fedcba9876543210" * 2)
    planted.search(b"fedcba9876543210" * 2, "/tmp/x/db.sqlite3")
    assert apart == []
    planted.search(b"fedcba9876543210" * 2, "/tmp/x/log.jsonl")
    assert len(apart) == 1


def test_files_of_a_test_are_searched(apart: list[planted.Finding], tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "log.jsonl").write_text(f'{{"msg": "{planted.secret("in a file")}"}}')
    planted._search_files(tmp_path)
    assert [finding.kind for finding in apart] == ["in a file"]
    (tmp_path / "deep" / "er" / "log.jsonl").unlink()


def test_no_secret_was_left_anywhere(request: pytest.FixtureRequest) -> None:
    assert "\n".join(f"{found.kind} in {found.place}, by {found.test}" for found in dict.fromkeys(planted.FINDINGS)) == ""
    if request.session.testscollected >= WHOLE_SUITE:  # otherwise there was little to search
        assert {kind for kind, count in planted.SEARCHED.items() if count > 10} >= {"answers", "files", "outputs of commands"}
