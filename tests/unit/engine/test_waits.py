"""What a run waits for, how long, and what ends its waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adyton.domain.bridges import Bridge
from adyton.domain.errors import Conflict, StorageUnavailable
from adyton.domain.jobs import Job, TaskSpec
from adyton.domain.requests import read_run_log
from adyton.domain.runs import Completed, Errored, Run, RunStatus, Waits
from adyton.engine.create import RunSource
from adyton.engine.deadlines import Deadlines
from adyton.storage import runs as stored
from adyton.storage.connect import open_memory
from adyton.storage.database import Row, Statement
from support.builders import NOW, REQUESTER, Bench, TestHttp, job, run_log

SECOND = 1_000_000
DAY = 86_400
DEADLINES = Deadlines(bridge=DAY, pending=30 * DAY)
SLEEP = TaskSpec(type="sleep", params={"until": NOW // SECOND + 60})


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    db = open_memory()
    bench = Bench(db, http=TestHttp('{"pending":true}'), deadlines=DEADLINES)
    bench.bridges.put(bridge())
    yield bench
    await db.close()


def bridge(**changes: int) -> Bridge:
    return Bridge(name="oracle", url="https://bridge.example/", incoming_token_hash="", salt="", outgoing_token="t", **changes)


async def begun(bench: Bench, spec: Job, given: object = None) -> Run:
    """A run that a client asked for, as far as it goes."""
    spec = await bench.add(spec)
    run = bench.maker.new_run(spec, spec.initiators[0], RunSource(given={} if given is None else given))
    await bench.db.write(stored.insert([run]))
    return await bench.executor.advance(run)


async def asked(bench: Bench, spec: Job, block: int = 100) -> Run:
    """A run that a log asked for, stored and not yet begun."""
    spec, log = await bench.add(spec), run_log(block=block)
    head = bench.chain.state.head
    run = bench.maker.from_log(spec, spec.initiators[1], log, read_run_log(log), head.number if head else 0)
    await bench.db.write(stored.insert([run]))
    return run


async def read(bench: Bench, run: Run) -> Run:
    found = await stored.get(bench.db, run.id, bench.jobs)
    assert found is not None
    return found


def later(bench: Bench, seconds: float) -> None:
    bench.clock.micros += round(seconds * SECOND)


# --- sleep -----------------------------------------------------------------------------------------------------------


async def test_a_run_sleeps_until_its_time_and_goes_on_with_what_it_had(bench: Bench) -> None:
    run = await begun(bench, job(SLEEP, "noop"), {"result": 7})
    assert (run.status, run.due_at) == (RunStatus.PENDING_SLEEP, NOW + 60 * SECOND)

    later(bench, 59)
    assert await bench.executor.advance(run) is run

    later(bench, 1)
    done = await bench.executor.advance(run)
    assert (done.status, done.due_at) == (RunStatus.COMPLETED, None)
    assert [task.status for task in done.tasks] == [RunStatus.COMPLETED] * 2
    assert [task.data for task in done.tasks] == [{"result": 7}] * 2
    assert done == await read(bench, done)


async def test_a_run_whose_last_task_sleeps_is_completed_when_it_wakes(bench: Bench) -> None:
    run = await begun(bench, job(SLEEP), {"result": 7})
    later(bench, 60)

    done = await bench.executor.advance(run)

    assert (done.status, done.finished_at) == (RunStatus.COMPLETED, bench.clock.now())
    assert (await read(bench, done)).tasks[0].data == {"result": 7}


# --- a bridge --------------------------------------------------------------------------------------------------------


async def test_a_run_waits_for_its_bridge_and_never_goes_on_by_itself(bench: Bench) -> None:
    run = await begun(bench, job("oracle", "noop"))
    assert (run.status, run.due_at) == (RunStatus.PENDING_BRIDGE, NOW + DAY * SECOND)

    later(bench, DAY - 1)
    assert await bench.executor.advance(run) is run
    assert len(bench.http.asked) == 1


async def test_a_bridge_that_does_not_answer_in_time_ends_the_run(bench: Bench) -> None:
    run = await begun(bench, job("oracle", "noop"))
    later(bench, DAY)

    done = await bench.executor.advance(run)

    error = "no answer from bridge oracle within 24h (BRIDGE_ANSWER_DEADLINE)"
    assert (done.status, done.error, done.finished_at) == (RunStatus.ERRORED, error, bench.clock.now())
    assert [task.status for task in done.tasks] == [RunStatus.ERRORED, RunStatus.UNSTARTED]
    assert done == await read(bench, done)


async def test_a_late_answer_is_the_tasks_outcome_and_the_run_goes_on(bench: Bench) -> None:
    run = await begun(bench, job("oracle", "noop"), {"q": "request"})
    writes = bench.db.commits

    answered = await bench.engine.answered(run, Completed({"result": "100"}))

    assert bench.db.commits == writes + 1
    assert (answered.status, answered.due_at, answered.version) == (RunStatus.IN_PROGRESS, None, run.version + 1)
    assert answered == await read(bench, run)
    assert bench.engine.queue.depth == 1
    done = await bench.executor.advance(answered)
    assert (done.status, done.tasks[1].data) == (RunStatus.COMPLETED, {"q": "request", "result": "100"})


async def test_an_errored_late_answer_ends_the_run(bench: Bench) -> None:
    run = await begun(bench, job("oracle", "noop"))

    answered = await bench.engine.answered(run, Errored("boom", {}))

    assert (answered.status, answered.error) == (RunStatus.ERRORED, "boom")
    assert answered.tasks[1].status is RunStatus.UNSTARTED
    assert bench.engine.queue.depth == 0


async def test_a_late_answer_to_the_last_task_completes_the_run(bench: Bench) -> None:
    run = await begun(bench, job("oracle"))

    answered = await bench.engine.answered(run, Completed({"result": 1}))

    assert (answered.status, answered.finished_at) == (RunStatus.COMPLETED, NOW)


async def test_a_bridge_that_asks_for_more_time_does_not_get_more_than_it_had(bench: Bench) -> None:
    run = await begun(bench, job("oracle", "noop"))
    later(bench, 3600)

    still = await bench.engine.answered(run, Waits(RunStatus.PENDING_BRIDGE, {"result": "soon"}))

    assert (still.status, still.due_at) == (RunStatus.PENDING_BRIDGE, NOW + DAY * SECOND)
    assert still == await read(bench, run)


async def test_of_two_answers_one_counts(bench: Bench) -> None:
    run = await begun(bench, job("oracle", "noop"))
    await bench.engine.answered(run, Completed({"result": "first"}))

    with pytest.raises(Conflict):
        await bench.engine.answered(run, Completed({"result": "second"}))

    assert (await read(bench, run)).tasks[0].data == {"result": "first"}


async def test_a_run_that_does_not_wait_for_a_bridge_takes_no_answer(bench: Bench) -> None:
    run = await begun(bench, job(SLEEP))
    with pytest.raises(Conflict, match="does not wait for a bridge: it is pending_sleep"):
        await bench.engine.answered(run, Completed({}))


async def test_an_answer_may_replace_the_input_but_not_where_a_request_wants_its_answer(bench: Bench) -> None:
    bench.chain.at(200)
    run = await bench.executor.advance(await asked(bench, job("oracle", "noop")))
    assert run.status is RunStatus.PENDING_BRIDGE
    assert run.input is not None

    answered = await bench.engine.answered(run, Completed({}), input={"a": 1, "address": REQUESTER})

    assert answered == await read(bench, run)
    place = {name: run.input[name] for name in ("address", "dataPrefix", "functionSelector")}
    assert answered.input == {"a": 1, **place}


async def test_an_answer_while_the_database_is_away_is_the_bridges_to_repeat(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await begun(bench, job("oracle", "noop"))

    async def full(*statements: Statement) -> list[list[Row]]:
        raise StorageUnavailable("the disk is full")

    with monkeypatch.context() as disk:
        disk.setattr(bench.db, "write", full)
        with pytest.raises(StorageUnavailable):
            await bench.engine.answered(run, Completed({}))

    assert await read(bench, run) == run
    assert (await bench.engine.answered(run, Completed({}))).status is RunStatus.IN_PROGRESS


# --- confirmations and connections -----------------------------------------------------------------------------------


async def test_a_request_that_never_gets_its_confirmations_is_given_up(bench: Bench) -> None:
    bench.chain.at(100)
    run = await asked(bench, job("noop"))
    assert (run.status, run.due_at) == (RunStatus.PENDING_CONFIRMATIONS, NOW + 30 * DAY * SECOND)

    later(bench, 30 * DAY)
    done = await bench.executor.advance(run)

    error = "its request did not get the 3 confirmations of noop within 720h (RUN_PENDING_DEADLINE)"
    assert (done.status, done.error) == (RunStatus.ERRORED, error)
    assert done.tasks[0].status is RunStatus.UNSTARTED


async def test_looking_again_at_each_head_does_not_push_the_deadline(bench: Bench) -> None:
    bench.chain.at(100)
    run = await asked(bench, job("noop"))
    bench.chain.at(102)
    bench.chain.hashes[100] = None  # the node cannot tell

    for block in (102, 103, 104):
        later(bench, DAY)
        bench.chain.at(block)
        run = await bench.executor.advance(run)
        assert (run.status, run.wake_height, run.due_at) == (
            RunStatus.PENDING_CONFIRMATIONS,
            block + 1,
            NOW + 30 * DAY * SECOND,
        )

    del bench.chain.hashes[100]
    bench.chain.at(105)
    later(bench, 30 * DAY)
    assert (await bench.executor.advance(run)).status is RunStatus.COMPLETED, "what it waited for was there"


async def test_another_wait_of_the_same_run_has_a_deadline_of_its_own(bench: Bench) -> None:
    bench.chain.at(100)
    run = await asked(bench, job("noop", TaskSpec(type="noop", confirmations=9)))
    later(bench, DAY)
    bench.chain.at(102)

    second = await bench.executor.advance(run)

    assert (second.wake_height, second.due_at) == (108, NOW + 31 * DAY * SECOND)


async def test_a_run_that_never_gets_a_connection_is_given_up(bench: Bench) -> None:
    bench.chain.at(102, connected=False)
    run = await bench.executor.advance(await asked(bench, job("ethtx")))
    assert (run.status, run.due_at) == (RunStatus.PENDING_CONNECTION, NOW + 30 * DAY * SECOND)
    assert await bench.executor.advance(run) is run

    later(bench, 30 * DAY)
    done = await bench.executor.advance(run)

    assert done.error == "ethtx had no connection to the chain within 720h (RUN_PENDING_DEADLINE)"
    assert done.tasks[0].status is RunStatus.ERRORED


async def test_what_waits_for_its_own_transaction_has_no_deadline(bench: Bench) -> None:
    bench.chain.at(102)
    run = await bench.executor.advance(await asked(bench, job("ethtx")))
    assert (run.status, run.wake_height, run.due_at) == (RunStatus.PENDING_CONFIRMATIONS, None, None)

    later(bench, 1000 * DAY)
    assert await bench.executor.advance(run) is run, "its transaction is not settled, and nothing is written"


async def test_nooppend_ends_only_by_its_deadline(bench: Bench) -> None:
    run = await begun(bench, job("nooppend", "noop"))
    assert (run.status, run.due_at) == (RunStatus.PENDING_CONFIRMATIONS, NOW + 30 * DAY * SECOND)
    assert await bench.executor.advance(run) is run

    later(bench, 30 * DAY)
    done = await bench.executor.advance(run)

    assert done.error == "nothing confirmed nooppend within 720h (RUN_PENDING_DEADLINE)"
    assert [task.status for task in done.tasks] == [RunStatus.ERRORED, RunStatus.UNSTARTED]


async def test_without_deadlines_nothing_is_given_up() -> None:
    bench = Bench(open_memory(), http=TestHttp('{"pending":true}'))
    bench.bridges.put(bridge())
    for task in ("oracle", "nooppend"):
        run = await begun(bench, job(task, job_id=f"{len(task):032x}"))
        assert run.due_at is None
        later(bench, 10_000 * DAY)
        assert await bench.executor.advance(run) is run
    await bench.db.close()


# --- what a task may leave -------------------------------------------------------------------------------------------


async def test_a_task_that_leaves_too_much_errors_its_run_and_what_it_was_given_stays() -> None:
    bench = Bench(open_memory(), http=TestHttp("x" * 200), data_limit=120)
    fetch = TaskSpec(type="httpget", params={"get": "https://prices.example/"})

    run = await begun(bench, job(fetch, "noop"), {"note": "manual"})

    error = "httpget left 229 bytes of data, more than RUN_DATA_LIMIT allows (120)"
    assert (run.status, run.error, run.tasks[0].data) == (RunStatus.ERRORED, error, {"note": "manual"})
    await bench.db.close()


async def test_a_late_answer_that_is_too_large_ends_the_run() -> None:
    bench = Bench(open_memory(), http=TestHttp('{"pending":true}'), data_limit=120)
    bench.bridges.put(bridge())
    run = await begun(bench, job("oracle", "noop"))

    answered = await bench.engine.answered(run, Completed({"result": "x" * 200}))

    assert answered.status is RunStatus.ERRORED
    assert "oracle left 213 bytes of data" in (answered.error or "")
    await bench.db.close()
