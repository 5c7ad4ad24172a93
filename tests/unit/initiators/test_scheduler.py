"""Runs that are started by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from structlog.testing import capture_logs

from adyton.domain.errors import StorageUnavailable
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.engine.jobs import JobRegistry
from adyton.initiators.scheduler import ENOUGH, Policies, Scheduler
from adyton.storage import jobs as stored_jobs
from adyton.storage import schedules
from adyton.storage.connect import open_memory
from adyton.storage.database import Row, Statement
from support.api import PassingDatabase
from support.builders import NOW, Bench

SECOND = 1_000_000
MINUTE = 60 * SECOND
START = NOW // MINUTE * MINUTE
"""A whole minute."""


class Spoilt(PassingDatabase):
    """A database whose next writes fail: before anything is written, or after, when only the answer is lost."""

    def __init__(self) -> None:
        super().__init__(open_memory())
        self.fail = 0
        self.lose = 0
        self.operations = 0
        self.started = asyncio.Event()

    async def write(self, *statements: Statement) -> list[list[Row]]:
        if self.fail:
            self.fail -= 1
            raise StorageUnavailable("the disk is full")
        found = await super().write(*statements)
        self.operations += 1
        if any("INSERT INTO runs" in statement.sql for statement in statements):
            self.started.set()
        if self.lose:
            self.lose -= 1
            raise StorageUnavailable("the answer was lost; it may have been applied")
        return found


class Rig:
    """A scheduler whose clock stands still until the test moves it."""

    def __init__(self) -> None:
        self.db = Spoilt()
        self.bench = Bench(self.db)
        self.bench.clock.micros = START
        self.scheduler = self.fresh()

    def fresh(self, **policies: str) -> Scheduler:
        """The scheduler of a node that has just been started."""
        bench = self.bench
        bench.jobs._listeners.clear()
        self.scheduler = Scheduler(
            db=self.db,
            clock=bench.clock,
            jobs=bench.jobs,
            maker=bench.maker,
            engine=bench.engine,
            metrics=bench.metrics,
            zone=ZoneInfo("Europe/Berlin"),
            policies=Policies(**policies),
        )
        return self.scheduler

    async def add(self, line: str | None = "0 * * * *", *, job_id: str = "a" * 32, **parts: Any) -> Job:
        """A job that is created now, with a cron line or a time to run at."""
        window = {name: parts.pop(name) for name in ("start_at", "end_at") if name in parts}
        kind = "cron" if line is not None else "runat"
        initiator = Initiator(type=kind, schedule=line, **parts)
        spec = Job(
            id=job_id,
            initiators=(Initiator(type="web"), initiator),
            tasks=(TaskSpec(type="noop"),),
            created_at=self.bench.clock.now(),
            **window,
        )
        return await self.bench.add(spec)

    async def after(self, seconds: float) -> int:
        """Let time pass, then let the scheduler look; the runs that there are in all."""
        self.bench.clock.micros += round(seconds * SECOND)
        await self.scheduler.look()
        return await self.runs()

    async def away(self, seconds: float, **policies: str) -> int:
        """Stop the node for so long, and start it again."""
        self.bench.clock.micros += round(seconds * SECOND)
        self.fresh(**policies)
        return await self.after(0)

    async def runs(self, job: Job | None = None) -> int:
        rows = await self.db.read("SELECT job_id FROM runs")
        return sum(job is None or row[0] == job.id for row in rows)

    async def finish(self) -> None:
        """End every run that is under way."""
        await self.db.write(
            Statement("UPDATE runs SET status = 'completed', finished_at = ? WHERE status = 'in_progress'", [(NOW,)])
        )

    async def fired_at(self, job: Job) -> int | None:
        number = job.initiators[1].id
        return (await schedules.positions(self.db, [number]))[number].fired_at

    def counted(self, name: str, **labels: str) -> float:
        return self.bench.metrics.registry.get_sample_value(f"adyton_{name}", labels) or 0


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    await made.scheduler.look()
    yield made
    await made.db.close()


# --- cron ------------------------------------------------------------------------------------------------------------


async def test_a_run_is_started_at_each_time(rig: Rig) -> None:
    job = await rig.add()
    assert await rig.after(59.9) == 0
    assert await rig.after(0.1) == 1
    assert await rig.after(0) == 1
    assert await rig.after(59) == 1
    assert await rig.after(1) == 2
    assert await rig.fired_at(job) == START + 2 * MINUTE
    assert rig.bench.engine.queue.depth == 2
    assert rig.counted("schedule_fires_total", type="cron") == 2


async def test_a_run_has_no_input_and_no_height(rig: Rig) -> None:
    await rig.add()
    await rig.after(60)
    rows = await rig.db.read("SELECT input, creation_height, initiator_id, created_at FROM runs")
    assert rows == [("{}", None, 2, START + MINUTE)]


async def test_lines_are_read_in_the_nodes_zone(rig: Rig) -> None:
    rig.bench.clock.micros = 1_781_172_000_000_000  # 2026-06-11T10:00:00Z
    await rig.after(0)
    await rig.add("0 0 13 * *")
    await rig.add("CRON_TZ=UTC 0 0 13 * *", job_id="b" * 32)
    assert await rig.after(3599) == 0
    assert await rig.after(1) == 1
    assert await rig.after(2 * 3600) == 2


async def test_a_job_changed_in_place_goes_on_where_it_was_within_its_new_times(rig: Rig) -> None:
    job = await rig.add()
    assert await rig.after(60) == 1
    changed = msgspec.structs.replace(job, version=2, end_at=START + 3 * MINUTE)
    await rig.db.write(*stored_jobs.change(msgspec.structs.replace(changed, version=1), None, rig.bench.clock.now()))
    rig.bench.jobs.add(changed)
    assert await rig.after(0) == 1
    assert len(rig.scheduler._queue) == 1
    assert await rig.after(60) == 2
    assert await rig.after(60) == 3
    assert await rig.after(600) == 3
    rows = await rig.db.read("SELECT job_version FROM runs ORDER BY id")
    assert rows == [(1,), (2,), (2,)]


async def test_an_archived_job_starts_nothing(rig: Rig) -> None:
    job = await rig.add()
    assert await rig.after(60) == 1
    await stored_jobs.archive(rig.db, job.id, rig.bench.clock.now())
    rig.bench.jobs.remove(job.id)
    assert await rig.after(600) == 1
    assert rig.scheduler._queue == []


async def test_many_initiators_share_a_write(rig: Rig) -> None:
    for number in range(700):
        await rig.add(job_id=f"{number:032x}")
    rig.db.operations = 0
    assert await rig.after(60) == 700
    assert rig.db.operations == 2
    assert rig.counted("schedule_lateness_seconds_count") == 700


async def test_a_job_with_several_schedules_fires_by_each(rig: Rig) -> None:
    both = (Initiator(type="cron", schedule="0 * * * *"), Initiator(type="cron", schedule="30 * * * *"))
    await rig.bench.add(Job(id="a" * 32, initiators=both, tasks=(TaskSpec(type="noop"),), created_at=START))
    assert [await rig.after(30) for _ in range(4)] == [1, 2, 3, 4]


async def test_every_keeps_its_rhythm_over_restarts(rig: Rig) -> None:
    await rig.add("@every 1h")
    for _ in range(3):
        assert await rig.away(20 * 60 - 1) == 0
    assert await rig.after(3) == 1


async def test_a_line_that_cannot_be_read_any_more_costs_only_its_own_job(rig: Rig) -> None:
    await rig.add("CRON_TZ=Gone/City 0 * * * *", job_id="b" * 32)
    await rig.add()
    with capture_logs() as logs:
        assert await rig.after(60) == 1
    assert [line["job"] for line in logs if line["log_level"] == "error"] == ["b" * 32]


# --- the job's time --------------------------------------------------------------------------------------------------


async def test_a_job_starts_nothing_before_its_start_or_after_its_end(rig: Rig) -> None:
    await rig.add(start_at=START + 2 * MINUTE, end_at=START + 4 * MINUTE)
    with capture_logs() as logs:
        assert [await rig.after(60) for _ in range(7)] == [0, 1, 2, 3, 3, 3, 3]
    assert logs == []
    assert rig.scheduler._queue == []


async def test_a_time_whose_run_would_come_after_the_end_is_counted(rig: Rig) -> None:
    job = await rig.add(end_at=START + MINUTE)
    with capture_logs() as logs:
        assert await rig.after(60.5) == 0
    assert await rig.fired_at(job) == START + MINUTE
    assert rig.counted("schedule_skips_total", because="window") == 1
    assert "past job's end time" in str(logs)


# --- missed times ----------------------------------------------------------------------------------------------------


async def test_missed_times_are_skipped_and_told(rig: Rig) -> None:
    job = await rig.add()
    await rig.after(60)
    with capture_logs() as logs:
        assert await rig.away(3600.5) == 1
    assert [(line["skipped"], line["because"]) for line in logs if "skipped" in line] == [(60, "the node was away")]
    assert rig.counted("schedule_skips_total", because="missed") == 60
    assert await rig.fired_at(job) == START + 61 * MINUTE
    assert await rig.away(1) == 1
    assert rig.counted("schedule_skips_total", because="missed") == 60
    assert await rig.after(60) == 2


async def test_the_latest_missed_time_is_made_up_for(rig: Rig) -> None:
    await rig.add()
    assert await rig.away(3600.5, missed="latest") == 1
    assert rig.counted("schedule_skips_total", because="missed") == 59
    assert await rig.away(0.5, missed="latest") == 1


async def test_all_missed_times_are_made_up_for_a_hundred_a_second(rig: Rig) -> None:
    job = await rig.add()
    assert await rig.away(250 * 60 + 5, missed="all") == 100
    assert await rig.after(0.5) == 100
    assert await rig.after(0.5) == 200
    assert await rig.after(1) == 250
    assert await rig.after(60) == 251
    assert await rig.fired_at(job) == START + 251 * MINUTE


async def test_a_job_says_what_becomes_of_its_missed_times(rig: Rig) -> None:
    one = await rig.add(missed="latest")
    none = await rig.add(job_id="b" * 32)
    every = await rig.add(job_id="c" * 32, missed="all")
    await rig.away(300.5)
    assert [await rig.runs(job) for job in (one, none, every)] == [1, 0, 5]


async def test_missed_times_wait_while_much_is_under_way(rig: Rig) -> None:
    await rig.add(missed="all")
    for number in range(ENOUGH + 1):
        rig.bench.engine.queue.push(f"{number:032x}")
    assert await rig.away(300.5) == 0
    rig.bench.engine.queue._owned.clear()
    assert await rig.after(1) == 5


async def test_many_jobs_do_not_make_up_for_everything_at_once(rig: Rig) -> None:
    for number in range(60):
        await rig.add(job_id=f"{number:032x}", missed="all")
    rig.db.operations = 0
    started = await rig.away(100 * 60 + 5)
    assert ENOUGH < started <= ENOUGH + 100
    assert rig.db.operations == 5
    rig.bench.engine.queue._owned.clear()
    assert await rig.after(1) > started


# --- overlapping runs ------------------------------------------------------------------------------------------------


async def test_a_run_may_overlap_the_one_before(rig: Rig) -> None:
    await rig.add()
    assert [await rig.after(60) for _ in range(3)] == [1, 2, 3]


async def test_a_time_is_skipped_while_the_run_before_is_not_finished(rig: Rig) -> None:
    job = await rig.add(overlap="skip")
    other = await rig.add(job_id="b" * 32)
    await rig.after(60)
    with capture_logs() as logs:
        await rig.after(60)
    assert (await rig.runs(job), await rig.runs(other)) == (1, 2)
    assert await rig.fired_at(job) == START + 2 * MINUTE
    assert [line["because"] for line in logs] == ["the run before is not finished"]
    assert rig.counted("schedule_skips_total", because="overlap") == 1
    await rig.finish()
    await rig.after(60)
    assert await rig.runs(job) == 2


async def test_late_times_of_which_only_one_may_run_start_one_run(rig: Rig) -> None:
    await rig.add(overlap="skip")
    assert await rig.after(180) == 1
    assert rig.counted("schedule_skips_total", because="overlap") == 2


async def test_missed_times_are_made_up_for_one_by_one_when_runs_may_not_overlap(rig: Rig) -> None:
    await rig.add(missed="all", overlap="skip")
    assert await rig.away(180.5) == 1
    assert await rig.after(1) == 1
    for wanted in (2, 3):
        await rig.finish()
        assert await rig.after(1) == wanted
    await rig.finish()
    assert await rig.after(1) == 3
    assert rig.counted("schedule_skips_total", because="overlap") == 0


# --- the database ----------------------------------------------------------------------------------------------------


async def test_a_time_is_not_lost_when_the_database_cannot_write(rig: Rig) -> None:
    job = await rig.add()
    rig.db.fail = 3
    for seconds in (60, 30, 29):
        with pytest.raises(StorageUnavailable):
            await rig.after(seconds)
    assert await rig.runs() == 0
    assert await rig.after(2) == 2
    assert await rig.fired_at(job) == START + 2 * MINUTE


async def test_a_pile_is_cut_when_the_database_could_not_write_for_long(rig: Rig) -> None:
    await rig.add()
    rig.db.fail = 1
    with pytest.raises(StorageUnavailable):
        await rig.after(60)
    assert await rig.after(3600) == 10
    assert rig.counted("schedule_skips_total", because="late") == 51


async def test_a_lost_answer_starts_nothing_twice_and_its_runs_go_on(rig: Rig) -> None:
    first, second = await rig.add(), await rig.add(job_id="b" * 32)
    rig.db.lose = 1
    with pytest.raises(StorageUnavailable):
        await rig.after(60)
    assert rig.bench.engine.queue.depth == 0
    assert await rig.after(1) == 2
    assert rig.bench.engine.queue.depth == 2
    assert await rig.after(59) == 4
    assert (await rig.runs(first), await rig.runs(second)) == (2, 2)


async def test_a_lost_answer_that_is_asked_about_late_starts_nothing_twice(rig: Rig) -> None:
    job = await rig.add()
    rig.db.lose = 1
    with pytest.raises(StorageUnavailable):
        await rig.after(60)
    assert await rig.after(180) == 4
    assert await rig.fired_at(job) == START + 4 * MINUTE
    assert rig.bench.engine.queue.depth == 4


async def test_one_that_cannot_be_stored_does_not_keep_the_others_from_their_runs(rig: Rig) -> None:
    good, bad = await rig.add(), await rig.add(job_id="b" * 32)
    await rig.after(0)
    await rig.db.write(
        Statement("DELETE FROM task_specs WHERE job_id = ?", [(bad.id,)]),
        Statement("DELETE FROM initiators WHERE job_id = ?", [(bad.id,)]),
        Statement("DELETE FROM jobs WHERE id = ?", [(bad.id,)]),
    )
    with capture_logs() as logs:
        assert await rig.after(60) == await rig.runs(good) == 1
    assert [line["job"] for line in logs if line["log_level"] == "error"] == [bad.id]
    assert await rig.after(60) == await rig.runs(good) == 2


async def test_a_crash_between_decision_and_write_leaves_the_time_missed(rig: Rig) -> None:
    await rig.add(missed="latest")
    rig.db.fail = 1
    with pytest.raises(StorageUnavailable):
        await rig.after(60)
    assert await rig.away(1) == 1
    assert await rig.away(1) == 1


# --- the clock -------------------------------------------------------------------------------------------------------


def jump(rig: Rig, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the machine's clock without time passing."""
    passed = rig.bench.clock.monotonic()
    rig.bench.clock.micros += round(seconds * SECOND)
    shift = rig.bench.clock.monotonic() - passed
    real = rig.bench.clock.monotonic
    monkeypatch.setattr(rig.bench.clock, "monotonic", lambda: real() - shift)


