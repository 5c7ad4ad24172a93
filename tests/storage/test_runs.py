"""Jobs and runs: what is stored is read back, on every database, however much there is."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from adyton.domain.errors import Conflict
from adyton.domain.jobs import Initiator, Job, TaskSpec
from adyton.domain.requests import read_run_log
from adyton.domain.runs import Completed, Errored, Run, RunStatus, after, moved
from adyton.domain.transactions import TransactionRequest
from adyton.engine.create import RunSource
from adyton.storage import jobs as stored_jobs
from adyton.storage import request_runs, run_lists
from adyton.storage import runs as stored
from adyton.storage import transactions as stored_transactions
from adyton.storage.connect import open_memory
from adyton.storage.database import Database, Row, Statement
from adyton.storage.lists import Lists
from support.api import PassingDatabase
from support.builders import JOB_ID, NOW, ORACLE, REQUESTER, SENDER, Bench, job, run_log

MANY = 1201
"""More than are asked for at once."""


async def bench(database: Database, *tasks: TaskSpec | str) -> Bench:
    """The parts of an engine around the database, and a job."""
    found = Bench(database)
    await found.add(job(*tasks or ("noop", "noop")))
    return found


def started(of: Bench, given: object = None) -> Run:
    """A run that a client asked for, not stored."""
    spec = of.jobs.jobs[JOB_ID]
    return of.maker.new_run(spec, spec.initiators[0], RunSource(given={} if given is None else given))


def asked(of: Bench, request: int = 1) -> Run:
    """A run that a log at block 100 asked for, not stored."""
    spec, log = of.jobs.jobs[JOB_ID], run_log(request=request)
    return of.maker.from_log(spec, spec.initiators[1], log, read_run_log(log), 100)


def waiting(run: Run, *, wake_height: int | None) -> Run:
    """The run, in progress no more."""
    return msgspec.structs.replace(run, status=RunStatus.PENDING_CONFIRMATIONS, wake_height=wake_height)


async def page(
    of: Bench, job_id: str | None = None, *, offset: int = 0, limit: int, descending: bool = False
) -> tuple[list[Run], int]:
    """A page of runs, and how many there are."""
    wanted = run_lists.Wanted(job_id=job_id)
    found = await run_lists.page(Lists(of.db), of.jobs, wanted, offset=offset, limit=limit, descending=descending)
    return await found.whole(), found.count


# --- jobs ------------------------------------------------------------------------------------------------------------


async def test_a_job_is_read_as_it_was_stored(database: Database) -> None:
    spec = Job(
        id=JOB_ID,
        created_at=NOW,
        start_at=NOW + 1,
        end_at=NOW + 2,
        initiators=(Initiator(type="web"), Initiator(type="runlog", address=ORACLE, requesters=(REQUESTER, SENDER))),
        tasks=(
            TaskSpec(type="copy", confirmations=2**32 - 1, params={"n": 2**70, "d": Decimal("1.10"), "z": "\0é"}),
            TaskSpec(type="noop"),
        ),
    )

    made = await stored_jobs.create(database, spec)

    assert await stored_jobs.get(database, JOB_ID) == made
    assert await stored_jobs.live(database) == [made]
    assert [task.params for task in made.tasks] == [task.params for task in spec.tasks]
    assert len({task.id for task in made.tasks}) == len({initiator.id for initiator in made.initiators}) == 2


async def test_jobs_are_read_all_at_once_however_many_there_are(database: Database) -> None:
    for number in range(MANY):
        await stored_jobs.create(database, msgspec.structs.replace(job(job_id=f"{number:032x}"), created_at=NOW + number))

    everything = await stored_jobs.live(database, chunk=500)

    assert sorted(int(item.id, 16) for item in everything) == list(range(MANY))
    assert all(len(item.tasks) == 1 and len(item.initiators) == 2 for item in everything)


async def test_an_archived_job_is_found_only_by_who_asks_for_it(database: Database) -> None:
    made = await stored_jobs.create(database, job())

    assert await stored_jobs.archive(database, JOB_ID, NOW + 5)
    assert not await stored_jobs.archive(database, JOB_ID, NOW + 6)

    assert await stored_jobs.get(database, JOB_ID) is None
    assert await stored_jobs.get(database, JOB_ID, archived=True) == msgspec.structs.replace(made, archived_at=NOW + 5)
    assert await stored_jobs.live(database) == []


# --- runs ------------------------------------------------------------------------------------------------------------


async def test_a_run_is_read_as_it_was_stored(database: Database) -> None:
    of = await bench(database)
    run, other = started(of, {"n": 2**70, "d": Decimal("1.10"), "z": "\0é"}), asked(of)
    await database.write(stored.insert([run, other]))

    assert await stored.get(database, run.id, of.jobs) == run
    assert await stored.get(database, other.id, of.jobs) == other
    assert await stored.many(database, [other.id, "0" * 32, run.id], of.jobs) == [run, other]
    assert await stored.get(database, "0" * 32, of.jobs) is None


@pytest.mark.parametrize("given", [[], "x\0", 1, Decimal("1.50"), True])
async def test_an_input_that_is_no_object_is_read_as_it_was(database: Database, given: object) -> None:
    of = await bench(database)
    run = started(of, given)
    await database.write(stored.insert([run]))
    assert await stored.get(database, run.id, of.jobs) == run


async def test_the_outcomes_of_tasks_are_read_with_their_run_in_every_way(database: Database) -> None:
    of = await bench(database)
    run = started(of)
    await database.write(stored.insert([run]))

    first = after(run, 0, Completed({"result": Decimal("0.5")}), NOW + 1)
    await database.write(*stored.save(first, [first.tasks[0]]))
    second = msgspec.structs.replace(first, version=2)
    last = after(second, 1, Errored("a\0b", {"result": None}), NOW + 2)
    await database.write(*stored.save(last, [last.tasks[1]]))

    found = await stored.get(database, run.id, of.jobs)
    assert found is not None
    assert (found.version, found.status, found.error, found.finished_at) == (3, RunStatus.ERRORED, "a\ufffdb", NOW + 2)
    assert [task.data for task in found.tasks] == [{"result": Decimal("0.5")}, {"result": None}]
    assert await stored.many(database, [run.id], of.jobs) == [found]
    assert await page(of, limit=5) == ([found], 1)


async def test_a_save_from_an_old_state_changes_nothing(database: Database) -> None:
    of = await bench(database)
    run = started(of)
    await database.write(stored.insert([run]))
    done = after(run, 0, Completed({}), NOW + 1)
    await database.write(*stored.save(done, [done.tasks[0]]))

    late = moved(run, RunStatus.ERRORED, NOW + 9, error="late")
    with pytest.raises(Conflict):
        await database.write(*stored.save(late, [msgspec.structs.replace(run.tasks[0], status=RunStatus.ERRORED, data={})]))

    assert await stored.get(database, run.id, of.jobs) == msgspec.structs.replace(done, version=2)


async def test_a_request_starts_one_run_only(database: Database) -> None:
    of = await bench(database)
    run = asked(of)
    await database.write(stored.insert([run]))
    with pytest.raises(Conflict):
        await database.write(stored.insert([asked(of)]))
    assert run.request is not None
    key = (ORACLE, str(run.request.request_id))
    found = (await request_runs.of_requests(database, [key]))[key]
    assert (found.id, found.height, found.block_hash) == (run.id, 100, run.request.block_hash)


async def test_runs_are_listed_by_age_however_many_there_are(database: Database) -> None:
    of = await bench(database)
    runs = [started(of) for _ in range(MANY)]
    await database.write(stored.insert(runs))
    await database.write(*[stored.save(after(run, 0, Completed({"n": 1}), NOW), [])[0] for run in runs[:3]])

    everything, count = await page(of, limit=2**63 - 1)
    newest, _ = await page(of, JOB_ID, offset=1, limit=2, descending=True)

    assert count == len(everything) == MANY
    assert [run.id for run in everything] == [run.id for run in runs]
    assert [run.id for run in newest] == [runs[-2].id, runs[-3].id]
    assert await page(of, "0" * 32, limit=5) == ([], 0)


async def test_the_runs_of_an_archived_job_are_not_listed_but_go_on(database: Database) -> None:
    of = await bench(database)
    run = started(of)
    await database.write(stored.insert([run]))
    await stored_jobs.archive(database, JOB_ID, NOW)
    of.jobs.remove(JOB_ID)

    assert await page(of, limit=5) == ([], 0)
    assert await page(of, JOB_ID, limit=5) == ([], 0)
    assert (await stored.get(database, run.id, of.jobs) or run).status is RunStatus.IN_PROGRESS
    assert await stored.unfinished(database, RunStatus.IN_PROGRESS, limit=5) == [run.id]


# --- what is due -----------------------------------------------------------------------------------------------------


async def test_a_head_finds_the_runs_that_it_completes_and_no_others(database: Database) -> None:
    of = await bench(database)
    runs = [waiting(started(of), wake_height=height) for height in (103, 101, 102, None)]
    await database.write(stored.insert([*runs, started(of)]))

    assert await stored.due_at(database, 100, limit=9) == []
    assert await stored.due_at(database, 102, limit=9) == [runs[1].id, runs[2].id]
    assert await stored.due_at(database, 1000, limit=2) == [runs[1].id, runs[2].id]


async def test_unfinished_runs_are_found_behind_the_last_one_seen(database: Database) -> None:
    of = await bench(database)
    runs = [started(of) for _ in range(5)]
    await database.write(stored.insert([*runs, waiting(started(of), wake_height=5)]))

    first = await stored.unfinished(database, RunStatus.IN_PROGRESS, limit=3)
    rest = await stored.unfinished(database, RunStatus.IN_PROGRESS, after=first[-1], limit=3)

    assert [*first, *rest] == [run.id for run in runs]


async def test_runs_are_settled_when_all_their_transactions_are(database: Database) -> None:
    of = await bench(database)
    runs = [waiting(started(of), wake_height=height) for height in (None, None, None, 7)]
    await database.write(stored.insert(runs))
    request = TransactionRequest(to=ORACLE, data="0x")
    for run in (runs[0], runs[1], runs[3]):
        await database.write(
            stored_transactions.insert(request, sender=SENDER, run_id=run.id, task_position=0, min_confirmations=1, now=NOW)
        )
    failed = "UPDATE transactions SET state = 'fatal_error', error = 'x' WHERE run_id = ?"
    await database.write(Statement(failed, [(runs[0].id,), (runs[3].id,)]))

    # What the third asked for was taken back, the fourth waits for the confirmations of its request.
    assert await stored_transactions.settled_runs(database) == [runs[0].id, runs[2].id]


def due(run: Run, at: int, status: RunStatus = RunStatus.PENDING_SLEEP) -> Run:
    """The run, waiting until a time."""
    return msgspec.structs.replace(run, status=status, due_at=at)


async def test_runs_are_found_when_they_are_due_in_the_order_of_their_times(database: Database) -> None:
    of = await bench(database)
    runs = [due(started(of), NOW + at) for at in (5, 3, 3, 9)]
    await database.write(stored.insert([*runs, started(of)]))
    wanted = [(NOW + 3, runs[1].id), (NOW + 3, runs[2].id), (NOW + 5, runs[0].id)]

    assert await stored.overdue(database, NOW + 2, limit=9) == []
    assert await stored.overdue(database, NOW + 5, limit=9) == wanted
    assert await stored.overdue(database, NOW + 5, limit=2) == wanted[:2]
    assert await stored.overdue(database, NOW + 5, behind=wanted[0], limit=9) == wanted[1:]
    assert await stored.next_due(database, NOW) == NOW + 3
    assert await stored.next_due(database, NOW + 5) == NOW + 9
    assert await stored.next_due(database, NOW + 9) is None


async def test_a_run_that_its_requester_calls_off_is_not_due_any_more(database: Database) -> None:
    of = await bench(database)
    runs = [due(asked(of, number), NOW, RunStatus.PENDING_BRIDGE) for number in (1, 2)]
    await database.write(stored.insert(runs))
    place = runs[0].request
    assert place is not None

    await database.write(request_runs.called_off([(place.contract, str(place.request_id), "why", 7)], NOW))
    await database.write(request_runs.superseded([(runs[1].id, "f" * 32, "another")], NOW))

    assert await stored.overdue(database, NOW + 9, limit=9) == []
    assert await database.read("SELECT COUNT(*) FROM runs WHERE due_at IS NULL") == [(2,)]


async def test_runs_that_wait_without_a_deadline_are_found_but_not_those_that_wait_for_a_transaction(
    database: Database,
) -> None:
    of = await bench(database)
    silent = msgspec.structs.replace(started(of), status=RunStatus.PENDING_BRIDGE)
    sent, unconfirmed = waiting(started(of), wake_height=None), waiting(started(of), wake_height=9)
    await database.write(stored.insert([silent, due(started(of), NOW, RunStatus.PENDING_BRIDGE), sent, unconfirmed]))

    assert await stored.undated(database, RunStatus.PENDING_BRIDGE, limit=9) == [silent.id]
    assert await stored.undated(database, RunStatus.PENDING_BRIDGE, after=silent.id, limit=9) == []
    assert await stored.undated(database, RunStatus.PENDING_CONFIRMATIONS, limit=9) == [unconfirmed.id]


async def test_a_run_that_has_a_deadline_of_its_own_is_not_settled(database: Database) -> None:
    of = await bench(database)
    await database.write(stored.insert([due(started(of), NOW, RunStatus.PENDING_CONFIRMATIONS)]))
    assert await stored_transactions.settled_runs(database) == []


async def test_the_input_is_stored_again_only_when_that_is_asked_for(database: Database) -> None:
    of = await bench(database)
    run = started(of, {"n": 1})
    await database.write(stored.insert([run]))
    changed = msgspec.structs.replace(run, input={"n": 2})

    await database.write(*stored.save(changed, ()))
    assert (await stored.get(database, run.id, of.jobs) or run).input == {"n": 1}
    await database.write(*stored.save(msgspec.structs.replace(changed, version=2), (), with_input=True))
    assert (await stored.get(database, run.id, of.jobs) or run).input == {"n": 2}
    with pytest.raises(Conflict):
        await database.write(*stored.save(msgspec.structs.replace(changed, input={"n": 3}), (), with_input=True))
    assert (await stored.get(database, run.id, of.jobs) or run).input == {"n": 2}


class Plans(PassingDatabase):
    """Notes how SQLite would find the rows of each query."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.steps: list[str] = []

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        self.steps += [str(row[-1]) for row in await self.real.read(f"EXPLAIN QUERY PLAN {sql}", params)]
        return await self.real.read(sql, params)


