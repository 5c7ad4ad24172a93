"""What all tests have in common."""

from __future__ import annotations

from hypothesis import settings

# No test asserts timings, and a busy machine is no defect.
settings.register_profile("adyton", deadline=None)
settings.load_profile("adyton")
