"""Numbers of changes: in the order in which they can be read, never given twice, on every database."""

from __future__ import annotations

from adyton.domain.chain import Log, Receipt
from adyton.domain.requests import read_run_log
from adyton.domain.runs import Run, RunStatus, moved
from adyton.domain.transactions import Fee, SignedTransaction, TransactionRequest
from adyton.engine.create import RunSource
from adyton.storage import (
    changes,
    finished_transactions,
    keys,
    operator_transactions,
    request_runs,
    run_history,
    transaction_runs,
)
from adyton.storage import runs as stored
from adyton.storage import transactions as stored_transactions
from adyton.storage.connect import open_memory
from adyton.storage.database import Database, Row, Statement
from support.api import PassingDatabase
from support.builders import JOB_ID, NOW, ORACLE, SENDER, Bench, job, number_hash, run_log

FAR = 2**60
LEGACY = Fee(gas_price=2**90)


async def bench(database: Database) -> Bench:
    """The parts of an engine around the database, and a job."""
    found = Bench(database)
    await found.add(job())
    return found


def started(of: Bench) -> Run:
    """A run that a client asked for, not stored."""
    spec = of.jobs.jobs[JOB_ID]
    return of.maker.new_run(spec, spec.initiators[0], RunSource(given={}))


def asked(of: Bench) -> Run:
    """A run that a log at block 100 asked for, not stored."""
    spec, log = of.jobs.jobs[JOB_ID], run_log()
    return of.maker.from_log(spec, spec.initiators[1], log, read_run_log(log), 100)


def signed(number: int) -> SignedTransaction:
    return SignedTransaction(raw="0x00", hash=number_hash(number))


def receipt(number: int) -> Receipt:
    log = Log(ORACLE, (), "0x", 100, number_hash(100), signed(number).hash, 0, 0)
    return Receipt(signed(number).hash, 100, number_hash(100), 1, 21000, 2**90, (log,))


async def wanted(database: Database, *names: str) -> list[int]:
    """The ids of transactions that runs of these names want."""
    await keys.ensure(database, [SENDER], 1)
    request = TransactionRequest(to=ORACLE, data="0x")
    for name in names:
        insert = stored_transactions.insert(request, sender=SENDER, run_id=name, task_position=0, min_confirmations=3, now=5)
        await database.write(insert)
    found = await stored_transactions.of_runs(database, names)
    return [found[name, 0].id for name in names]


async def numbers(database: Database) -> list[int]:
    """The numbers of all runs, in their order."""
    return [found.change for found in await changes.runs(database, 0, limit=FAR)]


# --- runs ------------------------------------------------------------------------------------------------------------


async def test_every_write_of_a_run_gives_it_the_next_number(database: Database) -> None:
    of = await bench(database)
    first, second, third = started(of), asked(of), started(of)

    await database.write(stored.insert([first, second, third]))
    assert [found.id for found in await changes.runs(database, 0, limit=9)] == [first.id, second.id, third.id]

    place = await changes.newest(database)
    await database.write(*stored.save(moved(first, RunStatus.COMPLETED, NOW + 1), ()))
    (found,) = await changes.runs(database, place.runs, limit=9)

    assert (found.id, found.status, found.version, found.finished_at) == (first.id, "completed", 2, NOW + 1)
    assert await numbers(database) == [2, 3, 4]


async def test_what_is_written_late_with_an_early_time_is_read_all_the_same(database: Database) -> None:
    of = await bench(database)
    early, late = started(of), started(of)
    outcome = moved(early, RunStatus.ERRORED, NOW, error="it was stored after a long fault of the disk")
    await database.write(stored.insert([early, late]))
    await database.write(*stored.save(moved(late, RunStatus.COMPLETED, NOW + 3600_000_000), ()))
    place = await changes.newest(database)

    await database.write(*stored.save(outcome, ()))

    assert [found.id for found in await changes.runs(database, place.runs, limit=9)] == [early.id]


async def test_a_reorganisation_and_a_request_that_is_cancelled_are_changes(database: Database) -> None:
    of = await bench(database)
    run = asked(of)
    assert run.request is not None
    assert run.request.request_id is not None
    key = (run.request.contract, run.request.request_id)
    await database.write(stored.insert([run]))
    seen = [await changes.newest(database)]
    for statement in (
        request_runs.called_off([(*key, "because", 7)], NOW + 1),
        request_runs.revived([key], NOW + 2),
        request_runs.move(run.id, run.request, {}, payment=None, height=101, by=1, now=NOW + 3),
        request_runs.superseded([(run.id, "another", "because")], NOW + 4),
    ):
        await database.write(statement)
        seen.append(await changes.newest(database))

    assert [place.runs for place in seen] == [1, 2, 3, 4, 5]