async def test_what_is_due_is_found_without_reading_what_is_finished() -> None:
    plans = Plans(open_memory())

    await stored_transactions.settled_runs(plans)
    await stored.due_at(plans, 100, limit=5)
    await stored.unfinished(plans, RunStatus.IN_PROGRESS, limit=5)
    await stored.overdue(plans, NOW, limit=5)
    await stored.next_due(plans, NOW)
    await plans.close()

    of_runs = [step for step in plans.steps if "runs_unfinished" in step]
    assert len(of_runs) == 3
    assert len([step for step in plans.steps if "runs_due" in step]) == 2
    assert not [step for step in plans.steps if step.startswith("SCAN")]


async def test_the_runs_of_many_requests_are_found_without_reading_the_others() -> None:
    plans = Plans(open_memory())
    await request_runs.of_requests(plans, [(ORACLE, f"0x{number:064x}") for number in range(500)])
    await plans.close()
    assert len([step for step in plans.steps if step.startswith("SEARCH r USING INDEX runs_one_per_request")]) == 2
    assert not [step for step in plans.steps if step.startswith(("SCAN r ", "SCAN runs"))]


async def test_one_run_is_one_query() -> None:
    plans = Plans(open_memory())
    of = await bench(plans)
    run = started(of)
    await plans.write(stored.insert([run]))
    plans.steps.clear()

    await stored.get(plans, run.id, of.jobs)
    await plans.close()

    assert [step.split()[0] for step in plans.steps] == ["SEARCH", "SEARCH"]
