"""``node``: the API of a node in which everything is switched on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adyton.storage import keys
from support.api import Api
from support.builders import NOW, SENDER

EVERYTHING = {"FEATURE_EXTERNAL_INITIATORS": "true", "FEATURE_SERVICE_AGREEMENTS": "true"}


@pytest.fixture
async def node() -> AsyncIterator[Api]:
    async with Api(environment=EVERYTHING) as api:
        await keys.ensure(api.db, [SENDER], NOW)
        yield api
