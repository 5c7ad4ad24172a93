"""A browser, a chain and a node for each story."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from adyton.dev.node_process import NodeProcess
from adyton.dev.world import Real
from support.anvil import start_anvil, the_real_world
from support.browser import a_browser
from support.contracts import World, deploy_world


@pytest.fixture
async def real() -> AsyncIterator[Real]:
    """The real clock, chance and HTTP."""
    async with the_real_world() as real:
        yield real


@pytest.fixture
async def place(real: Real, tmp_path: Path) -> AsyncIterator[World]:
    """A chain with the official contracts and a price source."""
    async with start_anvil(tmp_path) as chain, deploy_world(chain, real, tmp_path / "node") as world:
        yield world


@pytest.fixture
async def node(place: World) -> AsyncIterator[NodeProcess]:
    """A node that has never run before."""
    running = await place.node()
    try:
        yield running
    except BaseException:
        print(running.last_words(60))  # pytest shows it beside the failure
        raise
    finally:
        await running.stop()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium."""
    async with a_browser() as running:
        yield running
