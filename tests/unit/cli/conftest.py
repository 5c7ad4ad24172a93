"""``node``: a stand-in for the node's API, and ``adyton``: the command line that talks to it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from structlog._config import BoundLoggerLazyProxy

from adyton.system.logs import Levels
from support.command_line import Adyton, StandIn


@pytest.fixture
def node() -> Iterator[StandIn]:
    stand_in = StandIn()
    yield stand_in
    stand_in.close()


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Some commands set logging up for their process, which here is the tests'."""
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    configured = structlog.get_config()
    yield
    structlog.configure(**configured)
    Levels().set("info")
    for module in [module for name, module in sys.modules.items() if name.startswith("adyton.")]:
        for value in vars(module).values():
            if isinstance(value, BoundLoggerLazyProxy):
                value.__dict__.pop("bind", None)  # what a logger keeps from its first line on
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


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
