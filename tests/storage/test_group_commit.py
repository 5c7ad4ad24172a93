"""Operations that wait together share a commit, and nothing that happens to one caller harms another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from adyton.domain.errors import Broken, Conflict, StorageUnavailable
from adyton.storage.database import Database, Statement
from adyton.storage.writer import BATCH, Outcome, Statements, Step, Writer, plan

JOB = "INSERT INTO jobs (id, created_at) VALUES (?, 0)"


def job(name: str) -> Statement:
    return Statement(JOB, [(name,)])


async def count(database: Database) -> object:
    return (await database.read("SELECT COUNT(*) FROM jobs"))[0][0]


def in_memory(database: Database) -> bool:
    return type(database).__name__ == "MemoryDatabase"


@pytest.mark.parametrize(("callers", "commits"), [(1, 1), (BATCH, 1), (BATCH + 1, 2), (3 * BATCH, 3)])
async def test_callers_that_wait_together_share_a_commit(database: Database, callers: int, commits: int) -> None:
    before = database.commits

    await asyncio.gather(*(database.write(job(str(number))) for number in range(callers)))

    assert database.commits - before == (callers if in_memory(database) else commits)
    assert await count(database) == callers


async def test_a_guilty_operation_does_not_cost_the_others_their_shared_commit(database: Database) -> None:
    await database.write(job("taken"))
    before = database.commits

    outcomes = await asyncio.gather(
        *(database.write(job(name)) for name in ("a", "taken", "b", "taken", "c")), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes] == [list, Conflict, list, Conflict, list]
    assert database.commits - before == (3 if in_memory(database) else 1)


async def test_a_lone_guilty_operation_commits_nothing(database: Database) -> None:
    await database.write(job("taken"))
    before = database.commits

    with pytest.raises(Conflict):
        await database.write(job("taken"))

    assert database.commits == before


async def test_a_cancelled_caller_breaks_nothing(database: Database) -> None:
    callers = [asyncio.ensure_future(database.write(job(f"{number:02}"))) for number in range(20)]
    await asyncio.sleep(0)  # all of them wait now
    callers[3].cancel()
    callers[7].cancel()

    outcomes = await asyncio.gather(*callers, return_exceptions=True)

    cancelled = {number for number, outcome in enumerate(outcomes) if isinstance(outcome, asyncio.CancelledError)}
    assert cancelled == (set() if in_memory(database) else {3, 7})
    await database.write(job("later"))
    assert await count(database) in {19, 20, 21}


async def test_a_caller_cancelled_during_the_commit_breaks_nothing(database: Database) -> None:
    for number in range(20):
        caller = asyncio.ensure_future(database.write(job(f"{number:02}")))
        for _ in range(number % 5 + 1):
            await asyncio.sleep(0)
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)

    await database.write(job("later"))
    assert await database.read("SELECT id FROM jobs WHERE id = 'later'") == [("later",)]


# --- the writer alone -------------------------------------------------------------------------------------------------


async def test_operations_gather_while_a_batch_is_being_committed() -> None:
    batches: list[int] = []
    started, go_on = asyncio.Event(), asyncio.Event()

    async def apply(operations: Sequence[Statements]) -> Sequence[Outcome]:
        batches.append(len(operations))
        started.set()
        await go_on.wait()
        return [[] for _ in operations]

    writer = Writer(apply)
    first = asyncio.ensure_future(writer.write((job("a"),)))
    await started.wait()
    rest = [asyncio.ensure_future(writer.write((job("b"),))) for _ in range(9)]
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(first, *rest)
    await writer.close()

    assert batches == [1, 9]


async def test_the_writer_outlives_an_error_of_the_database() -> None:
    failures = [RuntimeError("the database is broken")]

    async def apply(operations: Sequence[Statements]) -> Sequence[Outcome]:
        if failures:
            raise failures.pop()
        return [[] for _ in operations]

    writer = Writer(apply)
    with pytest.raises(Broken, match="the database is broken"):
        await writer.write((job("a"),))

    assert await writer.write((job("b"),)) == []
    await writer.close()


async def test_callers_are_told_when_the_writer_is_cancelled_with_its_loop() -> None:
    started = asyncio.Event()

    async def apply(operations: Sequence[Statements]) -> Sequence[Outcome]:
        started.set()
        await asyncio.Event().wait()
        return [[] for _ in operations]

    writer = Writer(apply)
    callers = [asyncio.ensure_future(writer.write((job("a"),)))]
    await started.wait()
    callers.append(asyncio.ensure_future(writer.write((job("b"),))))
    await asyncio.sleep(0)
    (task,) = (task for task in asyncio.all_tasks() if task.get_name() == "storage writer")
    task.cancel()

    outcomes = await asyncio.gather(*callers, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [StorageUnavailable, StorageUnavailable]


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_operations_of_one_shape_run_text_by_text() -> None:
    operations = [(Statement("A", [(1,)]), Statement("B", [(2,)])), (Statement("A", [(3,), (4,)]), Statement("B", [(5,)]))]

    assert list(plan(operations)) == [Step("A", [(1,), (3,), (4,)], None), Step("B", [(2,), (5,)], None)]


def test_operations_of_different_shapes_keep_apart() -> None:
    operations = [(Statement("A", [(1,)]),), (Statement("A", [(2,)]), Statement("B", [(3,)])), (Statement("A", [(4,)]),)]

    assert list(plan(operations)) == [Step("A", [(1,), (4,)], None), Step("A", [(2,)], None), Step("B", [(3,)], None)]


def test_operations_that_want_rows_back_run_one_after_the_other() -> None:
    operations = [(Statement("A", [(n,)], returning=True), Statement("B", [(n,)])) for n in (1, 2)]

    assert list(plan(operations)) == [
        Step("A", [(1,)], 0),
        Step("B", [(1,)], None),
        Step("A", [(2,)], 1),
        Step("B", [(2,)], None),
    ]
