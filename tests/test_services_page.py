"""docs/compatibility.md says where the duties of v0.6.2's services live; what it names is there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "compatibility.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## Services\n")[2].partition("\n## ")[0]
NAMES = sorted(set(re.findall(r"`([a-z_.0-9]+:[A-Za-z_.]+)`", SECTION)))
DUTIES = (
    "Application", "JobRunner", "RunChannel", "JobSubscriber", "JobSubscription", "InitiatorSubscription",
    "ManagedSubscription", "HeadTracker", "Recurring", "OneTime", "SleeperTask", "StoreReaper", "ValidateJob",
    "ValidateInitiator", "ValidateAdapter", "ValidateServiceAgreement", "ExecuteJob", "NewRun", "ResumeConfirmingTask",
    "ResumeConnectingTask", "ResumePendingTask", "QueueSleepingTask", "ReceiveLogRequest",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_what_the_page_names_is_there(name: str) -> None:
    module, _, path = name.partition(":")
    found: object = importlib.import_module(f"adyton.{module}")
    for part in path.split("."):
        found = getattr(found, part)
    assert found is not None


def test_every_duty_has_its_row() -> None:
    first = " ".join(line.split("|")[1] for line in SECTION.splitlines() if line.startswith("| "))
    assert [duty for duty in DUTIES if f"`{duty}`" not in first] == []
    assert len(NAMES) > 30