async def test_the_number_of_a_deleted_run_is_not_given_again_and_tells_who_has_missed_it(database: Database) -> None:
    of = await bench(database)
    run = started(of)
    await database.write(stored.insert([run]))
    await database.write(*stored.save(moved(run, RunStatus.COMPLETED, NOW), ()))

    await run_history.delete(database, [RunStatus.COMPLETED], before=NOW + 1, settled=0, limit=9)
    assert await numbers(database) == []
    assert await changes.deleted(database) == changes.Place(2, 0)

    await database.write(stored.insert([started(of)]))
    assert await numbers(database) == [3]


# --- transactions ----------------------------------------------------------------------------------------------------


async def test_every_step_of_a_transaction_is_a_change_with_what_it_came_to(database: Database) -> None:
    (number,) = await wanted(database, "run")
    transaction = await stored_transactions.of_task(database, "run", 0)
    assert transaction is not None
    steps: list[tuple[Statement, ...]] = [
        stored_transactions.started(transaction, 4, signed(1), LEGACY, 7),
        stored_transactions.accepted(number, 9),
        stored_transactions.bumped(number, signed(2), LEGACY, 10),
        stored_transactions.confirmed([stored_transactions.Inclusion(number, receipt(2), 102)]),
        (stored_transactions.safe([number]),),
        (stored_transactions.reopened([number]),),
    ]
    seen, place = [], 1
    for statements in steps:
        await database.write(*statements)
        (found,) = await changes.transactions(database, place, limit=9)
        seen.append((found.change, found.state, found.nonce, found.hash, found.block, found.receipt_status))
        place = found.change

    first, more = signed(1).hash, signed(2).hash
    assert seen == [
        (2, "in_progress", 4, first, None, None),
        (3, "unconfirmed", 4, first, None, None),
        (4, "unconfirmed", 4, more, None, None),
        (5, "confirmed", 4, more, 100, 1),
        (6, "safe", 4, more, 100, 1),
        (7, "unconfirmed", 4, more, None, None),
    ]


async def test_what_an_operator_sees_of_a_transaction_is_a_change_and_what_he_does_not_see_is_none(database: Database) -> None:
    (found,) = await wanted(database, "run")
    transaction = await stored_transactions.of_task(database, "run", 0)
    assert transaction is not None
    await database.write(*stored_transactions.started(transaction, 0, signed(1), LEGACY, 7))
    await database.write(*stored_transactions.accepted(found, 9))
    before = (await changes.newest(database)).transactions

    await database.write(*stored_transactions.seen(7), stored_transactions.sent_again([found], 8))
    assert (await changes.newest(database)).transactions == before

    await database.write(stored_transactions.says(found, "the price is above the cap"))
    (change,) = await changes.transactions(database, before, limit=9)
    assert change.waiting == "the price is above the cap"


async def test_the_number_of_a_transaction_that_is_gone_is_not_given_again(database: Database) -> None:
    first, second = await wanted(database, "one", "two")
    await database.write(*transaction_runs.withdrawn(second))
    assert (await changes.newest(database)).transactions == 2, "who has seen it is not ahead of the database"
    await wanted(database, "three")
    assert [found.change for found in await changes.transactions(database, 0, limit=9)] == [1, 3]
    assert await changes.deleted(database) == changes.Place()

    await database.write(operator_transactions.cancelled(first))
    assert await finished_transactions.reap(database, before=FAR, below=FAR, limit=9) == 1
    assert await changes.deleted(database) == changes.Place(0, 4)

    await wanted(database, "four")
    assert [found.change for found in await changes.transactions(database, 0, limit=9)] == [3, 5]


# --- cost ------------------------------------------------------------------------------------------------------------


async def test_changes_are_numbered_and_read_without_reading_the_rest() -> None:
    steps: list[str] = []

    class Plans(PassingDatabase):
        async def read(self, sql: str, params: Row = ()) -> list[Row]:
            steps.extend(str(row[-1]) for row in await self.real.read(f"EXPLAIN QUERY PLAN {sql}", params))
            return await self.real.read(sql, params)

    plans = Plans(open_memory())
    await changes.runs(plans, 5, limit=5)
    await changes.transactions(plans, 5, limit=5)
    await changes.newest(plans)
    for table, number in (("runs", changes.RUN_CHANGE), ("transactions", changes.TRANSACTION_CHANGE)):
        await plans.read(f"SELECT {number} FROM {table} WHERE id = ?", ("x",))
    await plans.close()

    assert steps
    assert not [step for step in steps if step.startswith("SCAN") and step != "SCAN CONSTANT ROW"]
    assert not [step for step in steps if "TEMP B-TREE" in step]
