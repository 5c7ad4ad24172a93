"""What every database promises to whoever writes and reads. Runs on SQLite (file and memory) and on PostgreSQL."""

from __future__ import annotations

import asyncio

import pytest

from adyton.domain.errors import Broken, Conflict, StorageUnavailable
from adyton.storage import facts
from adyton.storage.database import Database, Row, Statement, Value

JOB = "INSERT INTO jobs (id, created_at) VALUES (?, ?)"
SPEC = "INSERT INTO task_specs (job_id, position, type, params, created_at, updated_at) VALUES (?, ?, 'copy', ?, ?, ?)"
RUN = (
    "INSERT INTO runs (id, job_id, initiator_id, status, version, created_at, updated_at, input) "
    "VALUES (?, ?, 1, 'in_progress', 1, 0, 0, ?)"
)
TASK_RUN = "INSERT INTO task_runs (run_id, position, status, data, updated_at) VALUES (?, ?, 'completed', ?, 0)"
FINISH = (
    "UPDATE runs SET status = 'completed', finished_at = ?, version = CASE WHEN version = ? THEN version + 1 END WHERE id = ?"
)


def job(name: str, created_at: int = 0) -> Statement:
    return Statement(JOB, [(name, created_at)])


def run(name: str, text: str = "{}") -> Statement:
    return Statement(RUN, [(name, "job", text)])


def finish(name: str, *, version: int = 1) -> tuple[Statement, Statement]:
    return Statement(TASK_RUN, [(name, position, "{}") for position in range(5)]), Statement(FINISH, [(9, version, name)])


async def names(database: Database, table: str = "jobs") -> list[Value]:
    return [row[0] for row in await database.read(f"SELECT id FROM {table} ORDER BY id")]


async def test_a_write_is_read_back(database: Database) -> None:
    await database.write(job("a", 5), job("b", 6))

    assert await database.read("SELECT id, created_at, start_at FROM jobs ORDER BY id") == [("a", 5, None), ("b", 6, None)]


async def test_rows_are_plain_tuples(database: Database) -> None:
    await database.write(job("a"))

    (row,) = await database.read("SELECT id, created_at FROM jobs")

    assert type(row) is tuple


async def test_a_query_without_rows_gives_an_empty_list(database: Database) -> None:
    assert await database.read("SELECT id FROM jobs WHERE id = ?", ("nobody",)) == []


async def test_a_statement_without_rows_does_nothing(database: Database) -> None:
    assert await database.write(Statement(JOB, [])) == []
    assert await names(database) == []


async def test_an_operation_is_all_or_nothing(database: Database) -> None:
    await database.write(job("taken"))

    with pytest.raises(Conflict):
        await database.write(job("new"), job("taken"))

    assert await names(database) == ["taken"]


async def test_a_read_sees_every_acknowledged_write(database: Database) -> None:
    async def write_then_count(number: int) -> None:
        await database.write(job(f"{number:03}"))
        assert await database.read("SELECT id FROM jobs WHERE id = ?", (f"{number:03}",)) == [(f"{number:03}",)]

    await asyncio.gather(*(write_then_count(number) for number in range(50)))


