"""``node``: a stand-in for the node's API, and ``adyton``: the command line that talks to it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.command_line import Adyton, StandIn


@pytest.fixture
def node() -> Iterator[StandIn]:
    stand_in = StandIn()
    yield stand_in
    stand_in.close()


@pytest.fixture
def usual_depth() -> Iterator[None]:
    """The interpreter's own limit of recursion: libraries that other tests import raise it; the stack does not grow."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(before)


@pytest.fixture
def adyton(tmp_path: Path, node: StandIn) -> Adyton:
    return Adyton(tmp_path / "root", node.url)
