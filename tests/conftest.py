"""What all tests have in common."""

from __future__ import annotations

import structlog
from hypothesis import settings

from support import planted
from support.planted import (  # noqa: F401 - pytest finds its hooks here
    pytest_collection_modifyitems,
    pytest_runtest_logreport,
    pytest_runtest_logstart,
    pytest_runtest_teardown,
)

# No test asserts timings, and a busy machine is no defect.
settings.register_profile("adyton", deadline=None)
settings.load_profile("adyton")

planted.watch()

# With rich installed, which a test tool brings along, structlog shows every local variable of a traceback: for minutes.
structlog.get_config()["processors"][-1].exception_formatter = structlog.dev.plain_traceback
