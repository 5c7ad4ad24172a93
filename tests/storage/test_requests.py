"""Requests: what is stored is read back, places move, and what the chain says of their end comes and goes."""

from __future__ import annotations

from typing import Any

import msgspec

from adyton.domain.requests import Closing, End, Request, read_run_log
from adyton.domain.runs import RunStatus
from adyton.domain.transactions import TransactionRequest
from adyton.storage import request_runs
from adyton.storage import requests as stored
from adyton.storage import runs as stored_runs
from adyton.storage import transactions as stored_transactions
from adyton.storage.connect import open_memory
from adyton.storage.database import Database, Row, Statement
from support.api import PassingDatabase
from support.builders import JOB_ID, LINK, NOW, ORACLE, REQUESTER, SENDER, Bench, job, number_hash, run_log

OTHER = "0x" + "11" * 20


def request(number: int = 1, **changes: Any) -> Request:
    """A request in block 100 for which a run was started."""
    made = Request(
        contract=ORACLE,
        request_id=f"0x{number:064x}",
        job_id=JOB_ID,
        block_number=100,
        block_hash=number_hash(100),
        transaction_hash=number_hash(number, 77),
        log_index=number,
        requester=REQUESTER,
        payment=2**200,
        expiration=1_561_000_300,
        decision="run started",
        run_id=f"{number:032x}",
        seen_at=NOW,
    )
    return msgspec.structs.replace(made, **changes)


def closing(how: End = End.CANCELLED, block: int = 105, kind: int = 0) -> Closing:
    """How a request ended, in a transaction of somebody else."""
    return Closing(how=how, transaction_hash=number_hash(block, 88), block_number=block, block_hash=number_hash(block, kind))


def key(number: int = 1) -> tuple[str, str]:
    """The key of ``request(number)``."""
    return ORACLE, f"0x{number:064x}"


async def test_a_request_is_read_as_it_was_stored(database: Database) -> None:
    whole = request()
    bare = request(2, expiration=None, decision="refused", reason="a\0b", run_id=None)
    await database.write(stored.upsert([whole, bare]))

    assert await stored.get(database, *key()) == whole
    assert await stored.get(database, *key(2)) == msgspec.structs.replace(bare, reason="a\ufffdb")
    assert await stored.get(database, OTHER, key()[1]) is None
    assert await stored.many(database, [key(2), key(3)]) == {key(2): await stored.get(database, *key(2))}


async def test_a_known_request_takes_the_place_and_the_run_of_its_newest_log(database: Database) -> None:
    await database.write(stored.upsert([request(decision="refused", reason="underpaid")]))
    elsewhere = request(
        block_number=101,
        block_hash=number_hash(101),
        transaction_hash=number_hash(9),
        log_index=7,
        run_id="f" * 32,
        seen_at=NOW + 5,
    )

    await database.write(stored.upsert([elsewhere]))

    assert await stored.get(database, *key()) == msgspec.structs.replace(elsewhere, seen_at=NOW)


async def test_a_refusal_without_a_run_moves_a_request_that_has_one_and_nothing_else(database: Database) -> None:
    await database.write(stored.upsert([request(), request(2, decision="refused", reason="first", run_id=None)]))

    archived: dict[str, Any] = {
        "decision": "refused",
        "reason": "job X is archived",
        "run_id": None,
        "job_id": "x",
        "block_number": 101,
    }
    await database.write(stored.upsert([request(**archived), request(2, **archived)]))

    assert await stored.get(database, *key()) == request(block_number=101)
    assert await stored.get(database, *key(2)) == request(2, **archived)


async def test_only_the_place_changes_when_only_the_place_is_new(database: Database) -> None:
    await database.write(stored.upsert([request()]), *stored.closed([(key(), closing())]))
    await database.write(
        stored.placed([request(block_number=101, block_hash=number_hash(101), decision="refused", run_id=None)])
    )

    moved = request(block_number=101, block_hash=number_hash(101), closed=closing())
    assert await stored.get(database, *key()) == moved


async def test_the_end_of_a_request_is_noted_once_and_taken_back_with_its_transaction(database: Database) -> None:
    await database.write(stored.upsert([request(), request(2)]))
    ended = stored.closed([(key(), closing()), (key(3), closing())])
    await database.write(*ended)
    await database.write(*stored.closed([(key(), closing(End.ANSWERED, 106))]))

    assert (await read(database)).closed == closing()
    assert [each.request_id for each in await stored.closed_by_others(database, 105, 105)] == [key()[1]]
    assert await stored.closed_by_others(database, 106, 200) == []

    await database.write(*stored.taken_back([(key(), number_hash(1, 88))]))
    assert (await read(database)).closed == closing()
    await database.write(*stored.taken_back([(key(), number_hash(105, 88))]))
    assert await read(database) == request()


async def read(database: Database, number: int = 1) -> Request:
    found = await stored.get(database, *key(number))
    assert found is not None
    return found


async def run_with_answer(database: Database) -> str:
    """A run of the first request that asked for a transaction with the hash of ``closing(block=105)``; returns its id."""
    of = Bench(database)
    spec = await of.add(job("noop"))
    run = of.maker.from_log(spec, spec.initiators[1], run_log(), read_run_log(run_log()), 100)
    await database.write(stored_runs.insert([run]), stored.upsert([request(run_id=run.id)]))
    wanted = TransactionRequest(to=ORACLE, data="0x")
    await database.write(
        stored_transactions.insert(wanted, sender=SENDER, run_id=run.id, task_position=0, min_confirmations=1, now=NOW)
    )
    attempt = (
        "INSERT INTO tx_attempts (transaction_id, hash, gas_price, raw, state, created_at) "
        "SELECT id, ?, '1', '0x', 'in_progress', 1 FROM transactions"
    )
    await database.write(Statement(attempt, [(number_hash(105, 88),)]))
    return run.id


