"""What can be seen of the engine at work: what it counts, and the names that its lines carry."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from structlog.contextvars import get_contextvars

from adyton.domain.jobs import TaskSpec
from adyton.domain.requests import read_run_log
from adyton.engine.create import RunSource
from adyton.ports import HttpRequest, HttpResponse
from adyton.storage.connect import open_memory
from support.builders import Bench, TestHttp, job, run_log
from support.scripted_rpc import running


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench(open_memory(), height=100)
    yield bench
    await bench.db.close()


def finished(bench: Bench, status: str) -> float | None:
    return bench.metrics.registry.get_sample_value("adyton_runs_finished_total", {"status": status})


async def test_each_run_that_ends_is_counted_once_by_its_status(bench: Bench) -> None:
    good, bad = await bench.add(job("noop")), await bench.add(job("jsonparse", job_id="1" * 32))
    assert finished(bench, "completed") == 0
    async with running(bench.engine.run):
        for spec in (good, good, bad):
            await bench.engine.start(spec, spec.initiators[0], {})
        while (finished(bench, "completed"), finished(bench, "errored")) != (2, 1):
            await bench.clock.sleep(0.001)
    assert finished(bench, "cancelled") == 0


async def test_a_run_that_ended_before_it_began_is_counted(bench: Bench) -> None:
    spec = await bench.add(job("ethtx"))
    run = bench.maker.from_log(spec, spec.initiators[1], run_log(payment=1), read_run_log(run_log(payment=1)), 100)
    bench.engine.accept([run])
    assert finished(bench, "errored") == 1


async def test_only_tasks_that_ask_the_world_are_timed(bench: Bench) -> None:
    spec = await bench.add(job(TaskSpec(type="httpget", params={"get": "https://prices.example"}), "jsonparse"))
    run = await bench.engine.start(spec, spec.initiators[0], {})
    await bench.executor.advance(run)
    read = bench.metrics.registry.get_sample_value
    assert read("adyton_task_seconds_count", {"type": "httpget"}) == 1
    assert read("adyton_task_seconds_count", {"type": "jsonparse"}) is None


async def test_whatever_is_logged_on_behalf_of_a_run_names_it(bench: Bench) -> None:
    seen: list[dict[str, object]] = []

    class Listening(TestHttp):
        async def request(self, request: HttpRequest) -> HttpResponse:
            seen.append(get_contextvars())
            return await super().request(request)

    bench = Bench(bench.db, height=100, http=Listening())
    spec = await bench.add(job(TaskSpec(type="httpget", params={"get": "https://prices.example"})))
    entry = run_log(block=90)
    asked = read_run_log(entry)
    runs = [
        bench.maker.from_log(spec, spec.initiators[1], entry, asked, 100),
        bench.maker.new_run(spec, spec.initiators[0], RunSource(given={})),
    ]
    await bench.db.write(*bench.engine.statements(runs))
    async with running(bench.engine.run):
        while len(seen) < 2:
            await bench.clock.sleep(0.001)
    assert sorted(seen, key=len) == [
        {"run": runs[1].id, "job": spec.id},
        {"run": runs[0].id, "job": spec.id, "request": asked.request_id},
    ]
    assert get_contextvars() == {}