async def test_what_was_due_while_the_machine_slept_counts_as_missed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.add()
    await rig.add(job_id="b" * 32, missed="latest")
    await rig.after(30)
    jump(rig, 8 * 3600, monkeypatch)
    with capture_logs() as logs:
        assert await rig.after(0) == 1
    assert logs[0]["event"].startswith("the clock has gone forward")
    assert rig.counted("schedule_skips_total", because="missed") == 480 + 479
    assert await rig.after(60) == 3


async def test_a_clock_that_goes_back_repeats_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.add()
    assert await rig.after(600) == 10
    jump(rig, -300, monkeypatch)
    with capture_logs() as logs:
        assert await rig.after(240) == 10
    assert "gone back" in logs[0]["event"]
    assert await rig.after(60) == 10
    assert await rig.after(60) == 11


async def test_a_clock_that_is_set_a_little_loses_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.add()
    await rig.after(55)
    jump(rig, 8, monkeypatch)
    assert await rig.after(0) == 1


@pytest.mark.parametrize("ahead", [8 * 3600, 8])
async def test_a_new_job_fires_though_the_clock_was_ahead(rig: Rig, monkeypatch: pytest.MonkeyPatch, ahead: int) -> None:
    jump(rig, ahead, monkeypatch)
    rig.fresh()
    await rig.after(0)
    jump(rig, -ahead, monkeypatch)
    await rig.add("* * * * *")
    assert [await rig.after(1) for _ in range(3)] == [1, 2, 3]
    assert rig.counted("schedule_skips_total", because="missed") == 0