async def test_the_confirmer_says_what_our_answer_came_to(database: Database) -> None:
    run_id = await run_with_answer(database)
    sent = number_hash(105, 88)

    # What log intake sees of our own answer says nothing: its receipt does.
    await database.write(*stored.closed([(key(), closing(End.ANSWERED))]))
    assert (await read(database)).closed is None

    await database.write(stored.answered([(run_id, sent, 105, number_hash(105)), ("0" * 32, sent, 105, number_hash(105))]))
    assert (await read(database)).closed == closing(End.ANSWERED)
    assert await stored.closed_by_others(database, 0, 1000) == []

    await database.write(stored.reopened([(run_id, number_hash(1))]))
    assert (await read(database)).closed is not None
    await database.write(stored.reopened([(run_id, sent)]))
    assert (await read(database)).closed is None


async def test_requests_are_found_by_id_and_by_transaction(database: Database) -> None:
    twin = request(contract=OTHER, transaction_hash=number_hash(5), block_number=99, job_id="other")
    await database.write(stored.upsert([request(), request(2), request(3, block_number=98), twin]))
    await database.write(*stored.closed([(key(2), closing())]))

    assert await stored.named(database, key()[1]) == [twin, request()]
    assert await stored.named(database, "0x" + "ff" * 32) == []
    assert await stored.of_transaction(database, number_hash(5)) == [twin]


async def test_what_the_chain_still_waits_for_is_read_piece_by_piece(database: Database) -> None:
    await database.write(stored.upsert([request(number) for number in range(1, 6)]), *stored.closed([(key(2), closing())]))

    first = await stored.unclosed(database, limit=2)
    last = first[-1]
    rest = await stored.unclosed(database, after=(last.block_number, last.log_index, last.contract, last.request_id), limit=9)

    assert [each.log_index for each in first + rest] == [1, 3, 4, 5]


class Plans(PassingDatabase):
    """Notes how SQLite would find the rows of each query."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.steps: list[str] = []

    async def read(self, sql: str, params: Row = ()) -> list[Row]:
        self.steps += [str(row[-1]) for row in await self.real.read(f"EXPLAIN QUERY PLAN {sql}", params)]
        return await self.real.read(sql, params)


async def test_a_request_is_found_without_reading_the_others() -> None:
    plans = Plans(open_memory())

    await stored.get(plans, *key())
    await stored.named(plans, key()[1])
    await stored.of_transaction(plans, number_hash(1))
    await plans.close()

    assert not [step for step in plans.steps if step.startswith("SCAN requests")]


# --- the runs behind them --------------------------------------------------------------------------------------------


async def status(database: Database, run_id: str) -> tuple[str, str | None, int | None]:
    """(status, error, version) of a run."""
    ((name, error, version),) = await database.read("SELECT status, error, version FROM runs WHERE id = ?", (run_id,))
    return str(name), None if error is None else str(error), int(version or 0)


async def waiting_run(database: Database, of: Bench | None = None) -> str:
    bench = of or Bench(database)
    spec = bench.jobs.jobs.get(JOB_ID) or await bench.add(job("noop"))
    run = bench.maker.from_log(spec, spec.initiators[1], run_log(), read_run_log(run_log()), 100)
    await database.write(stored_runs.insert([run]))
    return run.id


async def test_a_cancelled_request_calls_its_run_off_until_the_cancellation_is_gone(database: Database) -> None:
    run_id = await waiting_run(database)

    await database.write(request_runs.called_off([(*key(), "cancelled by 0x1", 105), (*key(2), "no run", 105)], NOW + 1))
    assert await status(database, run_id) == ("cancelled", "cancelled by 0x1", 2)
    await database.write(request_runs.called_off([(*key(), "again", 106)], NOW + 1))
    assert await status(database, run_id) == ("cancelled", "cancelled by 0x1", 2)

    await database.write(request_runs.revived([key()], NOW + 2))
    assert await status(database, run_id) == ("pending_confirmations", None, 3)
    assert await stored_runs.due_at(database, 100, limit=5) == [run_id]
    await database.write(request_runs.revived([key()], NOW + 3))
    assert await status(database, run_id) == ("pending_confirmations", None, 3)


async def test_a_run_that_asked_for_a_transaction_is_not_called_off(database: Database) -> None:
    run_id = await run_with_answer(database)
    await database.write(request_runs.called_off([(*key(), "cancelled", 105)], NOW + 1))
    assert await status(database, run_id) == ("pending_confirmations", None, 1)
    assert await stored_runs.has_asked(database, run_id)
    assert (await request_runs.of_requests(database, [key()]))[key()].asked


async def test_a_run_that_gives_its_place_to_another_is_cancelled_and_not_the_requests_run_any_more(database: Database) -> None:
    of = Bench(database)
    old, new = await waiting_run(database, of), "f" * 32
    spec = of.jobs.jobs[JOB_ID]
    run = of.maker.from_log(spec, spec.initiators[1], run_log(payment=5), read_run_log(run_log(payment=5)), 100)
    successor = msgspec.structs.replace(run, id=new)

    await database.write(request_runs.superseded([(old, new, "moved")], NOW + 1), stored_runs.insert([successor]))

    assert await status(database, old) == ("cancelled", "moved", 2)
    found = (await request_runs.of_requests(database, [key()]))[key()]
    assert (found.id, found.payment, found.status, found.asked) == (new, 5, RunStatus.PENDING_CONFIRMATIONS, False)
    assert found.input == read_run_log(run_log(payment=5)).data
    assert LINK != 5
