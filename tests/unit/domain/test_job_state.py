"""Whether a job takes runs."""

from __future__ import annotations

import msgspec
import pytest

from adyton.domain.jobs import Job, JobState, state_at
from adyton.engine.create import OutsideWindow, RunMaker, RunSource
from adyton.storage.connect import open_memory
from support.builders import NOW, Bench, job


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, JobState.ACTIVE),
        ({"start_at": NOW, "end_at": NOW}, JobState.ACTIVE),
        ({"start_at": NOW + 1}, JobState.WAITING),
        ({"end_at": NOW - 1}, JobState.ENDED),
    ],
)
async def test_a_job_is_active_exactly_when_the_engine_starts_its_runs(changes: dict[str, int], state: JobState) -> None:
    spec = msgspec.structs.replace(job("noop"), **changes)
    assert state_at(spec, NOW) is state
    assert _takes_runs(Bench(open_memory()).maker, spec) is (state is JobState.ACTIVE)


def _takes_runs(maker: RunMaker, spec: Job) -> bool:
    try:
        maker.new_run(spec, spec.initiators[0], RunSource(given={}))
    except OutsideWindow:
        return False
    return True


def test_an_archived_job_is_nothing_else() -> None:
    assert state_at(msgspec.structs.replace(job(), end_at=NOW - 1, archived_at=NOW), NOW) is JobState.ARCHIVED
