"""``api``: the API with a client that is logged in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from support.api import Api


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with Api() as opened:
        yield opened