async def test_only_the_guilty_operation_of_a_shared_commit_fails(database: Database) -> None:
    await database.write(job("taken"))
    wanted = ["a", "b", "taken", "c", "a2"]

    outcomes = await asyncio.gather(*(database.write(job(name)) for name in wanted), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [list, list, Conflict, list, list]
    assert await names(database) == ["a", "a2", "b", "c", "taken"]


async def test_a_wrong_statement_fails_alone_and_is_our_fault(database: Database) -> None:
    outcomes = await asyncio.gather(
        database.write(job("a")),
        database.write(Statement("INSERT INTO nothing_like_that VALUES (?)", [(1,)])),
        database.write(job("b")),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [list, Broken, list]
    assert await names(database) == ["a", "b"]


async def test_a_wrong_query_is_our_fault(database: Database) -> None:
    with pytest.raises(Broken):
        await database.read("SELECT nothing FROM nowhere")

    assert await names(database) == []


async def test_a_reference_to_nothing_is_a_conflict(database: Database) -> None:
    with pytest.raises(Conflict):
        await database.write(run("orphan"))


async def test_a_missing_value_is_a_conflict(database: Database) -> None:
    with pytest.raises(Conflict):
        await database.write(Statement(JOB, [("a", None)]))


async def test_a_fence_lets_one_of_two_racers_through(database: Database) -> None:
    await database.write(job("job"), run("r"))

    outcomes = await asyncio.gather(database.write(*finish("r")), database.write(*finish("r")), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "list"]
    assert await database.read("SELECT version, status FROM runs") == [(2, "completed")]
    assert await database.read("SELECT COUNT(*) FROM task_runs") == [(5,)]


async def test_many_callers_of_one_shape_and_of_many_are_all_served(database: Database) -> None:
    await database.write(job("job"))

    async def one_run(number: int) -> None:
        await database.write(run(f"{number:03}"))
        await database.write(*finish(f"{number:03}"))

    await asyncio.gather(*(one_run(number) for number in range(300)), *(database.write(job(f"x{n}")) for n in range(20)))

    assert await database.read("SELECT COUNT(*), MIN(version) FROM runs WHERE status = 'completed'") == [(300, 2)]
    assert await database.read("SELECT COUNT(*) FROM task_runs") == [(1500,)]


async def test_returning_hands_rows_to_the_one_who_asked(database: Database) -> None:
    sql = SPEC + " RETURNING id, position"
    rows: list[Row] = [("job", position, "{}", 0, 0) for position in range(3)]
    await database.write(job("job"))

    answers = await asyncio.gather(
        *(
            database.write(Statement(sql, rows, returning=True), job(f"j{n}"), Statement(sql, rows[:1], returning=True))
            for n in (1, 2)
        ),
        database.write(job("j3")),
    )

    first, second, third = answers
    assert [[row[1] for row in rows_back] for rows_back in first] == [[0, 1, 2], [0]]
    assert [[row[1] for row in rows_back] for rows_back in second] == [[0, 1, 2], [0]]
    assert third == []
    numbers = [row[0] for answer in (first, second) for rows_back in answer for row in rows_back]
    assert len(set(numbers)) == 8


async def test_returning_nothing_is_an_empty_list(database: Database) -> None:
    await database.write(job("a"))

    sql = "INSERT INTO jobs (id, created_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING RETURNING id"

    assert await database.write(Statement(sql, [("a", 1), ("b", 1)], returning=True)) == [[("b",)]]
    assert await database.write(Statement(sql, [], returning=True)) == [[]]


TEXTS = [
    "",
    "ångström €uro 日本語 🔮",
    "'; DROP TABLE jobs; --",
    'quotes " and \\ and\nlines\r\n\ttabs',
    str(2**256 - 1),
    "-" + str(2**255),
    "0" * 100_000,
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
async def test_text_comes_back_as_it_was(database: Database, text: str) -> None:
    await database.write(job("job"), run("r", text))

    assert await database.read("SELECT input FROM runs WHERE input = ?", (text,)) == [(text,)]


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**63 - 1, -(2**63), 1_700_000_000_000_000])
async def test_integers_come_back_as_they_were(database: Database, number: int) -> None:
    await database.write(job("a", number))

    assert await database.read("SELECT created_at FROM jobs WHERE created_at = ?", (number,)) == [(number,)]


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
async def test_an_integer_beyond_64_bits_is_our_fault_and_harms_nobody_else(database: Database, value: int) -> None:
    outcomes = await asyncio.gather(database.write(job("a", value)), database.write(job("b")), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [Broken, list]


async def test_half_a_character_is_our_fault_and_harms_nobody_else(database: Database) -> None:
    outcomes = await asyncio.gather(database.write(job("\ud800")), database.write(job("b")), return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [Broken, list]
    assert await names(database) == ["b"]


async def test_question_marks_in_texts_and_comments_are_no_parameters(database: Database) -> None:
    sql = "SELECT 'what?', \"id\", ? /* really? */ FROM jobs -- sure?\nWHERE id = ?"
    await database.write(job("a"))

    assert await database.read(sql, ("yes", "a")) == [("what?", "a", "yes")]


CONSTRUCTIONS: list[tuple[str, Row, list[Row]]] = [
    ("SELECT id FROM jobs WHERE (created_at, id) < (?, ?) ORDER BY created_at, id LIMIT ? OFFSET ?", (3, "x", 1, 1), [("b",)]),
    ("SELECT id FROM jobs WHERE id IN (?, ?) ORDER BY id", ("a", "c"), [("a",), ("c",)]),
    ("SELECT COALESCE(?, id) FROM jobs WHERE id = ?", (None, "a"), [("a",)]),
    ("SELECT id FROM jobs WHERE CAST(? AS BIGINT) IS NULL OR created_at > ? ORDER BY id", (2, 2), [("c",)]),
    ("SELECT id FROM jobs WHERE created_at = CAST(? AS BIGINT) + 1", (2**40 - 1,), [("c",)]),
    ("SELECT id FROM jobs WHERE created_at > created_at - ? ORDER BY id LIMIT 1", (2**40,), [("a",)]),
    ("SELECT CAST(? AS BIGINT), CAST(? AS TEXT)", (2**40, "x"), [(2**40, "x")]),
    ("SELECT CAST(SUM(created_at) AS BIGINT), COUNT(*) FROM jobs", (), [(2**40 + 3, 3)]),
    ("SELECT CASE WHEN created_at = ? THEN 1 ELSE 0 END FROM jobs ORDER BY id", (1,), [(1,), (0,), (0,)]),
    ("SELECT id FROM jobs WHERE start_at IS NOT DISTINCT FROM ? ORDER BY id LIMIT 1", (None,), [("a",)]),
]


@pytest.mark.parametrize(("sql", "params", "wanted"), CONSTRUCTIONS, ids=range(len(CONSTRUCTIONS)))
async def test_both_databases_read_the_same_sql(database: Database, sql: str, params: Row, wanted: list[Row]) -> None:
    await database.write(Statement(JOB, [("a", 1), ("b", 2), ("c", 2**40)]))

    assert await database.read(sql, params) == wanted


WRITES: list[tuple[str, Row, list[Row]]] = [
    ("UPDATE jobs SET start_at = CASE WHEN created_at = ? THEN CAST(? AS BIGINT) END", (1, 2**40), [("a", 2**40)]),
    ("UPDATE jobs SET start_at = COALESCE(start_at, ?) WHERE id = ?", (3, "a"), [("a", 3)]),
    ("UPDATE jobs SET start_at = created_at + ? WHERE id = ?", (2**40, "a"), [("a", 2**40 + 1)]),
    (
        "INSERT INTO jobs (id, created_at, start_at) SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM jobs WHERE id = ?)",
        ("b", 2**40, 7, "a"),
        [("a", None), ("b", 7)],
    ),
    (
        "INSERT INTO jobs (id, created_at) VALUES (?, 0) ON CONFLICT (id) DO UPDATE SET start_at = ?",
        ("a", 2**40),
        [("a", 2**40)],
    ),
    ("DELETE FROM jobs WHERE created_at < ?", (2**40,), []),
]


@pytest.mark.parametrize(("sql", "params", "wanted"), WRITES, ids=range(len(WRITES)))
async def test_both_databases_write_the_same_sql(database: Database, sql: str, params: Row, wanted: list[Row]) -> None:
    await database.write(job("a", 1))

    await database.write(Statement(sql, [params]))

    assert await database.read("SELECT id, start_at FROM jobs ORDER BY id") == wanted


async def test_a_reader_cannot_write(database: Database) -> None:
    if database.dialect == "sqlite" and type(database).__name__ == "MemoryDatabase":
        pytest.skip("in memory there is one connection")
    with pytest.raises((Broken, StorageUnavailable)):
        await database.read(f"{JOB} RETURNING id", ("a", 0))

    assert await names(database) == []


async def test_facts_are_put_and_got(database: Database) -> None:
    assert await facts.get(database, "chain id") is None

    await database.write(facts.put("chain id", "1"))
    await database.write(facts.put("chain id", "31337"))

    assert await facts.get(database, "chain id") == "31337"


async def test_a_closed_database_says_so(database: Database) -> None:
    await database.close()
    await database.close()

    with pytest.raises(StorageUnavailable, match="closed"):
        await database.write(job("a"))
    with pytest.raises(StorageUnavailable):
        await database.read("SELECT 1")


async def test_closing_finishes_the_writes_that_wait(database: Database) -> None:
    writes = [asyncio.ensure_future(database.write(job(f"{number:03}"))) for number in range(300)]
    await asyncio.sleep(0)

    await database.close()

    assert await asyncio.gather(*writes) == [[]] * 300
