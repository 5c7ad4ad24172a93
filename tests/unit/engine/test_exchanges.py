"""What a run's rows tell of its tasks' times and of what they asked the world outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adyton.domain.exchanges import Failure
from adyton.domain.jobs import TaskSpec
from adyton.domain.runs import Run, RunStatus
from adyton.engine.create import RunSource
from adyton.ports import HttpFailure, HttpRequest, HttpResponse
from adyton.storage import exchanges
from adyton.storage import runs as stored
from adyton.storage.connect import open_memory
from adyton.storage.database import Database, Row, Statement
from support.api import PassingDatabase
from support.builders import NOW, Bench, TestHttp, job

GET = TaskSpec(type="httpget", params={"get": "https://prices.example/eth"})
PARSE = TaskSpec(type="jsonparse", params={"path": ["USD"]})
SECOND = 1_000_000


class Slow(TestHttp):
    """Takes two seconds for each answer; fails first as often as the test says."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__('{"USD":1}')
        self.failures = failures
        self.bench: Bench | None = None

    async def request(self, request: HttpRequest) -> HttpResponse:
        assert self.bench is not None
        self.bench.clock.micros += 2 * SECOND
        if self.failures:
            self.failures -= 1
            raise HttpFailure("https://prices.example cannot be asked: no name", retriable=True, kind=Failure.DNS)
        return await super().request(request)


class Watched(PassingDatabase):
    """Remembers which tables each write touches."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.writes: list[str] = []

    async def write(self, *statements: Statement) -> list[list[Row]]:
        self.writes.append(" ".join(statement.sql for statement in statements))
        return await super().write(*statements)


@pytest.fixture
async def db() -> AsyncIterator[Watched]:
    opened = Watched(open_memory())
    yield opened
    await opened.close()


def bench_of(db: Database, failures: int = 0) -> Bench:
    http = Slow(failures)
    http.bench = Bench(db, http=http)
    return http.bench


async def run_through(bench: Bench, *tasks: TaskSpec | str, given: Any = None) -> Run:
    spec = await bench.add(job(*tasks))
    run = bench.maker.new_run(spec, spec.initiators[0], RunSource(given=given or {}))
    await bench.db.write(stored.insert([run]))
    return await bench.executor.advance(run)


async def test_each_task_has_the_time_that_it_took(db: Watched) -> None:
    run = await run_through(bench_of(db), "noop", GET, PARSE)
    times = [(task.started_at, task.finished_at) for task in run.tasks]
    assert times == [(NOW, NOW), (NOW, NOW + 2 * SECOND), (NOW + 2 * SECOND, NOW + 2 * SECOND)]


async def test_every_attempt_is_kept_in_the_write_of_the_tasks_outcome(db: Watched) -> None:
    bench = bench_of(db, failures=1)
    run = await run_through(bench, "noop", GET, PARSE)
    made = await exchanges.of_run(db, run.id)
    assert [(each.status, each.failure, each.duration) for each in made[1]] == [
        (None, Failure.DNS, 2 * SECOND),
        (200, None, 2 * SECOND),
    ]
    [written] = [text for text in db.writes if "INTO exchanges" in text]
    assert "INTO task_runs" in written
    assert "UPDATE runs" in written


async def test_a_run_that_asks_nobody_writes_no_exchange(db: Watched) -> None:
    await run_through(bench_of(db), "noop", PARSE, given={"result": '{"USD":1}'})
    assert not [text for text in db.writes if "exchanges" in text]


async def test_a_task_that_waits_has_begun_and_not_ended(db: Watched) -> None:
    bench = bench_of(db)
    run = await run_through(bench, TaskSpec(type="sleep", params={"until": (NOW + 60 * SECOND) // SECOND}), "noop")
    assert (run.status, run.tasks[0].started_at, run.tasks[0].finished_at) == (RunStatus.PENDING_SLEEP, NOW, None)

    bench.clock.micros += 61 * SECOND
    done = await bench.executor.advance(run)
    assert (done.tasks[0].started_at, done.tasks[0].finished_at) == (NOW, NOW + 61 * SECOND)


async def test_a_failing_task_has_ended_too(db: Watched) -> None:
    run = await run_through(bench_of(db, failures=9), GET)
    assert run.status is RunStatus.ERRORED
    assert run.tasks[0].finished_at == run.finished_at
    assert len((await exchanges.of_run(db, run.id))[0]) == 5
