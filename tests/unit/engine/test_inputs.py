"""What a task was given is worked out from the rows."""

from __future__ import annotations

import msgspec
import pytest

from adyton.domain.data import MergeError
from adyton.domain.jobs import TaskSpec
from adyton.domain.runs import Run, RunStatus
from adyton.engine.create import RunSource
from adyton.engine.inputs import present_input, task_input
from adyton.storage import runs as stored
from adyton.storage.connect import open_memory
from support.builders import Bench, TestHttp, job

FETCH = TaskSpec(type="httpget", params={"get": "https://prices.example/"})


async def finished(given: object) -> tuple[Bench, Run]:
    bench = Bench(open_memory(), http=TestHttp('{"USD":165.42}'))
    spec = await bench.add(job(FETCH, TaskSpec(type="jsonparse", params={"path": ["USD"]}), "ethuint256", "noop"))
    text = None if isinstance(given, dict) else "[1]"
    run = bench.maker.new_run(spec, spec.initiators[0], RunSource(given=given, text=text))
    await bench.db.write(stored.insert([run]))
    await bench.executor.advance(run)
    found = await stored.get(bench.db, run.id, bench.jobs)
    assert found is not None
    return bench, found


async def test_each_task_was_given_the_runs_input_under_what_the_task_before_it_left() -> None:
    bench, run = await finished({"note": "manual", "result": "old"})
    assert run.status is RunStatus.COMPLETED

    given = [task_input(run, position) for position in range(4)]

    assert given[0] == {"note": "manual", "result": "old"}
    assert given[1] == {"note": "manual", "result": '{"USD":165.42}'}
    assert [str(each["result"]) for each in given[2:]] == ["165.42", "0x" + f"{165:064x}"]
    await bench.db.close()


async def test_a_task_that_waits_goes_on_with_what_it_had() -> None:
    bench, run = await finished({})
    task = msgspec.structs.replace(run.tasks[1], status=RunStatus.PENDING_BRIDGE, data={"result": "mine", "more": 1})
    assert present_input(run, task) == {"result": "mine", "more": 1}
    assert task_input(run, 1)["result"] == '{"USD":165.42}'
    await bench.db.close()


async def test_an_input_that_is_no_object_gives_no_task_anything() -> None:
    bench, run = await finished([1])
    assert run.error == "Cannot merge, expected object '{}'"
    with pytest.raises(MergeError):
        task_input(run, 0)
    await bench.db.close()
