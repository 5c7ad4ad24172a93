"""What all tests have in common."""

from __future__ import annotations

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