async def test_jobs_that_a_wrong_clock_keeps_waiting_are_named(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.add("0 0 0 1 1 *", job_id="b" * 32)
    fired = await rig.add()
    jump(rig, 7200, monkeypatch)
    created = await rig.add("* * * * *", job_id="c" * 32)
    await rig.after(60)
    jump(rig, -7200, monkeypatch)
    for look in (rig.after, rig.away):
        with capture_logs() as logs:
            await look(1)
        told = [line for line in logs if "the clock was wrong" in line["event"]]
        assert {line["job"] for line in told} == {fired.id, created.id}
        assert told[0]["until"].endswith("Z")


async def test_a_time_far_ahead_is_told(rig: Rig) -> None:
    job = await rig.add()
    await rig.db.write(schedules.fired([schedules.Decided(job.initiators[1].id, START + 7200 * SECOND, None)]))
    with capture_logs() as logs:
        assert await rig.away(1) == 0
    assert "the clock was wrong" in str(logs)


# --- runat -----------------------------------------------------------------------------------------------------------


async def test_a_one_time_run_starts_at_its_time_once(rig: Rig) -> None:
    job = await rig.add(None, run_at=START + 90 * SECOND)
    assert [await rig.after(30) for _ in range(5)] == [0, 0, 1, 1, 1]
    assert rig.bench.jobs.jobs[job.id].initiators[1].ran
    assert await rig.away(3600) == 1
    found = await stored_jobs.get(rig.db, job.id)
    assert found is not None
    assert found.initiators[1].ran
    assert rig.counted("schedule_fires_total", type="runat") == 1


async def test_a_time_in_the_past_starts_its_run_at_once(rig: Rig) -> None:
    await rig.add(None, run_at=START - 10**9)
    assert await rig.after(0) == 1
    assert await rig.away(0) == 1


async def test_a_one_time_run_that_came_while_the_node_was_stopped_is_made_up_for(rig: Rig) -> None:
    await rig.add(None, run_at=START + MINUTE)
    assert await rig.away(3600) == 1
    assert await rig.away(3600) == 1


async def test_a_one_time_run_that_has_been_started_is_not(rig: Rig) -> None:
    await rig.add(None, run_at=START, ran=True)
    assert await rig.after(60) == 0


async def test_a_one_time_run_waits_for_its_job_to_start(rig: Rig) -> None:
    await rig.add(None, run_at=START, start_at=START + 500_000)
    assert await rig.after(0.4) == 0
    assert await rig.after(0.2) == 1


async def test_a_one_time_run_of_a_job_that_has_ended_is_not_started_and_not_marked(rig: Rig) -> None:
    job = await rig.add(None, run_at=START + MINUTE, end_at=START + MINUTE)
    assert await rig.after(61) == 0
    assert await rig.after(3600) == 0
    assert not (await schedules.positions(rig.db, [job.initiators[1].id]))[job.initiators[1].id].ran
    assert await rig.away(1) == 0


async def test_a_lost_answer_does_not_repeat_a_one_time_run(rig: Rig) -> None:
    job = await rig.add(None, run_at=START + MINUTE)
    rig.db.lose = 1
    with pytest.raises(StorageUnavailable):
        await rig.after(60)
    assert await rig.after(1) == 1
    assert rig.bench.jobs.jobs[job.id].initiators[1].ran
    assert rig.bench.engine.queue.depth == 1


# --- the loop --------------------------------------------------------------------------------------------------------


async def test_a_new_job_is_taken_up_at_once_by_the_running_scheduler(rig: Rig) -> None:
    running = asyncio.create_task(rig.scheduler.run())
    try:
        await asyncio.sleep(0)
        await rig.add(None, run_at=START)
        await asyncio.wait_for(rig.db.started.wait(), 5)
    finally:
        running.cancel()


async def test_the_running_scheduler_tries_again_when_the_database_fails(rig: Rig) -> None:
    await rig.add(None, run_at=START)
    rig.db.fail = 2
    running = asyncio.create_task(rig.scheduler.run())
    try:
        await asyncio.wait_for(rig.db.started.wait(), 5)
    finally:
        running.cancel()
    assert await rig.runs() == 1


async def test_the_registry_tells_of_each_change() -> None:
    registry = JobRegistry(open_memory())
    told: list[int] = []
    registry.listen(lambda: told.append(registry.version))
    registry.add(Job(id="a" * 32, initiators=(), tasks=()))
    registry.remove("a" * 32)
    assert told == [1, 2]
