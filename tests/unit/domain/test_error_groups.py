"""Which errors of runs are the same."""

from __future__ import annotations

import msgspec

from adyton.domain.error_groups import grouped
from adyton.domain.jobs import TaskSpec
from adyton.domain.runs import Errored, Run, RunStatus, after
from adyton.engine.create import RunMaker, RunSource
from adyton.storage.connect import open_memory
from support.builders import NOW, Bench, job


def failed(maker: RunMaker, error: str, *, at: int, position: int = 0) -> Run:
    spec = job(TaskSpec(type="httpget", params={"get": "https://x.example/"}), "multiply")
    run = maker.new_run(spec, spec.initiators[0], RunSource(given={}))
    tasks = list(run.tasks)
    tasks[position] = msgspec.structs.replace(tasks[position], status=RunStatus.ERRORED, error=error)
    return msgspec.structs.replace(run, tasks=tuple(tasks), status=RunStatus.ERRORED, error=error, finished_at=at)


async def test_errors_that_differ_in_numbers_are_the_same() -> None:
    maker = Bench(open_memory()).maker
    runs = [failed(maker, f"status {code}, tx 0x{code:x}, took {code}.5 s", at=NOW - code) for code in (404, 500, 503)]

    (group,) = grouped(runs)

    assert (group.count, group.error, group.last_run) == (3, "status 404, tx 0x194, took 404.5 s", runs[0].id)
    assert (group.first_at, group.last_at) == (NOW - 503, NOW - 404)
    assert (group.position, group.task) == (0, "httpget")


async def test_errors_of_another_task_or_with_other_words_are_others() -> None:
    maker = Bench(open_memory()).maker
    runs = [
        failed(maker, "one", at=NOW),
        failed(maker, "one", at=NOW, position=1),
        failed(maker, "two", at=NOW),
    ]
    assert [(each.error, each.position) for each in grouped(runs)] == [("one", 0), ("one", 1), ("two", 0)]


async def test_a_run_that_failed_before_any_task_has_no_place() -> None:
    spec = job("noop")
    maker = Bench(open_memory()).maker
    run = maker.new_run(spec, spec.initiators[0], RunSource(given={}, error="Rejecting job x with payment 1"))
    (group,) = grouped([run])
    assert (group.position, group.task, group.code) == (None, None, "ADY-0318")


async def test_a_failed_run_of_the_engine_is_grouped_by_its_task() -> None:
    spec = job("noop", "noop")
    maker = Bench(open_memory()).maker
    run = after(maker.new_run(spec, spec.initiators[0], RunSource(given={})), 0, Errored("why"), NOW)
    assert [(each.position, each.task, each.last_at) for each in grouped([run])] == [(0, "noop", NOW)]
